//! Between the browser's leaving and its coming back.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hellosign_wire::error::ErrorCode;
use hellosign_wire::secret::{AuthorizationCode, CodeVerifier};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::error::AuthorizationError;
use crate::tokens::SealingKeys;
use crate::tokens::environment::SystemRandom;

/// A code lives no longer than that.
const LONGEST: Duration = Duration::from_secs(3600);

/// An authorization that was started and is waiting for its callback. It has to be kept where the browser
/// that is sent away finds it again and no other does: in the program, or [sealed](Self::seal) in a cookie.
///
/// `Debug` shows no secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingAuthorization {
    url: String,
    issuer: String,
    state: String,
    redirect_uri: Option<String>,
    code_verifier: Option<CodeVerifier>,
    /// Seconds since the Unix epoch.
    started_at: u64,
}

/// What a user has allowed: all that the exchange for tokens takes.
#[derive(Debug, Clone)]
pub struct Authorized {
    pub(crate) code: AuthorizationCode,
    pub(crate) state: String,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) code_verifier: Option<CodeVerifier>,
}

impl Authorized {
    /// A code that came another way, and the state that it came with.
    pub fn new(code: impl Into<AuthorizationCode>, state: impl Into<String>) -> Self {
        Self { code: code.into(), state: state.into(), redirect_uri: None, code_verifier: None }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &AuthorizationCode {
        &self.code
    }

    /// The state that it came with.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }
}

impl PendingAuthorization {
    pub(super) fn new(
        url: String,
        issuer: String,
        state: String,
        redirect_uri: Option<String>,
        code_verifier: Option<CodeVerifier>,
        now: SystemTime,
    ) -> Self {
        Self { url, issuer, state, redirect_uri, code_verifier, started_at: seconds(now) }
    }

    /// Where to send the browser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Text for a cookie or a row, that only these keys open, and only for the same session. `session` is
    /// whatever the program tells its browsers apart by; a callback in another one opens nothing.
    #[must_use]
    pub fn seal(&self, keys: &SealingKeys, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(keys.seal(self, &context(session), &SystemRandom))
    }

    /// What was sealed; `None` where the key, the session or the text is another.
    #[must_use]
    pub fn open(keys: &SealingKeys, session: &str, sealed: &str) -> Option<Self> {
        keys.open(&URL_SAFE_NO_PAD.decode(sealed).ok()?, &context(session))
    }

    /// Reads the callback: the whole URL, or what follows its `?`. `now` is the time of day.
    ///
    /// Forget the pending authorization when this was called: a callback is good once. (If it is not
    /// forgotten, the code still is: the server takes it once.)
    ///
    /// # Errors
    /// [`AuthorizationError`]; nothing in the callback is believed before its state is the right one.
    pub fn complete(&self, callback: &str, now: SystemTime) -> Result<Authorized, AuthorizationError> {
        let query = callback.split_once('?').map_or(callback, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let one = |name: &'static str| {
            let mut values = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value);
            let value = values.next();
            if values.next().is_some() { Err(AuthorizationError::Repeated(name)) } else { Ok(value) }
        };
        let state = one("state")?.ok_or(AuthorizationError::StateMissing)?;
        if !bool::from(state.as_bytes().ct_eq(self.state.as_bytes())) {
            return Err(AuthorizationError::StateMismatch);
        }
        if one("iss")?.is_some_and(|issuer| issuer != self.issuer) {
            return Err(AuthorizationError::IssuerMismatch);
        }
        // In the future, too: a clock that was set back says nothing about an age.
        if seconds(now).checked_sub(self.started_at).is_none_or(|age| age > LONGEST.as_secs()) {
            return Err(AuthorizationError::Expired);
        }
        if let Some(error) = one("error")? {
            let error = ErrorCode::from(error);
            if error == ErrorCode::AccessDenied {
                return Err(AuthorizationError::Denied);
            }
            let description = one("error_description")?.map(str::to_owned);
            return Err(AuthorizationError::Refused { error, description });
        }
        let code = one("code")?.filter(|code| !code.is_empty()).ok_or(AuthorizationError::CodeMissing)?;
        Ok(Authorized {
            code: AuthorizationCode::from(code),
            state: self.state.clone(),
            redirect_uri: self.redirect_uri.clone(),
            code_verifier: self.code_verifier.clone(),
        })
    }
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAuthorization").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn context(session: &str) -> Vec<u8> {
    format!("pending authorization\n{session}").into_bytes()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map(|span| span.as_secs()).unwrap_or_default()
}
