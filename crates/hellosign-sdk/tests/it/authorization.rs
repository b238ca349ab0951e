//! From the browser's leaving to its coming back.

use std::time::{Duration, SystemTime};

use hellosign_sdk::authorization::{
    AuthorizationError, AuthorizationRequest, LoopbackListener, PendingAuthorization,
};
use hellosign_sdk::tokens::{Clock, SealingKeys, TokenManager};
use hellosign_sdk::{ApiClient, Configuration};
use hellosign_testkit::{ACCOUNT, CALLBACK, CLIENT_ID, CLIENT_SECRET, Request, TestServer};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn pending() -> (PendingAuthorization, String) {
    let pending = AuthorizationRequest::new(&Configuration::default(), "the-client").start(now());
    let state = pending.url().split_once("state=").unwrap().1.to_owned();
    (pending, state)
}

#[test]
fn the_url_has_what_was_asked_for_and_no_scope() {
    let configuration = Configuration::builder().server("http://127.0.0.1:8065").build().unwrap();
    let request = AuthorizationRequest::new(&configuration, "the client");
    let url = request.clone().start(now()).url().to_owned();
    let (start, state) = url.split_once("&state=").unwrap();
    assert_eq!(start, "http://127.0.0.1:8065/oauth/authorize?response_type=code&client_id=the+client");
    assert_eq!(state.len(), 22, "128 bits in base64");
    assert_ne!(request.start(now()).url(), url);

    let url = request.redirect_uri("https://example.com/back?to=1").pkce().start(now()).url().to_owned();
    assert!(url.contains("&redirect_uri=https%3A%2F%2Fexample.com%2Fback%3Fto%3D1&code_challenge="), "{url}");
    assert!(url.ends_with("&code_challenge_method=S256"), "{url}");
    assert!(!url.contains("scope"));
}

#[test]
fn each_callback_that_is_no_authorization_says_why() {
    let (pending, state) = pending();
    let complete = |query: &str| pending.complete(&query.replace("STATE", &state), now()).unwrap_err();
    let cases = [
        ("code=1", AuthorizationError::StateMissing),
        ("", AuthorizationError::StateMissing),
        ("code=1&state=other", AuthorizationError::StateMismatch),
        ("error=access_denied&state=other", AuthorizationError::StateMismatch),
        ("error=access_denied&state=STATE", AuthorizationError::Denied),
        ("https://example.com/back?error=access_denied&state=STATE#x", AuthorizationError::Denied),
        (
            "error=server_error&error_description=oops&state=STATE",
            AuthorizationError::Refused {
                error: hellosign_sdk::models::ErrorCode::ServerError,
                description: Some("oops".to_owned()),
            },
        ),
        ("state=STATE", AuthorizationError::CodeMissing),
        ("code=&state=STATE", AuthorizationError::CodeMissing),
        ("code=1&code=2&state=STATE", AuthorizationError::Repeated("code")),
        ("code=1&state=STATE&state=STATE", AuthorizationError::Repeated("state")),
        ("code=1&state=STATE&iss=https://evil.example", AuthorizationError::IssuerMismatch),
    ];
    for (callback, expected) in cases {
        assert_eq!(complete(callback), expected, "{callback}");
    }
    let good = format!("https://example.com/back?code=1&state={state}&iss=https%3A%2F%2Fapp.hellosign.com");
    pending.complete(&good, now() + Duration::from_secs(3600)).unwrap();
    for late in [now() + Duration::from_secs(3601), now() - Duration::from_secs(1)] {
        assert_eq!(pending.complete(&good, late).unwrap_err(), AuthorizationError::Expired);
    }
}

#[test]
fn what_is_sealed_opens_in_the_same_session_only() {
    let (pending, state) = pending();
    let keys = SealingKeys::new(1, [1; 32]);
    let sealed = pending.seal(&keys, "session");
    assert!(!sealed.contains(&state));
    assert!(!format!("{pending:?}").contains(&state));
    let opened = PendingAuthorization::open(&keys, "session", &sealed).unwrap();
    assert_eq!(opened.url(), pending.url());
    assert!(PendingAuthorization::open(&keys, "another", &sealed).is_none());
    assert!(PendingAuthorization::open(&SealingKeys::new(1, [2; 32]), "session", &sealed).is_none());
    assert!(PendingAuthorization::open(&keys, "session", &sealed[1..]).is_none());
    assert!(PendingAuthorization::open(&keys, "session", "").is_none());
}

