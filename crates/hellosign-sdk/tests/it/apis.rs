//! Accounts and API apps, at a server that has them.

use std::time::Duration;

use hellosign_sdk::apis::{AccountApi, ApiAppApi, OAuthApi};
use hellosign_sdk::models::{
    AccountCreateRequest, AccountUpdateRequest, AccountVerifyRequest, ApiAppCreateRequest,
    ApiAppUpdateRequest, OAuthTokenRefreshRequest, Scope, SubOAuth,
};
use hellosign_sdk::{ApiClient, ApiError, Configuration, RetryPolicy};
use hellosign_testkit::emulator::Fault;
use hellosign_testkit::{ACCOUNT, API_KEY, CALLBACK, CLIENT_ID, CLIENT_SECRET, OWNER, TestServer};

fn client(server: &TestServer) -> ApiClient {
    let configuration = Configuration::builder().server(&server.url()).api_key(API_KEY);
    ApiClient::new(configuration.build().unwrap())
}

#[tokio::test]
async fn accounts_are_updated_verified_and_made() {
    let server = TestServer::spawn().await;
    let client = client(&server);
    let api = AccountApi::new(&client);
    let mut request = AccountUpdateRequest::default();
    request.locale = Some("de-DE".to_owned());
    let updated = api.account_update_with_http_info(&request).await.unwrap();
    assert!(updated.rate_limit.remaining.is_some());
    assert_eq!(updated.data.account.locale.as_deref(), Some("de-DE"));

    let verify = async |address: &str| api.account_verify(&AccountVerifyRequest::new(address)).await.unwrap();
    assert_eq!(verify(ACCOUNT).await.account.unwrap().email_address, ACCOUNT);
    assert_eq!(verify("nobody@example.com").await.account, None);

    let request = AccountCreateRequest::new("joan@example.com").with_client(CLIENT_ID, CLIENT_SECRET);
    let created = api.account_create(&request).await.unwrap();
    let tokens = created.oauth_data.expect("the app's tokens");
    let refresh =
        OAuthTokenRefreshRequest::new(tokens.refresh_token.unwrap()).with_client(CLIENT_ID, CLIENT_SECRET);
    OAuthApi::new(&client).oauth_token_refresh(&refresh).await.unwrap();
    let joan = AccountApi::new(&client.with_access_token(tokens.access_token).unwrap());
    let account = joan.account_get(None, None).await.unwrap();
    assert_eq!(account.account.email_address, "joan@example.com");
    assert_eq!(account.warnings[0].warning_name, "unconfirmed");

    let refused = api.account_create(&request).await.unwrap_err();
    assert_eq!(refused.api().unwrap().error_path.as_deref(), Some("email_address"));
    assert!(!format!("{refused} {refused:?}").contains(CLIENT_SECRET));
}

#[tokio::test]
async fn an_app_is_made_changed_and_deleted() {
    let server = TestServer::spawn().await;
    let api = ApiAppApi::new(&client(&server));
    let request = ApiAppCreateRequest::new("Portal", ["portal.example"])
        .with_oauth(CALLBACK, [Scope::BasicAccountInfo, Scope::RequestSignature]);
    let created = api.api_app_create_with_http_info(&request).await.unwrap();
    assert_eq!(created.status, 201);
    let app = created.data.api_app;
    assert_eq!(app.owner_account.email_address, OWNER);
    assert!(app.oauth.unwrap().secret.is_some());
    let client_id = app.client_id.as_str();
    let read = api.api_app_get(client_id).await.unwrap().api_app;
    assert_eq!((read.name.as_str(), read.oauth.unwrap().secret), ("Portal", None));

    let mut request = ApiAppUpdateRequest::default();
    request.oauth = Some(SubOAuth::new(CALLBACK, [Scope::BasicAccountInfo]));
    let updated = api.api_app_update(client_id, &request).await.unwrap();
    assert_eq!(updated.warnings[0].warning_name, "oauth_grants_revoked");
    assert_eq!(api.api_app_delete_with_http_info(client_id).await.unwrap().status, 204);
    assert_eq!(api.api_app_get(client_id).await.unwrap_err().status(), Some(404));
    // What is no client_id is still one segment of the path.
    for odd in ["list/../list", "a b", "?page=1", "é"] {
        assert_eq!(api.api_app_get(odd).await.unwrap_err().status(), Some(404), "{odd}");
    }
}

#[tokio::test]
async fn apps_come_page_after_page_when_they_are_needed() {
    const APPS: usize = 250;
    let server = TestServer::spawn_with(|config| {
        let sample = config.fixtures.api_apps[0].clone();
        for n in config.fixtures.api_apps.len()..APPS {
            let mut app = sample.clone();
            app.client_id = format!("app-{n:03}");
            config.fixtures.api_apps.push(app);
        }
    })
    .await;
    let api = ApiAppApi::new(&client(&server));
    let first = api.api_app_list(None, None).await.unwrap();
    assert_eq!((first.api_apps.len(), first.list_info.num_results), (20, Some(250)));
    let second = api.api_app_list(Some(2), Some(7)).await.unwrap();
    assert_eq!((second.api_apps.len(), second.list_info.page), (7, 2));

    server.control().clear_requests();
    let mut apps = api.api_apps();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        seen.insert(apps.next().await.unwrap().unwrap().client_id);
    }
    assert_eq!(server.control().requests().len(), 1);
    while let Some(app) = apps.next().await {
        seen.insert(app.unwrap().client_id);
    }
    assert_eq!((seen.len(), server.control().requests().len()), (APPS, 3));
    assert!(apps.next().await.is_none());

    // It ends where a page does not come.
    let mut apps = api.api_apps();
    server.control().add_fault(Fault::answer(503)).unwrap();
    assert!(apps.next().await.unwrap().unwrap_err().is_transient());
    assert!(apps.next().await.is_none());
}

#[tokio::test]
async fn what_may_have_been_done_is_not_sent_again() {
    let server = TestServer::spawn().await;
    let policy = RetryPolicy::new(3).with_delays(Duration::from_millis(1), Duration::from_secs(1));
    let configuration = Configuration::builder().server(&server.url()).api_key(API_KEY).retry(policy);
    let client = ApiClient::new(configuration.build().unwrap());
    let (accounts, apps) = (AccountApi::new(&client), ApiAppApi::new(&client));
    let request = ApiAppCreateRequest::new("Portal", ["portal.example"]);
    let change = AccountUpdateRequest::default();
    assert_eq!(sent(&server, 500, apps.api_app_create(&request)).await, 1);
    assert_eq!(sent(&server, 500, apps.api_app_delete(CLIENT_ID)).await, 1);
    assert_eq!(
        sent(&server, 500, accounts.account_update(&change)).await,
        4,
        "the same once more is the same"
    );
    assert_eq!(sent(&server, 500, apps.api_app_list(None, None)).await, 4);
    // The server has not looked at it.
    assert_eq!(sent(&server, 503, apps.api_app_create(&request)).await, 4);
    assert_eq!(sent(&server, 503, apps.api_app_delete(CLIENT_ID)).await, 4);
}

/// How often a request is sent that is always answered this status.
async fn sent<T>(server: &TestServer, status: u16, call: impl Future<Output = Result<T, ApiError>>) -> usize {
    server.control().reset().await.unwrap();
    server.control().add_fault(Fault::answer(status).always()).unwrap();
    assert!(call.await.is_err());
    server.control().requests().len()
}
