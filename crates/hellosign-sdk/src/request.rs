//! Requests of the API that have no operation of their own here.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::Request;
use crate::response::ApiResponse;
use crate::retry::Repeat;
use crate::{apis, protocol};

/// A request of the API, for what [`apis`] does not name: signature requests, templates, files.
///
/// ```no_run
/// use hellosign_sdk::{ApiClient, ApiRequest};
///
/// # async fn example(client: ApiClient) -> Result<(), Box<dyn std::error::Error>> {
/// let request = ApiRequest::get("/signature_request/list").query("page_size", "50");
/// let answer = client.send(&request).await?;
/// let list: serde_json::Value = serde_json::from_slice(&answer.data)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ApiRequest {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    body: Option<(String, Zeroizing<Vec<u8>>)>,
}

impl ApiRequest {
    /// Reads what is at `path`, which is below the API's base, such as `/account`.
    /// It is sent again as the retry policy says.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path.into())
    }

    /// Posts to `path`. It is sent again only where the server has not looked at it.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path.into())
    }

    /// Puts to `path`. It is sent again only where the server has not looked at it.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new("PUT", path.into())
    }

    /// Deletes what is at `path`. It is sent again only where the server has not looked at it.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path.into())
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sends JSON: a text, as a serializer writes it.
    pub fn json(self, json: impl Into<Vec<u8>>) -> Self {
        self.body("application/json", json)
    }

    /// Sends a body of another kind, by its content type.
    pub fn body(mut self, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some((content_type.into(), Zeroizing::new(body.into())));
        self
    }

    fn new(method: &'static str, path: String) -> Self {
        // Without the slash it would go on with what may be the host's name.
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        Self { method, path, query: Vec::new(), body: None }
    }
}

/// Shows neither what is asked nor what is sent.
impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

impl ApiClient {
    /// Sends any request of the API, with the client's credential: for a client
    /// [with an account](Self::with_account) with a token that is good, and once more with another one where
    /// the answer is 401 all the same. The answer's data is its body, whatever that is.
    ///
    /// # Errors
    /// [`ApiError`] where no answer came, or it was not a 2xx.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, ApiError, ApiRequest};
    /// # async fn example(client: ApiClient) -> Result<(), ApiError> {
    /// let pdf = client.send(&ApiRequest::get("/signature_request/files/fa5c8a0b0f").query("file_type", "pdf")).await?;
    /// println!("{} bytes", pdf.data.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(&self, request: &ApiRequest) -> Result<ApiResponse<Vec<u8>>, ApiError> {
        let repeat = if request.method == "GET" { Repeat::Safe } else { Repeat::IfRefused };
        let mut sent = Request::api("request", request.method, &request.path, self.configuration(), repeat);
        sent.add_query(request.query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if let Some((content_type, body)) = &request.body {
            sent.headers.push(("content-type".into(), Zeroizing::new(content_type.clone())));
            sent.body = Bytes::from_owner(body.clone());
        }
        apis::call_api_for(self, sent, protocol::whole).await
    }
}
