//! Strings that must not be printed.
//!
//! Each is redacted in `Debug`, has no `Display`, is compared in constant time and overwritten when
//! dropped. `serde` writes the real value, because that is how it travels: never hand a struct that
//! holds one to a logger that serializes.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

macro_rules! secret {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Takes the string over; no copy is made of an owned one.
            pub fn new(value: impl Into<String>) -> Self {
                Self(Zeroizing::new(value.into()))
            }

            /// The value itself, to be sent and not to be shown.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }

        /// Takes the same time wherever two values of one length differ.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
            }
        }

        impl Eq for $name {}

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::new(value)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self::new(value)
            }
        }
    };
}

secret! {
    /// What an API call presents as `Authorization: Bearer` (RFC 6749 §1.4).
    AccessToken
}
secret! {
    /// What is exchanged for a new access token (RFC 6749 §1.5).
    RefreshToken
}
secret! {
    /// What the authorization endpoint hands to the client's callback (RFC 6749 §1.3.1).
    AuthorizationCode
}
secret! {
    /// An API app's secret (RFC 6749 §2.3.1).
    ClientSecret
}
secret! {
    /// The vendor's API key, sent as the user name of HTTP Basic with an empty password.
    ApiKey
}
secret! {
    /// PKCE's code verifier (RFC 7636 §4.1).
    CodeVerifier
}
secret! {
    /// What the control API of a server under test is asked with.
    ControlToken
}
secret! {
    /// A person's password.
    Password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:#?}", ClientSecret::from("1d1443"), RefreshToken::from("1d1443"));
        assert_eq!(shown, "ClientSecret([redacted]) RefreshToken([redacted])");
    }

    #[test]
    fn equality_is_by_value() {
        assert_eq!(AccessToken::from("same"), AccessToken::from("same"));
        assert_ne!(AccessToken::from("same"), AccessToken::from("sama"));
        assert_ne!(AccessToken::from("same"), AccessToken::from("sam"));
    }

    #[test]
    fn serde_carries_the_value() {
        let json = serde_json::to_string(&AccessToken::from("t")).unwrap();
        assert_eq!(json, r#""t""#);
        assert_eq!(serde_json::from_str::<AccessToken>(&json).unwrap(), AccessToken::from("t"));
    }
}
