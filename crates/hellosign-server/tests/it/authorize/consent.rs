//! Allowing and denying.

use std::time::Duration;

use hellosign_testkit::{ACCOUNT, Answer, CALLBACK, OWNER, PASSWORD, ROTATING_ID, Request, TestServer, form};

use super::browser::{Browser, is_consent, is_sign_in, ticket};

/// Signs in, and shows the consent page.
async fn consent_page(server: &TestServer) -> (Browser, Answer) {
    let mut browser = Browser::default();
    let page = browser.start(server).await;
    let answer = browser.sign_in(server, &page, ACCOUNT, PASSWORD).await;
    let page = browser.follow(server, &answer).await;
    assert!(is_consent(&page), "{page:?}");
    (browser, page)
}

fn callback(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").unwrap().strip_prefix(&format!("{CALLBACK}?")).expect("the callback")
}

fn code(answer: &Answer) -> &str {
    let code = callback(answer).strip_prefix("code=").expect("a code");
    code.split('&').next().unwrap()
}

#[tokio::test]
async fn the_page_says_who_asks_for_what() {
    let server = TestServer::spawn_with(|config| {
        config.fixtures.api_apps[0].name = "<script>Contract & \"portal\"".to_owned();
    })
    .await;
    let (_, page) = consent_page(&server).await;
    assert!(page.body.contains("&#60;script&#62;Contract &#38; &#34;portal&#34;"), "{}", page.body);
    assert!(!page.body.contains("<script"));
    for text in [
        ACCOUNT,
        OWNER,
        "127.0.0.1:9000",
        "<li>See your email address and basic account information</li>",
        "<li>Send signature requests for you, and see those that it has sent</li>",
        "charged to the app&#39;s owner",
    ] {
        assert!(page.body.contains(text), "{text} is not in {}", page.body);
    }
    assert!(page.body.len() < 30_000);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:9000; frame-ancestors 'none'"), "{policy}");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
    {
        assert_eq!(page.header(name), Some(value));
    }
}

#[tokio::test]
async fn allowing_gives_a_code_and_the_state() {
    let server = TestServer::spawn().await;
    let (mut browser, page) = consent_page(&server).await;
    let answer = browser.decide(&server, &page, "allow").await;
    assert!(callback(&answer).ends_with("&state=s"));
    let tokens = server.exchange(code(&answer)).await;
    let account = server.account(&tokens.text("access_token")).await.json();
    assert_eq!(account["account"]["email_address"], ACCOUNT);
    assert!(is_consent(&browser.start(&server).await), "every authorization asks");
}

#[tokio::test]
async fn denying_says_so() {
    let server = TestServer::spawn().await;
    let (mut browser, page) = consent_page(&server).await;
    let answer = browser.decide(&server, &page, "deny").await;
    assert_eq!(
        callback(&answer),
        "error=access_denied&error_description=The+user+denied+the+authorization.&state=s"
    );
}

#[tokio::test]
async fn one_consent_yields_one_code() {
    let server = TestServer::spawn().await;
    let (mut browser, page) = consent_page(&server).await;
    let first = browser.decide(&server, &page, "allow").await;
    assert_eq!(server.exchange(code(&first)).await.status, 200);
    let again = browser.decide(&server, &page, "allow").await;
    assert_eq!(code(&again), code(&first), "a second click is the same consent");
    assert_eq!(server.exchange(code(&again)).await.status, 400, "and its code is spent");
    let another = browser.start(&server).await;
    let another = browser.decide(&server, &another, "allow").await;
    assert_ne!(code(&another), code(&first));
}

