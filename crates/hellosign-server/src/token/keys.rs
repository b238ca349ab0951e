//! The server's secret, and one key for each purpose derived from it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::hex;
use crate::random::{self, Random};

/// Names one of the server's secrets; part of every token and keyed hash. Written as eight hexadecimal
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) u32);

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        hex::decode(text).map(u32::from_be_bytes).map(Self).ok_or(KeyIdError)
    }
}

/// A text that names no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's id is eight hexadecimal digits; `hellosign server keys list` shows those there are")]
pub struct KeyIdError;

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What a derived key is for. A tag made for one purpose never holds for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    AccessToken,
    RefreshToken,
    AuthorizationCode,
    ClientSecret,
    ApiKey,
    ImportedToken,
    Fixture,
    Session,
    Device,
    Ticket,
    ConsentCode,
}

impl Purpose {
    const ALL: [Self; 11] = [
        Self::AccessToken,
        Self::RefreshToken,
        Self::AuthorizationCode,
        Self::ClientSecret,
        Self::ApiKey,
        Self::ImportedToken,
        Self::Fixture,
        Self::Session,
        Self::Device,
        Self::Ticket,
        Self::ConsentCode,
    ];

    /// Goes into the derivation: changing one makes everything of that purpose unreadable.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AccessToken => b"access token",
            Self::RefreshToken => b"refresh token",
            Self::AuthorizationCode => b"authorization code",
            Self::ClientSecret => b"client secret",
            Self::ApiKey => b"API key",
            Self::ImportedToken => b"imported refresh token",
            Self::Fixture => b"fixture",
            Self::Session => b"session",
            Self::Device => b"device",
            Self::Ticket => b"ticket",
            Self::ConsentCode => b"authorization code of a consent",
        }
    }
}

/// A credential at rest: the id of the key that hashed it, and the hash.
pub(crate) type KeyedHash = [u8; 36];

/// One secret of the server, ready for use.
pub(crate) struct Key {
    id: KeyId,
    check: [u8; 16],
    purposes: [Hmac<Sha256>; Purpose::ALL.len()],
}

impl Key {
    fn derive(id: KeyId, secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"hellosign-server v1"), secret);
        let mut check = [0; 16];
        hkdf.expand(b"check value", &mut check).expect("16 bytes are fewer than HKDF's most");
        let purposes = Purpose::ALL.map(|purpose| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(purpose.label(), key.as_mut_slice()).expect("32 bytes are fewer than HKDF's most");
            Hmac::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length")
        });
        Self { id, check, purposes }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// HMAC-SHA256 over the parts, which must be of fixed length or come last.
    pub(crate) fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.purposes[purpose as usize].clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// What is stored in place of a credential.
    pub(crate) fn hash(&self, purpose: Purpose, credential: &str) -> KeyedHash {
        let mut hash = [0; 36];
        hash[..4].copy_from_slice(&self.id.0.to_be_bytes());
        hash[4..].copy_from_slice(&self.mac(purpose, &[credential.as_bytes()]));
        hash
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The secrets that a server was given: the content of its key file.
///
/// ```
/// use hellosign_server::{ServerKeys, SystemRandom};
///
/// let keys = ServerKeys::generate(&SystemRandom);
/// let text = keys.to_text();
/// assert!(ServerKeys::parse(&text).is_ok());
/// assert!(!format!("{keys:?}").contains(text.trim_end()));
/// ```
pub struct ServerKeys(Vec<(KeyId, Zeroizing<[u8; 32]>)>);

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// A line is not `key`, 8 and 64 hexadecimal digits.
    #[error(
        "line {line} of the key file is not of the form `key ID SECRET` with 8 and 64 hexadecimal digits"
    )]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// Two lines carry one id.
    #[error(
        "line {line} of the key file repeats the key id of an earlier line; each key needs an id of its own"
    )]
    Repeated {
        /// Counted from 1.
        line: usize,
    },
    /// No line holds a key.
    #[error(
        "the key file holds no key; restore it from your backup, or remove it and the database to start anew"
    )]
    Empty,
}

