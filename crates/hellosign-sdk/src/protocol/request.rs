//! What is sent.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use super::redact::Secrets;
use crate::configuration::Configuration;
use crate::retry::Repeat;

/// A request, complete but for the connection that it is sent over.
pub(crate) struct Request {
    /// The vendor's name of the operation, for errors.
    pub(crate) operation: &'static str,
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(Cow<'static, str>, Zeroizing<String>)>,
    pub(crate) body: Bytes,
    /// When it may be sent again.
    pub(crate) repeat: Repeat,
    /// What the request holds that an error about it must not show.
    pub(crate) secrets: Secrets,
}

impl Request {
    /// A request of the OAuth operations: JSON, and no `Authorization`.
    pub(crate) fn post_json(
        operation: &'static str,
        url: String,
        configuration: &Configuration,
        body: &impl Serialize,
        repeat: Repeat,
        secrets: Secrets,
    ) -> Self {
        let mut headers = common_headers(configuration);
        headers.push(("content-type".into(), Zeroizing::new("application/json".to_owned())));
        Self { operation, method: "POST", url, headers, body: json(body), repeat, secrets }
    }

    /// A request of the API that reads.
    pub(crate) fn get(
        operation: &'static str,
        path: &str,
        query: &[(&str, Option<&str>)],
        configuration: &Configuration,
    ) -> Self {
        let mut request = Self::api(operation, "GET", path, configuration, Repeat::Safe);
        request.add_query(query.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        request
    }

    /// Asks with these parameters. The path has no query of its own.
    pub(crate) fn add_query<'a>(&mut self, parameters: impl Iterator<Item = (&'a str, &'a str)>) {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        if !query.is_empty() {
            self.url.push('?');
            self.url.push_str(&query);
        }
    }

    /// The same request with a body.
    pub(crate) fn with_json(mut self, body: &impl Serialize) -> Self {
        self.headers.push(("content-type".into(), Zeroizing::new("application/json".to_owned())));
        self.body = json(body);
        self
    }

    /// A request of the API, with the configured credential: an access token counts before a key.
    pub(crate) fn api(
        operation: &'static str,
        method: &'static str,
        path: &str,
        configuration: &Configuration,
        repeat: Repeat,
    ) -> Self {
        let mut headers = common_headers(configuration);
        let mut secrets = Secrets::default();
        if let Some(access_token) = &configuration.access_token {
            headers
                .push(("authorization".into(), Zeroizing::new(format!("Bearer {}", access_token.expose()))));
            secrets.add(access_token.expose());
        } else if let Some(api_key) = &configuration.api_key {
            let user_and_password = Zeroizing::new(format!("{}:", api_key.expose()));
            let encoded = Zeroizing::new(STANDARD.encode(user_and_password.as_bytes()));
            headers.push(("authorization".into(), Zeroizing::new(format!("Basic {}", encoded.as_str()))));
            secrets.add(api_key.expose());
        }
        let url = format!("{}{path}", configuration.api_host);
        Self { operation, method, url, headers, body: Bytes::new(), repeat, secrets }
    }
}

#[cfg(feature = "tokens")]
impl Request {
    /// Has this access token in place of any credential.
    pub(crate) fn bear(&mut self, access_token: &hellosign_wire::secret::AccessToken) {
        self.headers.retain(|(name, _)| name != "authorization");
        let value = Zeroizing::new(format!("Bearer {}", access_token.expose()));
        self.headers.push(("authorization".into(), value));
        self.secrets.add(access_token.expose());
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

fn json(body: &impl Serialize) -> Bytes {
    // Strings, lists and flags and nothing else: there is no value that JSON could not carry.
    Bytes::from_owner(Zeroizing::new(serde_json::to_vec(body).unwrap_or_default()))
}

fn common_headers(configuration: &Configuration) -> Vec<(Cow<'static, str>, Zeroizing<String>)> {
    let header = |name: &'static str, value: &str| (name.into(), Zeroizing::new(value.to_owned()));
    let mut headers =
        vec![header("accept", "application/json"), header("user-agent", &configuration.user_agent)];
    let more = configuration.default_headers.iter().cloned();
    headers.extend(more.map(|(name, value)| (name.into(), value)));
    headers
}
