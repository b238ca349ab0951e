//! What the server was asked, without its secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What may be shown of what clients send; of everything else only that it was there.
const SHOWN: [&str; 23] = [
    "account_id",
    "callback_url",
    "client_id",
    "code_challenge_method",
    "domains",
    "email_address",
    "grant_type",
    "locale",
    "name",
    "oauth[callback_url]",
    "oauth[scopes]",
    "options[can_insert_everywhere]",
    "page",
    "page_size",
    "prompt",
    "redirect_uri",
    "refresh",
    "response_type",
    "scope",
    "token_type_hint",
    "decision",
    "code_challenge",
    "domain",
];

/// A request as it was received. Secrets are `[redacted]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// A number that grows from request to request.
    pub id: u64,
    /// When it arrived, in milliseconds since the Unix epoch, by the server's clock.
    pub at: i64,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What the query and the body say, by name; nested values as `oauth[callback_url]`, lists with commas.
    pub parameters: BTreeMap<String, String>,
    /// Headers, by name in lower case; of `authorization` only the scheme.
    pub headers: BTreeMap<String, String>,
    /// What was answered; `None` where the connection was cut.
    pub status: Option<u16>,
    /// Whether a fault happened to it.
    pub has_fault: bool,
}

impl RecordedRequest {
    pub(crate) fn new(at: i64, method: &str, path: &str) -> Self {
        Self {
            id: 0,
            at,
            method: method.to_owned(),
            path: path.to_owned(),
            parameters: BTreeMap::new(),
            headers: BTreeMap::new(),
            status: None,
            has_fault: false,
        }
    }

    /// Notes a parameter.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        let value = if SHOWN.contains(&name) || value.is_empty() { value } else { REDACTED };
        self.parameters.insert(name.to_owned(), value.to_owned());
    }

    /// Notes a header; its name in lower case.
    pub(crate) fn add_header(&mut self, name: &str, value: &str) {
        let value = match name {
            "authorization" | "proxy-authorization" => {
                format!("{} {REDACTED}", value.split(' ').next().unwrap_or_default())
            }
            "cookie" => REDACTED.to_owned(),
            _ => value.to_owned(),
        };
        self.headers.insert(name.to_owned(), value);
    }
}

const REDACTED: &str = "[redacted]";
