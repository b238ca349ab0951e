//! `POST /oauth/token`: the grant type decides, and the query (`?refresh`) does not.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::secret::{AuthorizationCode, CodeVerifier, RefreshToken};
use hellosign_wire::token::{GrantType, OAuthTokenResponse};

use super::client_credentials;
use super::client_request::{self, charge, render};
use super::error::Error;
use super::middleware::Peer;
use super::parameters::{Parameters, TOKEN_REQUEST};
use crate::app::App;
use crate::client::authentication;
use crate::grant::{self, Issued, authorization_code, refresh_token};
use crate::rate_limit::Budget;

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let peer = Peer::of(&request);
    let mut charged = None;
    let answer = answer(&app, request, &mut charged).await.map(|answer| Json(answer).into_response());
    render(&app, peer, charged, answer)
}

pub(super) async fn other_method(State(app): State<Arc<App>>, request: Request) -> Response {
    render(&app, Peer::of(&request), None, Err(Error::NotPost))
}

async fn answer(
    app: &App,
    request: Request,
    charged: &mut Option<Budget>,
) -> Result<OAuthTokenResponse, Error> {
    let (parameters, headers) = client_request::read(request, &TOKEN_REQUEST).await?;
    let Some(grant_type) = parameters.get("grant_type") else {
        let missing = if parameters.get("client_id").is_some() { "grant_type" } else { "client_id" };
        return Err(grant::Error::Missing(missing).into());
    };
    match GrantType::from(grant_type) {
        GrantType::AuthorizationCode => generate(app, &parameters, &headers, charged).await,
        GrantType::RefreshToken => refresh(app, &parameters, &headers, charged).await,
        _ => Err(Error::UnsupportedGrantType),
    }
}

/// `oauth_token_generate` (RFC 6749 §4.1.3).
async fn generate(
    app: &App,
    parameters: &Parameters,
    headers: &HeaderMap,
    charged: &mut Option<Budget>,
) -> Result<OAuthTokenResponse, Error> {
    let credentials = client_credentials::credentials(parameters, headers);
    let credentials = credentials.ok_or(grant::Error::Missing("client_id"))?;
    let code = parameters.get("code").ok_or(grant::Error::Missing("code"))?;
    let client = authentication::authenticate(app, &credentials).await?;
    charge(app, &client.client_id, charged)?;
    let exchange = authorization_code::Exchange {
        code: AuthorizationCode::from(code),
        redirect_uri: parameters.get("redirect_uri").map(str::to_owned),
        code_verifier: parameters.get("code_verifier").map(CodeVerifier::from),
    };
    let issued = authorization_code::exchange(app, &client, exchange).await?;
    Ok(response(issued, parameters.get("state")))
}

/// `oauth_token_refresh` (RFC 6749 §6).
async fn refresh(
    app: &App,
    parameters: &Parameters,
    headers: &HeaderMap,
    charged: &mut Option<Budget>,
) -> Result<OAuthTokenResponse, Error> {
    let token = parameters.get("refresh_token").ok_or(grant::Error::Missing("refresh_token"))?;
    let credentials = client_credentials::credentials(parameters, headers);
    let known = refresh_token::identify(app, RefreshToken::from(token), credentials.as_ref()).await?;
    charge(app, &known.client.client_id, charged)?;
    Ok(response(refresh_token::renew(app, &known).await?, None))
}

fn response(issued: Issued, state: Option<&str>) -> OAuthTokenResponse {
    let mut response = OAuthTokenResponse::new(issued.access_token);
    response.refresh_token = Some(issued.refresh_token);
    response.expires_in = Some(issued.expires_in.into());
    response.state = state.map(str::to_owned);
    response
}
