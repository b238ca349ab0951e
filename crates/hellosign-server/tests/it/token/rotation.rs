//! Rotation over the wire. Each line of the rule has its own test beside the rule; here it is seen
//! that the rule is applied to what is stored.

use std::sync::Arc;
use std::time::Duration;

use hellosign_testkit::{CODE, REFRESH_TOKEN, ROTATING_TOKEN, TestServer};
use tokio::task::JoinSet;

const GRACE: Duration = Duration::from_secs(10);

/// A grant that was rotated once already: its parent and the generation in force.
async fn rotated(server: &TestServer) -> (String, String) {
    let parent = server.rotate(ROTATING_TOKEN).await.text("refresh_token");
    let current = server.rotate(&parent).await.text("refresh_token");
    (parent, current)
}

async fn is_alive(server: &TestServer, current: &str) -> bool {
    server.rotate(current).await.status == 200
}

#[tokio::test]
async fn each_refresh_gives_a_successor() {
    let server = TestServer::spawn().await;
    let first = server.rotate(ROTATING_TOKEN).await;
    assert_eq!(first.status, 200, "{first:?}");
    let second = server.rotate(&first.text("refresh_token")).await;
    let tokens = [ROTATING_TOKEN.to_owned(), first.text("refresh_token"), second.text("refresh_token")];
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    assert_eq!(server.account(&second.text("access_token")).await.status, 200);
    assert_eq!(server.account(&first.text("access_token")).await.status, 200, "until its own expiry");
}

#[tokio::test]
async fn a_retry_within_grace_gets_the_same_answer_with_what_is_left_of_its_lifetime() {
    let server = TestServer::spawn().await;
    let first = server.rotate(ROTATING_TOKEN).await;
    server.clock().advance(Duration::from_millis(9_999));
    let server = server.restart().await;
    let again = server.rotate(ROTATING_TOKEN).await;
    for name in ["access_token", "refresh_token"] {
        assert_eq!(first.text(name), again.text(name));
    }
    assert_eq!(again.json()["expires_in"], 86400 - 9);
}

#[tokio::test]
async fn a_lost_answer_is_forgiven_and_the_lost_one_is_void() {
    let server = TestServer::spawn().await;
    let lost = server.rotate(ROTATING_TOKEN).await;
    server.clock().advance(GRACE);
    let retried = server.rotate(ROTATING_TOKEN).await;
    assert_eq!(retried.status, 200);
    assert_ne!(lost.text("refresh_token"), retried.text("refresh_token"));
    assert_eq!(server.rotate(&lost.text("refresh_token")).await.text("error"), "invalid_grant");
    assert!(!is_alive(&server, &retried.text("refresh_token")).await, "a void one that is used is theft");
}

#[tokio::test]
async fn a_void_access_token_that_is_used_is_theft() {
    let server = TestServer::spawn().await;
    let lost = server.rotate(ROTATING_TOKEN).await;
    server.clock().advance(GRACE);
    let retried = server.rotate(ROTATING_TOKEN).await;
    let next = server.rotate(&retried.text("refresh_token")).await;
    assert_eq!(server.account(&lost.text("access_token")).await.status, 401);
    assert_eq!(server.account(&next.text("access_token")).await.status, 401, "the grant has ended");
    assert!(!is_alive(&server, &next.text("refresh_token")).await);
}

#[tokio::test]
async fn a_parent_that_comes_back_after_its_successor_was_used_is_theft() {
    let server = TestServer::spawn().await;
    let first = server.rotate(ROTATING_TOKEN).await;
    assert_eq!(server.account(&first.text("access_token")).await.status, 200);
    // What is seen is written within a second of real time; a stop writes it for certain.
    let server = server.restart().await;
    server.clock().advance(GRACE);
    assert_eq!(server.rotate(ROTATING_TOKEN).await.text("error"), "invalid_grant");
    assert_eq!(server.account(&first.text("access_token")).await.status, 401);
    assert!(!is_alive(&server, &first.text("refresh_token")).await);
}

