//! Each switch under both profiles, and over them. `docs/server.md` has the table.

use std::time::Duration;

use hellosign_server::{Config, Profile, Server, Switches};
use hellosign_testkit::{
    ACCOUNT, Answer, CALLBACK, CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN,
    Request, TestServer, basic, config, form,
};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const PKCE: [(&str, &str); 2] = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];

/// Four servers: both profiles, and each with the switch set the other way. With whether the switch is on.
async fn servers(set: fn(&mut Switches, bool)) -> Vec<(TestServer, bool)> {
    let mut servers = Vec::new();
    for (profile, switch, is_on) in [
        (Profile::HelloSign, None, false),
        (Profile::HelloSign, Some(true), true),
        (Profile::Strict, None, true),
        (Profile::Strict, Some(false), false),
    ] {
        let change = move |config: &mut Config| {
            config.profile = profile;
            config.auto_approve = Some(ACCOUNT.to_owned());
            if let Some(switch) = switch {
                config.fixtures.api_apps.iter_mut().for_each(|app| set(&mut app.switches, switch));
            }
        };
        servers.push((TestServer::spawn_with(change).await, is_on));
    }
    servers
}

/// What the callback is told.
async fn authorize(server: &TestServer, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let query = [&[("response_type", "code"), ("client_id", CLIENT_ID)], more].concat();
    let host = server.address().to_string();
    let target = format!("/oauth/authorize?{}", form(&query));
    let answer = server.send(Request::new("GET", &target).host(&host)).await;
    let to = answer.header("location").unwrap_or_else(|| panic!("no redirect: {answer:?}"));
    let query = to.split_once('?').expect("a query").1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn one<'a>(told: &'a [(String, String)], name: &str) -> Option<&'a str> {
    told.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

async fn code(server: &TestServer, more: &[(&str, &str)]) -> String {
    let told = authorize(server, more).await;
    one(&told, "code").unwrap_or_else(|| panic!("no code: {told:?}")).to_owned()
}

async fn exchange(server: &TestServer, code: &str, more: &[(&str, &str)]) -> Answer {
    let client = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", code),
    ];
    server.token(&[&client, more].concat()).await
}

#[tokio::test]
async fn pkce_required() {
    for (server, is_on) in servers(|switches, on| switches.pkce_required = Some(on)).await {
        let told = authorize(&server, &[]).await;
        assert_eq!(one(&told, "error"), is_on.then_some("invalid_request"), "{told:?}");
        // A challenge that was sent is enforced everywhere.
        let code = code(&server, &PKCE).await;
        assert_eq!(exchange(&server, &code, &[]).await.text("error"), "invalid_request");
        let wrong = exchange(&server, &code, &[("code_verifier", &"x".repeat(43))]).await;
        assert_eq!(wrong.text("error"), "invalid_grant");
        assert_eq!(exchange(&server, &code, &[("code_verifier", VERIFIER)]).await.status, 200);
    }
}

#[tokio::test]
async fn stray_code_verifier_refused() {
    for (server, is_on) in servers(|switches, on| switches.stray_code_verifier_refused = Some(on)).await {
        let answer = exchange(&server, CODE, &[("code_verifier", VERIFIER)]).await;
        assert_eq!(answer.status, if is_on { 400 } else { 200 }, "{answer:?}");
    }
}

#[tokio::test]
async fn redirect_uri_repeated() {
    for (server, is_on) in servers(|switches, on| switches.redirect_uri_repeated = Some(on)).await {
        let redirect_uri = ("redirect_uri", CALLBACK);
        let code = code(&server, &[PKCE.as_slice(), &[redirect_uri]].concat()).await;
        let verifier = ("code_verifier", VERIFIER);
        let wrong = exchange(&server, &code, &[verifier, ("redirect_uri", "http://127.0.0.1:1/x")]).await;
        assert_eq!(wrong.status, 400);
        let without = exchange(&server, &code, &[verifier]).await;
        assert_eq!(without.status, if is_on { 400 } else { 200 }, "{without:?}");
        if is_on {
            assert_eq!(exchange(&server, &code, &[verifier, redirect_uri]).await.status, 200);
        }
    }
}

