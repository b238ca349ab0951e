//! A few connections, each of which carries many requests at the same time: PostgreSQL answers them in the order in
//! which they were sent, and nobody waits for a round trip that another one is on.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::{Client, Row};

use super::failure::Failure;
use super::lane::{Lane, closed};
use super::rows::Values;
use super::statements::Sql;
use super::url::Connector;
use crate::metrics::{Operation, StoreMetrics, gauged};
use crate::store::StoreError;

/// Requests on one connection at the same time. More would only wait for each other.
const DEPTH: usize = 32;
/// Requests that wait for a place on a connection, for each connection. Those beyond are refused at once.
const WAITING: usize = 128;
/// How long a request waits for a place, or for any connection to come about.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long something is tried in all.
const IN_ALL: Duration = Duration::from_secs(4);
/// How long a connection that was given up is kept until its server has ended what it still does. A session that waits
/// for a standby goes on whoever is there: connections that are just dropped would leave more and more of them.
const LEAVING: Duration = Duration::from_secs(300);
/// Rows among which those who settle choose.
const SLOTS: i64 = 1024;
/// Between two attempts to connect, at most.
const RECONNECT: Duration = Duration::from_secs(1);

/// The connections of this node.
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// Ends the connections when it is dropped.
    _lanes: JoinSet<()>,
}

struct Shared {
    connector: Connector,
    lanes: Vec<ArcSwapOption<Lane>>,
    /// One place for each request that is on its way.
    places: Semaphore,
    waiting: AtomicUsize,
    /// One place for all that have met a locked row: they are tried again one at a time, so that they keep no more
    /// than one connection from the others.
    locked: Semaphore,
    /// Told when a connection has come about.
    connected: Notify,
    /// What went wrong last, while nothing works.
    trouble: Mutex<Option<String>>,
    metrics: Arc<StoreMetrics>,
}

impl Pool {
    /// Starts to connect; does not wait for it.
    pub(super) fn start(connector: Connector, connections: usize, metrics: Arc<StoreMetrics>) -> Self {
        let connections = connections.max(1);
        let shared = Arc::new(Shared {
            connector,
            lanes: (0..connections).map(|_| ArcSwapOption::empty()).collect(),
            places: Semaphore::new(connections * DEPTH),
            waiting: AtomicUsize::new(0),
            locked: Semaphore::new(1),
            connected: Notify::new(),
            trouble: Mutex::new(None),
            metrics,
        });
        let keep = |at| keep_connected(Arc::clone(&shared), at);
        let lanes = (0..connections).map(keep).collect();
        Self { shared, _lanes: lanes }
    }

    /// Runs a statement by itself, which is a transaction; what it wrote is durable when this returns.
    ///
    /// It may be run more than once: where an answer is lost it is sent again, so that it has to do no harm the
    /// second time. [`Answered::was_repeated`] says so.
    pub(super) async fn run(&self, sql: Sql, values: &Values<'_>) -> Result<Answered, StoreError> {
        self.run_and_settle(sql, values, |answered| answered.was_repeated && !sql.is_read()).await
    }

    /// Runs a write that gives its rows and may find that there is nothing to do; that is durable then, too.
    pub(super) async fn run_settled(&self, sql: Sql, values: &Values<'_>) -> Result<(), StoreError> {
        let is_open = |answered: &Answered| answered.was_repeated || answered.rows.is_empty();
        self.run_and_settle(sql, values, is_open).await.map(drop)
    }

