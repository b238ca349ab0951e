//! `/v3/account`: get, update, verify, create.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::account::{
    AccountCreateResponse, AccountGetResponse, AccountResponse, AccountVerifyResponse,
    AccountVerifyResponseAccount, WarningResponse,
};
use hellosign_wire::scope::Scope;
use hellosign_wire::secret::ClientSecret;

use super::caller::{Caller, answer};
use super::fields::Fields;
use super::refusal::Refusal;
use crate::account::{self, Changes, Created, Error, NewAccount};
use crate::app::App;
use crate::client::redirect_uri;
use crate::hex;
use crate::http::middleware::Peer;
use crate::http::token;
use crate::store::{Account, Backend as _};

/// What changing anything about an account takes.
const ACCESS: [Scope; 1] = [Scope::AccountAccess];

/// `account_get`.
pub(in crate::http) async fn get(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let query = query.unwrap_or_default();
    let read = async |caller: Caller| {
        caller.check(&[Scope::BasicAccountInfo, Scope::AccountAccess])?;
        let asked = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        let account = &caller.account;
        if is_another(account, asked("account_id").as_deref(), asked("email_address").as_deref()) {
            return Err(Refusal::not_found());
        }
        Ok(Json(described(account)).into_response())
    };
    answer(&app, Peer::of(&request), &headers, read).await
}

/// `account_update`.
pub(in crate::http) async fn update(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let peer = Peer::of(&request);
    let update = async |caller: Caller| {
        caller.check(&ACCESS)?;
        let fields = Fields::read(&headers, request.into_body()).await?;
        if is_another(&caller.account, fields.text("account_id")?, None) {
            return Err(Refusal::not_found());
        }
        let changes = Changes {
            callback_url: fields.text("callback_url")?.map(str::to_owned),
            locale: locale(&fields)?,
        };
        if changes.callback_url.as_ref().is_some_and(|url| !url.is_empty() && !redirect_uri::is_url(url)) {
            let message = "The callback_url is not an absolute http or https URL.";
            return Err(Refusal::field("callback_url", message));
        }
        let account = account::update(&app, caller.account.account_id, &changes).await.map_err(refused)?;
        Ok(Json(described(&account)).into_response())
    };
    answer(&app, peer, &headers, update).await
}

/// `account_verify`.
pub(in crate::http) async fn verify(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let peer = Peer::of(&request);
    let verify = async |caller: Caller| {
        caller.check(&ACCESS)?;
        let fields = Fields::read(&headers, request.into_body()).await?;
        let email_address = email_address(&fields)?;
        let mut response = AccountVerifyResponse::default();
        if let Some(account) = app.store.find_account_by_email(email_address).await? {
            response.account = Some(AccountVerifyResponseAccount::new(account.email_address.clone()));
        }
        Ok(Json(response).into_response())
    };
    answer(&app, peer, &headers, verify).await
}

/// `account_create`.
pub(in crate::http) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let peer = Peer::of(&request);
    let create = async |caller: Caller| {
        caller.check(&ACCESS)?;
        let fields = Fields::read(&headers, request.into_body()).await?;
        let client_secret = fields.text("client_secret")?.map(ClientSecret::from);
        let new = NewAccount {
            email_address: email_address(&fields)?.to_owned(),
            locale: locale(&fields)?.filter(|locale| !locale.is_empty()),
            client: fields.text("client_id")?.map(|client_id| (client_id.to_owned(), client_secret)),
        };
        let Created { account, tokens } = account::create(&app, new).await.map_err(refused)?;
        let response = AccountCreateResponse::new(render(&account), tokens.map(token::rendered));
        Ok(Json(response).into_response())
    };
    answer(&app, peer, &headers, create).await
}

fn email_address(fields: &Fields) -> Result<&str, Refusal> {
    match fields.text("email_address")? {
        Some(address) if account::is_address(address) => Ok(address),
        Some(_) => Err(Refusal::field("email_address", "The email_address is not an email address.")),
        None => Err(Refusal::field("email_address", "The email_address is missing.")),
    }
}

fn locale(fields: &Fields) -> Result<Option<String>, Refusal> {
    match fields.text("locale")? {
        Some(locale) if !locale.is_empty() && !account::is_locale(locale) => {
            Err(Refusal::field("locale", "The locale is not one such as en-US."))
        }
        locale => Ok(locale.map(str::to_owned)),
    }
}

/// Whether another account is asked for: the one's own is all that there is.
fn is_another(account: &Account, account_id: Option<&str>, email_address: Option<&str>) -> bool {
    account_id.is_some_and(|id| !id.is_empty() && id != hex::encode(&account.account_id))
        || email_address.is_some_and(|address| !address.eq_ignore_ascii_case(&account.email_address))
}

fn described(account: &Account) -> AccountGetResponse {
    let mut response = AccountGetResponse::new(render(account));
    if !account.is_confirmed {
        let message = "The email address of this account has not been confirmed yet.";
        response.warnings.push(WarningResponse::new("unconfirmed", message));
    }
    response
}

fn render(account: &Account) -> AccountResponse {
    let mut response = AccountResponse::default();
    response.account_id = hex::encode(&account.account_id);
    response.email_address.clone_from(&account.email_address);
    response.is_locked = account.is_locked;
    response.callback_url.clone_from(&account.callback_url);
    response.locale.clone_from(&account.locale);
    response
}

fn refused(error: Error) -> Refusal {
    match error {
        Error::Taken => Refusal::field("email_address", "Somebody has an account with this email_address."),
        Error::Client => {
            Refusal::field("client_id", "The client_id and the client_secret are not those of an app.")
        }
        Error::Unavailable => Refusal::unavailable(),
    }
}
