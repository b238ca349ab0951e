//! People's passwords: argon2id, a bounded number at a time.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use hellosign_wire::secret::Password;
use tokio::sync::Semaphore;

use crate::store::StoreError;

/// Passwords that are hashed at the same time: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// Hashes passwords, so many at a time; who comes then waits.
#[derive(Debug)]
pub(crate) struct Hashing(Semaphore);

impl Default for Hashing {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Hashing {
    /// A PHC string, with the library's parameters (19 MiB, 2 passes).
    pub(crate) async fn hash(&self, password: Password, salt: [u8; 16]) -> Result<String, StoreError> {
        self.run(move || hash(&password, &salt)).await?.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            StoreError::Unavailable
        })
    }

    /// Whether the password is the one that `stored` was made from. Where there is none it takes as
    /// long as if there were, and is wrong: nobody learns which accounts exist.
    pub(crate) async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<bool, StoreError> {
        self.run(move || {
            let phc = stored.as_deref().unwrap_or(&NOBODYS);
            let holds = Argon2::default().verify_password(password.expose().as_bytes(), phc).is_ok();
            holds && stored.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let Ok(_permit) = self.0.acquire().await else { return Err(StoreError::Unavailable) };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "hashing a password did not finish");
            StoreError::Unavailable
        })
    }
}

/// The hash of nobody's password.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash(&Password::from(""), &[0; 16]).unwrap_or_default());

fn hash(password: &Password, salt: &[u8]) -> argon2::password_hash::Result<String> {
    let hash = Argon2::default().hash_password_with_salt(password.expose().as_bytes(), salt)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_verified() {
        let hashing = Hashing::default();
        let stored = hashing.hash("correct".into(), [7; 16]).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hashing.verify("correct".into(), Some(stored.clone())).await.unwrap());
        assert!(!hashing.verify("wrong".into(), Some(stored)).await.unwrap());
        assert!(!hashing.verify("".into(), None).await.unwrap(), "nobody has no password");
    }
}
