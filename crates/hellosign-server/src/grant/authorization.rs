//! What the authorization endpoint decides (RFC 6749 §4.1.1).

use std::sync::Arc;

use hellosign_wire::error::ErrorCode;
use hellosign_wire::secret::AuthorizationCode;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::app::App;
use crate::client::{pkce, redirect_uri};
use crate::hex;
use crate::store::{Account, Backend as _, Client, Code, StoreError};
use crate::token::Purpose;

/// The request's parameters. Those that are not listed are ignored (RFC 6749 §3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) response_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) code_challenge_method: Option<String>,
}

/// Who asks, and where the answer goes.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) client: Arc<Client>,
    /// One of the client's redirect URIs.
    pub(crate) to: String,
}

/// Why the browser stays: an address that is not the client's is never redirected to (RFC 6749
/// §4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoClientId,
    UnknownClient,
    ForeignRedirectUri,
    /// The store gives no answer.
    Unavailable,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
        }
    }
}

/// An error that the client is told, with a sentence.
pub(crate) type Objection = (ErrorCode, &'static str);

/// Finds out who asks.
///
/// # Errors
/// Where no answer may leave for the client.
pub(crate) async fn resolve(app: &App, request: &AuthorizationRequest) -> Result<Asked, Refusal> {
    let client_id = request.client_id.as_deref().ok_or(Refusal::NoClientId)?;
    let client = app.store.find_client(client_id).await?.ok_or(Refusal::UnknownClient)?;
    // An app without a callback cannot be asked for, as if it were not there.
    let callback_url = client.callback_url.as_ref().ok_or(Refusal::UnknownClient)?;
    let to = match &request.redirect_uri {
        None => callback_url.clone(),
        Some(requested) if redirect_uri::is_allowed(callback_url, requested) => requested.clone(),
        Some(_) => return Err(Refusal::ForeignRedirectUri),
    };
    Ok(Asked { client, to })
}

/// What is wrong with the request, whoever is at the browser.
pub(crate) fn objection(app: &App, client: &Client, request: &AuthorizationRequest) -> Option<Objection> {
    let rules = app.rules(client);
    match request.response_type.as_deref() {
        Some("code") => {}
        // The vendor shows its page without a response_type, too.
        None if !rules.rfc_error_codes => {}
        None => return Some((ErrorCode::InvalidRequest, "Parameter response_type is missing")),
        Some(_) => return Some((ErrorCode::UnsupportedResponseType, "The only response_type here is code.")),
    }
    let is_foreign = |scope: &str| !client.scopes.iter().any(|known| known.as_str() == scope);
    match &request.scope {
        Some(_) if !rules.scope_accepted => {
            return Some((ErrorCode::InvalidScope, "Custom scopes are not supported yet"));
        }
        Some(scopes) if scopes.split(' ').any(is_foreign) => {
            return Some((ErrorCode::InvalidScope, "The app does not have all of these scopes."));
        }
        _ => {}
    }
    let method = request.code_challenge_method.as_deref();
    match &request.code_challenge {
        Some(challenge) if method != Some("S256") || !pkce::is_challenge(challenge) => Some((
            ErrorCode::InvalidRequest,
            "Send a code_challenge of 43 base64url characters with code_challenge_method S256.",
        )),
        None if rules.pkce_required => Some((
            ErrorCode::InvalidRequest,
            "This app has to send a code_challenge (PKCE) with code_challenge_method S256.",
        )),
        None if method.is_some() => {
            Some((ErrorCode::InvalidRequest, "A code_challenge_method needs a code_challenge."))
        }
        _ => None,
    }
}

/// Why this account cannot authorize this client.
pub(crate) fn objection_to(client: &Client, account: &Account) -> Option<Objection> {
    if account.is_locked {
        return Some((ErrorCode::AccessDenied, "This account is locked."));
    }
    if !client.is_approved && client.owner != account.account_id {
        return Some((
            ErrorCode::UnauthorizedClient,
            "Until this app is approved only its owner can authorize it.",
        ));
    }
    None
}

/// Issues a code, stored as a keyed hash before anybody sees it.
///
/// `bits` are unpredictable, and the same ones where one consent is sent twice: it yields one code.
///
/// # Errors
/// [`Error::Unavailable`] where it could not be stored.
pub(crate) async fn issue_code(
    app: &App,
    asked: &Asked,
    account: &Account,
    request: &AuthorizationRequest,
    bits: [u8; 20],
) -> Result<AuthorizationCode, Error> {
    let code = AuthorizationCode::new(hex::encode(&bits));
    let now = app.store.now();
    let row = Code {
        hash: app.keys().hash(Purpose::AuthorizationCode, code.expose()),
        client_id: asked.client.client_id.clone(),
        account_id: account.account_id,
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        client_epoch: asked.client.epoch,
        account_epoch: account.epoch,
        created_at: now,
        expires_at: now.after(app.settings().authorization_code_ttl),
        redeemed: None,
    };
    app.store.insert_code(row).await?;
    Ok(code)
}
