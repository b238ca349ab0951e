//! What came back beside the data.

use std::fmt;

use crate::rate_limit::RateLimit;

/// An operation's data, with what HTTP said about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiResponse<T> {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// What is left of the rate limit, as far as the headers say.
    pub rate_limit: RateLimit,
    /// What was asked for.
    pub data: T,
}

/// Headers of an answer. Names are in lower case.
///
/// `Debug` shows no cookie.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a header, whatever the capitals of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All of them, in the order in which they were received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value)| (name, if name == "set-cookie" { "[redacted]" } else { value });
        f.debug_map().entries(self.iter().map(shown)).finish()
    }
}
