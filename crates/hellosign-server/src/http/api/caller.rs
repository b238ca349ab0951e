//! Who calls an operation: with an access token that has a scope for it, or with an API key.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::scope::Scope;

use super::refusal::Refusal;
use crate::app::App;
use crate::grant::{Error, access_token};
use crate::http::client_credentials::{basic, bearer};
use crate::http::client_request::budget_headers;
use crate::http::error::exceeded_rate;
use crate::http::middleware::Peer;
use crate::rate_limit::{Subject, network};
use crate::store::{Account, Backend as _, Client};
use crate::token::Purpose;

/// Who calls.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) account: Arc<Account>,
    /// Whose access token it is; `None` where the account calls by itself, with its API key.
    client: Option<Arc<Client>>,
}

impl Caller {
    /// Refuses a call by an app that has none of these scopes.
    pub(super) fn check(&self, scopes: &[Scope]) -> Result<(), Refusal> {
        let Some(client) = &self.client else { return Ok(()) };
        if client.scopes.iter().any(|scope| scopes.contains(scope)) {
            return Ok(());
        }
        Err(Refusal::insufficient_scope(scopes))
    }
}

/// Answers an operation. Who is known is charged for it and told what is left; who is not is charged by
/// address and told nothing, as with the vendor.
pub(super) async fn answer<F>(
    app: &App,
    peer: Peer,
    headers: &HeaderMap,
    operation: impl FnOnce(Caller) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Refusal>>,
{
    let caller = caller(app, headers).await;
    let subject = match &caller {
        Ok(caller) => Subject::Account(caller.account.account_id),
        Err(_) => Subject::Address(network(peer.0.ip())),
    };
    let budget = app.charge(&subject);
    let mut response = match caller {
        _ if !budget.is_within => exceeded_rate(),
        Err(refusal) => return refusal.into_response(),
        Ok(caller) => operation(caller).await.unwrap_or_else(Refusal::into_response),
    };
    budget_headers(&mut response, budget);
    response
}

/// A Bearer token counts before an API key.
async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if let Some(token) = bearer(headers) {
        let authorized = access_token::authorize(app, token).await.map_err(failed)?;
        let authorized = authorized.ok_or_else(invalid_token)?;
        return Ok(Caller { account: authorized.account, client: Some(authorized.client) });
    }
    let Some((api_key, _)) = basic(headers).filter(|(api_key, _)| !api_key.is_empty()) else {
        return Err(Refusal::unauthorized("Unauthorized user. No credentials supplied.", "Bearer"));
    };
    let find = |hashes| app.store.find_account_by_api_key(hashes);
    match app.find_hashed(Purpose::ApiKey, &api_key, find).await? {
        Some((account, stored)) if !account.is_locked => {
            app.keep_under_issuing_key(Purpose::ApiKey, &api_key, stored);
            Ok(Caller { account, client: None })
        }
        _ => Err(Refusal::unauthorized("Unauthorized api key", "Bearer")),
    }
}

fn failed(error: Error) -> Refusal {
    debug_assert_eq!(error, Error::Unavailable, "reading has no other error");
    Refusal::unavailable()
}

/// RFC 6750 §3.1.
fn invalid_token() -> Refusal {
    Refusal::unauthorized(
        "The access token is expired, revoked or unknown; refresh it.",
        "Bearer error=\"invalid_token\"",
    )
}
