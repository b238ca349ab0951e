//! What can be set while servers run: as each was started, unless the database says otherwise, so that all nodes agree.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::clock::Timestamp;
use crate::config::{Config, Profile};
use crate::store::{Backend as _, Rotation, Store};

/// The settings that rules go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) profile: Profile,
    pub(crate) access_token_ttl: Duration,
    pub(crate) authorization_code_ttl: Duration,
    pub(crate) rotation_grace: Duration,
    /// Requests per app and minute.
    pub(crate) rate_limit: Option<u32>,
}

impl Settings {
    /// As the server was started.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            profile: config.profile,
            access_token_ttl: config.access_token_ttl,
            authorization_code_ttl: config.authorization_code_ttl,
            rotation_grace: config.rotation_grace,
            rate_limit: config.rate_limit,
        }
    }

    /// For apps that follow the profile.
    pub(crate) fn rotation(&self) -> Rotation {
        match self.profile {
            Profile::HelloSign => Rotation::Off,
            Profile::Strict => Rotation::OnSince(Timestamp::EPOCH),
        }
    }

    fn set(&mut self, setting: SharedSetting) {
        match setting {
            SharedSetting::Profile(profile) => self.profile = profile,
            SharedSetting::AccessTokenTtl(ttl) => self.access_token_ttl = ttl,
            SharedSetting::AuthorizationCodeTtl(ttl) => self.authorization_code_ttl = ttl,
            SharedSetting::RotationGrace(grace) => self.rotation_grace = grace,
            SharedSetting::RateLimit(limit) => self.rate_limit = limit,
        }
    }
}

/// A setting of all servers on a PostgreSQL database, whatever each was started with. Written `NAME=VALUE`, with the
/// names and values of `hellosign server`'s options.
///
/// ```
/// use std::time::Duration;
/// use hellosign_server::SharedSetting;
///
/// let setting: SharedSetting = "access-token-ttl=3600".parse()?;
/// assert_eq!(setting, SharedSetting::AccessTokenTtl(Duration::from_secs(3600)));
/// assert_eq!(setting.to_string(), "access-token-ttl=3600");
/// # Ok::<(), hellosign_server::SharedSettingError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedSetting {
    /// `profile`: `hellosign` or `strict`.
    Profile(Profile),
    /// `access-token-ttl`, in seconds from 1 on.
    AccessTokenTtl(Duration),
    /// `authorization-code-ttl`, in seconds from 1 on.
    AuthorizationCodeTtl(Duration),
    /// `rotation-grace`, in seconds, 0 for none.
    RotationGrace(Duration),
    /// `rate-limit`: requests per app and minute and node, or `off`.
    RateLimit(Option<u32>),
}

/// A text that is no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharedSettingError {
    /// There is no such setting.
    #[error("there is no shared setting {0:?}; there are {names}", names = SharedSetting::NAMES.join(", "))]
    Name(String),
    /// It cannot have this value.
    #[error("{name} cannot be {value:?}: {expected}")]
    Value {
        /// Of the setting.
        name: String,
        /// What it was to be.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl SharedSetting {
    /// All there are.
    pub const NAMES: [&str; 5] =
        ["profile", "access-token-ttl", "authorization-code-ttl", "rotation-grace", "rate-limit"];

    /// The setting's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Profile(_) => Self::NAMES[0],
            Self::AccessTokenTtl(_) => Self::NAMES[1],
            Self::AuthorizationCodeTtl(_) => Self::NAMES[2],
            Self::RotationGrace(_) => Self::NAMES[3],
            Self::RateLimit(_) => Self::NAMES[4],
        }
    }

    /// The setting's value, as it is written.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Profile(Profile::HelloSign) => "hellosign".to_owned(),
            Self::Profile(Profile::Strict) => "strict".to_owned(),
            Self::AccessTokenTtl(span) | Self::AuthorizationCodeTtl(span) | Self::RotationGrace(span) => {
                span.as_secs().to_string()
            }
            Self::RateLimit(None) => "off".to_owned(),
            Self::RateLimit(Some(limit)) => limit.to_string(),
        }
    }

    pub(crate) fn parse(name: &str, value: &str) -> Result<Self, SharedSettingError> {
        let wrong =
            |expected| SharedSettingError::Value { name: name.to_owned(), value: value.to_owned(), expected };
        let number = || value.parse::<u32>().ok();
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let lifetime = || {
            let lifetime = number().filter(|number| *number > 0).map(seconds);
            lifetime.ok_or_else(|| wrong("give a number of seconds from 1 on"))
        };
        Ok(match name {
            "profile" => match value {
                "hellosign" => Self::Profile(Profile::HelloSign),
                "strict" => Self::Profile(Profile::Strict),
                _ => return Err(wrong("give hellosign or strict")),
            },
            "access-token-ttl" => Self::AccessTokenTtl(lifetime()?),
            "authorization-code-ttl" => Self::AuthorizationCodeTtl(lifetime()?),
            "rotation-grace" => {
                Self::RotationGrace(number().map(seconds).ok_or_else(|| wrong("give a number of seconds"))?)
            }
            "rate-limit" if value == "off" => Self::RateLimit(None),
            "rate-limit" => {
                let limit = number().filter(|number| *number > 0);
                let expected = "give a number of requests per minute from 1 on, or off";
                Self::RateLimit(Some(limit.ok_or_else(|| wrong(expected))?))
            }
            _ => return Err(SharedSettingError::Name(name.to_owned())),
        })
    }
}

impl FromStr for SharedSetting {
    type Err = SharedSettingError;

    fn from_str(text: &str) -> Result<Self, SharedSettingError> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Self::parse(name, value)
    }
}

impl fmt::Display for SharedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name(), self.value())
    }
}

/// The settings in use.
#[derive(Debug)]
pub(crate) struct LiveSettings {
    /// As the server was started.
    own: Settings,
    now: ArcSwap<Settings>,
    /// What the database said last.
    shared: Mutex<Vec<(String, String)>>,
}

impl LiveSettings {
    pub(crate) fn new(own: Settings) -> Self {
        Self { own, now: ArcSwap::from_pointee(own), shared: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Guard<Arc<Settings>> {
        self.now.load()
    }

    /// Takes over what the database says; gives the settings where they have changed.
    pub(crate) async fn refresh(&self, store: &Store) -> Option<Settings> {
        // The store logs what goes wrong; the settings stay as they are.
        let shared = store.list_settings().await.ok()?;
        {
            let mut seen = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == shared {
                return None;
            }
            seen.clone_from(&shared);
        }
        let mut settings = self.own;
        for (name, value) in shared {
            match SharedSetting::parse(&name, &value) {
                Ok(setting) => {
                    tracing::info!(%setting, "the database says so for all servers");
                    settings.set(setting);
                }
                // A newer release may have more of them.
                Err(error) => tracing::warn!(%error, "a shared setting is passed over"),
            }
        }
        self.now.store(Arc::new(settings));
        Some(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "profile=strict",
            "profile=hellosign",
            "access-token-ttl=1",
            "authorization-code-ttl=60",
            "rotation-grace=0",
            "rate-limit=off",
            "rate-limit=100",
        ] {
            assert_eq!(text.parse::<SharedSetting>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let error = |text: &str| text.parse::<SharedSetting>().unwrap_err().to_string();
        for text in
            ["access-token-ttl=0", "rotation-grace=-1", "rate-limit=0", "profile=lax", "access-token-ttl"]
        {
            assert!(error(text).contains("give "), "{}", error(text));
        }
        assert!(error("public-url=x").contains("rotation-grace, rate-limit"), "{}", error("public-url=x"));
    }
}
