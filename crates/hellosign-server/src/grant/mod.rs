//! OAuth's rules, as plain functions over store, keys, time and randomness.

pub(crate) mod access_token;
pub(crate) mod authorization;
pub(crate) mod authorization_code;
mod error;
mod genuine;
pub(crate) mod introspection;
mod issue;
pub(crate) mod refresh_token;
pub(crate) mod revocation;
mod rotation;

pub(crate) use error::Error;
pub(crate) use issue::{Issued, new_grant, tokens_in_force};

/// How many grants an account can have given to one app: more devices and browsers than a person has.
pub(crate) const GRANTS: usize = 50;

/// How often a rule is applied again because the row changed under it. Each time somebody else's
/// write went through, so this is reached only under hundreds of writers on one grant.
pub(crate) const ATTEMPTS: usize = 256;
