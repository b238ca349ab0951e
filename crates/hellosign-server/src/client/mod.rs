//! What a client (the vendor's "API app") has to prove, and where it may be called back.

pub(crate) mod authentication;
pub(crate) mod pkce;
pub(crate) mod redirect_uri;
pub(crate) mod registration;
pub(crate) mod switches;
