//! Headers that go with every request.

use std::fmt;

use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::ConfigurationError;

/// Names that the SDK writes itself, or HTTP does.
const MANAGED: [&str; 14] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Headers that go with every request. `Debug` shows their names: a value may be a gateway's key.
#[derive(Clone, Default)]
pub(crate) struct DefaultHeaders(Vec<(String, Zeroizing<String>)>);

impl DefaultHeaders {
    pub(super) fn add(&mut self, name: String, value: String) {
        self.0.push((name, Zeroizing::new(value)));
    }

    pub(super) fn check(&mut self) -> Result<(), ConfigurationError> {
        for (name, value) in &mut self.0 {
            name.make_ascii_lowercase();
            if MANAGED.contains(&name.as_str()) {
                return Err(ConfigurationError::ManagedHeader(name.clone()));
            }
            if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
                return Err(ConfigurationError::InvalidDefaultHeader(name.clone()));
            }
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, Zeroizing<String>)> {
        self.0.iter()
    }
}

impl fmt::Debug for DefaultHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
