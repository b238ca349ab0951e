//! The token endpoint's requests and its response, with exactly the vendor's fields.
//!
//! Source: RFC 6749 §4.1.3 (exchange), §6 (refresh), §5.1 (response), and the vendor's
//! `OAuthTokenGenerateRequest`, `OAuthTokenRefreshRequest`, `OAuthTokenResponse`.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::open_enum::open_enum;
use crate::secret::{AccessToken, AuthorizationCode, ClientSecret, RefreshToken};

open_enum! {
    /// `grant_type`: which operation of the token endpoint is asked for.
    GrantType {
        /// A code for an access token and a refresh token (RFC 6749 §4.1.3).
        AuthorizationCode = "authorization_code",
        /// A refresh token for a new access token (RFC 6749 §6).
        RefreshToken = "refresh_token",
    }
}

fn authorization_code() -> GrantType {
    GrantType::AuthorizationCode
}

fn refresh_token() -> GrantType {
    GrantType::RefreshToken
}

/// Asks for the tokens that a code stands for (`POST /oauth/token`).
///
/// ```
/// use hellosign_wire::token::OAuthTokenGenerateRequest;
///
/// let request = OAuthTokenGenerateRequest::new(
///     "cc91c61d00f8bb2ece1428035716b",
///     "1d14434088507ffa390e6f5528465",
///     "1b0d28d90c86c141",
///     "900e06e2",
/// );
/// assert_eq!(request.grant_type.as_str(), "authorization_code");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OAuthTokenGenerateRequest {
    /// The API app that asks.
    pub client_id: String,
    /// The API app's secret.
    pub client_secret: ClientSecret,
    /// The code that the callback was called with; good once, for an hour.
    pub code: AuthorizationCode,
    /// The `state` that the authorization was started with. The vendor's documentation requires it,
    /// its service does not; it is echoed in the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Always `authorization_code`; it need not be passed.
    #[serde(default = "authorization_code")]
    pub grant_type: GrantType,
}

impl OAuthTokenGenerateRequest {
    /// A request with the vendor's required fields; `grant_type` is filled in.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<ClientSecret>,
        code: impl Into<AuthorizationCode>,
        state: impl Into<String>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            code: code.into(),
            state: Some(state.into()),
            grant_type: authorization_code(),
        }
    }
}

/// Asks for a new access token (`POST /oauth/token?refresh`).
///
/// ```
/// use hellosign_wire::token::OAuthTokenRefreshRequest;
///
/// let request = OAuthTokenRefreshRequest::new("hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3")
///     .with_client("cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465");
/// assert_eq!(request.grant_type.as_str(), "refresh_token");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OAuthTokenRefreshRequest {
    /// Always `refresh_token`; it need not be passed.
    #[serde(default = "refresh_token")]
    pub grant_type: GrantType,
    /// The refresh token that came with the expired access token.
    pub refresh_token: RefreshToken,
    /// The API app that asks. Apps made since August 2025 must send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The API app's secret. Apps made since August 2025 must send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<ClientSecret>,
}

impl OAuthTokenRefreshRequest {
    /// A request without client credentials, which only old API apps may send.
    pub fn new(refresh_token: impl Into<RefreshToken>) -> Self {
        Self {
            grant_type: self::refresh_token(),
            refresh_token: refresh_token.into(),
            client_id: None,
            client_secret: None,
        }
    }

    /// Adds the client credentials, which every app may and new ones must send.
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

/// The answer to both operations (RFC 6749 §5.1). Keys that are not listed here are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OAuthTokenResponse {
    /// Presented as `Authorization: Bearer`. An answer with an empty one is none.
    #[serde(deserialize_with = "some_token")]
    pub access_token: AccessToken,
    /// `Bearer`, also where a server leaves it out.
    #[serde(default = "bearer")]
    pub token_type: String,
    /// To be kept in place of the one that was sent; absent, the one that was sent stays good. An empty one
    /// is read as absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "token_or_none")]
    pub refresh_token: Option<RefreshToken>,
    /// Lifetime of the access token in seconds from now. (The vendor's description speaks of epoch
    /// time; its values are durations.) A string of digits is read too.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient_seconds")]
    pub expires_in: Option<u64>,
    /// The `state` of the request; absent where none was sent, and on refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl OAuthTokenResponse {
    /// A bearer token with nothing else said about it.
    pub fn new(access_token: impl Into<AccessToken>) -> Self {
        Self {
            access_token: access_token.into(),
            token_type: bearer(),
            refresh_token: None,
            expires_in: None,
            state: None,
        }
    }
}

