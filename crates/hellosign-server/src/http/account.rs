//! `GET /v3/account`, with an access token or an API key.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hellosign_wire::account::{AccountGetResponse, AccountResponse};
use hellosign_wire::error::ErrorName;
use hellosign_wire::scope::Scope;

use super::client_credentials::{basic, bearer};
use super::error::{envelope, unavailable};
use crate::app::App;
use crate::grant::{self, access_token};
use crate::hex;
use crate::store::{Account, Backend as _};
use crate::token::Purpose;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match caller(&app, &headers).await {
        Err(response) => response,
        Ok(account) if is_asked_for(&account, query.as_deref().unwrap_or_default()) => {
            Json(AccountGetResponse::new(render(&account))).into_response()
        }
        Ok(_) => envelope(StatusCode::NOT_FOUND, ErrorName::NotFound, "Not found."),
    }
}

/// The account that the request's credential acts for. A Bearer token counts before an API key.
async fn caller(app: &App, headers: &HeaderMap) -> Result<Arc<Account>, Response> {
    if let Some(token) = bearer(headers) {
        let authorized = access_token::authorize(app, token).await.map_err(failed)?;
        let authorized = authorized.ok_or_else(invalid_token)?;
        let may = |scope| authorized.client.scopes.contains(&scope);
        if may(Scope::AccountAccess) || may(Scope::BasicAccountInfo) {
            return Ok(authorized.account);
        }
        return Err(envelope(
            StatusCode::FORBIDDEN,
            ErrorName::Forbidden,
            "The app needs the scope basic_account_info or account_access for this.",
        ));
    }
    let Some((api_key, _)) = basic(headers).filter(|(api_key, _)| !api_key.is_empty()) else {
        return Err(unauthorized("Unauthorized user. No credentials supplied."));
    };
    let hashes = app.keys.hashes(Purpose::ApiKey, &api_key);
    match app.store.find_account_by_api_key(hashes).await {
        Ok(Some((account, stored))) if !account.is_locked => {
            app.keep_under_issuing_key(Purpose::ApiKey, &api_key, stored);
            Ok(account)
        }
        Ok(None) if app.keys.is_incomplete() => Err(unavailable()),
        Ok(_) => Err(unauthorized("Unauthorized api key")),
        Err(error) => Err(failed(error.into())),
    }
}

/// Whether the request names this account, or none: the one's own is all that can be asked for.
fn is_asked_for(account: &Account, query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()).all(|(name, value)| {
        match name.as_ref() {
            "account_id" => value == hex::encode(&account.account_id),
            "email_address" => value.eq_ignore_ascii_case(&account.email_address),
            _ => true,
        }
    })
}

fn render(account: &Account) -> AccountResponse {
    let mut response = AccountResponse::default();
    response.account_id = hex::encode(&account.account_id);
    response.email_address.clone_from(&account.email_address);
    response.is_locked = account.is_locked;
    response
}

fn failed(error: grant::Error) -> Response {
    debug_assert_eq!(error, grant::Error::Unavailable, "reading has no other error");
    unavailable()
}

fn unauthorized(message: &str) -> Response {
    let mut response = envelope(StatusCode::UNAUTHORIZED, ErrorName::Unauthorized, message);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// RFC 6750 §3.1.
fn invalid_token() -> Response {
    let mut response = unauthorized("The access token is expired, revoked or unknown; refresh it.");
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
