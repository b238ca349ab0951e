//! `/v3/api_app`

use hellosign_testkit::{
    ACCOUNT, API_KEY, Answer, CALLBACK, CLIENT_ID, OWNER, REFRESH_TOKEN, Request, TestServer, basic,
};
use serde_json::{Value, json};

fn portal() -> Value {
    json!({
        "name": "Portal",
        "domains": ["portal.example"],
        "callback_url": "https://portal.example/events",
        "oauth": {"callback_url": CALLBACK, "scopes": ["basic_account_info", "request_signature"]},
        "options": {"can_insert_everywhere": true},
    })
}

async fn create(server: &TestServer, request: &Value) -> Answer {
    server.api("POST", "/v3/api_app", Some(request)).await
}

#[tokio::test]
async fn an_app_is_made_and_works_and_its_secret_is_said_once() {
    let server = TestServer::spawn_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await;
    let answer = create(&server, &portal()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let app = answer.json()["api_app"].clone();
    let (client_id, secret) = (app["client_id"].as_str().unwrap(), app["oauth"]["secret"].as_str().unwrap());
    assert_eq!((client_id.len(), secret.len()), (32, 64));
    assert_eq!(app["owner_account"]["email_address"], OWNER);
    assert_eq!(app["oauth"]["charges_users"], false);
    assert!(app["created_at"].as_i64().unwrap() > 1_700_000_000, "Unix seconds: {app}");

    let server = server.restart_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await;
    let mut later =
        server.api("GET", &format!("/v3/api_app/{client_id}"), None).await.json()["api_app"].clone();
    assert!(later["oauth"]["secret"].is_null(), "{later}");
    later["oauth"]["secret"] = json!(secret);
    assert_eq!(later, app);

    let target = format!("/oauth/authorize?response_type=code&client_id={client_id}");
    let location = server.send(Request::new("GET", &target)).await;
    let code = location.header("location").and_then(|to| to.split_once("code=")).expect("a code").1;
    let tokens = server
        .token(&[
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("client_secret", secret),
            ("code", code),
        ])
        .await;
    assert_eq!(server.account(&tokens.text("access_token")).await.status, 200);
}

#[tokio::test]
async fn an_app_without_oauth_gets_it_later() {
    let server = TestServer::spawn().await;
    let app = create(&server, &json!({"name": "Portal", "domains": ["portal.example"]})).await.json();
    assert!(app["api_app"]["oauth"].is_null(), "{app}");
    let target = format!("/v3/api_app/{}", app["api_app"]["client_id"].as_str().unwrap());
    let oauth = |oauth: Value| json!({"oauth": oauth});
    let half = server.api("PUT", &target, Some(&oauth(json!({"callback_url": CALLBACK})))).await;
    assert_eq!(half.json()["error"]["error_path"], "oauth[scopes]");
    let half = server.api("PUT", &target, Some(&oauth(json!({"scopes": ["account_access"]})))).await;
    assert_eq!(half.json()["error"]["error_path"], "oauth[callback_url]");
    let both = oauth(json!({"callback_url": CALLBACK, "scopes": ["account_access"]}));
    let answer = server.api("POST", &target, Some(&both)).await;
    let app = answer.json()["api_app"]["oauth"].clone();
    assert!(app["secret"].is_string() && app["charges_users"] == true, "{answer:?}");
    assert_eq!(answer.json().get("warnings"), None, "nobody had authorized anything");
    let again = server.api("PUT", &target, Some(&both)).await.json();
    assert!(again["api_app"]["oauth"]["secret"].is_null(), "no new secret: {again}");
    let without = oauth(json!({"callback_url": "", "scopes": [""]}));
    let answer = server.api("PUT", &target, Some(&without)).await.json();
    assert!(answer["api_app"]["oauth"].is_null(), "{answer}");
    assert_eq!(answer["warnings"][0]["warning_name"], "oauth_grants_revoked");
}

#[tokio::test]
async fn other_scopes_end_what_users_have_authorized_and_say_so() {
    let server = TestServer::spawn().await;
    let target = format!("/v3/api_app/{CLIENT_ID}");
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let renamed =
        json!({"name": "Another", "oauth": {"scopes": ["request_signature", "basic_account_info"]}});
    let answer = server.api("PUT", &target, Some(&renamed)).await;
    assert_eq!((answer.status, answer.json().get("warnings")), (200, None), "the same scopes: {answer:?}");
    assert_eq!(server.account(&token).await.status, 200);

    // Another one, and fewer.
    for scopes in [json!(["account_access", "team_access"]), json!(["basic_account_info"])] {
        let change = json!({"oauth": {"scopes": scopes}});
        server.control().reset().await.unwrap();
        let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
        let answer = server.api("PUT", &target, Some(&change)).await.json();
        assert_eq!(answer["warnings"][0]["warning_name"], "oauth_grants_revoked", "{answer}");
        assert_eq!(server.account(&token).await.status, 401, "{change}");
    }
    let server = server.restart().await;
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("error"), "invalid_grant");
    assert_eq!(
        server.exchange(hellosign_testkit::CODE).await.status,
        400,
        "a code from before is worth nothing"
    );
}

