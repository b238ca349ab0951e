//! What ends grants, at the same moment as what makes or renews them. Whoever was first: once the end has been
//! answered, nothing that was issued is good.

use std::sync::Arc;
use std::time::Duration;

use hellosign_server::fixtures::AuthorizationCode;
use hellosign_testkit::{
    ACCOUNT, API_KEY, Answer, CLIENT_ID, CLIENT_SECRET, OWNER, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN,
    Request, TestServer, basic, form, send,
};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CLIENTS: usize = 64;
const ROUNDS: usize = 16;

/// Between two of those who come later, so that some come too late whatever the database.
const LATER: Duration = Duration::from_micros(200);

/// The answers to all requests, which are sent at one moment; those after this one a little later, one by one.
async fn at_once(server: &TestServer, requests: Vec<Request>, at: usize) -> Vec<Answer> {
    let (address, barrier) = (server.address(), Arc::new(Barrier::new(requests.len())));
    let mut asking = JoinSet::new();
    for (n, request) in requests.into_iter().enumerate() {
        let barrier = Arc::clone(&barrier);
        asking.spawn(async move {
            barrier.wait().await;
            tokio::time::sleep(LATER * u32::try_from(n.saturating_sub(at)).unwrap()).await;
            (n, send(address, request).await.unwrap())
        });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn post(path: &str, parameters: &[(&str, &str)]) -> Request {
    Request::new("POST", path).body("application/x-www-form-urlencoded", form(parameters))
}

/// How many of these were answered tokens; none of those is good any more.
async fn issued(server: &TestServer, client_id: &str, answers: &[Answer], refusal: &str) -> usize {
    let mut issued = 0;
    for answer in answers {
        if answer.status != 200 {
            assert_eq!((answer.status, answer.text("error").as_str()), (400, refusal), "{answer:?}");
            continue;
        }
        issued += 1;
        assert_eq!(server.account(&answer.text("access_token")).await.status, 401);
        let token = answer.text("refresh_token");
        let again = post("/oauth/token", &refresh(client_id, &token));
        assert_eq!(server.send(again).await.text("error"), "invalid_grant");
    }
    issued
}

fn refresh<'a>(client_id: &'a str, token: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("client_secret", CLIENT_SECRET),
        ("refresh_token", token),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_revocation_and_sixty_three_refreshes() {
    let server = TestServer::spawn_with(|config| config.rate_limit = None).await;
    let (mut answered, mut refused) = (0, 0);
    for (client_id, token) in [(CLIENT_ID, REFRESH_TOKEN), (ROTATING_ID, ROTATING_TOKEN)] {
        for round in 0..ROUNDS {
            server.control().reset().await.unwrap();
            let mut requests: Vec<_> =
                (1..CLIENTS).map(|_| post("/oauth/token", &refresh(client_id, token))).collect();
            let revocation = post(
                "/oauth/revoke",
                &[("client_id", client_id), ("client_secret", CLIENT_SECRET), ("token", token)],
            );
            // Sooner or later, from round to round.
            let at = round * CLIENTS / ROUNDS;
            requests.insert(at, revocation);
            let mut answers = at_once(&server, requests, at).await;
            assert_eq!(answers.remove(at).status, 200);
            let issued = issued(&server, client_id, &answers, "invalid_grant").await;
            (answered, refused) = (answered + issued, refused + answers.len() - issued);
        }
    }
    assert!(answered > 0 && refused > 0, "they did meet: {answered} answered, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_change_of_scopes_and_sixty_three_exchanges() {
    let codes: Vec<String> = (1..CLIENTS).map(|n| format!("code-{n}")).collect();
    let server = TestServer::spawn_with(|config| {
        config.rate_limit = None;
        for (n, code) in codes.iter().enumerate() {
            // An account keeps 50 grants of an app.
            let account = if n % 2 == 0 { ACCOUNT } else { OWNER };
            let code = AuthorizationCode::new(code.as_str(), CLIENT_ID, account);
            config.fixtures.authorization_codes.push(code);
        }
    })
    .await;
    let exchange = |code: &str| {
        post(
            "/oauth/token",
            &[
                ("grant_type", "authorization_code"),
                ("client_id", CLIENT_ID),
                ("client_secret", CLIENT_SECRET),
                ("code", code),
            ],
        )
    };
    let (mut answered, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        server.control().reset().await.unwrap();
        let mut requests: Vec<_> = codes.iter().map(|code| exchange(code)).collect();
        let scopes = json!({"oauth": {"scopes": ["basic_account_info"]}}).to_string();
        let change = Request::new("PUT", &format!("/v3/api_app/{CLIENT_ID}"))
            .header("Authorization", &basic(API_KEY, ""))
            .body("application/json", scopes);
        let at = round * CLIENTS / ROUNDS;
        requests.insert(at, change);
        let mut answers = at_once(&server, requests, at).await;
        let changed = answers.remove(at);
        assert_eq!(changed.status, 200);
        assert_eq!(changed.json()["warnings"][0]["warning_name"], "oauth_grants_revoked");
        let issued = issued(&server, CLIENT_ID, &answers, "invalid_request").await;
        (answered, refused) = (answered + issued, refused + answers.len() - issued);
        for code in &codes {
            let late = server.send(exchange(code)).await;
            assert_eq!(late.text("error"), "invalid_request", "what was allowed were other scopes");
        }
    }
    assert!(answered > 0 && refused > 0, "they did meet: {answered} answered, {refused} refused");
}
