//! `POST /oauth/token`: the grant type decides, and the query (`?refresh`) does not.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hellosign_wire::rate_limit;
use hellosign_wire::secret::{AuthorizationCode, CodeVerifier, RefreshToken};
use hellosign_wire::token::{GrantType, OAuthTokenResponse};

use super::error::Error;
use super::middleware::Peer;
use super::parameters::Parameters;
use super::{body, client_credentials};
use crate::app::App;
use crate::client::authentication;
use crate::grant::{self, Issued, authorization_code, refresh_token};
use crate::rate_limit::{Budget, Subject, network};
use crate::store::Backend as _;

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
    let (parts, body) = request.into_parts();
    refuse_secrets_in_query(parts.uri.query())?;
    let body = body::read(body).await?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let parameters = Parameters::parse(content_type, &body)?;
    let Some(grant_type) = parameters.get("grant_type") else {
        let missing = if parameters.get("client_id").is_some() { "grant_type" } else { "client_id" };
        return Err(grant::Error::Missing(missing).into());
    };
    match GrantType::from(grant_type) {
        GrantType::AuthorizationCode => generate(app, &parameters, &parts.headers, charged).await,
        GrantType::RefreshToken => refresh(app, &parameters, &parts.headers, charged).await,
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

/// Charges the app, now that it is known to be the one that asks.
fn charge(app: &App, client_id: &str, charged: &mut Option<Budget>) -> Result<(), Error> {
    let budget = app.limiter.charge(&Subject::Client(client_id.to_owned()), app.store.now());
    *charged = Some(budget);
    if budget.is_within { Ok(()) } else { Err(Error::RateLimited) }
}

/// The answer with the headers that every one of this endpoint has. A request that no app was
/// charged for is charged to the address that it came from.
fn render(app: &App, peer: Peer, charged: Option<Budget>, answer: Result<Response, Error>) -> Response {
    let budget = charged
        .unwrap_or_else(|| app.limiter.charge(&Subject::Address(network(peer.0.ip())), app.store.now()));
    let answer = if budget.is_within { answer } else { Err(Error::RateLimited) };
    let mut response = answer.unwrap_or_else(|error| error.into_response(app.policy.profile));
    for (name, value) in [
        (rate_limit::LIMIT, i64::from(budget.limit)),
        (rate_limit::REMAINING, i64::from(budget.remaining)),
        (rate_limit::REMAINING_AS_DOCUMENTED, i64::from(budget.remaining)),
        (rate_limit::RESET, budget.reset),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// RFC 6749 §2.3.1: credentials must not be in the URI.
fn refuse_secrets_in_query(query: Option<&str>) -> Result<(), Error> {
    const SECRETS: [&str; 5] = ["client_secret", "code", "refresh_token", "access_token", "code_verifier"];
    let sent = |secret: &str| {
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == secret)
    };
    match SECRETS.into_iter().find(|secret| sent(secret)) {
        Some(name) => Err(Error::InQuery(name)),
        None => Ok(()),
    }
}
