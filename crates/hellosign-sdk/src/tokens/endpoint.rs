//! What a manager asks the server.

use std::fmt;

use hellosign_wire::secret::{ClientSecret, RefreshToken};
use hellosign_wire::token::{OAuthTokenRefreshRequest, OAuthTokenResponse};

use super::environment::BoxFuture;
use crate::apis::OAuthApi;
use crate::authorization::Authorized;
use crate::error::ApiError;

/// An answer of the server.
pub(super) type Asked<'a, T> = BoxFuture<'a, Result<T, ApiError>>;

/// What a manager asks the server, on behalf of one app. Each is a single request.
pub(super) trait Endpoint: fmt::Debug + Send + Sync {
    fn exchange<'a>(&'a self, authorized: &'a Authorized) -> Asked<'a, OAuthTokenResponse>;

    fn refresh(&self, refresh_token: RefreshToken) -> Asked<'_, OAuthTokenResponse>;

    fn revoke<'a>(&'a self, refresh_token: &'a RefreshToken) -> Asked<'a, ()>;
}

/// The real ones.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) oauth: OAuthApi,
    pub(super) client_id: String,
    pub(super) client_secret: ClientSecret,
}

impl Endpoint for Endpoints {
    fn exchange<'a>(&'a self, authorized: &'a Authorized) -> Asked<'a, OAuthTokenResponse> {
        Box::pin(self.oauth.exchange(&self.client_id, self.client_secret.clone(), authorized))
    }

    fn refresh(&self, refresh_token: RefreshToken) -> Asked<'_, OAuthTokenResponse> {
        let request = OAuthTokenRefreshRequest::new(refresh_token)
            .with_client(self.client_id.as_str(), self.client_secret.clone());
        Box::pin(async move { self.oauth.oauth_token_refresh(&request).await })
    }

    fn revoke<'a>(&'a self, refresh_token: &'a RefreshToken) -> Asked<'a, ()> {
        Box::pin(self.oauth.revoke(&self.client_id, &self.client_secret, refresh_token))
    }
}
