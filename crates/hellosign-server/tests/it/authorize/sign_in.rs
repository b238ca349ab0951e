//! Signing in, staying signed in, signing out.

use std::time::Duration;

use hellosign_testkit::{ACCOUNT, Answer, CLIENT_ID, OWNER, PASSWORD, Request, TestServer};

use super::browser::{Browser, is_consent, is_sign_in, ticket};

const SESSION: &str = "__Host-hellosign_session";

/// A browser in which the account is signed in.
async fn signed_in(server: &TestServer) -> Browser {
    let mut browser = Browser::default();
    let page = browser.start(server).await;
    let answer = browser.sign_in(server, &page, ACCOUNT, PASSWORD).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    browser
}

async fn fail(server: &TestServer, browser: &mut Browser, times: usize) -> Answer {
    let mut page = browser.start(server).await;
    for _ in 0..times {
        page = browser.sign_in(server, &page, ACCOUNT, "wrong").await;
    }
    page
}

#[tokio::test]
async fn leads_to_the_page_that_the_person_came_for() {
    let server = TestServer::spawn().await;
    let mut browser = Browser::default();
    let page = browser.open(&server, &[("client_id", CLIENT_ID), ("state", "a \"b\" <c>&d")]).await;
    assert_eq!(page.status, 200);
    assert!(is_sign_in(&page) && page.body.contains("Contract portal"));
    assert!(page.body.len() < 30_000);
    let before = browser.cookies[SESSION].clone();

    let capitals = ACCOUNT.to_uppercase();
    let answer = browser.sign_in(&server, &page, &format!(" {capitals} "), PASSWORD).await;
    assert_ne!(browser.cookies[SESSION], before, "a session that others may know is not kept");
    let page = browser.follow(&server, &answer).await;
    assert!(is_consent(&page), "{page:?}");
    let answer = browser.decide(&server, &page, "deny").await;
    assert!(answer.header("location").unwrap().ends_with("state=a+%22b%22+%3Cc%3E%26d"), "{answer:?}");
}

#[tokio::test]
async fn what_is_wrong_is_not_said() {
    let server = TestServer::spawn().await;
    let mut browser = Browser::default();
    let mut bodies = Vec::new();
    // The owner has no password: that account cannot sign in.
    for (email_address, password) in
        [(ACCOUNT, "wrong"), (ACCOUNT, ""), ("nobody@example.com", PASSWORD), (OWNER, PASSWORD), (OWNER, "")]
    {
        let page = browser.start(&server).await;
        let answer = browser.sign_in(&server, &page, email_address, password).await;
        assert_eq!(answer.status, 400, "{email_address}");
        let body = answer.body.replace(&ticket(&answer), "");
        bodies.push(body.replace(&format!("value=\"{email_address}\""), "").replace(" autofocus", ""));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the pages differ");
    assert!(bodies[0].contains("do not go together"));
}

#[tokio::test]
async fn a_form_holds_for_the_browser_that_it_was_given_to() {
    let server = TestServer::spawn().await;
    let (mut theirs, mut mine) = (Browser::default(), Browser::default());
    let page = theirs.start(&server).await;
    mine.start(&server).await;
    for mut browser in [mine, Browser::default()] {
        let answer = browser.sign_in(&server, &page, ACCOUNT, PASSWORD).await;
        assert_eq!((answer.status, answer.header("location")), (400, None));
        assert!(is_sign_in(&answer) && answer.body.contains("out of date"), "and is asked once more");
        let page = browser.start(&server).await;
        assert!(is_sign_in(&page), "nobody is signed in");
    }
    let page = theirs.start(&server).await;
    server.clock().advance(Duration::from_secs(600));
    let answer = theirs.sign_in(&server, &page, ACCOUNT, PASSWORD).await;
    assert_eq!((answer.status, is_sign_in(&answer)), (400, true), "ten minutes later it is void");
    let answer = theirs.sign_in(&server, &answer, ACCOUNT, PASSWORD).await;
    assert_eq!(answer.status, 303, "and the new one is good");
}

#[tokio::test]
async fn failures_are_slowed_and_lock_nobody_out() {
    let server = TestServer::spawn().await;
    let mut known = signed_in(&server).await;
    known.cookies.remove(SESSION);

    let mut stranger = Browser::default();
    let last = fail(&server, &mut stranger, 10).await;
    assert_eq!(last.status, 400, "the tenth failure is an ordinary one");
    let slowed = stranger.sign_in(&server, &last, ACCOUNT, PASSWORD).await;
    assert_eq!(slowed.status, 429, "then even the right one has to wait");
    let seconds: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&seconds), "{seconds}");
    assert!(slowed.body.contains(&format!("Try again in {seconds} seconds")));

    let page = known.start(&server).await;
    let answer = known.sign_in(&server, &page, ACCOUNT, PASSWORD).await;
    assert_eq!(answer.status, 303, "where the owner has signed in before, a stranger changes nothing");

    server.clock().advance(Duration::from_secs(seconds));
    let answer = stranger.sign_in(&server, &slowed, ACCOUNT, PASSWORD).await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn a_known_browser_is_slowed_too() {
    let server = TestServer::spawn().await;
    let mut known = signed_in(&server).await;
    known.cookies.remove(SESSION);
    let last = fail(&server, &mut known, 10).await;
    assert_eq!(last.status, 400);
    assert_eq!(known.sign_in(&server, &last, ACCOUNT, PASSWORD).await.status, 429);
    let mut forged = Browser::default();
    let cookie = format!("{}{}", "00".repeat(16), "00".repeat(36));
    forged.cookies.insert("__Host-hellosign_device".to_owned(), cookie);
    assert_eq!(fail(&server, &mut forged, 11).await.status, 429, "a cookie that is made up is no use");
}

