//! `POST /oauth/revoke` (RFC 7009).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::client_request::{client, read, render};
use super::error::Error;
use super::middleware::Peer;
use super::parameters::ABOUT_TOKEN;
use crate::app::App;
use crate::grant::{self, revocation};
use crate::rate_limit::Budget;

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let peer = Peer::of(&request);
    let mut charged = None;
    let answer = answer(&app, request, &mut charged).await;
    render(&app, peer, charged, answer)
}

/// 200 without a body, whether there was anything to end or not (RFC 7009 §2.2).
async fn answer(app: &App, request: Request, charged: &mut Option<Budget>) -> Result<Response, Error> {
    let (parameters, headers) = read(request, &ABOUT_TOKEN).await?;
    let client = client(app, &parameters, &headers, charged).await?;
    let token = parameters.get("token").ok_or(grant::Error::Missing("token"))?;
    revocation::revoke_by_token(app, &client, token).await?;
    Ok(StatusCode::OK.into_response())
}
