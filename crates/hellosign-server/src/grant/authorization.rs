//! What the authorization endpoint decides (RFC 6749 §4.1.1).

use hellosign_wire::authorization::AuthorizationResponse;
use hellosign_wire::error::ErrorCode;
use hellosign_wire::secret::AuthorizationCode;

use super::Error;
use crate::app::App;
use crate::client::{pkce, redirect_uri};
use crate::hex;
use crate::random;
use crate::store::{Account, Backend as _, Client, Code};
use crate::token::Purpose;

/// The request's parameters. Those that are not listed are ignored (RFC 6749 §3.1).
#[derive(Debug, Default)]
pub(crate) struct AuthorizationRequest {
    pub(crate) response_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) code_challenge_method: Option<String>,
}

/// Where the browser goes.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Back to the client, with a code or an error.
    Redirect { to: String, response: AuthorizationResponse },
    /// Nowhere: an address that is not the client's is never redirected to (RFC 6749 §4.1.2.1).
    Stay(Refusal),
}

/// Why the browser stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoClientId,
    UnknownClient,
    ForeignRedirectUri,
    NobodyApproves,
}

/// Decides for the account that approves everything.
///
/// # Errors
/// [`Error::Unavailable`] where the store gives no answer.
pub(crate) async fn decide(app: &App, request: AuthorizationRequest) -> Result<Decision, Error> {
    let Some(client_id) = &request.client_id else { return Ok(Decision::Stay(Refusal::NoClientId)) };
    let Some(client) = app.store.find_client(client_id).await? else {
        return Ok(Decision::Stay(Refusal::UnknownClient));
    };
    let to = match &request.redirect_uri {
        None => client.callback_url.clone(),
        Some(requested) if redirect_uri::is_allowed(&client.callback_url, requested) => requested.clone(),
        Some(_) => return Ok(Decision::Stay(Refusal::ForeignRedirectUri)),
    };
    let Some(email_address) = &app.policy.auto_approve else {
        return Ok(Decision::Stay(Refusal::NobodyApproves));
    };
    let Some(account) = app.store.find_account_by_email(email_address).await? else {
        return Ok(Decision::Stay(Refusal::NobodyApproves));
    };
    let state = request.state.clone();
    let response = match objection(&client, &account, &request) {
        Some((error, description)) => AuthorizationResponse::refused(error, description, state),
        None => AuthorizationResponse::granted(issue_code(app, &client, &account, request).await?, state),
    };
    Ok(Decision::Redirect { to, response })
}

/// What the client is told instead of a code.
fn objection(
    client: &Client,
    account: &Account,
    request: &AuthorizationRequest,
) -> Option<(ErrorCode, &'static str)> {
    // The vendor shows its page without a response_type, too.
    if request.response_type.as_deref().is_some_and(|response_type| response_type != "code") {
        return Some((ErrorCode::UnsupportedResponseType, "The only response_type here is code."));
    }
    if request.scope.is_some() {
        return Some((ErrorCode::InvalidScope, "Custom scopes are not supported yet"));
    }
    let method = request.code_challenge_method.as_deref();
    match &request.code_challenge {
        Some(challenge) if method != Some("S256") || !pkce::is_challenge(challenge) => {
            return Some((
                ErrorCode::InvalidRequest,
                "Send a code_challenge of 43 base64url characters with code_challenge_method S256.",
            ));
        }
        None if method.is_some() => {
            return Some((ErrorCode::InvalidRequest, "A code_challenge_method needs a code_challenge."));
        }
        _ => {}
    }
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

/// A code of 160 random bits, stored as a keyed hash before anybody sees it.
async fn issue_code(
    app: &App,
    client: &Client,
    account: &Account,
    request: AuthorizationRequest,
) -> Result<AuthorizationCode, Error> {
    let code = AuthorizationCode::new(hex::encode(&random::bytes::<20>(app.random.as_ref())));
    let now = app.store.now();
    let row = Code {
        hash: app.keys.hash(Purpose::AuthorizationCode, code.expose()),
        client_id: client.client_id.clone(),
        account_id: account.account_id,
        redirect_uri: request.redirect_uri,
        code_challenge: request.code_challenge,
        client_epoch: client.epoch,
        account_epoch: account.epoch,
        created_at: now,
        expires_at: now.after(app.policy.authorization_code_ttl),
        redeemed: None,
    };
    app.store.insert_code(row).await?;
    Ok(code)
}
