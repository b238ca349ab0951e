//! `/v3/api_app`, with the vendor's names. What OAuth calls a client is an API app there.

use serde::{Deserialize, Serialize};

use crate::account::WarningResponse;
use crate::scope::Scope;
use crate::secret::ClientSecret;

/// Makes an app (`api_app_create`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiAppCreateRequest {
    /// What people are shown.
    pub name: String,
    /// Where the app is embedded: one to ten.
    pub domains: Vec<String>,
    /// Where the app's events are posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What OAuth takes; without it the app cannot be authorized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<SubOAuth>,
    /// More settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<SubOptions>,
}

impl ApiAppCreateRequest {
    /// An app without OAuth.
    pub fn new(name: impl Into<String>, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            name: name.into(),
            domains: domains.into_iter().map(Into::into).collect(),
            callback_url: None,
            oauth: None,
            options: None,
        }
    }

    /// With OAuth: where the browser goes with the code, and what the app may do.
    #[must_use]
    pub fn with_oauth(mut self, callback_url: impl Into<String>, scopes: impl Into<Vec<Scope>>) -> Self {
        self.oauth = Some(SubOAuth::new(callback_url, scopes));
        self
    }
}

/// Changes what is given (`api_app_update`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApiAppUpdateRequest {
    /// What people are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the app is embedded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
    /// Where the app's events are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What OAuth takes. Other scopes than before end all that users have authorized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<SubOAuth>,
    /// More settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<SubOptions>,
}

/// An app's OAuth settings. A new app needs both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SubOAuth {
    /// Where the browser goes with the code (RFC 6749's redirect URI).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What the app may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
}

impl SubOAuth {
    /// Both settings.
    pub fn new(callback_url: impl Into<String>, scopes: impl Into<Vec<Scope>>) -> Self {
        Self { callback_url: Some(callback_url.into()), scopes: Some(scopes.into()) }
    }
}

/// More settings of an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SubOptions {
    /// Signers may insert everywhere in one click.
    pub can_insert_everywhere: bool,
}

impl SubOptions {
    /// With or without inserting everywhere.
    #[must_use]
    pub fn new(can_insert_everywhere: bool) -> Self {
        Self { can_insert_everywhere }
    }
}

/// The answer to `api_app_create`, `api_app_get` and `api_app_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiAppGetResponse {
    /// The app.
    pub api_app: ApiAppResponse,
    /// For example `oauth_grants_revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningResponse>,
}

impl ApiAppGetResponse {
    /// An answer without warnings.
    #[must_use]
    pub fn new(api_app: ApiAppResponse) -> Self {
        Self { api_app, warnings: Vec::new() }
    }
}

/// One page of apps (`api_app_list`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiAppListResponse {
    /// The page.
    pub api_apps: Vec<ApiAppResponse>,
    /// Which page it is.
    pub list_info: ListInfoResponse,
    /// What the vendor wants said beside the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningResponse>,
}

impl ApiAppListResponse {
    /// An answer without warnings.
    #[must_use]
    pub fn new(api_apps: Vec<ApiAppResponse>, list_info: ListInfoResponse) -> Self {
        Self { api_apps, list_info, warnings: Vec::new() }
    }
}

/// A place in a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ListInfoResponse {
    /// How many pages there are.
    pub num_pages: u64,
    /// How many entries all pages have together.
    pub num_results: Option<u64>,
    /// This page, counted from 1.
    pub page: u64,
    /// How many entries a page has at most.
    pub page_size: u64,
}

/// An app. The vendor requires none of the fields; a key that is absent reads as its empty value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApiAppResponse {
    /// Where the app's events are posted.
    pub callback_url: Option<String>,
    /// RFC 6749's `client_id`.
    pub client_id: String,
    /// When it was made, in Unix seconds.
    pub created_at: i64,
    /// Where it is embedded.
    pub domains: Vec<String>,
    /// What people are shown.
    pub name: String,
    /// Whether others than its owner can authorize it.
    pub is_approved: bool,
    /// `None` where OAuth is not set up.
    pub oauth: Option<ApiAppResponseOAuth>,
    /// More settings.
    pub options: Option<SubOptions>,
    /// Whose it is.
    pub owner_account: ApiAppResponseOwnerAccount,
}

/// An app's OAuth settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApiAppResponseOAuth {
    /// Where the browser goes with the code.
    pub callback_url: String,
    /// RFC 6749's `client_secret`. hellosign-server says it once, when it is made.
    pub secret: Option<ClientSecret>,
    /// What the app may do.
    pub scopes: Vec<Scope>,
    /// Whether users are charged for what the app does, or else its owner.
    pub charges_users: bool,
}

/// An app's owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApiAppResponseOwnerAccount {
    /// 40 hexadecimal digits.
    pub account_id: String,
    /// The address that the owner signs in with.
    pub email_address: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_example_is_read() {
        let answer: ApiAppGetResponse = serde_json::from_str(
            r#"{"api_app":{"callback_url":null,"client_id":"0dd3b823a682527788c4e40cb7b6f7e9","created_at":1436232339,
            "domains":["example.com"],"is_approved":true,"name":"My Production App","oauth":{"callback_url":
            "https://example.com/oauth","scopes":["basic_account_info","request_signature"],
            "secret":"98891a1b59f312d04cd88e4e0c498d75"},"owner_account":{"account_id":"dc5deeb9e10b044c591ef2475aafad1d1d3bd888",
            "email_address":"john@example.com"}}}"#,
        )
        .unwrap();
        let oauth = answer.api_app.oauth.unwrap();
        assert_eq!(oauth.scopes, [Scope::BasicAccountInfo, Scope::RequestSignature]);
        assert!(oauth.secret.is_some() && !oauth.charges_users);
        assert_eq!(answer.api_app.owner_account.email_address, "john@example.com");
    }

    #[test]
    fn what_is_left_out_is_not_sent() {
        let request = ApiAppUpdateRequest { name: Some("Contract portal".into()), ..Default::default() };
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"name":"Contract portal"}"#);
    }
}
