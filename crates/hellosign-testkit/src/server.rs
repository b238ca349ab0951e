//! A server for one test: its own database, its own port, its own time.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hellosign_server::emulator::Control;
use hellosign_server::{Config, Error, KeySource, PostgresConfig, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::FakeClock;
use crate::http::{Answer, Request, basic, form, send};
use crate::postgres::Postgres;
use crate::sample::{API_KEY, CLIENT_ID, CLIENT_SECRET, CONTROL_TOKEN, ROTATING_ID, sample};

/// A server that answers until it is dropped.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    control_address: SocketAddr,
    operations_address: SocketAddr,
    control: Control,
    clock: Arc<FakeClock>,
    data_dir: Arc<TempDir>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), Error>>,
}

/// A configuration with the sample fixtures and a clock that the test owns.
#[must_use]
pub fn config(data_dir: &TempDir, clock: &Arc<FakeClock>) -> Config {
    let mut config = on_database(data_dir.path());
    config.fixtures = sample();
    config.clock = Some(Arc::clone(clock) as _);
    config.control = true;
    config
}

/// On SQLite, or on a PostgreSQL database of its own where the environment says so: a second server with the same
/// directory finds the same database and the same secret.
fn on_database(directory: &Path) -> Config {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs the tests decides which database they run on"
    )]
    let is_postgres = std::env::var("HELLOSIGN_TEST_DATABASE").is_ok_and(|name| name == "postgres");
    if !is_postgres {
        return Config::new(directory);
    }
    let file = directory.join("database-url");
    let url = fs::read_to_string(&file).unwrap_or_else(|_| {
        let url = Postgres::shared_database();
        fs::write(&file, &url).expect("a file can be written");
        url
    });
    let mut database = PostgresConfig::new(url.parse().expect("the URL of a database"));
    database.connections = 2;
    Config::on_postgres(database, KeySource::File(directory.join("server.key")))
}

impl TestServer {
    /// A server with the sample fixtures.
    pub async fn spawn() -> Self {
        Self::spawn_with(|_| {}).await
    }

    /// The same with other settings.
    ///
    /// # Panics
    /// Where the server does not start.
    pub async fn spawn_with(change: impl FnOnce(&mut Config)) -> Self {
        let data_dir = Arc::new(tempfile::tempdir().expect("a directory can be made"));
        Self::start(data_dir, Arc::default(), change).await
    }

    /// The same in real time: for clients that are processes of their own.
    pub async fn spawn_in_real_time(change: impl FnOnce(&mut Config)) -> Self {
        Self::spawn_with(|config| {
            config.clock = None;
            change(config);
        })
        .await
    }

    /// Stops this server and starts another on its data directory, with its clock.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let (data_dir, clock) = (Arc::clone(&self.data_dir), Arc::clone(&self.clock));
        self.stop().await;
        Self::start(data_dir, clock, change).await
    }

    /// Stops the server and waits until it has.
    ///
    /// # Panics
    /// Where the server panicked or ended with an error.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.expect("the server did not panic").expect("the server ended well");
    }

    /// The clock that the server goes by.
    #[must_use]
    pub fn clock(&self) -> &FakeClock {
        &self.clock
    }

    /// Makes the server fail, moves its time, looks at what it was asked.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Where the server answers the control API, to those who have [`CONTROL_TOKEN`](crate::CONTROL_TOKEN).
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.control_address
    }

    /// Where the server answers those who run it: `/healthz`, `/readyz` and `/metrics`.
    #[must_use]
    pub fn operations_address(&self) -> SocketAddr {
        self.operations_address
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The origin that a client is to be given.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its database is.
    #[must_use]
    pub fn data_dir(&self) -> &std::path::Path {
        self.data_dir.path()
    }

    /// Sends one request.
    ///
    /// # Panics
    /// Where no answer comes: a server always gives one.
    pub async fn send(&self, request: Request) -> Answer {
        send(self.address, request).await.expect("an answer")
    }

    /// Posts a form to the token endpoint.
    pub async fn token(&self, parameters: &[(&str, &str)]) -> Answer {
        let body = form(parameters);
        self.send(Request::new("POST", "/oauth/token").body("application/x-www-form-urlencoded", body)).await
    }

    /// Exchanges a code of the app whose refresh tokens stay.
    pub async fn exchange(&self, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("code", code),
        ])
        .await
    }

    /// Refreshes as the app whose refresh tokens stay.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.refresh_as(CLIENT_ID, refresh_token).await
    }

    /// Refreshes as the app whose refresh tokens rotate.
    pub async fn rotate(&self, refresh_token: &str) -> Answer {
        self.refresh_as(ROTATING_ID, refresh_token).await
    }

    /// Reads the account that an access token acts for.
    pub async fn account(&self, access_token: &str) -> Answer {
        let bearer = format!("Bearer {access_token}");
        self.send(Request::new("GET", "/v3/account").header("Authorization", &bearer)).await
    }

    /// Calls an operation of the API with the owner's API key, with a JSON body where there is one.
    pub async fn api(&self, method: &str, target: &str, body: Option<&serde_json::Value>) -> Answer {
        self.api_as(&basic(API_KEY, ""), method, target, body).await
    }

    /// The same with another `Authorization`.
    pub async fn api_as(
        &self,
        authorization: &str,
        method: &str,
        target: &str,
        body: Option<&serde_json::Value>,
    ) -> Answer {
        let request = Request::new(method, target).header("Authorization", authorization);
        self.send(match body {
            Some(body) => request.body("application/json", body.to_string()),
            None => request.header("Content-Length", "0"),
        })
        .await
    }

    async fn refresh_as(&self, client_id: &str, refresh_token: &str) -> Answer {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", client_id),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    async fn start(data_dir: Arc<TempDir>, clock: Arc<FakeClock>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&data_dir, &clock);
        change(&mut config);
        let mut server = Server::open(config).await.expect("the server opens");
        let control = server.control().expect("the configuration says so");
        let (listener, address) = listen().await;
        let (control_listener, control_address) = listen().await;
        server.control_on(control_listener, CONTROL_TOKEN);
        let (operations_listener, operations_address) = listen().await;
        server.operations_on(operations_listener);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(vec![listener], async {
            // Told to stop, or the test has let go of it.
            let _ = stopped.await;
        }));
        Self { address, control_address, operations_address, control, clock, data_dir, stop, serving }
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, address)
}
