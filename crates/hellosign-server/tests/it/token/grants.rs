//! How many grants an account can have given to one app.

use std::time::Duration;

use hellosign_server::fixtures::AuthorizationCode;
use hellosign_testkit::{ACCOUNT, CLIENT_ID, OWNER, REFRESH_TOKEN, ROTATING_TOKEN, TestServer};

#[tokio::test]
async fn beyond_fifty_the_oldest_one_ends() {
    let server = TestServer::spawn_with(|config| {
        for n in 0..51 {
            let account = if n == 50 { OWNER } else { ACCOUNT };
            config.fixtures.authorization_codes.push(AuthorizationCode::new(
                n.to_string(),
                CLIENT_ID,
                account,
            ));
        }
    })
    .await;
    // The fixtures' own is one, too.
    let mut tokens = vec![REFRESH_TOKEN.to_owned()];
    let is_good = async |token: &str| server.refresh(token).await.status == 200;
    for n in 0..49 {
        server.clock().advance(Duration::from_secs(1));
        tokens.push(server.exchange(&n.to_string()).await.text("refresh_token"));
    }
    server.clock().advance(Duration::from_secs(1));
    let others = server.exchange("50").await.text("refresh_token");
    assert!(is_good(&tokens[0]).await, "fifty, and one of another account");
    server.clock().advance(Duration::from_secs(1));
    tokens.push(server.exchange("49").await.text("refresh_token"));
    assert!(!is_good(&tokens[0]).await, "the one issued longest ago: a refresh without rotation issues none");
    for token in tokens[1..].iter().chain([&others]) {
        assert!(is_good(token).await);
    }
    assert_eq!(server.rotate(ROTATING_TOKEN).await.status, 200, "another app's");
}
