//! What is stored, as the rules see it.

use std::sync::Arc;
use std::time::Duration;

use hellosign_wire::scope::Scope;

use crate::client::switches::Switches;
use crate::clock::Timestamp;
use crate::token::{GrantId, KeyId, KeyState, KeyedHash, Purpose, Seed};

/// An account's identifier: the vendor writes it as 40 hexadecimal digits.
pub(crate) type AccountId = [u8; 20];

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) account_id: AccountId,
    pub(crate) email_address: String,
    pub(crate) is_locked: bool,
    /// Whether the person has said that the address is theirs.
    pub(crate) is_confirmed: bool,
    /// Where account events are posted.
    pub(crate) callback_url: Option<String>,
    pub(crate) locale: Option<String>,
    /// Counts the writes of this row: an update names the revision that it was decided on.
    pub(crate) revision: u32,
    /// Raised by whatever ends all that was granted for this account; grants and codes remember it.
    pub(crate) epoch: u32,
}

impl Account {
    /// An account that nothing has happened to yet.
    pub(crate) fn new(account_id: AccountId, email_address: String) -> Self {
        Self {
            account_id,
            email_address,
            is_locked: false,
            is_confirmed: true,
            callback_url: None,
            locale: None,
            revision: 0,
            epoch: 0,
        }
    }
}

/// What signing in is held against.
#[derive(Debug, Clone)]
pub(crate) struct SignInRecord {
    pub(crate) account: Arc<Account>,
    /// A PHC string; without one nobody can sign in.
    pub(crate) password_hash: Option<String>,
}

/// An API app, or a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) owner: AccountId,
    pub(crate) name: String,
    pub(crate) domains: Vec<String>,
    /// Where events are posted: the vendor's `callback_url` beside, and not within, `oauth`.
    pub(crate) event_callback_url: Option<String>,
    pub(crate) can_insert_everywhere: bool,
    pub(crate) created_at: Timestamp,
    /// RFC 6749's redirect URI; `None` where OAuth is not set up.
    pub(crate) callback_url: Option<String>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) is_approved: bool,
    /// Whether it asks about tokens and never for any; its scopes are those of the tokens that are for it.
    pub(crate) is_resource_server: bool,
    pub(crate) switches: Switches,
    /// `None` follows the profile.
    pub(crate) rotation: Option<Rotation>,
    pub(crate) secret: Option<KeyedHash>,
    /// Counts the writes of this row: an update names the revision that it was decided on.
    pub(crate) revision: u32,
    /// Raised by whatever ends all of this app's grants; grants and codes remember it.
    pub(crate) epoch: u32,
}

impl Client {
    /// Whether it has nothing that it could prove who it is by (RFC 6749 §2.1).
    pub(crate) fn is_public(&self) -> bool {
        self.callback_url.is_some() && self.secret.is_none()
    }
}

/// Whether an app's refresh tokens rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    Off,
    /// Generations issued up to this moment are refused when they come late, and not punished.
    OnSince(Timestamp),
}

/// An authorization code. Its scopes are its app's: changing those raises the app's epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) hash: KeyedHash,
    pub(crate) client_id: String,
    pub(crate) account_id: AccountId,
    /// As it was sent to the authorization endpoint, if it was.
    pub(crate) redirect_uri: Option<String>,
    /// PKCE's challenge, S256.
    pub(crate) code_challenge: Option<String>,
    pub(crate) client_epoch: u32,
    pub(crate) account_epoch: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// The grant that it became, and when.
    pub(crate) redeemed: Option<(GrantId, Timestamp)>,
}

/// One user's permission for one app, however often it is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) grant_id: GrantId,
    pub(crate) client_id: String,
    pub(crate) account_id: AccountId,
    pub(crate) client_epoch: u32,
    pub(crate) account_epoch: u32,
    /// Enters the MAC of every token of this grant.
    pub(crate) seed: Seed,
    pub(crate) created_at: Timestamp,
    /// Its first refresh token came from elsewhere and is kept as a keyed hash.
    pub(crate) is_imported: bool,
    /// Counts the writes of this row: an update names the revision that it was decided on.
    pub(crate) revision: u32,
    /// The generation in force.
    pub(crate) generation: u32,
    /// The generation that it was rotated from. Those between the two are void: their answers were
    /// lost, or so it seemed.
    pub(crate) parent: Option<u32>,
    /// When, under which key and epoch, and for how long the generation in force was issued: all it
    /// takes to give the same answer again.
    pub(crate) issued_at: Timestamp,
    pub(crate) key_id: KeyId,
    pub(crate) epoch: u32,
    /// Lifetime of its access token in seconds.
    pub(crate) lifetime: u32,
    /// Whether the generation in force was used, so that its answer must have arrived.
    pub(crate) is_seen: bool,
    /// Void generations before the parent, as long as an access token of theirs can live.
    pub(crate) voids: Vec<VoidRange>,
    /// Access tokens that were issued up to then were ended before their time.
    pub(crate) access_since: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
}

