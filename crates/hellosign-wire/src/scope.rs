//! What an app may do for a user (RFC 6749 §3.3). With HelloSign a scope is a setting of the app and
//! is never sent to the authorization endpoint.

use crate::open_enum::open_enum;

open_enum! {
    /// One scope. Who pays decides which ones an app may have: the two groups exclude each other.
    Scope {
        /// Read the account's email address and name (the app's owner is charged).
        BasicAccountInfo = "basic_account_info",
        /// Send signature requests and see those (the app's owner is charged).
        RequestSignature = "request_signature",
        /// Read and change the account (the user is charged).
        AccountAccess = "account_access",
        /// Send, see and change signature requests (the user is charged).
        SignatureRequestAccess = "signature_request_access",
        /// See and change templates (the user is charged).
        TemplateAccess = "template_access",
        /// See and change the team (the user is charged).
        TeamAccess = "team_access",
        /// See and change API apps (the user is charged).
        ApiAppAccess = "api_app_access",
    }
}

/// Who pays for what an app does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an app has an owner and users, and nobody else")]
pub enum Payer {
    /// The app's owner.
    Owner,
    /// The user who authorizes it.
    User,
}

impl Scope {
    /// Who is charged for what an app with this scope does; `None` for a scope that is not known.
    #[must_use]
    pub fn payer(&self) -> Option<Payer> {
        match self {
            Self::BasicAccountInfo | Self::RequestSignature => Some(Payer::Owner),
            Self::AccountAccess
            | Self::SignatureRequestAccess
            | Self::TemplateAccess
            | Self::TeamAccess
            | Self::ApiAppAccess => Some(Payer::User),
            Self::Other(_) => None,
        }
    }
}