#[tokio::test]
async fn an_older_access_token_does_not_say_that_the_current_one_has_arrived() {
    let server = TestServer::spawn().await;
    let first = server.rotate(ROTATING_TOKEN).await;
    server.clock().advance(GRACE);
    let _lost = server.rotate(&first.text("refresh_token")).await;
    assert_eq!(server.account(&first.text("access_token")).await.status, 200);
    // What is seen is written within a second of real time; a stop writes it for certain.
    let server = server.restart().await;
    server.clock().advance(GRACE);
    let retried = server.rotate(&first.text("refresh_token")).await;
    assert_eq!(retried.status, 200, "a lost answer, and no theft");
    assert!(is_alive(&server, &retried.text("refresh_token")).await);
}

#[tokio::test]
async fn an_older_one_is_theft_after_the_grace_period() {
    let server = TestServer::spawn().await;
    let (_, current) = rotated(&server).await;
    assert_eq!(server.rotate(ROTATING_TOKEN).await.text("error"), "invalid_grant");
    server.clock().advance(GRACE - Duration::from_millis(1));
    assert_eq!(server.rotate(ROTATING_TOKEN).await.text("error"), "invalid_grant");
    let next = server.rotate(&current).await;
    assert_eq!(next.status, 200, "within grace it is refused and nothing else");
    server.clock().advance(GRACE);
    assert_eq!(server.rotate(ROTATING_TOKEN).await.text("error"), "invalid_grant");
    assert!(!is_alive(&server, &next.text("refresh_token")).await);
}

#[tokio::test]
async fn a_stranger_with_a_spent_token_cannot_end_the_grant() {
    let server = TestServer::spawn_with(|config| {
        config.fixtures.api_apps[1].switches.refresh_credentials_required = Some(false)
    })
    .await;
    let (_, current) = rotated(&server).await;
    server.clock().advance(GRACE);
    let stranger = server.token(&[("grant_type", "refresh_token"), ("refresh_token", ROTATING_TOKEN)]).await;
    assert_eq!(stranger.text("error"), "invalid_grant");
    assert_eq!(server.refresh(ROTATING_TOKEN).await.text("error"), "invalid_grant", "nor can another client");
    assert!(is_alive(&server, &current).await);
}

#[tokio::test]
async fn a_grant_that_has_ended_stays_ended() {
    let server = TestServer::spawn().await;
    let (parent, current) = rotated(&server).await;
    server.clock().advance(GRACE);
    server.rotate(ROTATING_TOKEN).await;
    let server = server.restart().await;
    for token in [ROTATING_TOKEN, &parent, &current] {
        assert_eq!(server.rotate(token).await.text("error"), "invalid_grant");
    }
}

#[tokio::test]
async fn a_clock_set_back_revives_nothing() {
    let server = TestServer::spawn().await;
    let (parent, current) = rotated(&server).await;
    let used = server.rotate(&current).await;
    server.clock().advance(GRACE);
    assert_eq!(server.account(&used.text("access_token")).await.status, 200);
    let server = server.restart().await;
    server.clock().set_back(Duration::from_secs(3600));
    assert_eq!(server.rotate(&parent).await.text("error"), "invalid_grant");
    assert!(
        !is_alive(&server, &used.text("refresh_token")).await,
        "theft an hour earlier is theft all the same"
    );
}

#[tokio::test]
async fn the_profile_does_not_rotate() {
    let server = TestServer::spawn().await;
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("refresh_token"), REFRESH_TOKEN);
    let exchanged = server.exchange(CODE).await.text("refresh_token");
    assert_eq!(server.refresh(&exchanged).await.text("refresh_token"), exchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_get_one_successor() {
    let server = Arc::new(TestServer::spawn().await);
    let native = server.rotate(ROTATING_TOKEN).await.text("refresh_token");
    let mut asking = JoinSet::new();
    for _ in 0..64 {
        let (server, token) = (Arc::clone(&server), native.clone());
        asking.spawn(async move { server.rotate(&token).await });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    for name in ["access_token", "refresh_token"] {
        assert!(answers.iter().all(|answer| answer.text(name) == answers[0].text(name)));
    }
    assert_eq!(server.account(&answers[0].text("access_token")).await.status, 200);
    assert!(is_alive(&server, &answers[0].text("refresh_token")).await);
}