#[tokio::test]
async fn a_consent_that_is_sent_late_or_from_elsewhere_is_asked_for_again() {
    let server = TestServer::spawn().await;
    let (mut browser, page) = consent_page(&server).await;
    let (mut other, _) = consent_page(&server).await;
    let sealed = ticket(&page);
    let tampered =
        format!("{}{}", &sealed[..sealed.len() - 1], if sealed.ends_with('A') { 'B' } else { 'A' });
    for (browser, ticket) in [(&mut other, &sealed), (&mut browser, &tampered)] {
        let fields = [("ticket", ticket.as_str()), ("decision", "allow")];
        let answer = browser.post(&server, "/oauth/authorize", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{answer:?}");
    }
    let answer = Browser::default().decide(&server, &page, "allow").await;
    assert!(is_sign_in(&answer), "without a session nobody consents");
    let answer = browser.decide(&server, &page, "perhaps").await;
    assert!(is_consent(&answer) && answer.status == 400);

    server.clock().advance(Duration::from_secs(600));
    let answer = browser.decide(&server, &page, "allow").await;
    assert_eq!(answer.status, 400);
    assert!(is_consent(&answer) && answer.body.contains("out of date"), "{answer:?}");
    assert_eq!(browser.decide(&server, &answer, "allow").await.status, 303);
}

#[tokio::test]
async fn a_sign_in_forms_ticket_is_no_consent() {
    let server = TestServer::spawn().await;
    let mut browser = Browser::default();
    let page = browser.start(&server).await;
    browser.sign_in(&server, &page, ACCOUNT, PASSWORD).await;
    let answer = browser.decide(&server, &page, "allow").await;
    assert_eq!((answer.status, is_consent(&answer)), (400, true));
}

#[tokio::test]
async fn what_was_shown_is_what_is_allowed() {
    let server = TestServer::spawn().await;
    let (mut browser, page) = consent_page(&server).await;
    let path = server.data_dir().join("hellosign.db");
    let server = server
        .restart_with(|_| {
            let database = rusqlite::Connection::open(path).unwrap();
            let change = "UPDATE clients SET scopes = 'account_access', epoch = epoch + 1";
            assert_eq!(database.execute(change, []).unwrap(), 2);
        })
        .await;
    let answer = browser.decide(&server, &page, "allow").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("The app has changed"), "{}", answer.body);
    assert!(answer.body.contains("charged to your account"), "{}", answer.body);
    assert_eq!(browser.decide(&server, &answer, "allow").await.status, 303);
}

#[tokio::test]
async fn the_callbacks_port_on_loopback_is_the_requests() {
    let server = TestServer::spawn().await;
    let (mut browser, _) = consent_page(&server).await;
    let query = [("client_id", ROTATING_ID), ("redirect_uri", "http://127.0.0.1:51004/callback")];
    let page = browser.open(&server, &query).await;
    assert!(page.header("content-security-policy").unwrap().contains("'self' http://127.0.0.1:51004;"));
    assert!(page.body.contains("127.0.0.1:51004"));
    let answer = browser.decide(&server, &page, "allow").await;
    assert!(answer.header("location").unwrap().starts_with("http://127.0.0.1:51004/callback?code="));
}

#[tokio::test]
async fn an_app_that_is_not_approved_is_shown_to_its_owner_only() {
    let server = TestServer::spawn_with(|config| config.fixtures.api_apps[0].is_approved = false).await;
    let mut browser = Browser::default();
    let page = browser.start(&server).await;
    let answer = browser.sign_in(&server, &page, ACCOUNT, PASSWORD).await;
    let answer = browser.follow(&server, &answer).await;
    assert!(callback(&answer).starts_with("error=unauthorized_client&"), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let server = TestServer::spawn().await;
    for path in ["/oauth/authorize", "/oauth/authorize/sign_in", "/oauth/authorize/sign_out"] {
        let send = |content_type: &'static str, body: String| {
            server.send(Request::new("POST", path).body(content_type, body))
        };
        assert_eq!(send("application/json", "{}".to_owned()).await.status, 415, "{path}");
        assert_eq!(send("text/plain", form(&[("ticket", "x")])).await.status, 415, "{path}");
        let form_type = "application/x-www-form-urlencoded";
        for fields in [form(&[]), form(&[("ticket", "x")]), form(&[("ticket", "00.e30")]), "x".repeat(70_000)]
        {
            let answer = send(form_type, fields).await;
            assert_eq!((answer.status, answer.header("location")), (400, None), "{path}");
        }
    }
    for path in ["/oauth/authorize/sign_in", "/oauth/authorize/sign_out"] {
        assert_eq!(server.send(Request::new("GET", path)).await.status, 405);
    }
}
