//! The authorization endpoint (RFC 6749 §3.1) and its pages: sign in, allow or deny.

mod browser;
mod form;
mod pages;

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hellosign_wire::authorization::AuthorizationResponse;
use hellosign_wire::error::ErrorCode;
use hellosign_wire::secret::Password;

use self::browser::Browser;
use self::form::Form;
pub(super) use self::pages::unavailable;
use super::error::Refused;
use super::host::issuer;
use super::middleware::Peer;
use crate::app::App;
use crate::consent::session::{self, SessionId};
use crate::consent::sign_in::{self, Attempt, Outcome};
use crate::consent::ticket::{Opened, Seal, Step, Ticket};
use crate::grant::Error;
use crate::grant::authorization::{self, Asked, AuthorizationRequest};
use crate::random;
use crate::store::{Account, Backend as _};

const STALE: &str = "This page was out of date. Please answer again.";
const SIGN_IN_AGAIN: &str =
    "This page was out of date. Please sign in again, and let your browser keep this site's cookie.";
const CHANGED: &str = "The app has changed since you were asked. Please look again.";

/// Shows whoever is at the browser the page that comes next.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let browser = Browser::of(&request);
    match form::authorization_request(query.as_deref().unwrap_or_default()) {
        Some(request) => show(&app, &browser, request, None).await,
        None => pages::message(
            StatusCode::BAD_REQUEST,
            "A parameter was sent twice. Go back to the app and try again.",
        ),
    }
}

/// The sign-in form.
pub(super) async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Response {
    let (browser, peer) = (Browser::of(&request), Peer::of(&request));
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let (request, _) = match ticket(&app, &browser, &form).await {
        Ok((Ticket { step: Step::SignIn, request, .. }, seal)) => (request, seal),
        Ok((ticket, _)) => return show(&app, &browser, ticket.request, Some(SIGN_IN_AGAIN)).await,
        Err(response) => return response,
    };
    let email_address = form.get("email_address").unwrap_or_default().trim().to_owned();
    let attempt = Attempt {
        email_address: email_address.clone(),
        password: Password::from(form.get("password").unwrap_or_default()),
        from: peer.0.ip(),
        device: browser.device().map(str::to_owned),
    };
    let problem = match sign_in::sign_in(&app, attempt).await {
        Ok(Outcome::SignedIn(account)) => return signed_in(&app, &browser, &account, &request).await,
        Ok(Outcome::Wrong) => "That address and password do not go together.".to_owned(),
        Ok(Outcome::Locked) => "This account is locked.".to_owned(),
        Ok(Outcome::TooMany { until }) => {
            return slowed(&app, &browser, request, &email_address, until).await;
        }
        Err(_) => return pages::unavailable(),
    };
    ask_to_sign_in(&app, &browser, request, &email_address, Some((StatusCode::BAD_REQUEST, problem))).await
}

/// Ends the session, and asks who is there now.
pub(super) async fn sign_out(State(app): State<Arc<App>>, request: Request) -> Response {
    let browser = Browser::of(&request);
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let ticket = match ticket(&app, &browser, &form).await {
        Ok((ticket, _)) => ticket,
        Err(response) => return response,
    };
    if let Some(id) = browser.session()
        && session::end(&app, &id).await.is_err()
    {
        return pages::unavailable();
    }
    let mut response = back(&ticket.request);
    browser.forget_session(&mut response);
    response
}

