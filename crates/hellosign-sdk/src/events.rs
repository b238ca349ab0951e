//! Whether an event callback comes from the vendor.

use hellosign_wire::secret::ApiKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Whether an event's `event_hash` was made with this API key, of its `event_time` and `event_type` (all
/// three as they are in the JSON). Takes the same time wherever two hashes differ.
///
/// The hash covers nothing else: what else the event says may have been changed on its way, and an old one
/// may be sent again. Take it for a hint to ask the API. For an app's callback the key is that of the
/// app's owner.
///
/// Source: the vendor's "Events and callbacks".
///
/// ```
/// use hellosign_sdk::events::is_authentic;
///
/// let api_key = "0f7c6a1be3d94f5c8a2b7e6d5c4b3a29".into();
/// let hash = "369a9e78bf0fb5d8bd1e994ee25cfe46aeb6012092802d9f2b9f32fc6f9ee361";
/// assert!(is_authentic(&api_key, "1348177752", "signature_request_sent", hash));
/// assert!(!is_authentic(&api_key, "1348177753", "signature_request_sent", hash));
/// ```
#[must_use]
pub fn is_authentic(api_key: &ApiKey, event_time: &str, event_type: &str, event_hash: &str) -> bool {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(api_key.expose().as_bytes()) else { return false };
    mac.update(event_time.as_bytes());
    mac.update(event_type.as_bytes());
    decoded(event_hash).is_some_and(|hash| mac.verify_slice(&hash).is_ok())
}

fn decoded(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().split_at(hex.len() / 2 * 2);
    let byte = |pair: &[u8]| {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        u8::try_from(digit(0)? << 4 | digit(1)?).ok()
    };
    rest.is_empty().then(|| pairs.chunks_exact(2).map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "369a9e78bf0fb5d8bd1e994ee25cfe46aeb6012092802d9f2b9f32fc6f9ee361";

    fn check(key: &str, time: &str, kind: &str, hash: &str) -> bool {
        is_authentic(&key.into(), time, kind, hash)
    }

    #[test]
    fn only_the_hash_of_this_key_time_and_type_will_do() {
        let key = "0f7c6a1be3d94f5c8a2b7e6d5c4b3a29";
        assert!(check(key, "1348177752", "signature_request_sent", HASH));
        assert!(check(key, "1348177752", "signature_request_sent", &HASH.to_uppercase()));
        assert!(!check("another key", "1348177752", "signature_request_sent", HASH));
        assert!(!check(key, "1348177751", "signature_request_sent", HASH));
        assert!(!check(key, "1348177752", "signature_request_signed", HASH));
        for hash in
            ["", "36", &HASH[..62], &HASH[..63], &format!("{HASH}00"), &HASH.replace('3', "x"), "käse"]
        {
            assert!(!check(key, "1348177752", "signature_request_sent", hash), "{hash}");
        }
    }
}
