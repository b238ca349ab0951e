//! The vendor's `ApiAppApi`.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use hellosign_wire::api_app::{
    ApiAppCreateRequest, ApiAppGetResponse, ApiAppListResponse, ApiAppResponse, ApiAppUpdateRequest,
};
use serde::de::IgnoredAny;

use super::call_api;
use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::Request;
use crate::response::ApiResponse;
use crate::retry::Repeat;

/// Apps on a page, where all of them are asked for: as many as the vendor gives.
const PAGE_SIZE: u32 = 100;

/// API apps: what OAuth calls clients.
#[derive(Debug, Clone)]
pub struct ApiAppApi {
    client: ApiClient,
}

impl ApiAppApi {
    /// The operations over this client.
    #[must_use]
    pub fn new(client: &ApiClient) -> Self {
        Self { client: client.clone() }
    }

    /// Makes an app (`POST /api_app`). The answer's `oauth.secret` may be all that will ever be seen of it: keep it.
    ///
    /// # Errors
    /// As [`AccountApi::account_get`](super::AccountApi::account_get); 400 `bad_request` for a value that cannot be.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi, models::ApiAppCreateRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let request = ApiAppCreateRequest::new("Contract portal", ["portal.example"])
    ///     .with_oauth("https://portal.example/callback", ["basic_account_info".into()]);
    /// let app = ApiAppApi::new(&client).api_app_create(&request).await?.api_app;
    /// println!("{}", app.client_id);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_create(&self, request: &ApiAppCreateRequest) -> Result<ApiAppGetResponse, ApiError> {
        self.api_app_create_with_http_info(request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_create`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi, models::ApiAppCreateRequest};
    /// # async fn example(client: ApiClient, request: ApiAppCreateRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = ApiAppApi::new(&client).api_app_create_with_http_info(&request).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_create_with_http_info(
        &self,
        request: &ApiAppCreateRequest,
    ) -> Result<ApiResponse<ApiAppGetResponse>, ApiError> {
        let configuration = self.client.configuration();
        let sent = Request::api("api_app_create", "POST", "/api_app", configuration, Repeat::IfRefused);
        call_api(&self.client, sent.with_json(request)).await
    }

    /// Reads one of the account's apps (`GET /api_app/{client_id}`).
    ///
    /// # Errors
    /// As [`AccountApi::account_get`](super::AccountApi::account_get); 404 `not_found` where it is not the account's.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let app = ApiAppApi::new(&client).api_app_get("cc91c61d00f8bb2ece1428035716b").await?.api_app;
    /// println!("{}", app.name);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_get(&self, client_id: &str) -> Result<ApiAppGetResponse, ApiError> {
        self.api_app_get_with_http_info(client_id).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_get`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = ApiAppApi::new(&client).api_app_get_with_http_info("cc91c61d00f8bb2ece1428035716b").await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_get_with_http_info(
        &self,
        client_id: &str,
    ) -> Result<ApiResponse<ApiAppGetResponse>, ApiError> {
        let configuration = self.client.configuration();
        call_api(&self.client, Request::get("api_app_get", &path(client_id), &[], configuration)).await
    }

    /// Reads one page of the account's apps (`GET /api_app/list`): `page` from 1, `page_size` from 1 to 100,
    /// 20 where it is `None`.
    ///
    /// # Errors
    /// As [`AccountApi::account_get`](super::AccountApi::account_get).
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let page = ApiAppApi::new(&client).api_app_list(Some(1), None).await?;
    /// println!("{} of {:?}", page.api_apps.len(), page.list_info.num_results);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_list(
        &self,
        page: Option<u32>,
        page_size: Option<u32>,
    ) -> Result<ApiAppListResponse, ApiError> {
        self.api_app_list_with_http_info(page, page_size).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_list`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = ApiAppApi::new(&client).api_app_list_with_http_info(None, None).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_list_with_http_info(
        &self,
        page: Option<u32>,
        page_size: Option<u32>,
    ) -> Result<ApiResponse<ApiAppListResponse>, ApiError> {
        let (page, page_size) = (page.map(|n| n.to_string()), page_size.map(|n| n.to_string()));
        let query = [("page", page.as_deref()), ("page_size", page_size.as_deref())];
        let request = Request::get("api_app_list", "/api_app/list", &query, self.client.configuration());
        call_api(&self.client, request).await
    }

    /// All of the account's apps, page after page, each page when it is needed.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let mut apps = ApiAppApi::new(&client).api_apps();
    /// while let Some(app) = apps.next().await {
    ///     println!("{}", app?.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api_apps(&self) -> ApiApps {
        ApiApps { api: self.clone(), ready: VecDeque::new(), state: State::Before(1) }
    }

    /// Changes an app (`PUT /api_app/{client_id}`): what is `None` stays as it is. Other scopes than before may end what
    /// users have authorized; the answer's `warnings` say so.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_get`]; 400 `bad_request` for a value that cannot be.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi, models::ApiAppUpdateRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let mut request = ApiAppUpdateRequest::default();
    /// request.name = Some("Contract portal".to_owned());
    /// let api = ApiAppApi::new(&client);
    /// let answer = api.api_app_update("cc91c61d00f8bb2ece1428035716b", &request).await?;
    /// println!("{:?}", answer.warnings);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_update(
        &self,
        client_id: &str,
        request: &ApiAppUpdateRequest,
    ) -> Result<ApiAppGetResponse, ApiError> {
        self.api_app_update_with_http_info(client_id, request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_update`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi, models::ApiAppUpdateRequest};
    /// # async fn example(client: ApiClient, request: ApiAppUpdateRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = ApiAppApi::new(&client).api_app_update_with_http_info("cc91c61d00f8bb2ece1428035716b", &request).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_update_with_http_info(
        &self,
        client_id: &str,
        request: &ApiAppUpdateRequest,
    ) -> Result<ApiResponse<ApiAppGetResponse>, ApiError> {
        let (path, configuration) = (path(client_id), self.client.configuration());
        // Sent again it would succeed, too, and its warnings would be lost.
        let sent = Request::api("api_app_update", "PUT", &path, configuration, Repeat::IfRefused);
        call_api(&self.client, sent.with_json(request)).await
    }

    /// Deletes an app (`DELETE /api_app/{client_id}`), and all that users have authorized with it.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_get`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// ApiAppApi::new(&client).api_app_delete("cc91c61d00f8bb2ece1428035716b").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_delete(&self, client_id: &str) -> Result<(), ApiError> {
        self.api_app_delete_with_http_info(client_id).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_delete`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::ApiAppApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = ApiAppApi::new(&client).api_app_delete_with_http_info("cc91c61d00f8bb2ece1428035716b").await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn api_app_delete_with_http_info(&self, client_id: &str) -> Result<ApiResponse<()>, ApiError> {
        let (path, configuration) = (path(client_id), self.client.configuration());
        let request = Request::api("api_app_delete", "DELETE", &path, configuration, Repeat::IfRefused);
        let ApiResponse { status, headers, rate_limit, data: _ } =
            call_api::<Option<IgnoredAny>>(&self.client, request).await?;
        Ok(ApiResponse { status, headers, rate_limit, data: () })
    }
}

/// What is in a path, letter for letter.
fn path(client_id: &str) -> String {
    // A form has + for a space, and for nothing else.
    let encoded: String = form_urlencoded::byte_serialize(client_id.as_bytes()).collect();
    format!("/api_app/{}", encoded.replace('+', "%20"))
}

/// All of an account's apps, as [`ApiAppApi::api_apps`] gives them: a stream that ends after an error.
pub struct ApiApps {
    api: ApiAppApi,
    /// Of the last page.
    ready: VecDeque<ApiAppResponse>,
    state: State,
}

type Page = Pin<Box<dyn Future<Output = Result<ApiAppListResponse, ApiError>> + Send>>;

enum State {
    /// This page is the next one.
    Before(u32),
    /// This page is on its way.
    Waiting(u32, Page),
    Ended,
}

impl ApiApps {
    /// The next app; `None` after the last one, and after an error.
    ///
    /// # Errors
    /// As [`ApiAppApi::api_app_list`].
    pub async fn next(&mut self) -> Option<Result<ApiAppResponse, ApiError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for ApiApps {
    type Item = Result<ApiAppResponse, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(app) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(app)));
            }
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Before(page) => {
                    let (page, api) = (*page, self.api.clone());
                    let asking = async move { api.api_app_list(Some(page), Some(PAGE_SIZE)).await };
                    self.state = State::Waiting(page, Box::pin(asking));
                }
                State::Waiting(page, asking) => {
                    let (page, answer) = (*page, ready!(asking.as_mut().poll(context)));
                    self.state = State::Ended;
                    match answer {
                        Err(error) => return Poll::Ready(Some(Err(error))),
                        Ok(answer) => {
                            // A page without apps is the last one, whatever is said of their number.
                            if !answer.api_apps.is_empty() && u64::from(page) < answer.list_info.num_pages {
                                self.state = State::Before(page + 1);
                            }
                            self.ready.extend(answer.api_apps);
                        }
                    }
                }
            }
        }
    }
}

impl fmt::Debug for ApiApps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiApps").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
