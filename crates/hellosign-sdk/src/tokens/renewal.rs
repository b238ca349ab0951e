//! One renewal: from what is stored to what is stored next.
//!
//! What keeps a grant alive among processes is one rule: a record is written over only by those who have
//! read it. Whoever wants to send the refresh token first writes a lease into the record; whoever has
//! been sent an answer hands it out only once it is written in place of that lease. If it cannot be,
//! because the lease had ended and somebody else has taken over, the answer is void and is thrown away.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use hellosign_wire::token::OAuthTokenResponse;

use super::environment::{self, fraction};
use super::error::TokenError;
use super::fresh::Fresh;
use super::record::{Ended, Record, Renewal, millis, whole_millis};
use super::shared::Shared;
use super::store::Version;
use crate::error::ApiError;

/// What a server that does not say so is left alone for, at least.
const QUIET: Duration = Duration::from_secs(1);
/// And at most, whatever it says: what is broken for an hour may be mended.
const LONGEST_QUIET: Duration = Duration::from_secs(3600);
/// Between two looks at whether somebody else has renewed, at most.
const LONGEST_LOOK: Duration = Duration::from_millis(250);

/// An answer that could not be stored yet, and in place of what it is to be.
#[derive(Debug)]
pub(super) struct Unsaved {
    lease: Version,
    record: Record,
}

/// A token that is good.
pub(super) struct Renewed {
    pub(super) fresh: Arc<Fresh>,
    /// It was made here and now, rather than found in the store.
    pub(super) is_new: bool,
}

