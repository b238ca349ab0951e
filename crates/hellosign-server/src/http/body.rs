//! Reading a request's body, within limits of size and time.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::error::Error;
use super::limits::is_shed;
use crate::grant;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The whole body, of so many bytes at most.
///
/// # Errors
/// Where it is too large, too slow or cut short, or there is no room for its request.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Error> {
    // What announces that it is too large need not be sent first.
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::TooLarge { limit });
    }
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Error::TooSlow),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::TooLarge { limit }),
        Ok(Err(error)) if is_shed(error.as_ref()) => Err(grant::Error::Unavailable.into()),
        Ok(Err(_)) => Err(Error::BodyCutShort),
    }
}
