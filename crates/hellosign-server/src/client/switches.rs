//! Where an app may behave otherwise than its profile. `docs/server.md` has the table.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Profile;
use crate::settings::Settings;
use crate::store::{Client, Rotation};

/// How long a refresh token of the strict profile may lie unused.
const IDLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What an app has been told apart from its profile; `None` follows the profile. Whether refresh tokens
/// rotate is a switch, too: [`crate::fixtures::ApiApp::refresh_token_rotation`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Switches {
    /// A refresh takes the client's credentials. On in both profiles, as for the vendor's new apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_credentials_required: Option<bool>,
    /// An authorization takes a PKCE challenge (RFC 7636). Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkce_required: Option<bool>,
    /// A `code_verifier` for a code that was made without a challenge is refused (RFC 9700 §2.1.1). Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stray_code_verifier_refused: Option<bool>,
    /// The exchange repeats the `redirect_uri` of the authorization, where that had one (RFC 6749 §4.1.3).
    /// Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri_repeated: Option<bool>,
    /// `error` is RFC 6749's and not what the vendor was measured to answer. Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfc_error_codes: Option<bool>,
    /// The callback is told `iss` (RFC 9207). Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_in_response: Option<bool>,
    /// An authorization may name scopes of the app's (RFC 6749 §3.3); the vendor refuses `scope`. Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_accepted: Option<bool>,
    /// Credentials in the body and by HTTP Basic in one request are refused (RFC 6749 §2.3). Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_authentication: Option<bool>,
    /// Seconds that a refresh token may lie unused; 0 for ever. 30 days in strict, for ever else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_idle: Option<u32>,
    /// `account_create` gives no tokens before the address is confirmed. Strict only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_required: Option<bool>,
}

impl Switches {
    /// Takes over what is set in `others`.
    pub(crate) fn set(&mut self, others: &Self) {
        let Self {
            refresh_credentials_required,
            pkce_required,
            stray_code_verifier_refused,
            redirect_uri_repeated,
            rfc_error_codes,
            issuer_in_response,
            scope_accepted,
            one_authentication,
            refresh_token_idle,
            confirmation_required,
        } = others;
        for (own, other) in [
            (&mut self.refresh_credentials_required, refresh_credentials_required),
            (&mut self.pkce_required, pkce_required),
            (&mut self.stray_code_verifier_refused, stray_code_verifier_refused),
            (&mut self.redirect_uri_repeated, redirect_uri_repeated),
            (&mut self.rfc_error_codes, rfc_error_codes),
            (&mut self.issuer_in_response, issuer_in_response),
            (&mut self.scope_accepted, scope_accepted),
            (&mut self.one_authentication, one_authentication),
            (&mut self.confirmation_required, confirmation_required),
        ] {
            *own = other.or(*own);
        }
        self.refresh_token_idle = refresh_token_idle.or(self.refresh_token_idle);
    }
}

/// What holds for one app: the profile with the app's switches over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) refresh_credentials_required: bool,
    pub(crate) pkce_required: bool,
    pub(crate) stray_code_verifier_refused: bool,
    pub(crate) redirect_uri_repeated: bool,
    pub(crate) rfc_error_codes: bool,
    pub(crate) issuer_in_response: bool,
    pub(crate) scope_accepted: bool,
    pub(crate) one_authentication: bool,
    pub(crate) refresh_token_idle: Option<Duration>,
    pub(crate) confirmation_required: bool,
    pub(crate) rotation: Rotation,
}

impl Rules {
    /// The rules of an app.
    pub(crate) fn of(client: &Client, settings: &Settings) -> Self {
        let switches = &client.switches;
        let is_strict = settings.profile == Profile::Strict;
        let strictly = |switch: Option<bool>| switch.unwrap_or(is_strict);
        let idle = match switches.refresh_token_idle {
            Some(seconds) => Some(Duration::from_secs(seconds.into())).filter(|idle| !idle.is_zero()),
            None => is_strict.then_some(IDLE),
        };
        Self {
            refresh_credentials_required: switches.refresh_credentials_required.unwrap_or(true),
            // There is nothing else that ties a public client's code to it.
            pkce_required: strictly(switches.pkce_required) || client.is_public(),
            stray_code_verifier_refused: strictly(switches.stray_code_verifier_refused),
            redirect_uri_repeated: strictly(switches.redirect_uri_repeated),
            rfc_error_codes: strictly(switches.rfc_error_codes),
            issuer_in_response: strictly(switches.issuer_in_response),
            scope_accepted: strictly(switches.scope_accepted),
            one_authentication: strictly(switches.one_authentication),
            refresh_token_idle: idle,
            confirmation_required: strictly(switches.confirmation_required),
            rotation: client.rotation.unwrap_or(settings.rotation()),
        }
    }
}