    /// Waits until all that can be read now is durable. A commit that waits for a synchronous standby is seen by
    /// nobody; but if its session is ended meanwhile, it is seen, and nobody knows whether the standby has it. A
    /// commit after it waits for both.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        self.run_and_settle(Sql::Settle, &[&slot()], |_| false).await.map(drop)
    }

    async fn run_and_settle(
        &self,
        sql: Sql,
        values: &Values<'_>,
        is_open: impl FnOnce(&Answered) -> bool,
    ) -> Result<Answered, StoreError> {
        let began = Instant::now();
        let deadline = began + IN_ALL;
        let mut answered = self.run_until(sql, values, deadline).await;
        if answered.as_ref().is_ok_and(is_open)
            && let Err(error) = self.run_until(Sql::Settle, &[&slot()], deadline).await
        {
            answered = Err(error);
        }
        let metrics = &self.shared.metrics;
        match (&answered, sql.is_read()) {
            (Ok(_), true) => metrics.read(began.elapsed()),
            (Ok(_), false) => metrics.committed(1, began.elapsed()),
            (Err(_), true) => metrics.failed(Operation::Read),
            (Err(_), false) => metrics.failed(Operation::Write),
        }
        answered
    }

    async fn run_until(
        &self,
        sql: Sql,
        values: &Values<'_>,
        deadline: Instant,
    ) -> Result<Answered, StoreError> {
        let mut was_repeated = false;
        let mut attempt = 0;
        let mut is_locked = false;
        loop {
            let alone = match is_locked {
                true => Some(timeout_at(deadline, self.shared.locked.acquire()).await),
                false => None,
            };
            if matches!(alone, Some(Err(_))) {
                return Err(StoreError::Unavailable);
            }
            match self.attempt(sql, values, deadline).await {
                Ok(rows) => return Ok(Answered { rows, was_repeated }),
                Err(Failure::Refused) => return Err(StoreError::Unavailable),
                Err(failure) => {
                    was_repeated |= failure == Failure::Unknown;
                    is_locked = failure == Failure::Locked;
                }
            }
            drop(alone);
            attempt += 1;
            // Those who got in each other's way do not meet again.
            sleep(Duration::from_millis(fastrand::u64(0..=5 << attempt.min(6)))).await;
            if Instant::now() >= deadline {
                return Err(StoreError::Unavailable);
            }
        }
    }

    /// A connection for somebody's own use: for what takes longer, and for transactions of several statements.
    pub(super) async fn own_connection(&self) -> Result<Client, StoreError> {
        match self.shared.connector.connect().await {
            Ok((client, driving)) => {
                tokio::spawn(driving);
                Ok(client)
            }
            Err(error) => {
                tracing::error!(%error, "connecting to the database failed");
                Err(StoreError::Unavailable)
            }
        }
    }

    /// Waits for the first connection; says why where none comes about.
    pub(super) async fn connected(&self, patience: Duration) -> Result<(), String> {
        match self.shared.lane(Instant::now() + patience, patience).await {
            Some(_) => Ok(()),
            None => Err(self.trouble()),
        }
    }

    /// Connections that work right now.
    pub(super) fn live(&self) -> usize {
        self.shared.lanes.iter().filter(|lane| lane.load().is_some()).count()
    }

    /// What went wrong last, while no connection works.
    pub(super) fn trouble(&self) -> String {
        let trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        trouble.unwrap_or_else(|| "none has come about yet".to_owned())
    }

    /// Brings the gauges up to date.
    pub(super) fn measure(&self) {
        let lanes = self.shared.lanes.iter();
        let busy =
            lanes.filter_map(ArcSwapOption::load_full).map(|lane| lane.in_flight.load(Ordering::Relaxed) > 0);
        let (in_use, idle): (Vec<bool>, Vec<bool>) = busy.partition(|is_busy| *is_busy);
        let gauges = &self.shared.metrics.pool;
        gauges.in_use.set(gauged(in_use.len()));
        gauges.idle.set(gauged(idle.len()));
        gauges.max.set(gauged(self.shared.lanes.len()));
        gauges.waiting.set(gauged(self.shared.waiting.load(Ordering::Relaxed)));
    }

    async fn attempt(&self, sql: Sql, values: &Values<'_>, deadline: Instant) -> Result<Vec<Row>, Failure> {
        let shared = &self.shared;
        let _place = shared.place(deadline).await.ok_or(Failure::Refused)?;
        let lane = shared.lane(deadline, PATIENCE).await.ok_or(Failure::Refused)?;
        let _one = OneMore::on(&lane.in_flight);
        lane.ask(sql, values).await
    }
}

/// The row that settles.
fn slot() -> i64 {
    fastrand::i64(0..SLOTS)
}

/// What a statement has answered.
pub(super) struct Answered {
    pub(super) rows: Vec<Row>,
    /// Whether it may have been done before, by an attempt whose answer was lost.
    pub(super) was_repeated: bool,
}

impl Shared {
    /// A place among those that are on their way; `None` where there are too many, or none comes free in time.
    async fn place(&self, deadline: Instant) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let began = Instant::now();
        let place = match self.places.try_acquire() {
            Ok(place) => Some(place),
            Err(_) if self.waiting.load(Ordering::Relaxed) >= WAITING * self.lanes.len() => None,
            Err(_) => {
                let _one = OneMore::on(&self.waiting);
                let place = timeout_at(deadline.min(began + PATIENCE), self.places.acquire()).await;
                place.ok().and_then(Result::ok)
            }
        };
        match place {
            Some(_) => self.metrics.pool.wait.observe(began.elapsed().as_secs_f64()),
            None => drop(self.metrics.pool.timeouts.inc()),
        }
        place
    }

    /// The connection with the least to do; `None` where none comes about in time.
    async fn lane(&self, deadline: Instant, patience: Duration) -> Option<Arc<Lane>> {
        let until = deadline.min(Instant::now() + patience);
        loop {
            let connected = self.connected.notified();
            let live = self.lanes.iter().filter_map(ArcSwapOption::load_full);
            if let Some(lane) = live.min_by_key(|lane| lane.in_flight.load(Ordering::Relaxed)) {
                return Some(lane);
            }
            timeout_at(until, connected).await.ok()?;
        }
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// One connection after the other, for as long as the pool lives.
async fn keep_connected(shared: Arc<Shared>, at: usize) {
    let mut pause = Duration::from_millis(50);
    let mut leaving = JoinSet::new();
    loop {
        while leaving.try_join_next().is_some() {}
        while leaving.len() > 1 {
            leaving.join_next().await;
        }
        match Lane::connect(&shared.connector).await {
            Ok((lane, mut driving)) => {
                pause = Duration::from_millis(50);
                shared.set_trouble(None);
                let lane = Arc::new(lane);
                shared.lanes[at].store(Some(Arc::clone(&lane)));
                shared.connected.notify_waiters();
                let trouble = tokio::select! {
                    ended = &mut driving => closed(ended.err()),
                    () = lane.given_up() => {
                        leaving.spawn(timeout(LEAVING, driving));
                        "it was given up, since it gave no good answer".to_owned()
                    }
                };
                shared.lanes[at].store(None);
                tracing::warn!(trouble, "a connection to the database ended");
                shared.set_trouble(Some(trouble));
            }
            Err(error) => {
                let trouble = Some(error);
                // One line for all of them, and as long as it lasts.
                if *shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) != trouble {
                    tracing::error!(error = trouble, database = ?shared.connector, "connecting to the database failed");
                    shared.set_trouble(trouble);
                }
            }
        }
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(RECONNECT);
    }
}

/// Counts one for as long as it lives.
struct OneMore<'a>(&'a AtomicUsize);

impl<'a> OneMore<'a> {
    fn on(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("database", &self.shared.connector).field("live", &self.live()).finish()
    }
}