#[tokio::test]
async fn a_deleted_app_is_gone_with_all_that_was_granted_to_it() {
    let server = TestServer::spawn().await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let target = format!("/v3/api_app/{CLIENT_ID}");
    let answer = server.api("DELETE", &target, None).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let server = server.restart().await;
    assert_eq!(server.api("GET", &target, None).await.status, 404);
    assert_eq!(server.api("DELETE", &target, None).await.status, 404);
    assert_eq!(server.account(&token).await.status, 401);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 400);
    assert_eq!(server.exchange(hellosign_testkit::CODE).await.status, 400);
}

#[tokio::test]
async fn apps_are_listed_by_pages() {
    let server = TestServer::spawn().await;
    for number in 0..5 {
        server.clock().advance(std::time::Duration::from_secs(1));
        let app = json!({"name": format!("Portal {number}"), "domains": ["portal.example"]});
        assert_eq!(create(&server, &app).await.status, 201);
    }
    let list = async |query: &str| server.api("GET", &format!("/v3/api_app/list?{query}"), None).await.json();
    let all = list("").await;
    assert_eq!(all["list_info"], json!({"num_pages": 1, "num_results": 7, "page": 1, "page_size": 20}));
    let names = |page: &Value| -> Vec<String> {
        page["api_apps"].as_array().unwrap().iter().map(|app| app["name"].as_str().unwrap().into()).collect()
    };
    let mut pages = Vec::new();
    for page in 1..=4 {
        let page = list(&format!("page={page}&page_size=3")).await;
        assert_eq!(page["list_info"]["num_pages"], 3);
        pages.extend(names(&page));
    }
    assert_eq!(pages, names(&all));
    assert_eq!(pages[2..], ["Portal 0", "Portal 1", "Portal 2", "Portal 3", "Portal 4"]);
    for query in ["page=0", "page=x", "page_size=101", "page=-1"] {
        let answer = list(query).await;
        let path = query.split('=').next().unwrap();
        assert_eq!(answer["error"]["error_path"], path, "{query}");
    }
}

