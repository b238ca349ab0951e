//! Signing in with a password, and how often that may go wrong.
//!
//! Failures are counted per address and per account. A browser in which the account's owner has signed
//! in before has a budget of its own, so that a stranger who uses up the account's locks nobody out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hellosign_wire::secret::Password;

use super::password::Hashing;
use crate::app::App;
use crate::grant::Error;
use crate::hex;
use crate::random;
use crate::rate_limit::{Budget, Limiter, network};
use crate::store::{Account, Backend as _};
use crate::token::{KeyedHash, Purpose};

/// Failed sign-ins from one network: 30 at once, one more every ten seconds.
const PER_ADDRESS: (u32, Duration) = (30, Duration::from_secs(300));
/// Failed sign-ins to one account, from browsers that are new to it and from each that is not: 10 at
/// once, one more every 30 seconds.
const PER_ACCOUNT: (u32, Duration) = (10, Duration::from_secs(300));
/// Longer than any address that mail can be sent to (RFC 5321 §4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;

/// What failed sign-ins are held against.
#[derive(Debug)]
pub(crate) struct SignIns {
    addresses: Limiter<IpAddr>,
    accounts: Limiter<(String, Option<[u8; 16]>)>,
    pub(crate) hashing: Hashing,
}

impl Default for SignIns {
    fn default() -> Self {
        Self {
            addresses: Limiter::new(Some(PER_ADDRESS.0), PER_ADDRESS.1),
            accounts: Limiter::new(Some(PER_ACCOUNT.0), PER_ACCOUNT.1),
            hashing: Hashing::default(),
        }
    }
}

impl SignIns {
    /// Forgets who has failed.
    pub(crate) fn clear(&self) {
        self.addresses.clear();
        self.accounts.clear();
    }
}

/// Who wants to be whom, and from where.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) email_address: String,
    pub(crate) password: Password,
    pub(crate) from: IpAddr,
    /// The cookie that says who has signed in at this browser before.
    pub(crate) device: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is who they say.
    SignedIn(Arc<Account>),
    /// There is no such account, or that is not its password, and which of the two is not said.
    Wrong,
    /// The account is locked; said to nobody but who knows its password.
    Locked,
    /// Too many have failed; the Unix second from which on one more is looked at.
    TooMany {
        /// Unix seconds.
        until: i64,
    },
}

/// Looks at a sign-in.
///
/// # Errors
/// [`Error::Unavailable`] where the store gives no answer.
pub(crate) async fn sign_in(app: &App, attempt: Attempt) -> Result<Outcome, Error> {
    if attempt.email_address.len() > LONGEST_ADDRESS {
        return Ok(Outcome::Wrong);
    }
    let now = app.store.now();
    let found = app.store.find_sign_in(&attempt.email_address).await?;
    let device =
        found.as_ref().and_then(|found| known_device(app, &found.account, attempt.device.as_deref()));
    let subject = (attempt.email_address.to_lowercase(), device);
    let from = network(attempt.from);

    // Charged before the password is looked at, so that many at once are not all let through; given
    // back if it was right.
    let sign_ins = &app.sign_ins;
    let account_budget = sign_ins.accounts.charge(&subject, now);
    // A browser that the account knows answers for itself, whoever shares its address.
    let address_budget = device.is_none().then(|| sign_ins.addresses.charge(&from, now));
    let exceeded = |budget: &Budget| !budget.is_within;
    let refused = [Some(account_budget), address_budget]
        .into_iter()
        .flatten()
        .filter(exceeded)
        .max_by_key(|budget| budget.reset);
    if let Some(budget) = refused {
        if account_budget.is_within {
            sign_ins.accounts.refund(&subject);
        }
        return Ok(Outcome::TooMany { until: budget.reset });
    }
    let (account, stored) = found.map(|found| (found.account, found.password_hash)).unzip();
    let holds = sign_ins.hashing.verify(attempt.password, stored.flatten()).await?;
    let Some(account) = account.filter(|_| holds) else { return Ok(Outcome::Wrong) };
    sign_ins.accounts.refund(&subject);
    if address_budget.is_some() {
        sign_ins.addresses.refund(&from);
    }
    Ok(if account.is_locked { Outcome::Locked } else { Outcome::SignedIn(account) })
}

/// What a browser is given when somebody has signed in at it: says so to this server, and to nobody else.
pub(crate) fn remember_device(app: &App, account: &Account) -> String {
    let nonce = random::bytes::<16>(app.random.as_ref());
    let tag = app.keys().hash(Purpose::Device, &device_text(account, &nonce));
    format!("{}{}", hex::encode(&nonce), hex::encode(&tag))
}

/// Which browser this is, if somebody has signed in to this account there before.
fn known_device(app: &App, account: &Account, cookie: Option<&str>) -> Option<[u8; 16]> {
    let (nonce, tag) = cookie?.split_at_checked(32)?;
    let (nonce, tag): (_, KeyedHash) = (hex::decode(nonce)?, hex::decode(tag)?);
    let holds = app.keys().matches(Purpose::Device, &device_text(account, &nonce), &tag) == Some(true);
    holds.then_some(nonce)
}

/// The account's epoch is in it: what ends its grants makes its browsers strangers.
fn device_text(account: &Account, nonce: &[u8; 16]) -> String {
    format!("{} {} {}", hex::encode(nonce), hex::encode(&account.account_id), account.epoch)
}
