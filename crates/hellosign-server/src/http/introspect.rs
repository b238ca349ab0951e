//! `POST /oauth/introspect` (RFC 7662).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::introspection::{IntrospectionResponse, TokenType};
use hellosign_wire::scope::Scope;

use super::client_request::{Asking, client, read};
use super::error::Error;
use super::parameters::ABOUT_TOKEN;
use crate::app::App;
use crate::clock::Timestamp;
use crate::grant;
use crate::grant::introspection::{self, Active};
use crate::hex;

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut asking = Asking::new(&app, &request);
    let answer = answer(&app, request, &mut asking).await;
    asking.render(&app, answer.map(|answer| Json(answer).into_response()))
}

async fn answer(app: &App, request: Request, asking: &mut Asking) -> Result<IntrospectionResponse, Error> {
    let (parameters, headers) = read(request, &ABOUT_TOKEN).await?;
    let client = client(app, &parameters, &headers, asking).await?;
    if client.is_public() {
        return Err(Error::NotAuthenticated);
    }
    let token = parameters.get("token").ok_or(grant::Error::Missing("token"))?;
    let active = introspection::introspect(app, &client, token).await?;
    Ok(active.map_or_else(IntrospectionResponse::inactive, response))
}

/// As RFC 6749 §3.3 writes them.
pub(super) fn scopes(scopes: &[Scope]) -> String {
    let scopes: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    scopes.join(" ")
}

fn response(active: Active) -> IntrospectionResponse {
    let seconds = |time: Timestamp| time.as_millis() / 1000;
    let mut response = IntrospectionResponse::inactive();
    response.active = true;
    response.scope = Some(scopes(&active.scopes));
    response.client_id = Some(active.client.client_id.clone());
    response.username = Some(active.account.email_address.clone());
    response.sub = Some(hex::encode(&active.account.account_id));
    response.token_type =
        Some(if active.expires_at.is_some() { TokenType::Bearer } else { TokenType::RefreshToken });
    response.iat = Some(seconds(active.issued_at));
    response.exp = active.expires_at.map(seconds);
    response
}
