//! A server from its settings: opened, loaded, served, closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::admission::Admission;
use crate::app::{App, Policy};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Database, Profile};
use crate::consent::sign_in::SignIns;
use crate::consent::{session, ticket};
use crate::emulator::{Control, ControlToken, Emulator};
use crate::fixtures::{self, Fixtures};
use crate::http::connection::{self, Entrance};
use crate::http::{control, operations, router};
use crate::limits::Limits;
use crate::live_keys::LiveKeys;
use crate::metrics::Metrics;
use crate::rate_limit::Limiter;
use crate::settings::{LiveSettings, Settings};
use crate::store::{Backend as _, Embedded, Ended, OpenError, Postgres, PostgresError, Store, StoreError};

/// How often what was noted off the answers' way is written down.
const NOTES_INTERVAL: Duration = Duration::from_millis(500);
/// Connections that may be open to a listener that is not for clients.
const CONNECTIONS_BESIDE: usize = 256;
/// How often it is looked whether keys or settings have changed.
const KEYS_INTERVAL: Duration = Duration::from_secs(1);
/// How often codes and sessions that have ended are forgotten.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// Why a server cannot start or go on. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Reason);

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("the fixtures could not be loaded; the log says why")]
    Fixtures(#[source] StoreError),
    #[error(
        "no account has the address {0}, which is to approve every authorization; add it to the fixtures"
    )]
    NobodyToApprove(String),
    #[error(
        "the app {0} has no client_secret, which takes the profile strict and rotating refresh tokens; give it one"
    )]
    PublicClient(String),
    #[error("the public URL {0} is not an origin, such as https://sign.example.com")]
    PublicUrl(String),
    #[error(
        "a write to the database failed, so the server stopped; make sure that the disk has room, then start again"
    )]
    StoreFailed,
    #[error(
        "the key that this server issues with was revoked, and its key file lacks the one that took its place; start \
         with the key file that belongs to the database"
    )]
    KeyRevoked,
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Self(error.into())
    }
}

impl From<PostgresError> for Error {
    fn from(error: PostgresError) -> Self {
        Self(error.into())
    }
}

/// A server that is ready to answer.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    controlled: Vec<(TcpListener, Arc<ControlToken>)>,
    operated: Vec<TcpListener>,
}

impl Server {
    /// Opens the data directory and loads the fixtures; both are durable when this returns.
    ///
    /// # Errors
    /// Where another server runs on the directory, the database or its secret cannot be used, or a
    /// fixture contradicts what is stored.
    pub async fn open(config: Config) -> Result<Self, Error> {
        if let Some(url) = config.public_url.as_ref().filter(|url| !is_origin(url)) {
            return Err(Reason::PublicUrl(url.clone()).into());
        }
        let clock = config.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let metrics = Metrics::new(clock.now());
        let (store, live_keys) = open_store(&config, clock, &metrics).await?;
        let mut app = App {
            store,
            live_keys,
            random: Arc::clone(&config.random),
            limiter: Limiter::new(config.rate_limit, Duration::from_secs(60)),
            sign_ins: SignIns::default(),
            emulator: None,
            live_settings: LiveSettings::new(Settings::new(&config)),
            policy: Policy::new(&config),
            admission: Arc::new(Admission::new(&config.limits, metrics.requests.shed.clone())),
            limits: config.limits.clone(),
            metrics,
            draining: Arc::default(),
        };
        app.refresh().await;
        if let Some(client_id) = unprotected_public_client(&app, &config.fixtures) {
            return Err(Reason::PublicClient(client_id).into());
        }
        let is_emulator = config.control || !config.fixtures.faults.is_empty();
        let prepared =
            fixtures::prepare(&app, config.fixtures, is_emulator).await.map_err(Reason::Fixtures)?;
        fixtures::load(&app, &prepared).await.map_err(Reason::Fixtures)?;
        app.emulator = is_emulator.then(|| Emulator::new(prepared));
        if let Some(email_address) = config.auto_approve {
            let account = app.store.find_account_by_email(&email_address).await.map_err(Reason::Fixtures)?;
            account.ok_or(Reason::NobodyToApprove(email_address))?;
        }
        Ok(Self { app: Arc::new(app), controlled: Vec::new(), operated: Vec::new() })
    }

