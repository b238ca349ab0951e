//! A code for tokens (RFC 6749 §4.1.3), with the order of checks that keeps a failed one harmless.

use std::time::Duration;

use hellosign_wire::secret::{AuthorizationCode, CodeVerifier};

use super::issue::{Issued, grant_of, tokens_in_force};
use super::{Error, GRANTS, revocation};
use crate::app::App;
use crate::client::pkce;
use crate::client::switches::Rules;
use crate::clock::Timestamp;
use crate::metrics::Evidence;
use crate::store::{Backend as _, Client, Code, Redeemed};
use crate::token::{GrantId, Purpose};

/// A second presentation this soon is taken for a client that asked twice.
const DUPLICATE: Duration = Duration::from_secs(10);

/// What is presented beside the client's credentials.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) code: AuthorizationCode,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) code_verifier: Option<CodeVerifier>,
}

/// Exchanges a code that `client`, authenticated, presents.
///
/// # Errors
/// A check that fails neither consumes the code nor ends a grant, with one exception: a code that
/// was consumed more than ten seconds ago ends the grant that it became (RFC 6749 §4.1.2).
pub(crate) async fn exchange(app: &App, client: &Client, exchange: Exchange) -> Result<Issued, Error> {
    let now = app.store.now();
    let code = find(app, client, &exchange.code, now).await?;
    let rules = app.rules(client);
    check_redirect_uri(client, rules, &code, exchange.redirect_uri.as_deref())?;
    match (&code.code_challenge, &exchange.code_verifier) {
        (Some(challenge), Some(verifier)) if pkce::matches(verifier, challenge) => {}
        (Some(_), Some(_)) => return Err(Error::CodeVerifierMismatch),
        (Some(_), None) => return Err(Error::Missing("code_verifier")),
        (None, Some(_)) if rules.stray_code_verifier_refused => return Err(Error::CodeVerifierMismatch),
        // Nothing would tie this code to the client that asked for it.
        (None, _) if client.is_public() => return Err(Error::CodeInvalid),
        (None, _) => {}
    }
    if let Some((grant_id, at)) = code.redeemed {
        return Err(replayed(app, grant_id, at, now).await);
    }
    let grant = grant_of(app, &code, now);
    match app.store.redeem_code(code.hash, grant.clone(), GRANTS).await? {
        Redeemed::Fresh => tokens_in_force(app, &grant, now),
        Redeemed::Spent { grant_id, at } => Err(replayed(app, grant_id, at, app.store.now()).await),
        Redeemed::Gone => Err(Error::CodeInvalid),
    }
}

/// The code, if it is this client's, unexpired, and its client and account still stand behind it.
async fn find(app: &App, client: &Client, code: &AuthorizationCode, now: Timestamp) -> Result<Code, Error> {
    let find = |hashes| app.store.find_code(hashes);
    let found = app.find_hashed(Purpose::AuthorizationCode, code.expose(), find).await?;
    let code = found.ok_or(Error::CodeInvalid)?;
    let is_in_time = now.since(code.created_at).is_some() && now < code.expires_at;
    if code.client_id != client.client_id || code.client_epoch != client.epoch || !is_in_time {
        return Err(Error::CodeInvalid);
    }
    match app.store.find_account(code.account_id).await? {
        Some(account) if account.epoch == code.account_epoch && !account.is_locked => Ok(code),
        _ => Err(Error::CodeInvalid),
    }
}

/// One that is sent must be the authorization's; the vendor's clients send none.
fn check_redirect_uri(client: &Client, rules: Rules, code: &Code, sent: Option<&str>) -> Result<(), Error> {
    let expected = code.redirect_uri.as_deref().or(client.callback_url.as_deref());
    match sent {
        Some(_) if sent != expected => Err(Error::RedirectUriMismatch),
        None if rules.redirect_uri_repeated && code.redirect_uri.is_some() => {
            Err(Error::Missing("redirect_uri"))
        }
        _ => Ok(()),
    }
}

async fn replayed(app: &App, grant_id: GrantId, redeemed_at: Timestamp, now: Timestamp) -> Error {
    if now.since(redeemed_at).is_some_and(|age| age < DUPLICATE) {
        return Error::CodeInvalid;
    }
    tracing::warn!("a code was presented again long after it was exchanged; its grant is revoked");
    match revocation::revoke(app, grant_id).await {
        Ok(()) => {
            app.metrics.grants.theft(Evidence::Code);
            Error::CodeInvalid
        }
        Err(error) => error,
    }
}
