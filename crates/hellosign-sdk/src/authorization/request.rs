//! Where to send the browser.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hellosign_wire::secret::CodeVerifier;
use sha2::{Digest as _, Sha256};

use super::pending::PendingAuthorization;
use crate::configuration::Configuration;
use crate::tokens::environment::{self, Random, SystemRandom};

/// An authorization that is to be started (RFC 6749 §4.1.1). It sends no `scope`: the vendor takes the
/// scopes from the app's settings and refuses the parameter.
///
/// ```
/// use std::time::SystemTime;
/// use hellosign_sdk::{Configuration, authorization::AuthorizationRequest};
///
/// # let now = SystemTime::UNIX_EPOCH;
/// let pending = AuthorizationRequest::new(&Configuration::default(), "cc91c61d00f8bb2ece1428035716b").start(now);
/// assert!(pending.url().starts_with(
///     "https://app.hellosign.com/oauth/authorize?response_type=code&client_id=cc91c61d00f8bb2ece1428035716b&state="
/// ));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct AuthorizationRequest {
    oauth_host: String,
    client_id: String,
    redirect_uri: Option<String>,
    is_pkce: bool,
}

impl AuthorizationRequest {
    /// For this app, at the configured OAuth host.
    pub fn new(configuration: &Configuration, client_id: impl Into<String>) -> Self {
        let oauth_host = configuration.oauth_host().to_owned();
        Self { oauth_host, client_id: client_id.into(), redirect_uri: None, is_pkce: false }
    }

    /// Where the browser is to come back to, in place of the app's callback URL.
    pub fn redirect_uri(mut self, redirect_uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(redirect_uri.into());
        self
    }

    /// Proves with the exchange that it was started here (RFC 7636, S256). For servers that take it:
    /// nothing says that the vendor's does.
    pub fn pkce(mut self) -> Self {
        self.is_pkce = true;
        self
    }

    /// Starts it: with a state of 128 random bits. `now` is the time of day.
    #[must_use]
    pub fn start(&self, now: SystemTime) -> PendingAuthorization {
        self.start_with(now, &SystemRandom)
    }

    /// The same with another source of randomness.
    #[must_use]
    pub fn start_with(&self, now: SystemTime, random: &dyn Random) -> PendingAuthorization {
        let state = URL_SAFE_NO_PAD.encode(environment::bytes::<16>(random));
        let code_verifier = self
            .is_pkce
            .then(|| CodeVerifier::from(URL_SAFE_NO_PAD.encode(environment::bytes::<32>(random))));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("response_type", "code").append_pair("client_id", &self.client_id);
        query.append_pair("state", &state);
        if let Some(redirect_uri) = &self.redirect_uri {
            query.append_pair("redirect_uri", redirect_uri);
        }
        if let Some(verifier) = &code_verifier {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()));
            query.append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256");
        }
        let url = format!("{}/oauth/authorize?{}", self.oauth_host, query.finish());
        PendingAuthorization::new(
            url,
            self.oauth_host.clone(),
            state,
            self.redirect_uri.clone(),
            code_verifier,
            now,
        )
    }
}