/// The consent form.
pub(super) async fn decide(State(app): State<Arc<App>>, request: Request) -> Response {
    let browser = Browser::of(&request);
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let (ticket, seal) = match ticket(&app, &browser, &form).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let account = match signed_in_account(&app, &browser).await {
        Ok(Some(account)) => account,
        Ok(None) => return show(&app, &browser, ticket.request, Some(SIGN_IN_AGAIN)).await,
        Err(_) => return pages::unavailable(),
    };
    let asked = match authorization::resolve(&app, &ticket.request).await {
        Ok(asked) => asked,
        Err(refusal) => return pages::refusal(refusal),
    };
    if ticket.step != Step::consent(&asked.client, account.account_id) {
        return show(&app, &browser, ticket.request, Some(CHANGED)).await;
    }
    let state = ticket.request.state.clone();
    let response = match form.get("decision") {
        Some("allow") => match allow(&app, &asked, &account, &ticket.request, seal).await {
            Ok(response) => response,
            Err(_) => return pages::unavailable(),
        },
        Some("deny") => AuthorizationResponse::refused(
            ErrorCode::AccessDenied,
            "The user denied the authorization.",
            state,
        ),
        _ => return show(&app, &browser, ticket.request, Some(STALE)).await,
    };
    answer(&app, &browser, &asked, response)
}

async fn allow(
    app: &App,
    asked: &Asked,
    account: &Account,
    request: &AuthorizationRequest,
    seal: Seal,
) -> Result<AuthorizationResponse, Error> {
    let state = request.state.clone();
    if let Some((error, description)) = authorization::objection_to(&asked.client, account) {
        return Ok(AuthorizationResponse::refused(error, description, state));
    }
    let bits = seal.code(app).ok_or(Error::Unavailable)?;
    let code = authorization::issue_code(app, asked, account, request, bits).await?;
    Ok(AuthorizationResponse::granted(code, state))
}

/// The page that comes next, or the client's answer where there is nothing to ask.
async fn show(app: &App, browser: &Browser, request: AuthorizationRequest, note: Option<&str>) -> Response {
    let asked = match authorization::resolve(app, &request).await {
        Ok(asked) => asked,
        Err(refusal) => return pages::refusal(refusal),
    };
    let refused = |(error, description)| {
        let state = request.state.clone();
        answer(app, browser, &asked, AuthorizationResponse::refused(error, description, state))
    };
    if let Some(objection) = authorization::objection(app, &asked.client, &request) {
        return refused(objection);
    }
    if let Some(email_address) = &app.policy.auto_approve {
        return match approve(app, &asked, &request, email_address).await {
            Ok(response) => answer(app, browser, &asked, response),
            Err(_) => pages::unavailable(),
        };
    }
    let account = match signed_in_account(app, browser).await {
        Ok(Some(account)) => account,
        Ok(None) => {
            let note = note.map(|note| (StatusCode::BAD_REQUEST, note.to_owned()));
            return ask_to_sign_in(app, browser, request, "", note).await;
        }
        Err(_) => return pages::unavailable(),
    };
    if let Some(objection) = authorization::objection_to(&asked.client, &account) {
        return refused(objection);
    }
    let Ok(owner) = app.store.find_account(asked.client.owner).await else { return pages::unavailable() };
    let Some(id) = browser.session() else { return pages::unavailable() };
    let step = Step::consent(&asked.client, account.account_id);
    let ticket = Ticket::new(app, step, request).seal(app, &id);
    pages::consent(&asked, owner.as_deref(), &account, &ticket, note)
}

/// The answer of the account that approves everything.
async fn approve(
    app: &App,
    asked: &Asked,
    request: &AuthorizationRequest,
    email_address: &str,
) -> Result<AuthorizationResponse, Error> {
    let state = request.state.clone();
    let account = app.store.find_account_by_email(email_address).await?.ok_or(Error::Unavailable)?;
    if let Some((error, description)) = authorization::objection_to(&asked.client, &account) {
        return Ok(AuthorizationResponse::refused(error, description, state));
    }
    let bits = random::bytes(app.random.as_ref());
    let code = authorization::issue_code(app, asked, &account, request, bits).await?;
    Ok(AuthorizationResponse::granted(code, state))
}

