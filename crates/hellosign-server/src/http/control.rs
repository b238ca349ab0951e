//! The control API, on a listener of its own: what [`Control`] does, for tests in any language.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client_credentials::bearer;
use super::host::loopback_host;
use super::{body, middleware};
use crate::client::switches::Switches;
use crate::emulator::{Control, ControlError, ControlToken, Fault};

/// The most that a request may be, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The routes. Each request needs the token, and has to be sent to this machine by name: no page in a
/// browser can send one.
pub(crate) fn router(control: Control, token: Arc<ControlToken>) -> Router {
    Router::new()
        .route("/clock", get(clock))
        .route("/clock/advance", post(advance))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/grants/expire", post(expire))
        .route("/grants/revoke", post(revoke))
        .route("/accounts", post(set_account))
        .route("/api_apps", post(set_app))
        .route("/reset", post(reset))
        .fallback(async || Problem(StatusCode::NOT_FOUND, "There is nothing here.".to_owned()))
        .method_not_allowed_fallback(async || {
            Problem(StatusCode::METHOD_NOT_ALLOWED, "This method is not for this.".to_owned())
        })
        .layer(from_fn_with_state(token, only_with_the_token))
        .layer(from_fn(middleware::no_store))
        .with_state(control)
}

async fn only_with_the_token(
    State(token): State<Arc<ControlToken>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if loopback_host(headers).is_none() {
        return Problem(StatusCode::FORBIDDEN, "The Host is not this machine's.".to_owned()).into_response();
    }
    match bearer(headers) {
        Some(sent) if ControlToken::from(sent) == *token => next.run(request).await,
        _ => {
            let sentence =
                "Send the control token as Authorization: Bearer; control.json in the data directory has it.";
            Problem(StatusCode::UNAUTHORIZED, sentence.to_owned()).into_response()
        }
    }
}

/// Why something was not done, as `{"error": …}`.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let status = match error {
            ControlError::NoAccount(_) | ControlError::NoClient(_) => StatusCode::NOT_FOUND,
            ControlError::Fault(_) | ControlError::TooLate => StatusCode::BAD_REQUEST,
            ControlError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, error.to_string())
    }
}

type Answer = Result<Response, Problem>;

fn done() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn read<T: DeserializeOwned>(request: Request<Body>) -> Result<T, Problem> {
    let body = body::read(request.into_body(), BODY_LIMIT).await;
    let body = body.map_err(|error| {
        let (status, sentence) = error.text(false);
        Problem(status, sentence)
    })?;
    serde_json::from_slice(&body).map_err(|error| Problem(StatusCode::BAD_REQUEST, error.to_string()))
}

async fn clock(State(control): State<Control>) -> Response {
    Json(json!({"now_ms": control.now().as_millis()})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

async fn advance(State(control): State<Control>, request: Request) -> Answer {
    let Advance { seconds } = read(request).await?;
    let sentence = "seconds is a number from 0 on: time does not go back.";
    let span = Duration::try_from_secs_f64(seconds)
        .map_err(|_| Problem(StatusCode::BAD_REQUEST, sentence.to_owned()))?;
    Ok(Json(json!({"now_ms": control.advance(span).await?.as_millis()})).into_response())
}

async fn faults(State(control): State<Control>) -> Response {
    Json(json!({"faults": control.faults()})).into_response()
}

async fn add_fault(State(control): State<Control>, request: Request) -> Answer {
    let fault: Fault = read(request).await?;
    let id = control.add_fault(fault)?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))).into_response())
}

async fn clear_faults(State(control): State<Control>) -> Answer {
    control.clear_faults();
    done()
}

async fn requests(State(control): State<Control>) -> Response {
    Json(json!({"requests": control.requests()})).into_response()
}

async fn clear_requests(State(control): State<Control>) -> Answer {
    control.clear_requests();
    done()
}

/// All grants of an account to an app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    client_id: String,
    account: String,
}

#[derive(Serialize)]
struct Ended {
    grants: usize,
}

async fn expire(State(control): State<Control>, request: Request) -> Answer {
    let Grants { client_id, account } = read(request).await?;
    Ok(Json(Ended { grants: control.expire(&client_id, &account).await? }).into_response())
}

async fn revoke(State(control): State<Control>, request: Request) -> Answer {
    let Grants { client_id, account } = read(request).await?;
    Ok(Json(Ended { grants: control.revoke(&client_id, &account).await? }).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    email_address: String,
    is_confirmed: Option<bool>,
    is_locked: Option<bool>,
}

async fn set_account(State(control): State<Control>, request: Request) -> Answer {
    let change: AccountChange = read(request).await?;
    control.set_account(&change.email_address, change.is_confirmed, change.is_locked).await?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppChange {
    client_id: String,
    refresh_token_rotation: Option<bool>,
    is_approved: Option<bool>,
    #[serde(default)]
    switches: Switches,
}

async fn set_app(State(control): State<Control>, request: Request) -> Answer {
    let AppChange { client_id, refresh_token_rotation, is_approved, switches } = read(request).await?;
    control.set_app(&client_id, &switches, refresh_token_rotation, is_approved).await?;
    done()
}

async fn reset(State(control): State<Control>) -> Answer {
    control.reset().await?;
    done()
}
