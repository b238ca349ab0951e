//! `GET /v3/account`, with the vendor's names.

use serde::{Deserialize, Serialize};

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
