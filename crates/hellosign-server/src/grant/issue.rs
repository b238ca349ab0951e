//! Making the tokens of a generation.

use std::time::Duration;

use hellosign_wire::secret::{AccessToken, RefreshToken};

use super::Error;
use crate::app::App;
use crate::clock::Timestamp;
use crate::random;
use crate::store::model::seconds;
use crate::store::{AccountId, Backend as _, Code, Grant};
use crate::token::{Credential, Key, KeyLookup, Kind};

/// The tokens of a successful answer.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: AccessToken,
    pub(crate) refresh_token: RefreshToken,
    /// Seconds from now.
    pub(crate) expires_in: u32,
}

/// The grant that a code becomes.
pub(super) fn grant_of(app: &App, code: &Code, now: Timestamp) -> Grant {
    let (client_epoch, account_epoch) = (code.client_epoch, code.account_epoch);
    Grant { client_epoch, account_epoch, ..new_grant(app, &code.client_id, code.account_id, now) }
}

/// A grant that does not exist yet: generation 0, under the issuing key, of an app and an account that
/// have not ended any before.
pub(crate) fn new_grant(app: &App, client_id: &str, account_id: AccountId, now: Timestamp) -> Grant {
    Grant {
        grant_id: random::bytes(app.random.as_ref()),
        client_id: client_id.to_owned(),
        account_id,
        client_epoch: 0,
        account_epoch: 0,
        seed: random::bytes(app.random.as_ref()),
        created_at: now,
        is_imported: false,
        revision: 0,
        generation: 0,
        parent: None,
        issued_at: now,
        key_id: app.keys().issuing().id(),
        epoch: app.store.epoch(),
        lifetime: seconds(app.settings().access_token_ttl),
        is_seen: false,
        voids: Vec::new(),
        access_since: None,
        revoked_at: None,
    }
}

/// The tokens of the generation in force. Made from the row alone, so that they are the same
/// whenever and wherever they are made.
///
/// # Errors
/// [`Error::Unavailable`] where this process was not given the key.
pub(crate) fn tokens_in_force(app: &App, grant: &Grant, now: Timestamp) -> Result<Issued, Error> {
    let keys = app.keys();
    let KeyLookup::Held(key) = keys.find(grant.key_id) else { return Err(Error::Unavailable) };
    let kind = Kind::Access { lifetime: grant.lifetime, nonce: 0 };
    let access_token = seal(key, grant, kind, grant.issued_at, grant.epoch);
    let age = now.since(grant.issued_at).unwrap_or(Duration::ZERO);
    Ok(Issued {
        access_token: AccessToken::new(access_token),
        refresh_token: current_refresh_token(key, grant),
        expires_in: grant.lifetime.saturating_sub(seconds(age)),
    })
}

/// One more access token of the generation in force, of which nothing is written down.
pub(super) fn another_access_token(app: &App, grant: &Grant, now: Timestamp) -> (AccessToken, u32) {
    let lifetime = seconds(app.settings().access_token_ttl);
    // Never zero: that is the one that came with the generation.
    let nonce = u64::from_be_bytes(random::bytes(app.random.as_ref())).max(1);
    let kind = Kind::Access { lifetime, nonce };
    let token = seal(app.keys().issuing(), grant, kind, now, app.store.epoch());
    (AccessToken::new(token), lifetime)
}

/// The refresh token of the generation in force, under this key.
pub(super) fn current_refresh_token(key: &Key, grant: &Grant) -> RefreshToken {
    RefreshToken::new(seal(key, grant, Kind::Refresh, grant.issued_at, grant.epoch))
}

fn seal(key: &Key, grant: &Grant, kind: Kind, issued_at: Timestamp, epoch: u32) -> String {
    let credential = Credential {
        kind,
        key_id: key.id(),
        grant_id: grant.grant_id,
        generation: grant.generation,
        epoch,
        issued_at,
    };
    credential.seal(key, &grant.seed)
}
