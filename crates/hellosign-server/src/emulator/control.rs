//! The handle that a test has.

use std::sync::Arc;
use std::time::Duration;

use super::{Emulator, Fault, FaultError, PendingFault, RecordedRequest};
use crate::app::App;
use crate::client::switches::Switches;
use crate::clock::Timestamp;
use crate::fixtures;
use crate::grant::{ATTEMPTS, revocation};
use crate::store::{Account, Backend as _, Client, Grant, Rotation, StoreError, Updated};

/// The end of the year 9999.
const LATEST: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// Does to a running server what a test needs. Cheap to clone.
///
/// ```no_run
/// use std::time::Duration;
/// use hellosign_server::emulator::{Control, Cut, Fault};
///
/// # async fn example(control: Control) -> Result<(), Box<dyn std::error::Error>> {
/// control.advance(Duration::from_secs(86400)).await?;
/// control.add_fault(Fault::cut(Cut::AfterCommit).on_grant_type("refresh_token"))?;
/// // … what is tested …
/// assert_eq!(control.requests().len(), 2);
/// control.reset().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Control {
    app: Arc<App>,
}

/// Why something was not done. The text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no account with this address.
    #[error("there is no account {0:?}; make it by the fixtures or by account_create")]
    NoAccount(String),
    /// There is no app with this `client_id`.
    #[error("there is no client {0:?}; make it by the fixtures or by api_app_create")]
    NoClient(String),
    /// Time cannot be moved beyond the year 9999.
    #[error("this is beyond the year 9999; begin anew, or move the time by less")]
    TooLate,
    /// The fault cannot be.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The database does not answer; the log says why.
    #[error("the database does not answer; the log says why")]
    Unavailable,
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<crate::grant::Error> for ControlError {
    fn from(_: crate::grant::Error) -> Self {
        Self::Unavailable
    }
}

impl Control {
    /// `None` for a server that was not told to be controlled.
    pub(crate) fn new(app: &Arc<App>) -> Option<Self> {
        app.emulator.as_ref().map(|_| Self { app: Arc::clone(app) })
    }

