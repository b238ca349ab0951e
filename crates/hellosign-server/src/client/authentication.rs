//! Client authentication (RFC 6749 §2.3.1).

use std::sync::Arc;

use hellosign_wire::secret::ClientSecret;

use crate::app::App;
use crate::grant::Error;
use crate::store::{Backend as _, Client};
use crate::token::Purpose;

/// What a request presents as its client.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<ClientSecret>,
    /// Whether they came in the Authorization header and not in the body.
    pub(crate) in_header: bool,
}

/// The client that these credentials are.
///
/// # Errors
/// A missing secret, an unknown client, a wrong secret: each its own.
pub(crate) async fn authenticate(app: &App, credentials: &Credentials) -> Result<Arc<Client>, Error> {
    let secret = credentials.client_secret.as_ref().ok_or(Error::Missing("client_secret"))?;
    let client = app.store.find_client(&credentials.client_id).await?.ok_or(Error::UnknownClient)?;
    match app.keys.matches(Purpose::ClientSecret, secret.expose(), &client.secret) {
        Some(true) => {
            app.keep_under_issuing_key(Purpose::ClientSecret, secret.expose(), client.secret);
            Ok(client)
        }
        Some(false) => Err(Error::WrongSecret { in_header: credentials.in_header }),
        None => Err(Error::Unavailable),
    }
}
