//! `GET /oauth/authorize`, here where one account approves everything; with people in the modules.

mod browser;
mod consent;
mod sign_in;

use hellosign_testkit::{ACCOUNT, Answer, CALLBACK, CLIENT_ID, OWNER, Request, TestServer, form};

async fn server() -> TestServer {
    TestServer::spawn_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await
}

async fn authorize(server: &TestServer, query: &[(&str, &str)]) -> Answer {
    server.send(Request::new("GET", &format!("/oauth/authorize?{}", form(query)))).await
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("a location")
}

#[tokio::test]
async fn the_callback_gets_a_code_and_the_state_unchanged() {
    let server = server().await;
    let state = r#"{"a": "b&c=d é"}"#;
    let answer =
        authorize(&server, &[("response_type", "code"), ("client_id", CLIENT_ID), ("state", state)]).await;
    let query = location(&answer).strip_prefix(&format!("{CALLBACK}?")).expect("the callback");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let code = query.strip_prefix("code=").unwrap().split('&').next().unwrap();
    assert_eq!(code.len(), 40);
    assert_eq!(query, format!("code={code}&{}", form(&[("state", state)])));
    let tokens = server.exchange(code).await;
    assert_eq!(
        server.account(&tokens.text("access_token")).await.json()["account"]["email_address"],
        ACCOUNT
    );
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_the_clients() {
    let server = server().await;
    for query in [
        vec![],
        vec![("client_id", "unknown")],
        vec![("client_id", CLIENT_ID), ("redirect_uri", "https://evil.example/callback")],
        vec![("client_id", CLIENT_ID), ("redirect_uri", "http://127.0.0.1:9000/callback/..")],
        vec![("client_id", CLIENT_ID), ("client_id", CLIENT_ID)],
        vec![("client_id", CLIENT_ID), ("state", "a"), ("state", "b")],
    ] {
        let answer = authorize(&server, &query).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{query:?}");
        assert!(answer.header("content-security-policy").unwrap().contains("form-action 'none'"));
        assert!(!answer.body.contains("evil"), "nothing of the request is on the page");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_the_client_is_told() {
    let server = server().await;
    for (parameter, expected) in [
        (("response_type", "token"), "error=unsupported_response_type&"),
        (
            ("scope", "account_access"),
            "error=invalid_scope&error_description=Custom+scopes+are+not+supported+yet&",
        ),
        (("code_challenge", "short"), "error=invalid_request&"),
        (("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), "error=invalid_request&"),
        (("code_challenge_method", "S256"), "error=invalid_request&"),
    ] {
        let answer = authorize(&server, &[("client_id", CLIENT_ID), ("state", "s"), parameter]).await;
        let query = location(&answer).strip_prefix(&format!("{CALLBACK}?")).expect("the callback");
        assert!(query.starts_with(expected) && query.ends_with("&state=s"), "{query}");
        assert!(!query.contains("code="));
    }
}

#[tokio::test]
async fn an_app_that_is_not_approved_is_its_owners_only() {
    for (approves, is_allowed) in [(ACCOUNT, false), (OWNER, true)] {
        let server = TestServer::spawn_with(|config| {
            config.auto_approve = Some(approves.to_owned());
            config.fixtures.api_apps[0].is_approved = false;
        })
        .await;
        let answer = authorize(&server, &[("client_id", CLIENT_ID)]).await;
        let location = location(&answer);
        assert_eq!(location.contains("code="), is_allowed, "{location}");
        assert_eq!(location.contains("error=unauthorized_client"), !is_allowed, "{location}");
    }
}

#[tokio::test]
async fn a_parameter_is_sent_once_and_one_without_a_value_was_not_sent() {
    let server = server().await;
    let request = [("response_type", "code"), ("client_id", CLIENT_ID)];
    for twice in ["response_type", "client_id", "state", "redirect_uri", "code_challenge"] {
        let value = if twice == "client_id" { CLIENT_ID } else { "code" };
        let answer = authorize(&server, &[&request[..], &[(twice, value), (twice, value)]].concat()).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{twice}");
    }
    let empty =
        ["redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"].map(|name| (name, ""));
    let unknown = [("unknown", "1"), ("unknown", "2")];
    let answer = authorize(&server, &[&request[..], &empty, &unknown].concat()).await;
    assert!(location(&answer).starts_with(&format!("{CALLBACK}?code=")), "{answer:?}");
    assert!(!location(&answer).contains("state"), "none was sent");
}
