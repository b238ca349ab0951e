//! What a server is started with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::fixtures::Fixtures;
use crate::http::forwarded::ProxyNetwork;
use crate::limits::Limits;
use crate::random::{Random, SystemRandom};
use crate::store::PostgresConfig;
use crate::token::ServerKeys;

/// Whose behavior the endpoints have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// As the vendor's service was measured to behave.
    #[default]
    HelloSign,
    /// As RFC 9700 wants it: rotation, PKCE, RFC 6749's error codes, `iss`, refresh tokens that expire when
    /// they lie unused.
    Strict,
}

/// Where the server's secret comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// `server.key` in the data directory: made together with a new database, and needed ever after. SQLite only.
    DataDir,
    /// A key file elsewhere, made together with a new database if it is missing.
    File(PathBuf),
    /// The content of a key file, from wherever the caller keeps its secrets.
    Given(Arc<ServerKeys>),
}

/// What the server remembers with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Database {
    /// SQLite in this directory: created when it is missing, readable by its owner only.
    DataDir(PathBuf),
    /// PostgreSQL, which any number of servers share.
    Postgres(PostgresConfig),
}

/// Settings of a server. The defaults are the vendor's behavior; only the database is needed.
///
/// ```
/// use std::time::Duration;
/// use hellosign_server::Config;
///
/// let mut config = Config::new("/var/lib/hellosign");
/// config.access_token_ttl = Duration::from_secs(3600);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// What the server remembers with.
    pub database: Database,
    /// Where the server's secret comes from.
    pub keys: KeySource,
    /// Whose behavior the endpoints have.
    pub profile: Profile,
    /// The origin that clients and browsers reach the server at, such as `https://sign.example.com`: for what
    /// the server says of itself. On loopback it need not be told.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed; none by default. Without it all that comes through a proxy
    /// shares one address's budget of failures.
    pub trusted_proxies: Vec<ProxyNetwork>,
    /// Accounts, apps, codes and grants to begin with. What was loaded once is not loaded again.
    pub fixtures: Fixtures,
    /// The email address of an account that approves every authorization without being asked. For
    /// tests on loopback: whoever reaches the server acts for this account.
    pub auto_approve: Option<String>,
    /// Lifetime of an access token, 24 hours by default; counted in whole seconds.
    pub access_token_ttl: Duration,
    /// Lifetime of an authorization code, one hour by default.
    pub authorization_code_ttl: Duration,
    /// How long a refresh token that was just rotated may be presented again for the same answer, 10
    /// seconds by default; zero forgives nothing.
    pub rotation_grace: Duration,
    /// Requests to the token endpoint per app and minute, 6000 by default; `None` is no limit.
    pub rate_limit: Option<u32>,
    /// Lets [`Server::control`](crate::Server::control) move the time, make requests fail and begin anew: for
    /// tests.
    pub control: bool,
    /// How much the server takes on, and how long it waits.
    pub limits: Limits,
    /// The time that all rules go by; `None` for the database's own: with SQLite this machine's, with
    /// PostgreSQL that of the server that it runs on, which all nodes share.
    pub clock: Option<Arc<dyn Clock>>,
    /// Where secrets come from.
    pub random: Arc<dyn Random>,
}

impl Config {
    /// The defaults, with this data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self::with(Database::DataDir(data_dir.into()), KeySource::DataDir)
    }

    /// The defaults, with a PostgreSQL database and the secret that belongs to it.
    ///
    /// ```
    /// use hellosign_server::{Config, KeySource, PostgresConfig};
    ///
    /// let url = "postgres://hellosign:secret@127.0.0.1/hellosign".parse()?;
    /// let config = Config::on_postgres(PostgresConfig::new(url), KeySource::File("server.key".into()));
    /// assert!(!format!("{config:?}").contains("secret@"));
    /// # Ok::<(), hellosign_server::DatabaseUrlError>(())
    /// ```
    #[must_use]
    pub fn on_postgres(database: PostgresConfig, keys: KeySource) -> Self {
        Self::with(Database::Postgres(database), keys)
    }

    fn with(database: Database, keys: KeySource) -> Self {
        Self {
            database,
            keys,
            profile: Profile::default(),
            public_url: None,
            trusted_proxies: Vec::new(),
            fixtures: Fixtures::default(),
            auto_approve: None,
            access_token_ttl: Duration::from_secs(86400),
            authorization_code_ttl: Duration::from_secs(3600),
            rotation_grace: Duration::from_secs(10),
            rate_limit: Some(6000),
            control: false,
            limits: Limits::default(),
            clock: None,
            random: Arc::new(SystemRandom),
        }
    }
}
