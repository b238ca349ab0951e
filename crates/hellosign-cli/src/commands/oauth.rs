//! `hellosign oauth`: the vendor's two operations, from a shell.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use hellosign_sdk::apis::OAuthApi;
use hellosign_sdk::models::{OAuthTokenGenerateRequest, OAuthTokenRefreshRequest};
use hellosign_sdk::{ApiClient, Configuration, Proxy};

use crate::args::{HostArgs, OauthCommand};
use crate::config::{self, Secret};
use crate::output;

const CLIENT_ID: &str = "HELLOSIGN_CLIENT_ID";
const CLIENT_SECRET: Secret =
    Secret { name: "client secret", variable: "HELLOSIGN_CLIENT_SECRET", flag: "--client-secret-file" };
const CODE: Secret = Secret { name: "code", variable: "HELLOSIGN_CODE", flag: "--code-file" };
const REFRESH_TOKEN: Secret =
    Secret { name: "refresh token", variable: "HELLOSIGN_REFRESH_TOKEN", flag: "--refresh-token-file" };

pub(crate) async fn run(command: OauthCommand) -> anyhow::Result<()> {
    let tokens = match command {
        OauthCommand::Generate { host, client_id, client_secret_file, code_file, state } => {
            let client_id = client_id.or_else(|| config::variable(CLIENT_ID));
            let client_id =
                client_id.with_context(|| format!("name the app: give --client-id or set {CLIENT_ID}"))?;
            let oauth = oauth_api(&host)?;
            let (code, client_secret) = config::secrets(
                (CODE, code_file.as_deref()),
                (CLIENT_SECRET, client_secret_file.as_deref()),
            )?;
            let request =
                OAuthTokenGenerateRequest::new(client_id, client_secret.as_str(), code.as_str(), state);
            oauth.oauth_token_generate(&request).await?
        }
        OauthCommand::Refresh { host, client_id, client_secret_file, refresh_token_file } => {
            let oauth = oauth_api(&host)?;
            let token = (REFRESH_TOKEN, refresh_token_file.as_deref());
            let request = match client_id.or_else(|| config::variable(CLIENT_ID)) {
                Some(client_id) => {
                    let (token, client_secret) =
                        config::secrets(token, (CLIENT_SECRET, client_secret_file.as_deref()))?;
                    OAuthTokenRefreshRequest::new(token.as_str())
                        .with_client(client_id, client_secret.as_str())
                }
                None => OAuthTokenRefreshRequest::new(config::secret(token)?.as_str()),
            };
            oauth.oauth_token_refresh(&request).await?
        }
    };
    output::secret_json(&tokens)
}

fn oauth_api(host: &HostArgs) -> anyhow::Result<OAuthApi> {
    let mut configuration = Configuration::builder().timeout(Duration::from_secs(host.timeout.into()));
    if let Some(server) = host.server.clone().or_else(|| config::variable("HELLOSIGN_SERVER")) {
        configuration = configuration.server(&server);
    }
    if let Some(url) = &host.proxy {
        configuration = configuration.proxy(proxy(url)?);
    }
    if let Some(file) = &host.ca_file {
        configuration = configuration.root_certificates_pem(read(file)?);
    }
    if host.allow_plain_http {
        configuration = configuration.allow_plain_http();
    }
    Ok(OAuthApi::new(&ApiClient::new(configuration.build()?)))
}

fn proxy(url: &str) -> anyhow::Result<Proxy> {
    let proxy = Proxy::new(url);
    let Some(credentials) = config::variable("HELLOSIGN_PROXY_CREDENTIALS") else { return Ok(proxy) };
    let pair = credentials.split_once(':');
    let (user, password) = pair.context("HELLOSIGN_PROXY_CREDENTIALS is not of the form USER:PASSWORD")?;
    Ok(proxy.with_credentials(user, password))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("reading {} failed", file.display()))
}
