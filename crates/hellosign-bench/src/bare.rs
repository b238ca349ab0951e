//! The reference: axum that parses a refresh and answers a constant of the same size, and nothing else.

use axum::routing::post;
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Refresh {
    grant_type: String,
    refresh_token: String,
    client_id: String,
    client_secret: String,
}

#[derive(Serialize)]
struct Tokens {
    access_token: &'static str,
    token_type: &'static str,
    refresh_token: String,
    expires_in: u32,
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/oauth/token", post(answer))).await?;
    Ok(())
}

async fn answer(Form(request): Form<Refresh>) -> Json<Tokens> {
    let is_whole = request.grant_type == "refresh_token"
        && !request.client_id.is_empty()
        && !request.client_secret.is_empty();
    Json(Tokens {
        // As long as ours.
        access_token: if is_whole {
            "ASQHniYtRKii4U3Zv4msCDxHRFzBAAAAAAAAAAAAAAGiB7KmZQABUYAAAAAAAAAAADfBceLu5oCslwiQ_EbQbDM"
        } else {
            ""
        },
        token_type: "Bearer",
        refresh_token: request.refresh_token,
        expires_in: 86400,
    })
}
