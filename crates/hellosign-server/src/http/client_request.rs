//! What the endpoints have in common at which a client says who it is: reading, charging, the headers of
//! every answer.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use hellosign_wire::rate_limit;

use super::error::{BODY_LIMIT, Error};
use super::middleware::Peer;
use super::parameters::Parameters;
use super::{body, client_credentials};
use crate::app::App;
use crate::client::authentication;
use crate::config::Profile;
use crate::grant;
use crate::rate_limit::{Budget, Subject, network};
use crate::store::Client;

/// What has become clear about a request so far.
#[derive(Debug)]
pub(super) struct Asking {
    peer: Peer,
    charged: Option<Budget>,
    with_rfc_codes: bool,
}

impl Asking {
    pub(super) fn new(app: &App, request: &Request) -> Self {
        let with_rfc_codes = app.settings().profile == Profile::Strict;
        Self { peer: Peer::of(request), charged: None, with_rfc_codes }
    }

    /// Charges the app, now that it is known to be the one that asks, and goes by its rules from here on.
    pub(super) fn charge(&mut self, app: &App, client: &Client) -> Result<(), Error> {
        self.with_rfc_codes = app.rules(client).rfc_error_codes;
        let budget = app.charge(&Subject::Client(client.client_id.clone()));
        self.charged = Some(budget);
        if budget.is_within { Ok(()) } else { Err(Error::RateLimited) }
    }

    /// The answer with the headers that every one of these endpoints has. A request that no app was
    /// charged for is charged to the address that it came from.
    pub(super) fn render(self, app: &App, answer: Result<Response, Error>) -> Response {
        let from = || Subject::Address(network(self.peer.0.ip()));
        let budget = self.charged.unwrap_or_else(|| app.charge(&from()));
        let answer = if budget.is_within { answer } else { Err(Error::RateLimited) };
        let mut response = answer.unwrap_or_else(|error| error.into_response(self.with_rfc_codes));
        budget_headers(&mut response, budget);
        response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        response
    }
}

/// What is left of a budget, in the vendor's headers.
pub(super) fn budget_headers(response: &mut Response, budget: Budget) {
    for (name, value) in [
        (rate_limit::LIMIT, i64::from(budget.limit)),
        (rate_limit::REMAINING, i64::from(budget.remaining)),
        (rate_limit::REMAINING_AS_DOCUMENTED, i64::from(budget.remaining)),
        (rate_limit::RESET, budget.reset),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

/// The parameters of the body that are recognized, and the headers.
pub(super) async fn read(
    request: Request,
    recognized: &[&'static str],
) -> Result<(Parameters, HeaderMap), Error> {
    let (parts, body) = request.into_parts();
    refuse_secrets_in_query(parts.uri.query())?;
    let body = body::read(body, BODY_LIMIT).await?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok((Parameters::parse(content_type, &body, recognized)?, parts.headers))
}

/// The client, at endpoints that nobody else may ask.
pub(super) async fn client(
    app: &App,
    parameters: &Parameters,
    headers: &HeaderMap,
    asking: &mut Asking,
) -> Result<Arc<Client>, Error> {
    let credentials = client_credentials::credentials(parameters, headers).ok_or(Error::NotAuthenticated)?;
    let client = match authentication::authenticate(app, &credentials).await {
        Ok(client) => client,
        Err(grant::Error::Unavailable) => return Err(grant::Error::Unavailable.into()),
        Err(_) => return Err(Error::NotAuthenticated),
    };
    asking.charge(app, &client)?;
    Ok(client)
}

/// RFC 6749 §2.3.1: credentials must not be in the URI.
fn refuse_secrets_in_query(query: Option<&str>) -> Result<(), Error> {
    const SECRETS: [&str; 6] =
        ["client_secret", "code", "refresh_token", "access_token", "code_verifier", "token"];
    let sent = |secret: &str| {
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == secret)
    };
    match SECRETS.into_iter().find(|secret| sent(secret)) {
        Some(name) => Err(Error::InQuery(name)),
        None => Ok(()),
    }
}
