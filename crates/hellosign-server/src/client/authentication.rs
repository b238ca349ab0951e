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
    /// Whether the header has credentials, too.
    pub(crate) is_twice: bool,
}

/// The client that these credentials are.
///
/// A resource server is one, too: there are no grants that it could do anything with.
///
/// A public client has nothing to prove (RFC 6749 §3.2.1): who it is has to follow from what it presents.
///
/// # Errors
/// A missing secret, an unknown client, a wrong secret, credentials in two places: each its own.
pub(crate) async fn authenticate(app: &App, credentials: &Credentials) -> Result<Arc<Client>, Error> {
    let client = app.store.find_client(&credentials.client_id).await?;
    let client = client.filter(|client| client.callback_url.is_some() || client.is_resource_server);
    let secret = match (&credentials.client_secret, &client) {
        (Some(secret), _) => secret,
        (None, Some(client)) if client.is_public() => return Ok(Arc::clone(client)),
        (None, _) => return Err(Error::Missing("client_secret")),
    };
    let client = client.ok_or(Error::UnknownClient)?;
    if credentials.is_twice && app.rules(&client).one_authentication {
        return Err(Error::AuthenticatedTwice);
    }
    let wrong = || Error::WrongSecret { in_header: credentials.in_header };
    let stored = client.secret.ok_or_else(wrong)?;
    if !app.matches(Purpose::ClientSecret, secret.expose(), &stored).await? {
        return Err(wrong());
    }
    app.keep_under_issuing_key(Purpose::ClientSecret, secret.expose(), stored);
    Ok(client)
}