#[tokio::test]
async fn what_an_app_cannot_be_is_refused_by_name() {
    let server = TestServer::spawn().await;
    let with = |path: &str, value: Value| {
        let mut request = portal();
        *request.pointer_mut(path).unwrap() = value;
        request
    };
    for (request, path) in [
        (with("/name", json!("")), "name"),
        (with("/name", json!("x".repeat(256))), "name"),
        (with("/name", json!({"a": 1})), "name"),
        (with("/name", json!(null)), "name"),
        (with("/domains", json!([])), "domains"),
        (with("/domains", json!(["https://portal.example"])), "domains"),
        (with("/domains", json!(vec!["a.example"; 11])), "domains"),
        (with("/callback_url", json!("nowhere")), "callback_url"),
        (with("/oauth/callback_url", json!("http://portal.example/cb")), "oauth[callback_url]"),
        (with("/oauth/callback_url", json!("https://portal.example/cb#x")), "oauth[callback_url]"),
        (with("/oauth/callback_url", json!(null)), "oauth[callback_url]"),
        (with("/oauth/scopes", json!(["account_access", "basic_account_info"])), "oauth[scopes]"),
        (with("/oauth/scopes", json!(["everything"])), "oauth[scopes]"),
        (with("/oauth/scopes", json!(null)), "oauth[scopes]"),
        (with("/options/can_insert_everywhere", json!("perhaps")), "options[can_insert_everywhere]"),
    ] {
        let answer = create(&server, &request).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["error_name"]),
            (400, &json!("bad_request")),
            "{request}: {answer:?}"
        );
        if request["name"] != json!({"a": 1}) {
            assert_eq!(error["error_path"], path, "{request}: {answer:?}");
        }
    }
    let count = server.api("GET", "/v3/api_app/list", None).await.json()["list_info"]["num_results"].clone();
    assert_eq!(count, 2, "nothing was made");
}

#[tokio::test]
async fn what_is_just_within_its_limits_is_taken() {
    let server = TestServer::spawn().await;
    let mut request = portal();
    let label = "x".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", &label[..61]);
    request["name"] = json!("é".repeat(255));
    request["domains"] = json!([longest, "a", "b", "c", "d", "e", "f", "g", "h", "sign_here.example:65535"]);
    request["callback_url"] = json!("https://portal.example/events");
    let app = create(&server, &request).await.json()["api_app"].clone();
    for field in ["name", "domains", "callback_url"] {
        assert_eq!(app[field], request[field]);
    }
    let target = format!("/v3/api_app/{}", app["client_id"].as_str().unwrap());
    let answer = server.api("PUT", &target, Some(&json!({"callback_url": ""}))).await.json();
    assert!(answer["api_app"]["callback_url"].is_null(), "taken away: {answer}");
    for beyond in [format!("{longest}x"), format!("x{label}"), "a..b".into(), "a:65536".into(), "a b".into()]
    {
        let answer = server.api("PUT", &target, Some(&json!({"domains": [beyond]}))).await.json();
        assert_eq!(answer["error"]["error_path"], "domains", "{beyond}");
    }
}

#[tokio::test]
async fn others_apps_are_not_there_and_a_token_needs_its_scope() {
    let other = "another API key";
    let server = TestServer::spawn_with(|config| {
        config.fixtures.accounts[1].api_key = Some(other.into());
        config.fixtures.api_apps[1].scopes = vec!["api_app_access".into()];
    })
    .await;
    let target = format!("/v3/api_app/{CLIENT_ID}");
    for (method, body) in [("GET", None), ("PUT", Some(json!({"name": "Mine"}))), ("DELETE", None)] {
        let answer = server.api_as(&basic(other, ""), method, &target, body.as_ref()).await;
        assert_eq!(answer.status, 404, "{method}");
    }
    assert_eq!(server.api_as(&basic(API_KEY, ""), "GET", &target, None).await.status, 200);

    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let answer = server.api_as(&format!("Bearer {token}"), "GET", "/v3/api_app/list", None).await;
    assert_eq!((answer.status, &answer.json()["error"]["error_name"]), (403, &json!("forbidden")));
    let token = server.rotate(hellosign_testkit::ROTATING_TOKEN).await.text("access_token");
    let answer = server.api_as(&format!("Bearer {token}"), "POST", "/v3/api_app", Some(&portal())).await;
    assert_eq!(answer.json()["api_app"]["owner_account"]["email_address"], ACCOUNT, "{answer:?}");
}
