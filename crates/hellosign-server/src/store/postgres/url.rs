//! Where the database is, who this is to it, and whom it is believed to be.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresError;
use super::failure::told;

/// How long a host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take in all until somebody is signed in: six round trips, half a second each and more.
const SIGN_IN: Duration = Duration::from_secs(5);
/// How long the network may keep bytes that were sent before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// What holds for each connection. Who waits for a lock keeps all behind it on its connection waiting, so the wait is
/// short; the pool tries again. No `statement_timeout`: it would end the wait for a synchronous standby, and
/// PostgreSQL then calls committed what only the primary has.
const OPTIONS: &str = "-c synchronous_commit=on -c lock_timeout=100 \
     -c idle_in_transaction_session_timeout=30000 -c application_name=hellosign";

/// How a server uses its PostgreSQL database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PostgresConfig {
    /// Where the database is, and who this is to it.
    pub url: DatabaseUrl,
    /// Connections of this node, 8 by default. Each carries many requests at the same time.
    pub connections: usize,
}

impl PostgresConfig {
    /// The defaults, with this database.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, connections: 8 }
    }
}

/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, a secret: it is not shown.
///
/// Several hosts, separated by commas, are tried in any order until one takes writes. On loopback and on Unix sockets
/// there is no TLS; anywhere else the server's certificate is verified against the machine's root certificates, or
/// those of `sslrootcert=FILE`, and its name against the host's, unless `sslmode=disable` says that the network
/// is to be trusted.
///
/// ```
/// use hellosign_server::DatabaseUrl;
///
/// let url: DatabaseUrl = "postgres://hellosign:a%40b@db-1,db-2/hellosign?sslrootcert=ca.pem".parse()?;
/// assert_eq!(format!("{url:?}"), "DatabaseUrl(hellosign at db-1, db-2)");
/// # Ok::<(), hellosign_server::DatabaseUrlError>(())
/// ```
#[derive(Clone)]
pub struct DatabaseUrl(Arc<Parsed>);

struct Parsed {
    config: tokio_postgres::Config,
    is_encrypted: bool,
    root_certificates: Option<PathBuf>,
}

/// A text that is not the URL of a PostgreSQL database. The text itself is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseUrlError {
    /// Not a URL that PostgreSQL's clients would take.
    #[error(
        "the database URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE; special characters in \
         the password are percent-encoded"
    )]
    Malformed,
    /// A mode that looks safe and is not.
    #[error("the database URL's sslmode is neither verify-full nor disable")]
    SslMode,
    /// Nobody to connect as, or nothing to connect to.
    #[error("the database URL names no user, no host or no database")]
    Incomplete,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        let text = text.trim();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Malformed);
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut ssl_mode, mut root_certificates) = (None, None);
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => ssl_mode = Some(value.into_owned()),
                "sslrootcert" => root_certificates = Some(PathBuf::from(value.as_ref())),
                _ => drop(rest.append_pair(&name, &value)),
            }
        }
        let others = zeroize::Zeroizing::new(format!("{base}?{}", rest.finish().replace('+', "%20")));
        let mut config: tokio_postgres::Config =
            others.trim_end_matches('?').parse().map_err(|_| DatabaseUrlError::Malformed)?;
        if config.get_user().is_none() || config.get_dbname().is_none() || config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::Incomplete);
        }
        let is_encrypted = match ssl_mode.as_deref() {
            None => !config.get_hosts().iter().all(is_local),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => return Err(DatabaseUrlError::SslMode),
        };
        prepare(&mut config, is_encrypted);
        Ok(Self(Arc::new(Parsed { config, is_encrypted, root_certificates })))
    }
}

/// What every connection has, whatever the URL says; what the URL's own `options` say comes later and wins.
fn prepare(config: &mut tokio_postgres::Config, is_encrypted: bool) {
    let options = format!("{OPTIONS} {}", config.get_options().unwrap_or_default());
    config.options(options.trim_end().to_owned());
    config.ssl_mode(if is_encrypted { SslMode::Require } else { SslMode::Disable });
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    // One that accepts connections and is frozen must not come first each time.
    config.load_balance_hosts(LoadBalanceHosts::Random);
    config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT));
    config.tcp_user_timeout(UNACKNOWLEDGED);
    config.keepalives_idle(UNACKNOWLEDGED);
    config.keepalives_interval(Duration::from_secs(2));
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

