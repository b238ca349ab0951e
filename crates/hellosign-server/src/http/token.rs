//! `POST /oauth/token`: the grant type decides, and the query (`?refresh`) does not.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::secret::{AuthorizationCode, CodeVerifier, RefreshToken};
use hellosign_wire::token::{GrantType, OAuthTokenResponse};
use serde::Serialize;

use super::client_credentials;
use super::client_request::{self, Asking};
use super::error::Error;
use super::introspect::scopes;
use super::parameters::{Parameters, TOKEN_REQUEST};
use crate::app::App;
use crate::client::authentication;
use crate::grant::{self, Issued, authorization_code, refresh_token};
use crate::store::Client;

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut asking = Asking::new(&app, &request);
    let answer = answer(&app, request, &mut asking).await.map(|answer| Json(answer).into_response());
    asking.render(&app, answer)
}

pub(super) async fn other_method(State(app): State<Arc<App>>, request: Request) -> Response {
    Asking::new(&app, &request).render(&app, Err(Error::NotPost))
}

async fn answer(app: &App, request: Request, asking: &mut Asking) -> Result<TokenResponse, Error> {
    let (parameters, headers) = client_request::read(request, &TOKEN_REQUEST).await?;
    let Some(grant_type) = parameters.get("grant_type") else {
        let missing = if parameters.get("client_id").is_some() { "grant_type" } else { "client_id" };
        return Err(grant::Error::Missing(missing).into());
    };
    match GrantType::from(grant_type) {
        GrantType::AuthorizationCode => generate(app, &parameters, &headers, asking).await,
        GrantType::RefreshToken => refresh(app, &parameters, &headers, asking).await,
        _ => Err(Error::UnsupportedGrantType),
    }
}

/// `oauth_token_generate` (RFC 6749 §4.1.3).
async fn generate(
    app: &App,
    parameters: &Parameters,
    headers: &HeaderMap,
    asking: &mut Asking,
) -> Result<TokenResponse, Error> {
    let credentials = client_credentials::credentials(parameters, headers);
    let credentials = credentials.ok_or(grant::Error::Missing("client_id"))?;
    let code = parameters.get("code").ok_or(grant::Error::Missing("code"))?;
    let client = authentication::authenticate(app, &credentials).await?;
    asking.charge(app, &client)?;
    let exchange = authorization_code::Exchange {
        code: AuthorizationCode::from(code),
        redirect_uri: parameters.get("redirect_uri").map(str::to_owned),
        code_verifier: parameters.get("code_verifier").map(CodeVerifier::from),
    };
    let issued = authorization_code::exchange(app, &client, exchange).await?;
    app.metrics.grants.exchanged();
    Ok(response(app, &client, issued, parameters.get("state")))
}

/// `oauth_token_refresh` (RFC 6749 §6).
async fn refresh(
    app: &App,
    parameters: &Parameters,
    headers: &HeaderMap,
    asking: &mut Asking,
) -> Result<TokenResponse, Error> {
    let token = parameters.get("refresh_token").ok_or(grant::Error::Missing("refresh_token"))?;
    let credentials = client_credentials::credentials(parameters, headers);
    let known = refresh_token::identify(app, RefreshToken::from(token), credentials.as_ref()).await?;
    asking.charge(app, &known.client)?;
    let issued = refresh_token::renew(app, &known).await?;
    app.metrics.grants.refreshed();
    Ok(response(app, &known.client, issued, None))
}

/// The vendor's fields, and RFC 6749's `scope` (§5.1), which the vendor does not have.
#[derive(Serialize)]
struct TokenResponse {
    #[serde(flatten)]
    tokens: OAuthTokenResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// Tokens with the vendor's fields.
pub(super) fn rendered(issued: Issued) -> OAuthTokenResponse {
    let mut response = OAuthTokenResponse::new(issued.access_token);
    response.refresh_token = Some(issued.refresh_token);
    response.expires_in = Some(issued.expires_in.into());
    response
}

fn response(app: &App, client: &Client, issued: Issued, state: Option<&str>) -> TokenResponse {
    let mut tokens = rendered(issued);
    tokens.state = state.map(str::to_owned);
    // What was asked for may have been less.
    let scope = app.rules(client).scope_accepted.then(|| scopes(&client.scopes));
    TokenResponse { tokens, scope }
}