impl ServerKeys {
    /// One new secret of 256 random bits.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice());
        Self(vec![(KeyId(u32::from_be_bytes(random::bytes(random))), secret)])
    }

    /// Reads a key file: a line `key ID SECRET` for each key, the one that issues first; lines that
    /// start with `#` and empty ones are passed over.
    ///
    /// # Errors
    /// Where a line is malformed, an id is repeated, or there is no key. No error shows a secret.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut keys: Vec<(KeyId, Zeroizing<[u8; 32]>)> = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let malformed = KeyFileError::Malformed { line };
            let mut words = content.split_ascii_whitespace();
            let (Some("key"), Some(id), Some(secret), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(malformed);
            };
            let (Some(id), Some(secret)) = (hex::decode(id), hex::decode(secret)) else {
                return Err(malformed);
            };
            let id = KeyId(u32::from_be_bytes(id));
            if keys.iter().any(|(earlier, _)| *earlier == id) {
                return Err(KeyFileError::Repeated { line });
            }
            keys.push((id, Zeroizing::new(secret)));
        }
        if keys.is_empty() { Err(KeyFileError::Empty) } else { Ok(Self(keys)) }
    }

    /// These keys and one more, with its id.
    pub(crate) fn with_another(&self, random: &dyn Random) -> (Self, KeyId) {
        let another =
            Self::generate(random).0.into_iter().find(|(id, _)| self.0.iter().all(|(i, _)| i != id));
        let mut keys = self.0.clone();
        match another {
            Some((id, secret)) => {
                keys.push((id, secret));
                (Self(keys), id)
            }
            // One time in four billion.
            None => self.with_another(random),
        }
    }

    /// Whether these are the same secrets, in the same order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let is_same =
            |((id, secret), (other_id, other_secret)): (&(KeyId, _), &(KeyId, Zeroizing<[u8; 32]>))| {
                let secret: &Zeroizing<[u8; 32]> = secret;
                id == other_id && bool::from(secret.ct_eq(other_secret.as_slice()))
            };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(is_same)
    }

    /// The content of a key file. It is the server's secret: write it where only the server can read.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "# The secret of a hellosign server. Without it the database beside it is worth nothing;\n\
             # with it and the database anyone can make tokens. Keep a copy, and keep it apart.\n",
        ));
        for (id, secret) in &self.0 {
            text.push_str(&format!("key {id} "));
            text.push_str(&Zeroizing::new(hex::encode(secret.as_slice())));
            text.push('\n');
        }
        text
    }
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// A key as the database lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedKey {
    pub(crate) id: KeyId,
    /// Derived from the secret, and tells nothing about it.
    pub(crate) check: [u8; 16],
    pub(crate) state: KeyState,
}

/// What a database uses a key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// What was made with it holds.
    Accepted,
    /// And new credentials are made with it; one key of a database is.
    Issuing,
    /// Nothing that was made with it holds any more. It stays listed, so that a key file that still has
    /// it does not bring it back.
    Revoked,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Issuing => "issuing",
            Self::Revoked => "revoked",
        })
    }
}

/// What the server knows of the key that a credential names.
pub(crate) enum KeyLookup<'a> {
    /// It can be checked.
    Held(&'a Key),
    /// The database lists it and this process was not given it: nobody's fault, and no verdict.
    Missing,
    /// Not a key of this database.
    Unknown,
}

/// The keys in use: what the database lists, with the secrets that this process was given.
#[derive(Debug)]
pub(crate) struct KeyRing {
    issuing: KeyId,
    keys: BTreeMap<KeyId, Option<Arc<Key>>>,
}

/// Why the secrets and the database do not go together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyRingError {
    #[error(
        "key {0} of the key file is not the secret that made this database; start with the key file that belongs to it"
    )]
    Mismatch(KeyId),
    #[error(
        "the key file lacks key {0}, with which this database issues tokens; start with the key file that belongs to it"
    )]
    NotHeld(KeyId),
}

impl KeyRing {
    /// What a new database lists: the file's first key issues.
    pub(crate) fn list(keys: &ServerKeys) -> Vec<ListedKey> {
        let listed = |(at, (id, secret)): (usize, &(KeyId, Zeroizing<[u8; 32]>))| {
            let key = Key::derive(*id, secret);
            let state = if at == 0 { KeyState::Issuing } else { KeyState::Accepted };
            ListedKey { id: key.id, check: key.check, state }
        };
        keys.0.iter().enumerate().map(listed).collect()
    }