/// One account's attempt.
pub(super) struct Attempt<'a> {
    shared: &'a Shared,
    account: &'a str,
    /// The pair of tokens that is not good enough, if there is one.
    stale: Option<u64>,
    /// From an attempt before this one.
    unsaved: &'a mut Option<Unsaved>,
    /// How long somebody else's renewal is waited for, by the monotonic clock.
    patience: Duration,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        account: &'a str,
        stale: Option<u64>,
        unsaved: &'a mut Option<Unsaved>,
    ) -> Self {
        let patience = shared.clock.monotonic() + shared.lease() * 2;
        Self { shared, account, stale, unsaved, patience }
    }

    /// What is stored, if it is good enough, or what somebody else makes of it who holds the lease. `None`
    /// where it is to be renewed.
    ///
    /// # Errors
    /// Where there is no grant any more, the store cannot say, or the lease is held for too long.
    pub(super) async fn find(&mut self) -> Result<Option<Renewed>, TokenError> {
        self.save_unsaved().await?;
        let mut look = Duration::from_millis(10);
        loop {
            let (_, record) = self.shared.load(self.account).await?;
            if let Some(found) = self.usable(&record) {
                return Ok(Some(found));
            }
            if !self.is_leased(&record) {
                return Ok(None);
            }
            if self.shared.clock.monotonic() > self.patience {
                return Err(TokenError::Busy);
            }
            let jitter = 0.5 + fraction(&*self.shared.random) / 2.0;
            self.shared.spawner.sleep(look.mul_f64(jitter)).await;
            look = (look * 2).min(LONGEST_LOOK);
        }
    }

    /// Takes the lease, asks, and stores the answer. `Continue`: somebody else was faster at one of the
    /// steps, and the store has to be looked at again.
    ///
    /// # Errors
    /// Whatever keeps it from that.
    pub(super) async fn renew(&mut self) -> Result<ControlFlow<Renewed>, TokenError> {
        let (version, record) = self.shared.load(self.account).await?;
        if let Some(found) = self.usable(&record) {
            return Ok(ControlFlow::Break(found));
        }
        if self.is_leased(&record) {
            return Ok(ControlFlow::Continue(()));
        }
        let now = self.shared.clock.wall();
        let taken_at = self.shared.clock.monotonic();
        // Whoever had the last lease was lost with it, and an answer perhaps.
        let is_unanswered = record.is_unanswered || record.renewal.is_some();
        let until = millis(now) + whole_millis(self.shared.lease());
        let lease = Renewal { id: self.number(), until };
        let record = Record { renewal: Some(lease), is_unanswered, ..record };
        let Some(lease) = self.replace(version, &record).await? else { return Ok(ControlFlow::Continue(())) };

        // Held up since: by the time that an answer came, somebody else may hold the lease.
        if self.shared.clock.monotonic() > taken_at + self.shared.slack() {
            return Ok(ControlFlow::Continue(()));
        }
        let (sent_at, requested_at) = (self.shared.clock.monotonic(), millis(self.shared.clock.wall()));
        match self.shared.endpoint.refresh(record.refresh_token.clone()).await {
            Ok(tokens) => {
                *self.unsaved = Some(Unsaved { lease, record: self.answered(record, tokens, requested_at) });
                self.save(taken_at, sent_at).await
            }
            Err(error) => self.unanswered(lease, record, error).await,
        }
    }

    fn answered(&self, record: Record, tokens: OAuthTokenResponse, requested_at: u64) -> Record {
        let refresh_token = tokens.refresh_token.clone().unwrap_or(record.refresh_token);
        Record::new(tokens, refresh_token, self.number(), requested_at)
    }

    /// Stores the answer, again and again as long as the lease lasts.
    async fn save(
        &mut self,
        taken_at: Duration,
        sent_at: Duration,
    ) -> Result<ControlFlow<Renewed>, TokenError> {
        loop {
            match self.save_unsaved().await {
                Ok(Some(record)) => {
                    let age = self.shared.clock.monotonic().saturating_sub(sent_at);
                    let fresh = Fresh::new(&record, age, &*self.shared.clock, &*self.shared.random);
                    if !fresh.is_usable(&*self.shared.clock) {
                        return Err(TokenError::Unavailable { retry_after: QUIET, source: None });
                    }
                    return Ok(ControlFlow::Break(Renewed { fresh: Arc::new(fresh), is_new: true }));
                }
                Ok(None) => return Ok(ControlFlow::Continue(())),
                Err(error) if self.shared.clock.monotonic() > taken_at + self.shared.lease() => {
                    return Err(error);
                }
                Err(_) => self.shared.spawner.sleep(LONGEST_LOOK).await,
            }
        }
    }

    /// Stores what is not stored yet. Gives it if it was; where somebody else has taken the lease over it
    /// is void and forgotten.
    async fn save_unsaved(&mut self) -> Result<Option<Record>, TokenError> {
        let Some(Unsaved { lease, record }) = &*self.unsaved else { return Ok(None) };
        let is_saved = self.replace(*lease, record).await?.is_some();
        Ok(self.unsaved.take().filter(|_| is_saved).map(|unsaved| unsaved.record))
    }

    /// The lease is given back, with what is known of the grant now.
    async fn unanswered(
        &mut self,
        lease: Version,
        record: Record,
        error: ApiError,
    ) -> Result<ControlFlow<Renewed>, TokenError> {
        if error.is_grant_dead() {
            let ended = Ended { answer_lost: record.is_unanswered };
            let record = Record { renewal: None, ended: Some(ended), ..record };
            return match self.replace(lease, &record).await? {
                Some(_) => Err(TokenError::GrantDead { answer_lost: ended.answer_lost }),
                // A sibling took over: what it has is what counts.
                None => Ok(ControlFlow::Continue(())),
            };
        }
        // An answer with a status is the server's word that nothing came of it, but for 5xx, which may have
        // gone wrong after it was done.
        let is_known =
            error.is_connect() || error.status().is_some_and(|status| status < 500 || status == 503);
        let is_unanswered = record.is_unanswered || !is_known;
        let record = Record { renewal: None, is_unanswered, ..record };
        // If this fails the lease ends by itself.
        let _ = self.replace(lease, &record).await;
        if !error.is_transient() {
            return Err(TokenError::Refused(Arc::new(error)));
        }
        let retry_after = error.retry_after().unwrap_or_default().clamp(QUIET, LONGEST_QUIET);
        if matches!(error.status(), Some(429 | 503)) {
            self.shared.host.quiet_until(self.shared.clock.monotonic() + retry_after);
        }
        Err(TokenError::Unavailable { retry_after, source: Some(Arc::new(error)) })
    }

    /// Gives the new version where the old one was still there.
    async fn replace(&self, expected: Version, record: &Record) -> Result<Option<Version>, TokenError> {
        let next = self.number();
        let sealed = self.shared.keys.seal(record, &self.shared.context(self.account), &*self.shared.random);
        let replaced = self.shared.store.replace(self.account, Some(expected), next, Some(&sealed)).await?;
        Ok(replaced.then_some(next))
    }

    fn is_leased(&self, record: &Record) -> bool {
        let now = self.shared.clock.wall();
        record.renewal.is_some_and(|renewal| renewal.is_live(now))
    }

    fn usable(&self, record: &Record) -> Option<Renewed> {
        if Some(record.serial) == self.stale {
            return None;
        }
        let fresh = Arc::new(Fresh::found(record, &*self.shared.clock, &*self.shared.random));
        fresh.is_usable(&*self.shared.clock).then_some(Renewed { fresh, is_new: false })
    }

    fn number(&self) -> u64 {
        u64::from_le_bytes(environment::bytes(&*self.shared.random))
    }
}
