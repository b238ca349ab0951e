//! A web app that signs a user in, keeps the grant in SQLite and shows the account.
//!
//! Against a server with the README's fixtures, and then with a browser at http://127.0.0.1:9000:
//!
//! ```console
//! $ cargo run -p hellosign-sdk --features sqlite --example web_app http://127.0.0.1:8065
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use hellosign_sdk::apis::AccountApi;
use hellosign_sdk::authorization::{AuthorizationRequest, PendingAuthorization};
use hellosign_sdk::tokens::{
    Clock as _, Random as _, SealingKeys, SqliteTokenStore, SystemClock, SystemRandom, TokenManager,
};
use hellosign_sdk::{ApiClient, Configuration};

const CLIENT_ID: &str = "cc91c61d00f8bb2ece1428035716b";
const CLIENT_SECRET: &str = "1d14434088507ffa390e6f5528465";

#[derive(Clone)]
struct App {
    client: ApiClient,
    manager: TokenManager,
    authorization: AuthorizationRequest,
    keys: SealingKeys,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or("usage: web_app SERVER [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let origin = format!("http://{}", listener.local_addr()?);

    let configuration = Configuration::builder().server(&server).build()?;
    let client = ApiClient::new(configuration.clone());
    let keys = SealingKeys::new(1, sealing_key("web_app.key")?);
    let app = App {
        manager: TokenManager::builder(&client, CLIENT_ID, CLIENT_SECRET)
            .store(SqliteTokenStore::open("web_app.db")?, keys.clone())
            .build(),
        authorization: AuthorizationRequest::new(&configuration, CLIENT_ID)
            .redirect_uri(format!("{origin}/callback"))
            .pkce(),
        client,
        keys,
    };
    let routes = Router::new()
        .route("/", get(home))
        .route("/sign_in", get(sign_in))
        .route("/callback", get(callback))
        .with_state(app);
    println!("listening on {origin}");
    axum::serve(listener, routes).await?;
    Ok(())
}

/// Shows the account that has signed in in this browser.
async fn home(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(user) = cookie(&headers, "user") else {
        return Html(r#"<a href="/sign_in">Sign in</a>"#).into_response();
    };
    let account = app.manager.account(user);
    let answer = AccountApi::new(&app.client.with_account(&account)).account_get(None, None).await;
    match answer {
        Ok(answer) => {
            // Whoever chose the address chose what is in it.
            let address = answer.account.email_address.replace('&', "&amp;").replace('<', "&lt;");
            Html(format!("<p>Signed in as {address}</p>")).into_response()
        }
        Err(error) if error.is_grant_dead() => Redirect::to("/sign_in").into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Sends the browser away, with a cookie by which it is known when it comes back.
async fn sign_in(State(app): State<App>) -> Response {
    let user = random_name();
    let pending = app.authorization.start(SystemClock.wall());
    let cookies = [
        (
            header::SET_COOKIE,
            format!("pending={}; HttpOnly; SameSite=Lax; Path=/callback", pending.seal(&app.keys, &user)),
        ),
        (header::SET_COOKIE, format!("starting={user}; HttpOnly; SameSite=Lax; Path=/callback")),
    ];
    let mut response = Redirect::to(pending.url()).into_response();
    for (name, value) in cookies {
        response.headers_mut().append(name, value.parse().expect("base64 is a header's value"));
    }
    response
}

/// Where the browser comes back to.
async fn callback(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let pending = cookie(&headers, "starting").and_then(|user| {
        Some((user, PendingAuthorization::open(&app.keys, user, cookie(&headers, "pending")?)?))
    });
    let Some((user, pending)) = pending else {
        return (StatusCode::BAD_REQUEST, "Start again: this browser has no sign-in under way.")
            .into_response();
    };
    let authorized = match pending.complete(&query.unwrap_or_default(), SystemClock.wall()) {
        Ok(authorized) => authorized,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match app.manager.exchange(user, &authorized).await {
        Ok(_) => {
            let cookie = format!("user={user}; HttpOnly; SameSite=Lax; Path=/");
            ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Names the user here. An app with users of its own has names for them already.
fn random_name() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key in this file, made where there is none. A real app has it where its other secrets are.
fn sealing_key(path: &str) -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    let mut file = OpenOptions::new();
    file.read(true).write(true).mode(0o600);
    if let Ok(mut file) = file.open(path) {
        file.read_exact(&mut key)?;
    } else {
        SystemRandom.fill(&mut key);
        let mut file = file.create_new(true).open(path)?;
        file.write_all(&key)?;
        file.sync_all()?;
    }
    Ok(key)
}