    /// Keys of the file that the database does not list yet: what they make is to be accepted.
    pub(crate) fn unlisted(keys: &ServerKeys, listed: &[ListedKey]) -> Vec<ListedKey> {
        let mut found = Self::list(keys);
        found.retain(|key| listed.iter().all(|entry| entry.id != key.id));
        found.iter_mut().for_each(|key| key.state = KeyState::Accepted);
        found
    }

    /// Holds the secrets against what the database lists.
    ///
    /// # Errors
    /// A secret that is not the one that the database was made with, or none for the issuing key.
    pub(crate) fn open(keys: &ServerKeys, listed: &[ListedKey]) -> Result<Self, KeyRingError> {
        let mut ring = Self { issuing: KeyId(0), keys: BTreeMap::new() };
        for entry in listed.iter().filter(|entry| entry.state != KeyState::Revoked) {
            let is_issuing = entry.state == KeyState::Issuing;
            let held =
                keys.0.iter().find(|(id, _)| *id == entry.id).map(|(id, secret)| Key::derive(*id, secret));
            match &held {
                Some(key) if !bool::from(key.check.ct_eq(&entry.check)) => {
                    return Err(KeyRingError::Mismatch(entry.id));
                }
                None if is_issuing => return Err(KeyRingError::NotHeld(entry.id)),
                _ => {}
            }
            if is_issuing {
                ring.issuing = entry.id;
            }
            ring.keys.insert(entry.id, held.map(Arc::new));
        }
        Ok(ring)
    }

    /// The key that new credentials are made with.
    pub(crate) fn issuing(&self) -> &Key {
        self.keys
            .get(&self.issuing)
            .and_then(Option::as_deref)
            .expect("open() made sure that the issuing key is held")
    }

    /// The key with this id.
    pub(crate) fn find(&self, id: KeyId) -> KeyLookup<'_> {
        match self.keys.get(&id) {
            Some(Some(key)) => KeyLookup::Held(key),
            Some(None) => KeyLookup::Missing,
            None => KeyLookup::Unknown,
        }
    }

    /// This ring as far as it goes with what the database lists now: without the keys that were revoked, and with
    /// those that it lacks known to be missing. `None` where the one that it issues with was revoked.
    pub(crate) fn as_listed(&self, listed: &[ListedKey]) -> Option<Self> {
        let is_revoked = |id: KeyId| listed.iter().any(|key| key.id == id && key.state == KeyState::Revoked);
        if is_revoked(self.issuing) {
            return None;
        }
        let mut keys = self.keys.clone();
        keys.retain(|id, _| !is_revoked(*id));
        for key in listed.iter().filter(|key| key.state != KeyState::Revoked) {
            keys.entry(key.id).or_insert(None);
        }
        Some(Self { issuing: self.issuing, keys })
    }

    /// The hash of a credential under the issuing key: what is stored.
    pub(crate) fn hash(&self, purpose: Purpose, credential: &str) -> KeyedHash {
        self.issuing().hash(purpose, credential)
    }

    /// The hashes under which a credential may have been stored: one for each key that is held, the
    /// issuing one first.
    pub(crate) fn hashes(&self, purpose: Purpose, credential: &str) -> Vec<KeyedHash> {
        let others = self.keys.values().flatten().map(Arc::as_ref).filter(|key| key.id != self.issuing);
        std::iter::once(self.issuing()).chain(others).map(|key| key.hash(purpose, credential)).collect()
    }

    /// The key that a stored hash was made with.
    pub(crate) fn maker(stored: &KeyedHash) -> KeyId {
        KeyId(u32::from_be_bytes([stored[0], stored[1], stored[2], stored[3]]))
    }

    /// Whether a key that this database lists is not held, so that "not found" may be untrue.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.keys.values().any(Option::is_none)
    }

    /// Whether `credential` is what `stored` was made from; `None` where its key is not held.
    pub(crate) fn matches(&self, purpose: Purpose, credential: &str, stored: &KeyedHash) -> Option<bool> {
        match self.find(Self::maker(stored)) {
            KeyLookup::Held(key) => Some(key.hash(purpose, credential).ct_eq(stored).into()),
            KeyLookup::Missing => None,
            KeyLookup::Unknown => Some(false),
        }
    }
}
