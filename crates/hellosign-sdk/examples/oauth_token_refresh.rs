//! The vendor's example of `oauth_token_refresh`, with its values; the new token reads the account.
//!
//! ```text
//! cargo run --example oauth_token_refresh [http://127.0.0.1:8065]
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use hellosign_sdk::apis::{AccountApi, OAuthApi};
use hellosign_sdk::models::OAuthTokenRefreshRequest;
use hellosign_sdk::{ApiClient, Configuration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Without an argument the vendor's hosts, where these values are long used up.
    let mut configuration = Configuration::builder();
    if let Some(server) = std::env::args().nth(1) {
        configuration = configuration.server(&server);
    }
    let oauth = OAuthApi::new(&ApiClient::new(configuration.clone().build()?));

    let request = OAuthTokenRefreshRequest::new("hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3")
        .with_client("cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465");
    let tokens = match oauth.oauth_token_refresh(&request).await {
        Err(error) if error.is_grant_dead() => return Err("the user has to authorize the app again".into()),
        answer => answer?,
    };
    println!("expires_in: {:?}", tokens.expires_in);

    let client = ApiClient::new(configuration.access_token(tokens.access_token).build()?);
    let account = AccountApi::new(&client).account_get(None, None).await?.account;
    println!("account: {}", account.email_address);
    Ok(())
}