#[tokio::test]
async fn rfc_error_codes() {
    for (server, is_on) in servers(|switches, on| switches.rfc_error_codes = Some(on)).await {
        let answer = exchange(&server, "unknown", &[]).await;
        let expected = if is_on { "invalid_grant" } else { "invalid_request" };
        assert_eq!((answer.status, answer.text("error").as_str()), (400, expected));
        assert_eq!(answer.text("error_description").contains("inital"), !is_on);
        let foreign = exchange(&server, CODE, &[("redirect_uri", "http://127.0.0.1:1/x")]).await;
        assert_eq!(foreign.text("error"), expected);
        let query = form(&[("client_id", CLIENT_ID), PKCE[0], PKCE[1]]);
        let answer = server.send(Request::new("GET", &format!("/oauth/authorize?{query}"))).await;
        assert_eq!(answer.header("location").unwrap().contains("error=invalid_request"), is_on);
    }
    // Who asks is not known here, so the profile decides.
    for (profile, status, error) in
        [(Profile::HelloSign, 400, "invalid_request"), (Profile::Strict, 401, "invalid_client")]
    {
        let server = TestServer::spawn_with(|config| config.profile = profile).await;
        let answer = server
            .token(&[
                ("grant_type", "authorization_code"),
                ("client_id", "nobody"),
                ("client_secret", "x"),
                ("code", "x"),
            ])
            .await;
        assert_eq!((answer.status, answer.text("error").as_str()), (status, error));
    }
}

#[tokio::test]
async fn issuer_in_response() {
    for (server, is_on) in servers(|switches, on| switches.issuer_in_response = Some(on)).await {
        let issuer = format!("http://{}", server.address());
        for more in [PKCE.as_slice(), &[PKCE[0], PKCE[1], ("scope", "team_access")]] {
            let told = authorize(&server, more).await;
            assert_eq!(one(&told, "iss"), is_on.then_some(issuer.as_str()), "{told:?}");
        }
    }
}

#[tokio::test]
async fn scope_accepted() {
    for (server, is_on) in servers(|switches, on| switches.scope_accepted = Some(on)).await {
        let asked = [PKCE[0], PKCE[1], ("scope", "request_signature")];
        let told = authorize(&server, &asked).await;
        assert_eq!(one(&told, "error"), (!is_on).then_some("invalid_scope"), "{told:?}");
        if let Some(code) = one(&told, "code") {
            let tokens = exchange(&server, code, &[("code_verifier", VERIFIER)]).await;
            assert_eq!(tokens.text("scope"), "basic_account_info request_signature", "what it got");
        }
        let more = authorize(&server, &[PKCE[0], PKCE[1], ("scope", "request_signature team_access")]).await;
        assert_eq!(one(&more, "error"), Some("invalid_scope"));
    }
}

#[tokio::test]
async fn one_authentication() {
    for (server, is_on) in servers(|switches, on| switches.one_authentication = Some(on)).await {
        let client = [
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", REFRESH_TOKEN),
        ];
        let request = Request::new("POST", "/oauth/token")
            .header("Authorization", &basic(CLIENT_ID, CLIENT_SECRET))
            .body("application/x-www-form-urlencoded", form(&client));
        let answer = server.send(request).await;
        assert_eq!(answer.status, if is_on { 400 } else { 200 }, "{answer:?}");
        assert_eq!(answer.json()["error"] == "invalid_request", is_on);
    }
}

#[tokio::test]
async fn refresh_credentials_required() {
    for (profile, switch, is_on) in [
        (Profile::HelloSign, None, true),
        (Profile::Strict, None, true),
        (Profile::HelloSign, Some(false), false),
        (Profile::Strict, Some(false), false),
    ] {
        let server = TestServer::spawn_with(|config| {
            config.profile = profile;
            config.fixtures.api_apps[0].switches.refresh_credentials_required = switch;
        })
        .await;
        let answer = server.token(&[("grant_type", "refresh_token"), ("refresh_token", REFRESH_TOKEN)]).await;
        assert_eq!(answer.status, if is_on { 400 } else { 200 }, "{profile:?} {switch:?}");
    }
}

#[tokio::test]
async fn refresh_token_rotation() {
    for (profile, switch, is_on) in [
        (Profile::HelloSign, None, false),
        (Profile::HelloSign, Some(true), true),
        (Profile::Strict, None, true),
        (Profile::Strict, Some(false), false),
    ] {
        let server = TestServer::spawn_with(|config| {
            config.profile = profile;
            config.fixtures.api_apps[0].refresh_token_rotation = switch;
        })
        .await;
        let next = server.refresh(REFRESH_TOKEN).await.text("refresh_token");
        assert_eq!(next != REFRESH_TOKEN, is_on, "{profile:?} {switch:?}");
    }
}

