//! The vendor's example of `oauth_token_generate`, with its values.
//!
//! ```text
//! cargo run --example oauth_token_generate [http://127.0.0.1:8065]
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use hellosign_sdk::apis::OAuthApi;
use hellosign_sdk::models::OAuthTokenGenerateRequest;
use hellosign_sdk::{ApiClient, Configuration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Without an argument the vendor's hosts, where these values are long used up.
    let mut configuration = Configuration::builder();
    if let Some(server) = std::env::args().nth(1) {
        configuration = configuration.server(&server);
    }
    let oauth = OAuthApi::new(&ApiClient::new(configuration.build()?));

    let request = OAuthTokenGenerateRequest::new(
        "cc91c61d00f8bb2ece1428035716b",
        "1d14434088507ffa390e6f5528465",
        "1b0d28d90c86c141",
        "900e06e2",
    );
    let tokens = oauth.oauth_token_generate(&request).await?;
    println!("token_type: {}", tokens.token_type);
    println!("expires_in: {:?}", tokens.expires_in);
    println!("refresh_token: {}", if tokens.refresh_token.is_some() { "received" } else { "none" });
    println!("state: {:?}", tokens.state);
    Ok(())
}
