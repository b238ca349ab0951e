//! The vendor's operations on accounts and apps, in its envelopes.

pub(super) mod account;
pub(super) mod api_app;
mod caller;
pub(super) mod fields;
mod refusal;