/// The sign-in page. A browser that has no session gets one that stands for nobody yet.
async fn ask_to_sign_in(
    app: &App,
    browser: &Browser,
    request: AuthorizationRequest,
    email_address: &str,
    problem: Option<(StatusCode, String)>,
) -> Response {
    let asked = match authorization::resolve(app, &request).await {
        Ok(asked) => asked,
        Err(refusal) => return pages::refusal(refusal),
    };
    let known = browser.session();
    let id = known.unwrap_or_else(|| SessionId::new(app));
    let ticket = Ticket::new(app, Step::SignIn, request).seal(app, &id);
    let (status, problem) = problem.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let mut response = pages::sign_in(status, &asked, email_address, &ticket, problem.as_deref());
    browser.keep_session(&mut response, &id);
    response
}

async fn slowed(
    app: &App,
    browser: &Browser,
    request: AuthorizationRequest,
    email_address: &str,
    until: i64,
) -> Response {
    let seconds = (until - app.store.now().as_secs()).max(1);
    let problem = format!(
        "Too many sign-ins have failed. Try again in {seconds} seconds, or in a browser where you have signed in before."
    );
    let problem = Some((StatusCode::TOO_MANY_REQUESTS, problem));
    let mut response = ask_to_sign_in(app, browser, request, email_address, problem).await;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A new session for who has just signed in, and on to the page that they came for.
async fn signed_in(
    app: &App,
    browser: &Browser,
    account: &Account,
    request: &AuthorizationRequest,
) -> Response {
    let Ok(id) = session::start(app, account).await else { return pages::unavailable() };
    let mut response = back(request);
    browser.keep_session(&mut response, &id);
    browser.keep_device(&mut response, &sign_in::remember_device(app, account));
    response
}

async fn signed_in_account(app: &App, browser: &Browser) -> Result<Option<Arc<Account>>, Error> {
    match browser.session() {
        Some(id) => session::find(app, &id).await,
        None => Ok(None),
    }
}

/// The form's ticket, if it is this browser's and in time; else what is shown instead.
async fn ticket(app: &App, browser: &Browser, form: &Form) -> Result<(Ticket, Seal), Response> {
    // Where the browser sends no cookie there is none that a ticket could be bound to.
    let id = browser.session().unwrap_or_else(|| SessionId::new(app));
    match Ticket::open(app, &id, form.get("ticket").unwrap_or_default()) {
        Opened::Fresh(ticket, seal) => Ok((ticket, seal)),
        Opened::Stale(request) => {
            let note = if matches!(signed_in_account(app, browser).await, Ok(Some(_))) {
                STALE
            } else {
                SIGN_IN_AGAIN
            };
            Err(show(app, browser, request, Some(note)).await)
        }
        Opened::Unreadable => Err(pages::message(
            StatusCode::BAD_REQUEST,
            "The form did not arrive whole. Go back to the app and try again.",
        )),
    }
}

/// 303, so that the browser asks with GET whatever it asked with before (RFC 9700 §4.12).
fn see_other(location: String) -> Response {
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => pages::message(
            StatusCode::BAD_REQUEST,
            "The app's callback is not a URL that a browser can be sent to.",
        ),
    }
}

/// On to the client.
fn answer(app: &App, browser: &Browser, asked: &Asked, mut response: AuthorizationResponse) -> Response {
    if app.rules(&asked.client).issuer_in_response {
        response.iss = issuer(app, browser.loopback_host());
    }
    let to = &asked.to;
    let separator = if to.contains('?') { '&' } else { '?' };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("code", response.code.as_ref().map(|code| code.expose())),
        ("error", response.error.as_ref().map(|error| error.as_str())),
        ("error_description", response.error_description.as_deref()),
        ("state", response.state.as_deref()),
        ("iss", response.iss.as_deref()),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let mut answer = see_other(format!("{to}{separator}{}", query.finish()));
    if let Some(error) = &response.error {
        Refused::note(&mut answer, error.as_str());
    }
    answer
}

/// Back to the authorization endpoint, with the request as it came.
fn back(request: &AuthorizationRequest) -> Response {
    see_other(format!("/oauth/authorize?{}", form::query(request)))
}
