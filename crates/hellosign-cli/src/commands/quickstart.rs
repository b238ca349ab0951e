//! `hellosign quickstart`: a user's authorization becomes a code, the code becomes tokens, the
//! refresh token a new access token, and that one reads an account.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use hellosign_sdk::apis::{AccountApi, OAuthApi};
use hellosign_sdk::authorization::{AuthorizationRequest, Authorized, LoopbackListener};
use hellosign_sdk::models::{OAuthTokenGenerateRequest, OAuthTokenRefreshRequest};
use hellosign_sdk::tokens::{Clock as _, SystemClock};
use hellosign_sdk::{ApiClient, Configuration};
use hellosign_server::fixtures::{Account, ApiApp};
use hellosign_server::{Config, Fixtures, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::config::random_hex;
use crate::output::{self, Refused};

const EMAIL: &str = "jill@example.com";
const CALLBACK: &str = "http://127.0.0.1:9000/callback";

/// Everything once, told as it happens. With `in_browser` a person approves, else the account does so
/// without being asked.
pub(crate) async fn run(in_browser: bool) -> anyhow::Result<()> {
    let data_dir = tempfile::tempdir().context("making a directory for the sample's database failed")?;
    let (client_id, client_secret) = (random_hex(16), random_hex(32));
    let password = random_hex(4);
    let mut config = Config::new(data_dir.path());
    config.fixtures = sample(&client_id, &client_secret, &password);
    config.auto_approve = (!in_browser).then(|| EMAIL.to_owned());

    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening on 127.0.0.1 failed")?;
    let address = listener.local_addr()?;
    let server = Server::open(config).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(vec![listener], async {
        // Stopped, or the tour ended early: either way it is over.
        let _ = stopped.await;
    }));
    output::line(&format!(
        "1. A server listens on http://{address}; its SQLite database is in {}.",
        data_dir.path().display()
    ));
    output::line(&format!("2. It knows the app \"Contract portal\" ({client_id}) and the user {EMAIL}."));

    let person = in_browser.then_some(password.as_str());
    let refreshed = tour(address, &client_id, &client_secret, person).await?;

    drop(stop);
    serving.await.context("the server ended early")??;
    output::line(
        "Next: hellosign server --data-dir DIR --fixtures FILE runs such a server for your own tests; see README.md.",
    );
    output::line(&format!("ok: {EMAIL}'s access token was refreshed; it expires in {refreshed} s"));
    Ok(())
}

/// The steps that an app takes; `person` is the password with which a person signs in, where one is to.
/// Returns the seconds that the last access token lives.
async fn tour(
    address: SocketAddr,
    client_id: &str,
    client_secret: &str,
    person: Option<&str>,
) -> anyhow::Result<u64> {
    let configuration = Configuration::builder().server(&format!("http://{address}")).build()?;
    let oauth = OAuthApi::new(&ApiClient::new(configuration.clone()));

    let (authorized, redirect_uri) = match person {
        Some(password) => ask_in_browser(&configuration, client_id, password).await?,
        None => (approve(&configuration, address, client_id).await?, CALLBACK.to_owned()),
    };
    output::line(&format!(
        "3. {EMAIL} approved the app; the browser went to {redirect_uri} with a code and the state."
    ));

    let (code, state) = (authorized.code().clone(), authorized.state());
    let generate = OAuthTokenGenerateRequest::new(client_id, client_secret, code, state);
    let tokens = oauth.oauth_token_generate(&generate).await?;
    output::line("4. oauth_token_generate: the code became an access token and a refresh token.");
    read_account(address, 5, tokens.access_token).await?;

    let refresh_token = tokens.refresh_token.context("the server gave no refresh token")?;
    let refresh = OAuthTokenRefreshRequest::new(refresh_token).with_client(client_id, client_secret);
    let refreshed = oauth.oauth_token_refresh(&refresh).await?;
    output::line("6. oauth_token_refresh: the refresh token became a new access token.");
    read_account(address, 7, refreshed.access_token).await?;
    refreshed.expires_in.context("the server did not say when the access token expires")
}

async fn read_account(
    address: SocketAddr,
    step: u32,
    access_token: hellosign_sdk::models::AccessToken,
) -> anyhow::Result<()> {
    let configuration =
        Configuration::builder().server(&format!("http://{address}")).access_token(access_token).build()?;
    let answer = AccountApi::new(&ApiClient::new(configuration)).account_get(None, None).await?;
    let email_address = answer.account.email_address;
    ensure!(
        email_address == EMAIL,
        "the access token reads the account of {email_address} instead of {EMAIL}"
    );
    output::line(&format!("{step}. account_get: the access token reads the account of {email_address}."));
    Ok(())
}

/// Sends the person's browser to the authorization page, and waits until it comes back.
async fn ask_in_browser(
    configuration: &Configuration,
    client_id: &str,
    password: &str,
) -> anyhow::Result<(Authorized, String)> {
    let listener = LoopbackListener::bind().await.context("listening for the callback failed")?;
    let request = AuthorizationRequest::new(configuration, client_id).redirect_uri(listener.redirect_uri());
    let pending = request.start(SystemClock.wall());
    output::line(&format!("   Sign in as {EMAIL} with the password {password}"));
    output::line("   on the page that opens in your browser, and allow; if none opens, open it yourself:");
    output::line(&format!("   {}", pending.url()));
    if let Err(error) = open::that_detached(pending.url()) {
        tracing::debug!(%error, "no browser could be opened");
    }
    let authorized = listener.wait(&pending, &SystemClock).await;
    let authorized = authorized.map_err(|error| Refused(error.to_string()))?;
    Ok((authorized, listener.redirect_uri().to_owned()))
}

/// Does what the user's browser does where nobody is asked: it is sent to the callback at once.
async fn approve(
    configuration: &Configuration,
    address: SocketAddr,
    client_id: &str,
) -> anyhow::Result<Authorized> {
    let request = AuthorizationRequest::new(configuration, client_id).redirect_uri(CALLBACK);
    let pending = request.start(SystemClock.wall());
    let target = pending.url().strip_prefix(configuration.oauth_host()).unwrap_or_default();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;

    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).with_context(|| {
        format!("the authorization was refused: {}", answer.lines().next().unwrap_or_default())
    })?;
    ensure!(location.starts_with(CALLBACK), "the browser was sent somewhere else than to the callback");
    let authorized = pending.complete(location, SystemClock.wall());
    Ok(authorized.map_err(|error| Refused(error.to_string()))?)
}

fn sample(client_id: &str, client_secret: &str, password: &str) -> Fixtures {
    let mut fixtures = Fixtures::default();
    let mut account = Account::new(EMAIL);
    account.password = Some(password.into());
    fixtures.accounts.push(account);
    let mut app = ApiApp::new(EMAIL, "Contract portal", client_id, client_secret, CALLBACK);
    app.scopes = vec!["basic_account_info".into(), "request_signature".into()];
    fixtures.api_apps.push(app);
    fixtures
}
