//! `/v3/account`, with the vendor's names.

use serde::{Deserialize, Serialize};

use crate::secret::ClientSecret;
use crate::token::OAuthTokenResponse;

/// The answer to `account_get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountGetResponse {
    /// The account that the credential acts for.
    pub account: AccountResponse,
    /// What the vendor wants said beside the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningResponse>,
}

impl AccountGetResponse {
    /// An answer without warnings.
    #[must_use]
    pub fn new(account: AccountResponse) -> Self {
        Self { account, warnings: Vec::new() }
    }
}

/// Changes what is given (`account_update`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AccountUpdateRequest {
    /// 40 hexadecimal digits; the caller's own where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Where account events are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// For example `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// Asks whether somebody has an account (`account_verify`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountVerifyRequest {
    /// The address that is asked about.
    pub email_address: String,
}

impl AccountVerifyRequest {
    /// Asks about this address.
    pub fn new(email_address: impl Into<String>) -> Self {
        Self { email_address: email_address.into() }
    }
}

/// The answer to `account_verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AccountVerifyResponse {
    /// `None` where nobody has the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountVerifyResponseAccount>,
    /// What the vendor wants said beside the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningResponse>,
}

/// Who has the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountVerifyResponseAccount {
    /// The address that was asked about.
    pub email_address: String,
}

impl AccountVerifyResponseAccount {
    /// Somebody with this address.
    pub fn new(email_address: impl Into<String>) -> Self {
        Self { email_address: email_address.into() }
    }
}

/// Makes an account for somebody else (`account_create`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountCreateRequest {
    /// The person's address.
    pub email_address: String,
    /// The app that is to act for the new account. With its secret the answer has tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The app's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<ClientSecret>,
    /// For example `en-US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

impl AccountCreateRequest {
    /// An account for this address.
    pub fn new(email_address: impl Into<String>) -> Self {
        Self { email_address: email_address.into(), client_id: None, client_secret: None, locale: None }
    }

    /// And tokens for this app.
    #[must_use]
    pub fn with_client(
        mut self,
        client_id: impl Into<String>,
        client_secret: impl Into<ClientSecret>,
    ) -> Self {
        self.client_id = Some(client_id.into());
        self.client_secret = Some(client_secret.into());
        self
    }
}

/// The answer to `account_create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountCreateResponse {
    /// The new account.
    pub account: AccountResponse,
    /// Tokens of the app that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_data: Option<OAuthTokenResponse>,
    /// What the vendor wants said beside the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningResponse>,
}

impl AccountCreateResponse {
    /// An answer without warnings.
    #[must_use]
    pub fn new(account: AccountResponse, oauth_data: Option<OAuthTokenResponse>) -> Self {
        Self { account, oauth_data, warnings: Vec::new() }
    }
}

/// An account. The vendor requires none of the fields; a key that is absent reads as its empty value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AccountResponse {
    /// 40 hexadecimal digits.
    pub account_id: String,
    /// The address that the person signs in with.
    pub email_address: String,
    /// Locked out by a team administrator.
    pub is_locked: bool,
    /// Has a paid Dropbox Sign plan.
    pub is_paid_hs: bool,
    /// Has a paid fax plan.
    pub is_paid_hf: bool,
    /// What is left of this month's quotas.
    pub quotas: AccountResponseQuotas,
    /// Where account events are posted.
    pub callback_url: Option<String>,
    /// The role in the team.
    pub role_code: Option<String>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// For example `en-US`.
    pub locale: Option<String>,
}

/// What is left of this month's quotas; `None` is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AccountResponseQuotas {
    /// Signature requests by API.
    pub api_signature_requests_left: Option<i64>,
    /// Signature requests.
    pub documents_left: Option<i64>,
    /// Templates allowed.
    pub templates_total: Option<i64>,
    /// Templates.
    pub templates_left: Option<i64>,
    /// SMS verifications.
    pub sms_verifications_left: Option<i64>,
    /// Fax pages.
    pub num_fax_pages_left: Option<i64>,
}

/// Something that the vendor wants known though the call succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WarningResponse {
    /// For people.
    pub warning_msg: String,
    /// For programs, for example `oauth_grants_revoked`; an open set.
    pub warning_name: String,
}

impl WarningResponse {
    /// A warning with its sentence.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { warning_msg: message.into(), warning_name: name.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_example_is_read() {
        let answer: AccountGetResponse = serde_json::from_str(
            r#"{"account":{"account_id":"5008b25c7f67153e57d5a357b1687968068fb465","email_address":"me@dropboxsign.com",
            "is_locked":false,"is_paid_hs":true,"is_paid_hf":false,"quotas":{"api_signature_requests_left":1250,
            "documents_left":null,"templates_left":null,"sms_signatures_left":1},"callback_url":null,"role_code":null}}"#,
        )
        .unwrap();
        assert_eq!(answer.account.quotas.api_signature_requests_left, Some(1250));
        assert_eq!(answer.account.email_address, "me@dropboxsign.com");
        assert!(answer.warnings.is_empty());
    }
}