fn some_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessToken, D::Error> {
    let token = AccessToken::deserialize(deserializer)?;
    if token.expose().is_empty() {
        return Err(de::Error::custom("access_token is empty"));
    }
    Ok(token)
}

fn token_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RefreshToken>, D::Error> {
    Ok(Option::<RefreshToken>::deserialize(deserializer)?.filter(|token| !token.expose().is_empty()))
}

fn bearer() -> String {
    "Bearer".to_owned()
}

/// Whole seconds as a number or a string; a fraction is cut off, a negative number is zero.
fn lenient_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Whole(u64),
        Number(f64),
        Text(String),
    }
    // A float-to-integer cast saturates, which is what is wanted at both ends; JSON has no NaN.
    let from_float = |number: f64| number as u64;
    match Option::<Seconds>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Seconds::Whole(seconds)) => Ok(Some(seconds)),
        Some(Seconds::Number(number)) => Ok(Some(from_float(number))),
        Some(Seconds::Text(text)) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(from_float(number))),
            _ => Err(de::Error::custom("expires_in is neither a number nor a string of digits")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expires_in(json: &str) -> Result<Option<u64>, serde_json::Error> {
        let body = format!(r#"{{"access_token":"a","token_type":"Bearer","expires_in":{json}}}"#);
        serde_json::from_str::<OAuthTokenResponse>(&body).map(|answer| answer.expires_in)
    }

    #[test]
    fn generate_request_has_the_vendors_fields() {
        let request = OAuthTokenGenerateRequest::new("id", "secret", "code", "900e06e2");
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"client_id":"id","client_secret":"secret","code":"code","state":"900e06e2","grant_type":"authorization_code"}"#
        );
    }

    #[test]
    fn grant_type_is_defaulted_when_read() {
        let generate: OAuthTokenGenerateRequest =
            serde_json::from_str(r#"{"client_id":"i","client_secret":"s","code":"c","state":null}"#).unwrap();
        assert_eq!((generate.grant_type, generate.state), (GrantType::AuthorizationCode, None));
        let refresh: OAuthTokenRefreshRequest = serde_json::from_str(r#"{"refresh_token":"r"}"#).unwrap();
        assert_eq!(refresh.grant_type, GrantType::RefreshToken);
    }

    #[test]
    fn refresh_request_leaves_absent_credentials_out() {
        let json = serde_json::to_string(&OAuthTokenRefreshRequest::new("r")).unwrap();
        assert_eq!(json, r#"{"grant_type":"refresh_token","refresh_token":"r"}"#);
    }

    #[test]
    fn response_of_the_vendors_page_is_read() {
        let answer: OAuthTokenResponse = serde_json::from_str(
            r#"{"access_token":"a","token_type":"Bearer","refresh_token":"r","expires_in":86400,"state":"900e06e2","account_id":7}"#,
        )
        .unwrap();
        assert_eq!(answer.refresh_token, Some(RefreshToken::from("r")));
        assert_eq!(answer.state.as_deref(), Some("900e06e2"));
    }

    #[test]
    fn expires_in_is_read_leniently() {
        assert_eq!(expires_in("86400").unwrap(), Some(86400));
        assert_eq!(expires_in(r#""86400""#).unwrap(), Some(86400));
        assert_eq!(expires_in("3599.9").unwrap(), Some(3599));
        assert_eq!(expires_in("-5").unwrap(), Some(0));
        assert_eq!(expires_in("null").unwrap(), None);
        assert!(expires_in(r#""tomorrow""#).is_err());
        assert!(expires_in(r#""inf""#).is_err());
        assert!(expires_in("[]").is_err());
    }

    #[test]
    fn an_answer_without_an_access_token_is_no_answer() {
        assert!(serde_json::from_str::<OAuthTokenResponse>("{}").is_err());
        assert!(serde_json::from_str::<OAuthTokenResponse>(r#"{"access_token":""}"#).is_err());
        for none in [r#""""#, "null"] {
            let answer = format!(r#"{{"access_token":"a","refresh_token":{none}}}"#);
            let answer: OAuthTokenResponse = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer.refresh_token, None);
        }
    }
}
