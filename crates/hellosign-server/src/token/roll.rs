//! How a server's secret is rolled: a new key is accepted, then it issues, and the old one is revoked.

use super::{KeyId, KeyLookup, KeyRing, KeyState, ListedKey};

/// Why a key is not used otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RollError {
    #[error("no key has the id {0}; `hellosign server keys list` shows those there are")]
    Unknown(KeyId),
    #[error("the key {0} is revoked, and stays so; add another one")]
    Revoked(KeyId),
    #[error("the key file lacks key {0}, so nothing can be issued with it")]
    NotHeld(KeyId),
    #[error("the key {0} is the one that issues; have another one issue first")]
    Issues(KeyId),
}

/// How the keys are listed once this one issues; the one that did so is accepted further.
pub(crate) fn issue(listed: &[ListedKey], ring: &KeyRing, id: KeyId) -> Result<Vec<ListedKey>, RollError> {
    match listed.iter().find(|key| key.id == id) {
        None => return Err(RollError::Unknown(id)),
        Some(key) if key.state == KeyState::Revoked => return Err(RollError::Revoked(id)),
        Some(_) => {}
    }
    let KeyLookup::Held(_) = ring.find(id) else { return Err(RollError::NotHeld(id)) };
    let remaining = listed.iter().filter(|key| key.state != KeyState::Revoked);
    let state = |key: &ListedKey| if key.id == id { KeyState::Issuing } else { KeyState::Accepted };
    Ok(remaining.map(|key| ListedKey { state: state(key), ..*key }).collect())
}

/// How the key is listed once all that was made with it has ended.
pub(crate) fn revoke(listed: &[ListedKey], id: KeyId) -> Result<ListedKey, RollError> {
    let key = listed.iter().find(|key| key.id == id).ok_or(RollError::Unknown(id))?;
    match key.state {
        KeyState::Issuing => Err(RollError::Issues(id)),
        _ => Ok(ListedKey { state: KeyState::Revoked, ..*key }),
    }
}
