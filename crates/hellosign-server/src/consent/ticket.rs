//! What the authorization endpoint must remember while a person reads its page. It travels in the form,
//! sealed and bound to the browser's session, so that nothing is stored before somebody consents.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hellosign_wire::scope::Scope;
use serde::{Deserialize, Serialize};

use super::session::SessionId;
use crate::app::App;
use crate::clock::Timestamp;
use crate::grant::authorization::AuthorizationRequest;
use crate::hex;
use crate::random;
use crate::store::{Backend as _, Client};
use crate::token::{KeyLookup, KeyRing, KeyedHash, Purpose};

/// How long a page may be read.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// A page's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) step: Step,
    pub(crate) request: AuthorizationRequest,
    issued_at: i64,
    nonce: [u8; 16],
}

/// Which page, and what the person was shown on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    SignIn,
    Consent {
        account_id: [u8; 20],
        /// The app as it was shown.
        client_epoch: u32,
        name: String,
        callback_url: Option<String>,
        scopes: Vec<Scope>,
    },
}

impl Step {
    /// What this account is shown of this app.
    pub(crate) fn consent(client: &Client, account_id: [u8; 20]) -> Self {
        Self::Consent {
            account_id,
            client_epoch: client.epoch,
            name: client.name.clone(),
            callback_url: client.callback_url.clone(),
            scopes: client.scopes.clone(),
        }
    }
}

/// A ticket that came back.
#[derive(Debug)]
pub(crate) enum Opened {
    /// As it was given out to this browser, in time.
    Fresh(Ticket, Seal),
    /// Too late, or not this browser's. What it says proves nothing; it may be asked for once more, as
    /// anybody may with a link.
    Stale(AuthorizationRequest),
    /// Nothing that was ever a ticket.
    Unreadable,
}

/// What a ticket was sealed with: what is made from it can be made again, and by nobody else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seal(KeyedHash);

impl Ticket {
    pub(crate) fn new(app: &App, step: Step, request: AuthorizationRequest) -> Self {
        let nonce = random::bytes(app.random.as_ref());
        Self { step, request, issued_at: app.store.now().as_millis(), nonce }
    }

    /// The text for the form.
    pub(crate) fn seal(&self, app: &App, session: &SessionId) -> String {
        // Strings and numbers: there is nothing in it that JSON could not carry.
        let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let tag = app.keys().hash(Purpose::Ticket, &bound(&content, session));
        format!("{}.{content}", hex::encode(&tag))
    }

    /// Reads what came back with the form.
    pub(crate) fn open(app: &App, session: &SessionId, text: &str) -> Opened {
        let Some((tag, content, ticket)) = parse(text) else { return Opened::Unreadable };
        let is_ours = app.keys().matches(Purpose::Ticket, &bound(content, session), &tag) == Some(true);
        if is_ours {
            app.store.witness(Timestamp::from_millis(ticket.issued_at));
        }
        let age = app.store.now().since(Timestamp::from_millis(ticket.issued_at));
        if is_ours && age.is_some_and(|age| age < LIFETIME) {
            Opened::Fresh(ticket, Seal(tag))
        } else {
            Opened::Stale(ticket.request)
        }
    }
}

fn parse(text: &str) -> Option<(KeyedHash, &str, Ticket)> {
    let (tag, content) = text.split_once('.')?;
    let json = URL_SAFE_NO_PAD.decode(content).ok()?;
    Some((hex::decode(tag)?, content, serde_json::from_slice(&json).ok()?))
}

impl Seal {
    /// The 160 bits of the code that a consent yields: the same ones however often the form is sent.
    /// `None` where the key that sealed it is gone.
    pub(crate) fn code(&self, app: &App) -> Option<[u8; 20]> {
        let keys = app.keys();
        let KeyLookup::Held(key) = keys.find(KeyRing::maker(&self.0)) else { return None };
        let tag = key.mac(Purpose::ConsentCode, &[&self.0]);
        tag.first_chunk().copied()
    }
}

fn bound(content: &str, session: &SessionId) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(format!("{} {content}", session.expose()))
}
