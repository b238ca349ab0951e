//! Grants are sealed before a store gets them.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::environment::{self, Random};

const FORMAT: u8 = 1;
const NONCE: usize = 24;
/// Format, key id, nonce.
const HEAD: usize = 1 + 4 + NONCE;

/// The keys that stored grants are sealed with: the first seals, all of them open. To roll a key, put a
/// new one in front, and leave the old one away once every grant was renewed.
///
/// `Debug` shows the ids and nothing else.
///
/// ```
/// use hellosign_sdk::tokens::SealingKeys;
///
/// let keys = SealingKeys::new(2, [7; 32]).and(1, [3; 32]);
/// assert_eq!(format!("{keys:?}"), "SealingKeys([2, 1])");
/// ```
#[derive(Clone)]
pub struct SealingKeys(Vec<(u32, Zeroizing<[u8; 32]>)>);

impl SealingKeys {
    /// Seals with this key. The id is any number that no other key of yours has.
    #[must_use]
    pub fn new(id: u32, key: [u8; 32]) -> Self {
        Self(vec![(id, Zeroizing::new(key))])
    }

    /// Opens what was sealed with this one, too.
    #[must_use]
    pub fn and(mut self, id: u32, key: [u8; 32]) -> Self {
        self.0.push((id, Zeroizing::new(key)));
        self
    }

    /// `context` is what the record belongs to: it opens for nothing else. A record is a struct of strings and
    /// numbers: there is none that is not JSON.
    pub(crate) fn seal(&self, record: &impl Serialize, context: &[u8], random: &dyn Random) -> Vec<u8> {
        let (id, key) = &self.0[0];
        let plain = Zeroizing::new(serde_json::to_vec(record).expect("a record is JSON"));
        let nonce: [u8; NONCE] = environment::bytes(random);
        let mut sealed = vec![FORMAT];
        sealed.extend(id.to_be_bytes());
        sealed.extend(nonce);
        let payload = Payload { msg: &plain, aad: &bound(&sealed, context) };
        let cipher = XChaCha20Poly1305::new((&**key).into());
        let text = cipher.encrypt(&XNonce::from(nonce), payload).expect("a record is short");
        sealed.extend(text);
        sealed
    }

    pub(crate) fn open<T: DeserializeOwned>(&self, sealed: &[u8], context: &[u8]) -> Option<T> {
        let (head, text) = sealed.split_at_checked(HEAD)?;
        let id = u32::from_be_bytes(*head[1..].first_chunk()?);
        let (_, key) = self.0.iter().find(|(known, _)| *known == id)?;
        if head[0] != FORMAT {
            return None;
        }
        let payload = Payload { msg: text, aad: &bound(head, context) };
        let cipher = XChaCha20Poly1305::new((&**key).into());
        let nonce: [u8; NONCE] = *head.last_chunk()?;
        let plain = cipher.decrypt(&XNonce::from(nonce), payload).ok()?;
        serde_json::from_slice(&Zeroizing::new(plain)).ok()
    }
}

fn bound(head: &[u8], context: &[u8]) -> Vec<u8> {
    [head, context].concat()
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u32> = self.0.iter().map(|(id, _)| *id).collect();
        f.debug_tuple("SealingKeys").field(&ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::SystemRandom;
    use super::super::record::Record;
    use super::*;

    fn open(keys: &SealingKeys, sealed: &[u8], context: &[u8]) -> Option<Record> {
        keys.open(sealed, context)
    }

    fn record() -> Record {
        Record {
            access_token: "at".into(),
            refresh_token: "rt-secret".into(),
            serial: 1,
            requested_at: 5,
            lifetime: None,
            renewal: None,
            is_unanswered: false,
            ended: None,
        }
    }

    #[test]
    fn opens_with_its_key_and_for_its_context_only() {
        let keys = SealingKeys::new(1, [1; 32]);
        let sealed = keys.seal(&record(), b"jill", &SystemRandom);
        assert!(!sealed.windows(9).any(|window| window == b"rt-secret"));
        assert_eq!(open(&keys, &sealed, b"jill").unwrap().refresh_token, "rt-secret".into());
        assert!(open(&keys, &sealed, b"jack").is_none());
        assert!(open(&SealingKeys::new(1, [2; 32]), &sealed, b"jill").is_none());
        assert!(open(&SealingKeys::new(2, [1; 32]), &sealed, b"jill").is_none());
        assert!(open(&SealingKeys::new(2, [9; 32]).and(1, [1; 32]), &sealed, b"jill").is_some());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(open(&keys, &bent, b"jill").is_none(), "byte {at}");
            assert!(open(&keys, &sealed[..at], b"jill").is_none(), "{at} bytes");
        }
    }

    #[test]
    fn no_two_seals_are_alike() {
        let keys = SealingKeys::new(1, [1; 32]);
        let seal = || keys.seal(&record(), b"jill", &SystemRandom);
        assert_ne!(seal(), seal());
    }
}
