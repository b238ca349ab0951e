//! `/v3/api_app`: create, get, list, update, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::account::WarningResponse;
use hellosign_wire::api_app::{
    ApiAppGetResponse, ApiAppListResponse, ApiAppResponse, ApiAppResponseOAuth, ListInfoResponse, SubOptions,
};
use hellosign_wire::scope::{Payer, Scope};
use hellosign_wire::secret::ClientSecret;

use super::caller::{Caller, answer};
use super::fields::Fields;
use super::refusal::Refusal;
use crate::app::App;
use crate::client::registration::{self, Changes, Error, Objection, Registered};
use crate::hex;
use crate::http::middleware::Peer;
use crate::store::{Account, Backend as _, Client, Page};

/// What anything about apps takes.
const ACCESS: [Scope; 1] = [Scope::ApiAppAccess];
/// Apps on a page, where the request does not say, and at most.
const PAGE_SIZE: u32 = 20;
const LARGEST_PAGE: u32 = 100;

/// `api_app_create`.
pub(in crate::http) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let peer = Peer::of(&request);
    let create = async |caller: Caller| {
        caller.check(&ACCESS)?;
        let fields = Fields::read(&headers, request.into_body()).await?;
        let owner = &caller.account;
        let registered = registration::create(&app, owner.account_id, &changes(&fields)?).await;
        let response = described(registered.map_err(refused)?, owner, &fields);
        Ok((StatusCode::CREATED, Json(response)).into_response())
    };
    answer(&app, peer, &headers, create).await
}

/// `api_app_get`.
pub(in crate::http) async fn get(
    State(app): State<Arc<App>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let get = async |caller: Caller| {
        caller.check(&ACCESS)?;
        let client = own(&app, &caller, &client_id).await?;
        Ok(Json(ApiAppGetResponse::new(render(&client, &caller.account, None))).into_response())
    };
    answer(&app, Peer::of(&request), &headers, get).await
}

/// `api_app_list`.
pub(in crate::http) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let query = query.unwrap_or_default();
    let list = async |caller: Caller| {
        caller.check(&ACCESS)?;
        let owner = &caller.account;
        let page = Page {
            number: number(&query, "page", 1, u32::MAX)?,
            size: number(&query, "page_size", PAGE_SIZE, LARGEST_PAGE)?,
        };
        let (clients, count) = app.store.list_clients(owner.account_id, page).await?;
        let mut info = ListInfoResponse::default();
        info.num_pages = count.div_ceil(page.size.into());
        info.num_results = Some(count);
        info.page = page.number.into();
        info.page_size = page.size.into();
        let rendered = clients.iter().map(|client| render(client, owner, None)).collect();
        Ok(Json(ApiAppListResponse::new(rendered, info)).into_response())
    };
    answer(&app, Peer::of(&request), &headers, list).await
}

/// `api_app_update`.
pub(in crate::http) async fn update(
    State(app): State<Arc<App>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let peer = Peer::of(&request);
    let update = async |caller: Caller| {
        caller.check(&ACCESS)?;
        own(&app, &caller, &client_id).await?;
        let fields = Fields::read(&headers, request.into_body()).await?;
        let registered = registration::update(&app, &client_id, &changes(&fields)?).await.map_err(refused)?;
        Ok(Json(described(registered, &caller.account, &fields)).into_response())
    };
    answer(&app, peer, &headers, update).await
}

/// `api_app_delete`.
pub(in crate::http) async fn delete(
    State(app): State<Arc<App>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let delete = async |caller: Caller| {
        caller.check(&ACCESS)?;
        own(&app, &caller, &client_id).await?;
        app.store.delete_client(&client_id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answer(&app, Peer::of(&request), &headers, delete).await
}

/// An app of the caller's. Others' are not there.
async fn own(app: &App, caller: &Caller, client_id: &str) -> Result<Arc<Client>, Refusal> {
    let client = app.store.find_client(client_id).await?;
    client
        .filter(|client| client.owner == caller.account.account_id && !client.is_resource_server)
        .ok_or_else(Refusal::not_found)
}

fn changes(fields: &Fields) -> Result<Changes, Refusal> {
    let text = |name: &str| Ok::<_, Refusal>(fields.text(name)?.map(str::to_owned));
    let scopes = fields.list("oauth[scopes]");
    Ok(Changes {
        name: text("name")?,
        // Old clients have one domain.
        domains: fields.list("domains").or_else(|| fields.list("domain")),
        event_callback_url: text("callback_url")?,
        callback_url: text("oauth[callback_url]")?,
        scopes: scopes.map(|names| names.iter().map(|name| Scope::from(name.as_str())).collect()),
        can_insert_everywhere: fields.flag("options[can_insert_everywhere]")?,
    })
}

/// A number of a query, from 1 to the largest one.
fn number(query: &str, name: &str, default: u32, largest: u32) -> Result<u32, Refusal> {
    let sent = form_urlencoded::parse(query.as_bytes()).find(|(key, value)| key == name && !value.is_empty());
    match sent.map(|(_, value)| value.parse()) {
        None => Ok(default),
        Some(Ok(number)) if (1..=largest).contains(&number) => Ok(number),
        Some(_) if largest == u32::MAX => Err(Refusal::field(name, format!("{name} is a number from 1 on."))),
        Some(_) => Err(Refusal::field(name, format!("{name} is a number from 1 to {largest}."))),
    }
}

fn described(registered: Registered, owner: &Account, fields: &Fields) -> ApiAppGetResponse {
    let Registered { client, secret, has_ended_grants } = registered;
    let mut response = ApiAppGetResponse::new(render(&client, owner, secret));
    if has_ended_grants {
        let message = "The scopes have changed: what users had authorized has ended.";
        response.warnings.push(WarningResponse::new("oauth_grants_revoked", message));
    }
    for name in ["custom_logo_file", "white_labeling_options"] {
        if fields.has(name) {
            let message = format!("This server keeps no {name}.");
            response.warnings.push(WarningResponse::new("parameter_ignored", message));
        }
    }
    response
}

fn render(client: &Client, owner: &Account, secret: Option<ClientSecret>) -> ApiAppResponse {
    let mut response = ApiAppResponse::default();
    response.callback_url.clone_from(&client.event_callback_url);
    response.client_id.clone_from(&client.client_id);
    response.created_at = client.created_at.as_secs();
    response.domains.clone_from(&client.domains);
    response.name.clone_from(&client.name);
    response.is_approved = client.is_approved;
    response.oauth = client.callback_url.as_ref().map(|callback_url| {
        let mut oauth = ApiAppResponseOAuth::default();
        oauth.callback_url.clone_from(callback_url);
        oauth.secret = secret;
        oauth.scopes.clone_from(&client.scopes);
        oauth.charges_users = client.scopes.iter().any(|scope| scope.payer() == Some(Payer::User));
        oauth
    });
    response.options = Some(SubOptions::new(client.can_insert_everywhere));
    response.owner_account.account_id = hex::encode(&owner.account_id);
    response.owner_account.email_address.clone_from(&owner.email_address);
    response
}

fn refused(error: Error) -> Refusal {
    match error {
        Error::Field(Objection { path, sentence }) => {
            let mut letters = sentence.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            Refusal::field(path, format!("{}{}.", first.into_iter().collect::<String>(), letters.as_str()))
        }
        Error::Gone => Refusal::not_found(),
        Error::Unavailable => Refusal::unavailable(),
    }
}