/// The whole way, with PKCE and a redirect URI of one's own: a loopback address with any port.
#[tokio::test]
async fn a_user_who_allows_is_an_account_with_tokens() {
    let server = TestServer::spawn_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await;
    let configuration =
        Configuration::builder().server(&format!("http://{}", server.address())).build().unwrap();
    let client = ApiClient::new(configuration.clone());
    let manager = TokenManager::builder(&client, CLIENT_ID, CLIENT_SECRET).build();
    let redirect_uri = CALLBACK.replace(":9000", ":9123");
    let request = AuthorizationRequest::new(&configuration, CLIENT_ID).redirect_uri(redirect_uri).pkce();

    let pending = request.start(now());
    let target = pending.url().split_once(&server.address().to_string()).unwrap().1;
    let answer = server.send(Request::new("GET", target)).await;
    let authorized = pending.complete(answer.header("location").unwrap(), now()).unwrap();
    let other = request.start(now());
    let jill = manager.exchange("jill", &authorized).await.unwrap();
    let token = jill.access_token().await.unwrap();
    assert_eq!(server.account(token.expose()).await.status, 200);

    // Another one's proof does not do.
    let answer = server.send(Request::new("GET", target)).await;
    let location = answer.header("location").unwrap().to_owned();
    let (_, state) = other.url().split_once("state=").unwrap();
    let (_, own) = pending.url().split_once("state=").unwrap();
    let state_of = |text: &str| text.split('&').next().unwrap().to_owned();
    let forged = location.replace(&state_of(own), &state_of(state));
    let forged = other.complete(&forged, now()).unwrap();
    let error = manager.exchange("jack", &forged).await.unwrap_err();
    assert!(error.to_string().contains("invalid_grant"), "{error}");
}

/// A browser's request, and the page that it is answered with.
async fn visit(redirect_uri: &str, query: &str) -> String {
    let address = redirect_uri.strip_prefix("http://").unwrap().strip_suffix("/callback").unwrap();
    let request = Request::new("GET", &format!("/callback?{query}"));
    hellosign_testkit::send(address.parse().unwrap(), request).await.unwrap().body
}

#[tokio::test]
async fn a_loopback_listener_waits_for_the_callback_that_is_meant() {
    let clock = Still(now());
    let listener = LoopbackListener::bind().await.unwrap();
    let redirect_uri = listener.redirect_uri().to_owned();
    let request = AuthorizationRequest::new(&Configuration::default(), "client").redirect_uri(&redirect_uri);
    let pending = request.start(now());
    let state = pending.url().split_once("state=").unwrap().1.split('&').next().unwrap().to_owned();

    // Browsers open connections that they do not use.
    let address = redirect_uri.strip_prefix("http://").unwrap().strip_suffix("/callback").unwrap();
    let silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let visits = async {
        assert!(visit(&redirect_uri, "code=1&state=another").await.contains("state is not the one"));
        assert!(visit(&redirect_uri, "error=access_denied").await.contains("has no state"));
        visit(&redirect_uri, &format!("code=the-code&state={state}")).await
    };
    let (authorized, page) = tokio::join!(listener.wait(&pending, &clock), visits);
    assert_eq!(authorized.unwrap().code().expose(), "the-code");
    assert!(page.contains("You can close this page"), "{page}");
    drop(silent);

    let denied = format!("error=access_denied&state={state}");
    let (refused, page) = tokio::join!(listener.wait(&pending, &clock), visit(&redirect_uri, &denied));
    assert_eq!(refused.unwrap_err(), AuthorizationError::Denied);
    assert!(page.contains("the user denied"), "{page}");
}

/// A clock that stands still.
#[derive(Debug)]
struct Still(SystemTime);

impl Clock for Still {
    fn wall(&self) -> SystemTime {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
