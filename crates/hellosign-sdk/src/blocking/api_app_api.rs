//! The vendor's `ApiAppApi`, waiting.

use super::ApiClient;
use crate::apis;
use crate::error::ApiError;
use crate::models::{
    ApiAppCreateRequest, ApiAppGetResponse, ApiAppListResponse, ApiAppResponse, ApiAppUpdateRequest,
};
use crate::response::ApiResponse;

/// API apps: [`apis::ApiAppApi`], waiting.
#[derive(Debug, Clone)]
pub struct ApiAppApi {
    client: ApiClient,
    api: apis::ApiAppApi,
}

/// All of an account's apps, as [`ApiAppApi::api_apps`] gives them: it ends after an error.
#[derive(Debug)]
pub struct ApiApps {
    client: ApiClient,
    apps: apis::ApiApps,
}

impl ApiAppApi {
    /// The operations over this client.
    #[must_use]
    pub fn new(client: &ApiClient) -> Self {
        Self { api: apis::ApiAppApi::new(&client.client), client: client.clone() }
    }

    /// [`apis::ApiAppApi::api_apps`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// for app in api.api_apps() {
    ///     println!("{}", app?.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api_apps(&self) -> ApiApps {
        ApiApps { client: self.client.clone(), apps: self.api.api_apps() }
    }

    /// [`apis::ApiAppApi::api_app_create`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi, models::ApiAppCreateRequest};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// let request = ApiAppCreateRequest::new("Contract portal", ["portal.example"]);
    /// println!("{}", api.api_app_create(&request)?.api_app.client_id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_create(&self, request: &ApiAppCreateRequest) -> Result<ApiAppGetResponse, ApiError> {
        self.client.background.wait(self.api.api_app_create(request))
    }

    /// [`apis::ApiAppApi::api_app_create_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi, models::ApiAppCreateRequest};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// let request = ApiAppCreateRequest::new("Contract portal", ["portal.example"]);
    /// println!("{:?}", api.api_app_create_with_http_info(&request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_create_with_http_info(
        &self,
        request: &ApiAppCreateRequest,
    ) -> Result<ApiResponse<ApiAppGetResponse>, ApiError> {
        self.client.background.wait(self.api.api_app_create_with_http_info(request))
    }

    /// [`apis::ApiAppApi::api_app_get`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// println!("{}", api.api_app_get("cc91c61d00f8bb2ece1428035716b")?.api_app.name);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_get(&self, client_id: &str) -> Result<ApiAppGetResponse, ApiError> {
        self.client.background.wait(self.api.api_app_get(client_id))
    }

    /// [`apis::ApiAppApi::api_app_get_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// println!("{:?}", api.api_app_get_with_http_info("cc91c61d00f8bb2ece1428035716b")?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_get_with_http_info(
        &self,
        client_id: &str,
    ) -> Result<ApiResponse<ApiAppGetResponse>, ApiError> {
        self.client.background.wait(self.api.api_app_get_with_http_info(client_id))
    }

    /// [`apis::ApiAppApi::api_app_list`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// println!("{}", api.api_app_list(Some(1), None)?.api_apps.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_list(
        &self,
        page: Option<u32>,
        page_size: Option<u32>,
    ) -> Result<ApiAppListResponse, ApiError> {
        self.client.background.wait(self.api.api_app_list(page, page_size))
    }

    /// [`apis::ApiAppApi::api_app_list_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// println!("{:?}", api.api_app_list_with_http_info(Some(1), None)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_list_with_http_info(
        &self,
        page: Option<u32>,
        page_size: Option<u32>,
    ) -> Result<ApiResponse<ApiAppListResponse>, ApiError> {
        self.client.background.wait(self.api.api_app_list_with_http_info(page, page_size))
    }

    /// [`apis::ApiAppApi::api_app_update`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi, models::ApiAppUpdateRequest};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// let request = ApiAppUpdateRequest::default();
    /// println!("{:?}", api.api_app_update("cc91c61d00f8bb2ece1428035716b", &request)?.warnings);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_update(
        &self,
        client_id: &str,
        request: &ApiAppUpdateRequest,
    ) -> Result<ApiAppGetResponse, ApiError> {
        self.client.background.wait(self.api.api_app_update(client_id, request))
    }

    /// [`apis::ApiAppApi::api_app_update_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi, models::ApiAppUpdateRequest};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// let request = ApiAppUpdateRequest::default();
    /// println!("{:?}", api.api_app_update_with_http_info("cc91c61d00f8bb2ece1428035716b", &request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_update_with_http_info(
        &self,
        client_id: &str,
        request: &ApiAppUpdateRequest,
    ) -> Result<ApiResponse<ApiAppGetResponse>, ApiError> {
        self.client.background.wait(self.api.api_app_update_with_http_info(client_id, request))
    }

    /// [`apis::ApiAppApi::api_app_delete`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// api.api_app_delete("cc91c61d00f8bb2ece1428035716b")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_delete(&self, client_id: &str) -> Result<(), ApiError> {
        self.client.background.wait(self.api.api_app_delete(client_id))
    }

    /// [`apis::ApiAppApi::api_app_delete_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::ApiAppApi};
    /// # fn example(api: ApiAppApi) -> Result<(), ApiError> {
    /// println!("{:?}", api.api_app_delete_with_http_info("cc91c61d00f8bb2ece1428035716b")?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn api_app_delete_with_http_info(&self, client_id: &str) -> Result<ApiResponse<()>, ApiError> {
        self.client.background.wait(self.api.api_app_delete_with_http_info(client_id))
    }
}

impl Iterator for ApiApps {
    type Item = Result<ApiAppResponse, ApiError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.client.background.wait(self.apps.next())
    }
}