    /// What a test can do to this server; `None` unless [`Config::control`] is set.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        Control::new(&self.app)
    }

    /// Has [`Server::serve`] answer the control API on a listener of its own, to those who have this token. The
    /// listener is to be on loopback; [`Config::control`] has to be set.
    pub fn control_on(&mut self, listener: TcpListener, token: impl Into<ControlToken>) {
        self.controlled.push((listener, Arc::new(token.into())));
    }

    /// Has [`Server::serve`] answer `/healthz`, `/readyz` and `/metrics` on a listener of its own, for those who
    /// run the server. It has no secret to tell and changes nothing, so it may be reached from other machines;
    /// how much is asked for is nobody's business but theirs.
    pub fn operations_on(&mut self, listener: TcpListener) {
        self.operated.push(listener);
    }

    /// Answers on every listener until `shutdown` completes. From then on `/readyz` says no and each answer is its
    /// connection's last; after [`Limits::drain_delay`](crate::Limits::drain_delay) nobody is accepted any more, and
    /// what is in flight is finished, for 30 seconds at most.
    ///
    /// # Errors
    /// Where a commit failed. The process has to end then: what is on the disk is known again only
    /// after the database was opened anew.
    pub async fn serve(
        self,
        listeners: Vec<TcpListener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let app = Arc::clone(&self.app);
        let bookkeeping = tokio::spawn(bookkeeping(Arc::clone(&app)));
        // They answer to the end, so that whoever watches sees it come.
        let routes = operations::router(Arc::clone(&app));
        let operated = self.operated.into_iter().map(|listener| (listener, routes.clone())).collect();
        let operations = tokio::spawn(connection::serve(beside(&app, operated), std::future::pending()));
        let controlled = self.controlled.into_iter().flat_map(|(listener, token)| {
            Control::new(&app).map(|control| (listener, control::router(control, token)))
        });
        let routes = router::router(Arc::clone(&app));
        let entrance = Entrance {
            listeners: listeners.into_iter().map(|listener| (listener, routes.clone())).collect(),
            limits: app.limits.clone(),
            draining: Arc::clone(&app.draining),
            metrics: Some(app.metrics.connections.clone()),
        };
        let (told, stopping) = watch::channel(());
        let stopped = || {
            let mut stopping = stopping.clone();
            async move {
                // An error says that there is nobody left to tell, which is how it is told.
                let _ = stopping.changed().await;
            }
        };
        let telling = async {
            drained(&app, shutdown).await;
            drop(told);
        };
        tokio::join!(
            telling,
            connection::serve(entrance, stopped()),
            connection::serve(beside(&app, controlled.collect()), stopped()),
        );
        operations.abort();
        bookkeeping.abort();
        if app.store.has_failed() {
            return Err(Reason::StoreFailed.into());
        }
        if app.live_keys.has_failed() {
            return Err(Reason::KeyRevoked.into());
        }
        // Best effort, like all that is noted off the answers' way.
        let _ = app.store.flush_notes().await;
        Ok(())
    }
}

async fn open_store(
    config: &Config,
    clock: Arc<dyn Clock>,
    metrics: &Metrics,
) -> Result<(Store, LiveKeys), Error> {
    let random = config.random.as_ref();
    Ok(match &config.database {
        Database::DataDir(dir) => {
            let (store, keys) = Embedded::open(dir, &config.keys, clock, random, Arc::clone(&metrics.store))?;
            (Store::Embedded(store), keys)
        }
        Database::Postgres(database) => {
            let clock = config.clock.clone();
            let (store, keys) = Postgres::open(database, &config.keys, clock, random, &metrics.store).await?;
            (Store::Postgres(store), keys)
        }
    })
}

/// Completes when nobody is to be accepted any more.
async fn drained(app: &App, shutdown: impl Future<Output = ()>) {
    let failed = async {
        tokio::select! {
            () = app.store.failed() => {}
            () = app.live_keys.failed() => {}
        }
    };
    tokio::pin!(failed);
    let delay = tokio::select! {
        () = shutdown => app.limits.drain_delay,
        () = &mut failed => Duration::ZERO,
    };
    app.draining.begin();
    if !delay.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = failed => {}
        }
    }
}

/// An entrance that is not for clients: what comes there is counted nowhere, and has room of its own.
fn beside(app: &App, listeners: Vec<(TcpListener, axum::Router)>) -> Entrance {
    let limits = Limits { max_connections: CONNECTIONS_BESIDE, ..app.limits.clone() };
    Entrance { listeners, limits, draining: Arc::clone(&app.draining), metrics: None }
}

/// An app that has neither a secret nor what a public client needs in its place (RFC 9700 §2.2.2).
fn unprotected_public_client(app: &App, fixtures: &Fixtures) -> Option<String> {
    let is_good = |api_app: &fixtures::ApiApp| {
        api_app.client_secret.is_some()
            || app.settings().profile == Profile::Strict && api_app.refresh_token_rotation != Some(false)
    };
    fixtures.api_apps.iter().find(|api_app| !is_good(api_app)).map(|api_app| api_app.client_id.clone())
}

/// A scheme, a host, perhaps a port, and nothing after it.
fn is_origin(url: &str) -> bool {
    let uri = url.parse::<axum::http::Uri>().ok();
    let parts = uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.authority()));
    parts.is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https")
            && !authority.as_str().contains('@')
            && url == format!("{scheme}://{authority}")
    })
}

/// What can be forgotten by now.
fn ended(app: &App) -> Ended {
    let now = app.store.now();
    let (sessions_seen, sessions_created) = session::ended_before(now);
    // A consent that is sent again finds the code that it yielded, however short-lived that was.
    Ended { codes_expired: now.before(ticket::LIFETIME), sessions_seen, sessions_created }
}

/// What is written off the answers' way.
async fn bookkeeping(app: Arc<App>) {
    let every = |period| {
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let (mut notes, mut purge, mut keys) =
        (every(NOTES_INTERVAL), every(PURGE_INTERVAL), every(KEYS_INTERVAL));
    loop {
        // The store logs what goes wrong; the next turn tries again.
        tokio::select! {
            _ = notes.tick() => {
                let _ = app.store.flush_notes().await;
                let _ = app.store.heed_operator().await;
            }
            _ = keys.tick() => app.refresh().await,
            _ = purge.tick() => drop(app.store.purge(ended(&app)).await),
        }
    }
}
