//! What an operation costs the program that calls it, in CPU time: ours, the same request by hand with reqwest, and
//! oauth2-rs. `compare/run` starts it beside a server.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hellosign_sdk::apis::OAuthApi;
use hellosign_sdk::models::OAuthTokenRefreshRequest;
use hellosign_sdk::{ApiClient, Configuration};
use serde::{Deserialize, Serialize};

/// The values of the vendor's page, which the emulator knows.
const CLIENT_ID: &str = "cc91c61d00f8bb2ece1428035716b";
const CLIENT_SECRET: &str = "1d14434088507ffa390e6f5528465";
const REFRESH_TOKEN: &str = "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3";

/// Refreshes of each client in a run, one after the other over one connection.
const REQUESTS: u32 = 20_000;
/// Runs; the medians are what counts.
const RUNS: usize = 5;

/// What one would write down for reqwest.
#[derive(Serialize)]
struct Refresh<'a> {
    grant_type: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    refresh_token: &'a str,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

/// One thread: nothing runs beside what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = std::env::var("HELLOSIGN_SERVER").context("start it with compare/run")?;
    let url = format!("{server}/oauth/token");

    let api = OAuthApi::new(&ApiClient::new(Configuration::builder().server(&server).build()?));
    let ours = async || {
        let request = OAuthTokenRefreshRequest::new(REFRESH_TOKEN).with_client(CLIENT_ID, CLIENT_SECRET);
        anyhow::Ok(api.oauth_token_refresh(&request).await?.access_token.expose().len())
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let by_hand = async || {
        let refresh = Refresh {
            grant_type: "refresh_token",
            client_id: CLIENT_ID,
            client_secret: CLIENT_SECRET,
            refresh_token: REFRESH_TOKEN,
        };
        let answer = client.post(&url).json(&refresh).send().await?.error_for_status()?;
        let tokens: Tokens = answer.json().await?;
        ensure!(tokens.refresh_token.is_some() && tokens.expires_in.is_some());
        Ok(tokens.access_token.len())
    };
    let oauth2 = oauth2::basic::BasicClient::new(oauth2::ClientId::new(CLIENT_ID.to_owned()))
        .set_client_secret(oauth2::ClientSecret::new(CLIENT_SECRET.to_owned()))
        .set_auth_type(oauth2::AuthType::RequestBody)
        .set_token_uri(oauth2::TokenUrl::new(url.clone())?);
    let refresh_token = oauth2::RefreshToken::new(REFRESH_TOKEN.to_owned());
    let by_oauth2 = async || {
        use oauth2::TokenResponse as _;
        let answer = oauth2.exchange_refresh_token(&refresh_token).request_async(&client).await?;
        Ok(answer.access_token().secret().len())
    };

    let mut runs = Vec::new();
    // The first one warms everything up.
    for run in 0..=RUNS {
        let costs = [cost(&by_hand).await?, cost(&ours).await?, cost(&by_oauth2).await?];
        if run > 0 {
            runs.push(costs);
        }
    }
    println!("CPU time of a refresh, median of {RUNS} runs of {REQUESTS}:");
    for (at, name) in ["reqwest by hand", "hellosign-sdk", "oauth2-rs"].into_iter().enumerate() {
        let micros = median(runs.iter().map(|run| run[at]).collect());
        let ratio = median(runs.iter().map(|run| run[at] / run[0]).collect());
        println!("{name:<16} {micros:>6.1} µs  {ratio:.2}");
    }
    Ok(())
}

/// Microseconds of CPU time for each call.
async fn cost(call: &impl AsyncFn() -> anyhow::Result<usize>) -> anyhow::Result<f64> {
    let before = cpu_time()?;
    for _ in 0..REQUESTS {
        ensure!(call().await? > 0);
    }
    Ok((cpu_time()? - before).as_secs_f64() * 1e6 / f64::from(REQUESTS))
}

/// User and system time of this process, in clock ticks of ten milliseconds.
fn cpu_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    Ok(Duration::from_millis((fields[11].parse::<u64>()? + fields[12].parse::<u64>()?) * 10))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
