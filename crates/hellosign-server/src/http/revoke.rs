//! `POST /oauth/revoke` (RFC 7009).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::client_request::{Asking, client, read};
use super::error::Error;
use super::parameters::ABOUT_TOKEN;
use crate::app::App;
use crate::grant::{self, revocation};

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut asking = Asking::new(&app, &request);
    let answer = answer(&app, request, &mut asking).await;
    asking.render(&app, answer)
}

/// 200 without a body, whether there was anything to end or not (RFC 7009 §2.2).
async fn answer(app: &App, request: Request, asking: &mut Asking) -> Result<Response, Error> {
    let (parameters, headers) = read(request, &ABOUT_TOKEN).await?;
    let client = client(app, &parameters, &headers, asking).await?;
    let token = parameters.get("token").ok_or(grant::Error::Missing("token"))?;
    revocation::revoke_by_token(app, &client, token).await?;
    Ok(StatusCode::OK.into_response())
}
