//! `GET /oauth/authorize` (RFC 6749 §3.1).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hellosign_wire::authorization::AuthorizationResponse;

use super::error;
use crate::app::App;
use crate::grant::authorization::{self, AuthorizationRequest, Decision, Refusal};

pub(super) async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let Some(request) = parse(query.as_deref().unwrap_or_default()) else {
        return page(
            StatusCode::BAD_REQUEST,
            "A parameter was sent twice. Go back to the app and try again.",
        );
    };
    match authorization::decide(&app, request).await {
        Ok(Decision::Redirect { to, response }) => redirect(&to, &response),
        Ok(Decision::Stay(refusal)) => stay(refusal),
        Err(_) => error::unavailable(),
    }
}

/// `None` where a parameter that counts is sent twice (RFC 6749 §3.1). An empty one was not sent.
fn parse(query: &str) -> Option<AuthorizationRequest> {
    let mut request = AuthorizationRequest::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let parameter = match name.as_ref() {
            "response_type" => &mut request.response_type,
            "client_id" => &mut request.client_id,
            "redirect_uri" => &mut request.redirect_uri,
            "scope" => &mut request.scope,
            "state" => &mut request.state,
            "code_challenge" => &mut request.code_challenge,
            "code_challenge_method" => &mut request.code_challenge_method,
            _ => continue,
        };
        if parameter.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    for parameter in [
        &mut request.response_type,
        &mut request.client_id,
        &mut request.redirect_uri,
        &mut request.scope,
        &mut request.state,
        &mut request.code_challenge,
        &mut request.code_challenge_method,
    ] {
        parameter.take_if(|value| value.is_empty());
    }
    Some(request)
}

/// 303, so that the browser asks with GET whatever it asked with before (RFC 9700 §4.12).
fn redirect(to: &str, response: &AuthorizationResponse) -> Response {
    let separator = if to.contains('?') { '&' } else { '?' };
    let mut location = format!("{to}{separator}");
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("code", response.code.as_ref().map(|code| code.expose())),
        ("error", response.error.as_ref().map(|error| error.as_str())),
        ("error_description", response.error_description.as_deref()),
        ("state", response.state.as_deref()),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    location.push_str(&query.finish());
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => {
            page(StatusCode::BAD_REQUEST, "The app's callback is not a URL that a browser can be sent to.")
        }
    }
}

fn stay(refusal: Refusal) -> Response {
    let (status, text) = match refusal {
        Refusal::NoClientId => {
            (StatusCode::BAD_REQUEST, "The link lacks a client_id, so no app can be named.")
        }
        Refusal::UnknownClient => {
            (StatusCode::BAD_REQUEST, "No app has this client_id. Check the link's client_id.")
        }
        Refusal::ForeignRedirectUri => (
            StatusCode::BAD_REQUEST,
            "The redirect_uri is not this app's callback, so nobody is sent there. Register it, or leave it out.",
        ),
        Refusal::NobodyApproves => (
            StatusCode::FORBIDDEN,
            "Nobody can approve on this server: start it with --auto-approve and the address of an account.",
        ),
    };
    page(status, text)
}

fn page(status: StatusCode, sentence: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Authorization</title><h1>This cannot be \
         authorized</h1><p>{sentence}</p></html>\n"
    );
    let policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
