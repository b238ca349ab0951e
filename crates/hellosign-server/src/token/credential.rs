//! The layout of an access token and of a refresh token.
//!
//! ```text
//! base64url( kind 1 | key id 4 | grant id 16 | generation 4 | epoch 4 | issued at 8 |
//!            lifetime 4 | nonce 8 | MAC 16 )          the last line's first two: access tokens only
//! ```
//! The MAC is keyed by the server's secret and covers the seed of the grant's row, so that neither
//! the secret nor the database alone can make a token, and no token needs a row of its own.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::{Key, KeyId, Purpose};
use crate::clock::Timestamp;

/// A grant's identifier: random, and part of every token it ever issues.
pub(crate) type GrantId = [u8; 16];
/// The secret of a grant's row that enters every MAC.
pub(crate) type Seed = [u8; 16];

const MAC: usize = 16;
const REFRESH: usize = 1 + 4 + 16 + 4 + 4 + 8 + MAC;
const ACCESS: usize = REFRESH + 4 + 8;

/// What a credential is good for, and what only that kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Good for API calls.
    Access {
        /// Seconds from `issued_at` on.
        lifetime: u32,
        /// Tells apart the access tokens of one generation; zero where a generation has only one.
        nonce: u64,
    },
    /// Good for refreshing.
    Refresh,
}

/// What a token says. [`Credential::verify`] tells whether it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) kind: Kind,
    pub(crate) key_id: KeyId,
    pub(crate) grant_id: GrantId,
    /// Which refresh of its grant issued it; 0 is the exchange.
    pub(crate) generation: u32,
    /// The database's epoch when it was issued; a restored database has a new one.
    pub(crate) epoch: u32,
    pub(crate) issued_at: Timestamp,
}

/// A token as it was presented: what it says, and the MAC that is still to be checked.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) credential: Credential,
    mac: [u8; MAC],
}

impl Credential {
    /// Reads a token's layout; `None` for anything that this server cannot have issued.
    pub(crate) fn parse(text: &str) -> Option<Presented> {
        // One byte more than fits: a longer text is refused before it is copied.
        let mut bytes = Zeroizing::new([0_u8; ACCESS]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
        let mut rest = Reader(bytes.get(..length)?);
        let kind = rest.take::<1>()?[0];
        let key_id = KeyId(u32::from_be_bytes(rest.take()?));
        let grant_id = rest.take()?;
        let generation = u32::from_be_bytes(rest.take()?);
        let epoch = u32::from_be_bytes(rest.take()?);
        let issued_at = Timestamp::from_millis(i64::from_be_bytes(rest.take()?));
        let kind = match (kind, length) {
            (1, ACCESS) => Kind::Access {
                lifetime: u32::from_be_bytes(rest.take()?),
                nonce: u64::from_be_bytes(rest.take()?),
            },
            (2, REFRESH) => Kind::Refresh,
            _ => return None,
        };
        let credential = Self { kind, key_id, grant_id, generation, epoch, issued_at };
        Some(Presented { credential, mac: rest.take()? })
    }

    /// The token that says this, under `key` and the grant's seed.
    ///
    /// `key` must be the one that `key_id` names. The caller wraps the text at once in a type that is
    /// overwritten when dropped.
    pub(crate) fn seal(&self, key: &Key, seed: &Seed) -> String {
        debug_assert_eq!(key.id(), self.key_id, "sealed with another key than it names");
        let mut bytes = self.payload();
        let mac = self.mac(&bytes, key, seed);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(&bytes)
    }

    /// Whether an access token has outlived what it says; a time of issue in the future counts so.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        match self.kind {
            Kind::Access { lifetime, .. } => {
                now.since(self.issued_at).is_none_or(|age| age >= Duration::from_secs(lifetime.into()))
            }
            Kind::Refresh => false,
        }
    }

    fn payload(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ACCESS));
        bytes.push(match self.kind {
            Kind::Access { .. } => 1,
            Kind::Refresh => 2,
        });
        bytes.extend_from_slice(&self.key_id.0.to_be_bytes());
        bytes.extend_from_slice(&self.grant_id);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.issued_at.as_millis().to_be_bytes());
        if let Kind::Access { lifetime, nonce } = self.kind {
            bytes.extend_from_slice(&lifetime.to_be_bytes());
            bytes.extend_from_slice(&nonce.to_be_bytes());
        }
        bytes
    }

    fn mac(&self, payload: &[u8], key: &Key, seed: &Seed) -> [u8; MAC] {
        let purpose = match self.kind {
            Kind::Access { .. } => Purpose::AccessToken,
            Kind::Refresh => Purpose::RefreshToken,
        };
        let tag = key.mac(purpose, &[seed, payload]);
        let mut mac = [0; MAC];
        mac.copy_from_slice(&tag[..MAC]);
        mac
    }
}

impl Presented {
    /// Whether this server issued it, for the grant with this seed. Takes the same time either way.
    pub(crate) fn verify(&self, key: &Key, seed: &Seed) -> bool {
        let expected = self.credential.mac(&self.credential.payload(), key, seed);
        expected.ct_eq(&self.mac).into()
    }
}

/// Takes fixed-size pieces off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (piece, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*piece)
    }
}