/// Void generations, both ends included, and when the last of their access tokens has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VoidRange {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) until: Timestamp,
}

impl VoidRange {
    /// 16 bytes for each range, as a column holds them; `None` where there is none.
    pub(super) fn encode(ranges: &[Self]) -> Option<Vec<u8>> {
        let encoded = ranges.iter().flat_map(|range| {
            let (from, to, until) =
                (range.from.to_be_bytes(), range.to.to_be_bytes(), range.until.as_millis().to_be_bytes());
            [from.as_slice(), to.as_slice(), until.as_slice()].concat()
        });
        (!ranges.is_empty()).then(|| encoded.collect())
    }

    /// What [`VoidRange::encode`] has written.
    pub(super) fn decode(encoded: Option<&[u8]>) -> Vec<Self> {
        let (pieces, _) = encoded.unwrap_or_default().as_chunks::<16>();
        let range = |piece: &[u8; 16]| {
            let number =
                |at: usize| u32::from_be_bytes([piece[at], piece[at + 1], piece[at + 2], piece[at + 3]]);
            let until = i64::from(number(8)) << 32 | i64::from(number(12));
            Self { from: number(0), to: number(4), until: Timestamp::from_millis(until) }
        };
        pieces.iter().map(range).collect()
    }
}

impl Grant {
    /// Whether this app and this account still stand behind the grant.
    pub(crate) fn is_live(&self, client: &Client, account: &Account) -> bool {
        self.revoked_at.is_none()
            && self.client_epoch == client.epoch
            && self.account_epoch == account.epoch
            && !account.is_locked
    }
}

/// A browser that somebody has signed in at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) hash: KeyedHash,
    pub(crate) account_id: AccountId,
    pub(crate) account_epoch: u32,
    pub(crate) created_at: Timestamp,
    /// When it was last used, to the minute.
    pub(crate) seen_at: Timestamp,
}

/// What came of presenting a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Redeemed {
    /// It was consumed, and the grant is stored.
    Fresh,
    /// It had been consumed before.
    Spent { grant_id: GrantId, at: Timestamp },
    /// There is no such code (any more).
    Gone,
}

/// What came of storing something under a name that only one can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    Done,
    /// The name is taken, and nothing was stored.
    Taken,
}

/// What came of a conditional update.
#[derive(Debug, Clone)]
pub(crate) enum Updated {
    Done,
    /// The row had changed since it was read: decide again.
    Conflict,
}

/// An account to load, with the fingerprints by which it is recognised when it is loaded again: one
/// for each key, that of the issuing key first.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) fingerprints: Vec<KeyedHash>,
    pub(crate) account: Account,
    pub(crate) password_hash: Option<String>,
    pub(crate) api_key: Option<KeyedHash>,
}

/// An app to load; its owner by address.
#[derive(Debug, Clone)]
pub(crate) struct NewClient {
    pub(crate) fingerprints: Vec<KeyedHash>,
    pub(crate) owner: String,
    pub(crate) client: Client,
}

/// A code to load; its account by address, since that may have been there before.
#[derive(Debug, Clone)]
pub(crate) struct NewCode {
    pub(crate) fingerprints: Vec<KeyedHash>,
    pub(crate) account: String,
    pub(crate) code: Code,
}

/// A grant to load, with the hash of the refresh token that it is known by.
#[derive(Debug, Clone)]
pub(crate) struct NewGrant {
    pub(crate) fingerprints: Vec<KeyedHash>,
    pub(crate) account: String,
    pub(crate) refresh_token: KeyedHash,
    pub(crate) grant: Grant,
}

/// How much of an import was new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ImportReport {
    pub(crate) added: usize,
    pub(crate) known: usize,
}

/// A credential that is kept under a key that no longer issues, and how it is to be kept instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Rehash {
    pub(crate) purpose: Purpose,
    pub(crate) from: KeyedHash,
    pub(crate) to: KeyedHash,
}

/// How many credentials are kept as hashes under one key. Each moves to the issuing key when it is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// Secrets of apps.
    pub client_secrets: u64,
    /// API keys of accounts.
    pub api_keys: u64,
    /// Refresh tokens that came from elsewhere.
    pub imported_tokens: u64,
}

/// One of the server's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyEntry {
    /// Its name.
    pub id: KeyId,
    /// What it is used for.
    pub state: KeyState,
    /// Whether its secret was given.
    pub is_held: bool,
    /// What would end with it, beside the tokens that were made with it.
    pub uses: KeyUse,
}

/// Whole seconds of a lifetime, as tokens and rows carry it.
pub(crate) fn seconds(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}