    /// The server's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.app.store.now()
    }

    /// Moves the server's time forward, until the next reset.
    ///
    /// # Errors
    /// [`ControlError::TooLate`], [`ControlError::Unavailable`]
    pub async fn advance(&self, span: Duration) -> Result<Timestamp, ControlError> {
        if LATEST.since(self.now()).is_none_or(|left| span > left) {
            return Err(ControlError::TooLate);
        }
        Ok(self.app.store.advance(span).await?)
    }

    /// Has something go wrong; gives the number of the fault.
    ///
    /// # Errors
    /// [`ControlError::Fault`] for one that says nothing, or contradicts itself.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, ControlError> {
        fault.check()?;
        Ok(self.emulator().map_or(0, |emulator| emulator.add(fault)))
    }

    /// The faults that still wait for requests.
    #[must_use]
    pub fn faults(&self) -> Vec<PendingFault> {
        self.emulator().map(|emulator| emulator.lock().faults.clone()).unwrap_or_default()
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        if let Some(emulator) = self.emulator() {
            emulator.lock().faults.clear();
        }
    }

    /// The last thousand requests, the oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.emulator().map(|emulator| emulator.lock().recorded.iter().cloned().collect()).unwrap_or_default()
    }

    /// Forgets the requests.
    pub fn clear_requests(&self) {
        if let Some(emulator) = self.emulator() {
            emulator.lock().recorded.clear();
        }
    }

    /// Ends all that an account has granted to an app: `invalid_grant` from now on. Gives how many grants.
    ///
    /// # Errors
    /// [`ControlError::NoAccount`], [`ControlError::NoClient`], [`ControlError::Unavailable`]
    pub async fn revoke(&self, client_id: &str, account: &str) -> Result<usize, ControlError> {
        let grants = self.grants(client_id, account).await?;
        for grant in &grants {
            revocation::revoke(&self.app, grant.grant_id).await?;
        }
        Ok(grants.len())
    }

    /// Expires the access tokens that an app has for an account: 401 until it refreshes. Gives of how many
    /// grants.
    ///
    /// # Errors
    /// [`ControlError::NoAccount`], [`ControlError::NoClient`], [`ControlError::Unavailable`]
    pub async fn expire(&self, client_id: &str, account: &str) -> Result<usize, ControlError> {
        let grants = self.grants(client_id, account).await?;
        let now = self.app.store.now();
        for grant in &grants {
            self.end_access_tokens(grant, now).await?;
        }
        // What is issued from here on is later than that.
        self.app.store.advance(Duration::from_millis(1)).await?;
        Ok(grants.len())
    }

    /// Confirms an account's address or not, locks it or not; `None` leaves it as it is. Locking ends all
    /// that it has granted.
    ///
    /// # Errors
    /// [`ControlError::NoAccount`], [`ControlError::Unavailable`]
    pub async fn set_account(
        &self,
        email_address: &str,
        is_confirmed: Option<bool>,
        is_locked: Option<bool>,
    ) -> Result<(), ControlError> {
        for _ in 0..ATTEMPTS {
            let account = self.account(email_address).await?;
            let will_be_locked = is_locked.unwrap_or(account.is_locked);
            let next = Account {
                is_confirmed: is_confirmed.unwrap_or(account.is_confirmed),
                is_locked: will_be_locked,
                epoch: account.epoch + u32::from(will_be_locked && !account.is_locked),
                ..Account::clone(&account)
            };
            if let Updated::Done = self.app.store.update_account(next).await? {
                return Ok(());
            }
        }
        Err(ControlError::Unavailable)
    }

    /// Sets an app's switches, whether its refresh tokens rotate (from now on) and whether it is approved;
    /// what is `None` stays as it is.
    ///
    /// # Errors
    /// [`ControlError::NoClient`], [`ControlError::Unavailable`]
    pub async fn set_app(
        &self,
        client_id: &str,
        switches: &Switches,
        refresh_token_rotation: Option<bool>,
        is_approved: Option<bool>,
    ) -> Result<(), ControlError> {
        for _ in 0..ATTEMPTS {
            let client = self.client(client_id).await?;
            let mut next = Client::clone(&client);
            next.switches.set(switches);
            next.is_approved = is_approved.unwrap_or(client.is_approved);
            match refresh_token_rotation {
                None => {}
                Some(false) => next.rotation = Some(Rotation::Off),
                // What was issued before is refused when it comes late, and not punished.
                Some(true) if matches!(self.app.rules(&client).rotation, Rotation::Off) => {
                    next.rotation = Some(Rotation::OnSince(self.app.store.now()));
                }
                Some(true) => {}
            }
            if let Updated::Done = self.app.store.update_client(next).await? {
                return Ok(());
            }
        }
        Err(ControlError::Unavailable)
    }

    /// Begins anew with the fixtures: nothing is left of what was issued, recorded, asked to fail or moved.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`]
    pub async fn reset(&self) -> Result<(), ControlError> {
        if let Some(emulator) = self.emulator() {
            let begin = |now| fixtures::import(&self.app, &emulator.prepared, now);
            self.app.store.reset(begin).await?;
            self.app.limiter.clear();
            self.app.sign_ins.clear();
            emulator.begin();
        }
        Ok(())
    }

    fn emulator(&self) -> Option<&Emulator> {
        self.app.emulator.as_ref()
    }

    async fn account(&self, email_address: &str) -> Result<Arc<Account>, ControlError> {
        let account = self.app.store.find_account_by_email(email_address).await?;
        account.ok_or_else(|| ControlError::NoAccount(email_address.to_owned()))
    }

    async fn client(&self, client_id: &str) -> Result<Arc<Client>, ControlError> {
        let client = self.app.store.find_client(client_id).await?;
        client.ok_or_else(|| ControlError::NoClient(client_id.to_owned()))
    }

    async fn grants(&self, client_id: &str, account: &str) -> Result<Vec<Arc<Grant>>, ControlError> {
        self.client(client_id).await?;
        let account_id = self.account(account).await?.account_id;
        Ok(self.app.store.list_grants(account_id, client_id).await?)
    }

    async fn end_access_tokens(&self, grant: &Grant, now: Timestamp) -> Result<(), ControlError> {
        for _ in 0..ATTEMPTS {
            let Some(grant) = self.app.store.read_grant(grant.grant_id).await? else { return Ok(()) };
            let next = Grant { access_since: Some(now), ..Grant::clone(&grant) };
            if let Updated::Done = self.app.store.update_grant(next).await? {
                return Ok(());
            }
        }
        Err(ControlError::Unavailable)
    }
}
