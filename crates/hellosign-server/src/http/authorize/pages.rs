//! What a person sees. The HTML is in `templates/`, and every value in it is escaped there.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hellosign_wire::error::ErrorCode;
use hellosign_wire::scope::{Payer, Scope};
use sha2::{Digest as _, Sha256};

use crate::grant::authorization::{Asked, Refusal};
use crate::http::error::Refused;
use crate::store::{Account, Client};

/// The pages' only style sheet, in each of them: the policy names it by its hash.
const STYLE: &str = include_str!("../../../templates/style.css");

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    style: &'static str,
    app: &'a str,
    host: &'a str,
    email_address: &'a str,
    ticket: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    style: &'static str,
    app: &'a str,
    owner: &'a str,
    host: &'a str,
    email_address: &'a str,
    permissions: Vec<String>,
    /// Who is charged for what the app does; `None` where its scopes do not say.
    payer: Option<&'static str>,
    is_approved: bool,
    ticket: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    style: &'static str,
    sentence: &'a str,
}

/// Asks who is there.
pub(super) fn sign_in(
    status: StatusCode,
    asked: &Asked,
    email_address: &str,
    ticket: &str,
    problem: Option<&str>,
) -> Response {
    let host = host(&asked.to);
    let page = SignIn { style: STYLE, app: &asked.client.name, host: &host, email_address, ticket, problem };
    page_response(status, &page, Some(&asked.to))
}

/// Asks whether the app may.
pub(super) fn consent(
    asked: &Asked,
    owner: Option<&Account>,
    account: &Account,
    ticket: &str,
    problem: Option<&str>,
) -> Response {
    let page = Consent {
        style: STYLE,
        app: &asked.client.name,
        owner: owner.map_or("an account that is gone", |owner| &owner.email_address),
        host: &host(&asked.to),
        email_address: &account.email_address,
        permissions: asked.client.scopes.iter().map(in_plain_words).collect(),
        payer: payer(&asked.client),
        is_approved: asked.client.is_approved,
        ticket,
        problem,
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page_response(status, &page, Some(&asked.to))
}

/// Says why it ends here; there is no way on from it.
pub(super) fn message(status: StatusCode, sentence: &str) -> Response {
    page_response(status, &Message { style: STYLE, sentence }, None)
}

/// Why nobody is sent to the app.
pub(super) fn refusal(refusal: Refusal) -> Response {
    let sentence = match refusal {
        Refusal::NoClientId => "The link lacks a client_id, so no app can be named.",
        Refusal::UnknownClient => "No app has this client_id. Check the link's client_id.",
        Refusal::ForeignRedirectUri => {
            "The redirect_uri is not this app's callback, so nobody is sent there. Register it, or leave it out."
        }
        Refusal::Unavailable => return unavailable(),
    };
    let mut response = message(StatusCode::BAD_REQUEST, sentence);
    Refused::note(&mut response, ErrorCode::InvalidRequest.as_str());
    response
}

/// The store gives no answer.
pub(in crate::http) fn unavailable() -> Response {
    let mut response = message(
        StatusCode::SERVICE_UNAVAILABLE,
        "The server cannot answer right now. Try again in a moment.",
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Refused::note(&mut response, ErrorCode::TemporarilyUnavailable.as_str());
    response
}

/// `leads_to` is where the page's form may end up: a browser applies the policy to the redirect after
/// the form's POST, too.
fn page_response(status: StatusCode, page: &impl Template, leads_to: Option<&str>) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let form_action = match leads_to {
        Some(url) => format!("'self' {}", source(url).unwrap_or_default()),
        None => "'none'".to_owned(),
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action {}; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_HASH,
        form_action.trim_end()
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_FRAME_OPTIONS, "DENY".to_owned()),
    ];
    (status, headers, Html(html)).into_response()
}

/// A URL's origin as a policy names it. It has no way to name an IPv6 literal, whose scheme stands for it.
fn source(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let scheme = url.scheme_str()?;
    if url.host()?.starts_with('[') {
        return Some(format!("{scheme}:"));
    }
    Some(format!("{scheme}://{}", host_and_port(&url)))
}

/// A URL's host and port, for people. Not its whole self: what is after the host can say anything.
fn host(url: &str) -> String {
    url.parse().map(|url| host_and_port(&url)).unwrap_or_default()
}

fn host_and_port(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    url.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn in_plain_words(scope: &Scope) -> String {
    let words = match scope {
        Scope::BasicAccountInfo => "See your email address and basic account information",
        Scope::RequestSignature => "Send signature requests for you, and see those that it has sent",
        Scope::AccountAccess => "See and change your account and its settings",
        Scope::SignatureRequestAccess => "Send, see and change all of your signature requests",
        Scope::TemplateAccess => "See and change your templates",
        Scope::TeamAccess => "See and change your team",
        Scope::ApiAppAccess => "See and change your API apps",
        other => return format!("Use the permission \"{other}\", which this server does not know"),
    };
    words.to_owned()
}

fn payer(client: &Client) -> Option<&'static str> {
    client.scopes.iter().find_map(Scope::payer).map(|payer| match payer {
        Payer::Owner => "What it does is charged to the app's owner, not to you.",
        Payer::User => "What it does is charged to your account.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_origins() {
        assert_eq!(source("https://app.example/cb?x=1").as_deref(), Some("https://app.example"));
        assert_eq!(source("http://127.0.0.1:9000/cb").as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(source("http://[::1]:9000/cb").as_deref(), Some("http:"));
        assert_eq!(source("https://app.example; script-src *").as_deref(), None);
    }
}