#[tokio::test]
async fn refresh_token_idle() {
    const DAY: Duration = Duration::from_secs(86400);
    for (profile, switch, idle) in [
        (Profile::HelloSign, None, None),
        (Profile::HelloSign, Some(86400), Some(1)),
        (Profile::Strict, None, Some(30)),
        (Profile::Strict, Some(0), None),
    ] {
        let server = TestServer::spawn_with(|config| {
            config.profile = profile;
            config.fixtures.api_apps[1].switches.refresh_token_idle = switch;
        })
        .await;
        let mut token = ROTATING_TOKEN.to_owned();
        for _ in 0..3 {
            // Each use counts anew.
            server.clock().advance(DAY * idle.unwrap_or(400) - Duration::from_secs(1));
            token = server.rotate(&token).await.text("refresh_token");
        }
        server.clock().advance(DAY * idle.unwrap_or(400));
        let answer = server.rotate(&token).await;
        assert_eq!(answer.status, if idle.is_some() { 400 } else { 200 }, "{profile:?} {switch:?}");
    }
}

#[tokio::test]
async fn a_public_client_has_pkce_and_rotation_in_place_of_a_secret() {
    let server = TestServer::spawn_with(|config| {
        config.profile = Profile::Strict;
        config.auto_approve = Some(ACCOUNT.to_owned());
        config.fixtures.api_apps[0].client_secret = None;
        config.fixtures.api_apps[0].switches.pkce_required = Some(false);
    })
    .await;
    assert_eq!(one(&authorize(&server, &[]).await, "error"), Some("invalid_request"), "whatever the switch");
    let code = code(&server, &PKCE).await;
    let exchange = async |more: &[(&str, &str)]| {
        let client = [("grant_type", "authorization_code"), ("client_id", CLIENT_ID), ("code", &code)];
        server.token(&[&client, more].concat()).await
    };
    assert_eq!(exchange(&[]).await.status, 400);
    let with_secret = [("code_verifier", VERIFIER), ("client_secret", CLIENT_SECRET)];
    assert_eq!(exchange(&with_secret).await.text("error"), "invalid_client", "it has none");
    let first = exchange(&[("code_verifier", VERIFIER)]).await.text("refresh_token");
    let refresh = async |token: &str| {
        let client = [("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("refresh_token", token)];
        server.token(&client).await
    };
    let second = refresh(&first).await;
    assert_eq!(second.status, 200, "{second:?}");
    let third = refresh(&second.text("refresh_token")).await;
    server.clock().advance(Duration::from_secs(60));
    // The theft of a public client's token shows by its reuse, and by nothing else.
    assert_eq!(refresh(&first).await.status, 400);
    assert_eq!(refresh(&third.text("refresh_token")).await.text("error"), "invalid_grant");

    let about = |path: &str, token: &str| {
        let body = form(&[("client_id", CLIENT_ID), ("token", token)]);
        Request::new("POST", path).body("application/x-www-form-urlencoded", body)
    };
    assert_eq!(server.send(about("/oauth/introspect", &first)).await.status, 401, "RFC 7662 §2.1");
    assert_eq!(server.send(about("/oauth/revoke", &first)).await.status, 200, "RFC 7009 §2.1");
    assert_eq!(server.exchange(CODE).await.status, 401);
    let metadata = server
        .send(Request::new("GET", "/.well-known/oauth-authorization-server").host("127.0.0.1"))
        .await
        .json();
    assert_eq!(metadata["token_endpoint_auth_methods_supported"][2], "none");
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn a_code_without_a_challenge_is_worth_nothing_to_a_public_client() {
    let server = TestServer::spawn_with(|config| {
        config.profile = Profile::Strict;
        config.fixtures.api_apps[0].client_secret = None;
    })
    .await;
    let client = [("grant_type", "authorization_code"), ("client_id", CLIENT_ID), ("code", CODE)];
    assert_eq!(server.token(&client).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn an_app_without_a_secret_needs_the_strict_profile_and_rotation() {
    for (profile, rotation) in
        [(Profile::HelloSign, None), (Profile::HelloSign, Some(true)), (Profile::Strict, Some(false))]
    {
        let (data_dir, clock) = (tempfile::tempdir().unwrap(), std::sync::Arc::default());
        let mut config = config(&data_dir, &clock);
        config.profile = profile;
        config.fixtures.api_apps[1].client_secret = None;
        config.fixtures.api_apps[1].refresh_token_rotation = rotation;
        let error = Server::open(config).await.expect_err("refused").to_string();
        assert!(error.contains(ROTATING_ID) && error.contains("strict"), "{error}");
    }
}