impl DatabaseUrl {
    /// What connects to it.
    pub(super) fn connector(&self) -> Result<Connector, PostgresError> {
        let tls = match self.0.is_encrypted {
            true => Some(MakeRustlsConnect::new(self.tls()?)),
            false => None,
        };
        Ok(Connector { config: self.0.config.clone(), tls, name: format!("{self:?}").into() })
    }

    fn tls(&self) -> Result<ClientConfig, PostgresError> {
        let mut roots = RootCertStore::empty();
        match &self.0.root_certificates {
            Some(path) => {
                let failed = |reason: String| PostgresError::RootCertificates { path: path.clone(), reason };
                let certificates =
                    CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                    roots.add(certificate).map_err(|error| failed(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(failed("it holds no certificate".to_owned()));
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| PostgresError::Tls(error.to_string()))?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// Without the user, the password and whatever else the URL has.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.0.config;
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        write!(f, "DatabaseUrl({} at {})", config.get_dbname().unwrap_or_default(), hosts.join(", "))
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    name: Arc<str>,
}

/// A connection's other half, to be polled for as long as the client is used.
pub(super) type Driving = std::pin::Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// Why no connection has come about. What it is caused by is in its text already.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{}", told(.0))]
    Postgres(tokio_postgres::Error),
    #[error("it does not answer")]
    Late,
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl Connector {
    /// # Errors
    /// What PostgreSQL or the network has said, or that nobody says anything.
    pub(super) async fn connect(&self) -> Result<(tokio_postgres::Client, Driving), ConnectError> {
        tokio::time::timeout(SIGN_IN, self.sign_in()).await.map_err(|_| ConnectError::Late)?
    }

    async fn sign_in(&self) -> Result<(tokio_postgres::Client, Driving), ConnectError> {
        Ok(match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                (client, Box::pin(connection) as Driving)
            }
            None => {
                let (client, connection) = self.config.connect(tokio_postgres::NoTls).await?;
                (client, Box::pin(connection) as Driving)
            }
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        text.parse()
    }

    #[test]
    fn only_loopback_goes_without_tls_by_itself() {
        let is_encrypted = |text| parse(text).unwrap().0.is_encrypted;
        assert!(!is_encrypted("postgres://u:p@127.0.0.1:5432/d"));
        assert!(!is_encrypted("postgres://u:p@localhost/d"));
        assert!(!is_encrypted("postgresql://u:p@%2Frun%2Fpostgresql/d"));
        assert!(is_encrypted("postgres://u:p@db.example.com/d"));
        assert!(is_encrypted("postgres://u:p@localhost,db.example.com/d"));
        assert!(!is_encrypted("postgres://u:p@db.example.com/d?sslmode=disable"));
        assert!(is_encrypted("postgres://u:p@localhost/d?sslmode=require"));
        assert_eq!(parse("postgres://u:p@h/d?sslmode=prefer").unwrap_err(), DatabaseUrlError::SslMode);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for text in
            ["", "mysql://u:hush@h/d", "postgres://u:hush@h:port/d", "postgres://u:hu?sh@h/d", "u:hush"]
        {
            let error = parse(text).unwrap_err();
            assert_eq!(error, DatabaseUrlError::Malformed, "{text}");
            assert!(!error.to_string().contains("hush"));
        }
        for text in ["postgres://u:p@h", "postgres://h/d", "postgres://u:p@/d"] {
            assert_eq!(parse(text).unwrap_err(), DatabaseUrlError::Incomplete, "{text}");
        }
    }

    #[test]
    fn what_the_url_says_of_options_comes_last() {
        let url = parse("postgres://u:p@h/d?options=-c%20synchronous_commit%3Dremote_apply").unwrap();
        let options = url.0.config.get_options().unwrap();
        assert!(options.starts_with("-c synchronous_commit=on"), "{options}");
        assert!(options.ends_with("-c synchronous_commit=remote_apply"), "{options}");
    }
}