#[tokio::test]
async fn one_address_cannot_try_many_accounts() {
    let server = TestServer::spawn().await;
    let mut browser = Browser::default();
    let mut page = browser.start(&server).await;
    for at in 0..30 {
        page = browser.sign_in(&server, &page, &format!("{at}@example.com"), "guess").await;
        assert_eq!(page.status, 400, "{at}");
    }
    assert_eq!(browser.sign_in(&server, &page, "31@example.com", "guess").await.status, 429);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_after_half_a_day() {
    let server = TestServer::spawn().await;
    let mut browser = signed_in(&server).await;
    server.clock().advance(Duration::from_secs(30 * 60 - 1));
    assert!(is_consent(&browser.start(&server).await));
    let server = server.restart().await;
    server.clock().advance(Duration::from_secs(30 * 60 - 1));
    assert!(is_consent(&browser.start(&server).await), "using it keeps it");
    let server = server.restart().await;
    server.clock().advance(Duration::from_secs(30 * 60));
    assert!(is_sign_in(&browser.start(&server).await), "not used for half an hour");

    let mut browser = signed_in(&server).await;
    let mut server = server;
    for _ in 0..24 {
        assert!(is_consent(&browser.start(&server).await));
        server = server.restart().await;
        server.clock().advance(Duration::from_secs(30 * 60 - 1));
    }
    server.clock().advance(Duration::from_secs(24));
    assert!(is_sign_in(&browser.start(&server).await), "half a day old, however much it was used");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let server = TestServer::spawn().await;
    let mut browser = signed_in(&server).await;
    let thief = browser.clone();
    let page = browser.start(&server).await;
    let ticket = ticket(&page);
    let answer = browser.post(&server, "/oauth/authorize/sign_out", &[("ticket", &ticket)]).await;
    assert!(!browser.cookies.contains_key(SESSION));
    let page = browser.follow(&server, &answer).await;
    assert!(is_sign_in(&page));
    for mut browser in [browser, thief] {
        assert!(is_sign_in(&browser.start(&server).await));
    }
    let mut other = signed_in(&server).await;
    let forged = other.post(&server, "/oauth/authorize/sign_out", &[("ticket", &ticket)]).await;
    assert_eq!(forged.status, 400, "another site cannot sign anybody out");
    assert!(is_consent(&other.start(&server).await));
}

#[tokio::test]
async fn cookies_travel_over_tls_only_but_for_loopback() {
    let server = TestServer::spawn().await;
    for (host, name, is_secure) in [
        ("auth.example", "__Host-hellosign_session=", true),
        ("127.0.0.1:8065", "hellosign_session=", false),
        ("localhost:8065", "hellosign_session=", false),
    ] {
        let target = format!("/oauth/authorize?client_id={CLIENT_ID}");
        let answer = server.send(Request::new("GET", &target).host(host)).await;
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(name), "{cookie}");
        assert!(
            cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Path=/")
        );
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), is_secure, "{cookie}");
    }
}
