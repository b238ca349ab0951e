//! Where a request carries its client credentials (RFC 6749 §2.3.1).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hellosign_wire::secret::ClientSecret;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::parameters::Parameters;
use crate::client::authentication::Credentials;

/// The body's credentials, or else the Authorization header's.
///
/// The header is read only where the body names no client, and only where it holds a password: the
/// vendor's old clients send their API key there, with an empty one, beside or instead of
/// credentials in the body.
pub(super) fn credentials(parameters: &Parameters, headers: &HeaderMap) -> Option<Credentials> {
    if let Some(client_id) = parameters.get("client_id") {
        return Some(Credentials {
            client_id: client_id.to_owned(),
            client_secret: parameters.get("client_secret").map(ClientSecret::from),
            in_header: false,
            is_twice: basic(headers).is_some(),
        });
    }
    let (user, password) = basic(headers)?;
    if password.is_empty() {
        return None;
    }
    // Both are form-encoded before they are joined (RFC 6749 §2.3.1).
    let decode =
        |text: &str| Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned());
    Some(Credentials {
        client_id: decode(&user)?,
        client_secret: Some(ClientSecret::new(decode(&password)?)),
        in_header: true,
        is_twice: parameters.get("client_secret").is_some(),
    })
}

/// User name and password of `Authorization: Basic` (RFC 7617), not decoded any further.
pub(super) fn basic(headers: &HeaderMap) -> Option<(Zeroizing<String>, Zeroizing<String>)> {
    let text = Zeroizing::new(STANDARD.decode(scheme(headers, "Basic")?).ok()?);
    let (user, password) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    Some((Zeroizing::new(user.to_owned()), Zeroizing::new(password.to_owned())))
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    scheme(headers, "Bearer")
}

fn scheme<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then_some(rest.trim_matches(' '))
}
