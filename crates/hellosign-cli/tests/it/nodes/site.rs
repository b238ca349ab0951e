//! What the nodes of one database share, and the grants that tests hold them to.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use hellosign_testkit::Postgres;
use tempfile::TempDir;

use crate::harness::{Answer, App, Command, Connection, FixtureFile, JILL, bearer, get, post_form};

/// The app of all the grants. Its refresh tokens rotate.
pub(super) const APP: App<'_> =
    App { client_id: "rotating", client_secret: "rotating-secret", rotates: true };
/// Who can sign in.
pub(super) const PERSON: &str = "joan@example.com";
pub(super) const PASSWORD: &str = "correct horse battery";
const CLIENT: [(&str, &str); 2] = [("client_id", APP.client_id), ("client_secret", APP.client_secret)];
/// Grants of the fixtures.
const GRANTS: usize = 20;

/// A database, its key file, and fixtures.
#[derive(Debug)]
pub(super) struct Site {
    directory: TempDir,
    url: String,
}

impl Site {
    pub(super) fn new(url: String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut file = FixtureFile::with_people();
        file.app(APP);
        file.table("accounts", &[("email_address", PERSON), ("password", PASSWORD)], "");
        for grant in 0..GRANTS {
            file.grant(APP.client_id, JILL, &imported(grant));
        }
        file.write(directory.path());
        Self { directory, url }
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.directory.path().join("key")
    }

    /// Where the database is.
    pub(super) fn database(&self) -> SocketAddr {
        let (_, rest) = self.url.split_once('@').expect("a URL with a user");
        let (address, _) = rest.split_once('/').expect("a URL with a database");
        address.parse().expect("an address with its port")
    }

    /// The URL of the database for the superuser of the server that it is on.
    pub(super) fn admin_url(&self, postgres: &Postgres) -> String {
        let (_, database) = self.url.rsplit_once('/').expect("a URL with a database");
        postgres.admin_url(database)
    }

    /// A node that has a straight way to the database.
    pub(super) fn node(&self) -> Command {
        self.node_with(&self.url)
    }

    /// A node whose sessions have this setting.
    pub(super) fn node_with_setting(&self, name: &str, value: &str) -> Command {
        self.node_with(&format!("{}?options=-c%20{name}%3D{value}", self.url))
    }

    /// A node that goes by this address to the database.
    pub(super) fn node_by(&self, way: SocketAddr) -> Command {
        let (user, rest) = self.url.split_once('@').expect("a URL with a user");
        let (_, database) = rest.split_once('/').expect("a URL with a database");
        self.node_with(&format!("{user}@{way}/{database}"))
    }

    fn node_with(&self, url: &str) -> Command {
        let command = Command::new(["server", "--listen", "127.0.0.1:0", "--database-url-file"]);
        command
            .arg(self.file("url", url))
            .arg("--key-file")
            .arg(self.key_file())
            .args(["--rotation-grace", "60", "--rate-limit", "off", "--database-connections", "4"])
            .fixtures(&self.directory.path().join("fixtures.toml"))
    }

    /// A new file with this content.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let number = fs::read_dir(self.directory.path()).unwrap().count();
        let path = self.directory.path().join(format!("{name}-{number}"));
        fs::write(&path, content).unwrap();
        path
    }
}

fn imported(grant: usize) -> String {
    format!("imported-refresh-token-{grant:02}")
}

/// The refresh tokens that were answered last.
#[derive(Debug)]
pub(super) struct Tokens(Vec<String>);

impl Tokens {
    pub(super) fn imported() -> Self {
        Self((0..GRANTS).map(imported).collect())
    }

    pub(super) fn get(&self, grant: usize) -> &str {
        &self.0[grant]
    }

    /// Takes one out, which is of no concern any more.
    pub(super) fn take(&mut self, grant: usize) -> String {
        self.0.remove(grant)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Rotates each; a token that is not answered stays the last.
    pub(super) fn rotate(&mut self, node: SocketAddr) -> Vec<Answer> {
        let mut connection = Connection::open(node).unwrap();
        let each = self.0.iter_mut().map(|token| {
            let answer = connection.post_form("/oauth/token?refresh", &refreshing(token)).unwrap();
            if answer.status == 200 {
                *token = answer.string("refresh_token");
            }
            answer
        });
        each.collect()
    }

    /// Fails unless each is still good: none of those that were answered is lost.
    pub(super) fn assert_live(&mut self, node: SocketAddr) {
        for (grant, answer) in self.rotate(node).into_iter().enumerate() {
            assert_eq!(answer.status, 200, "grant {grant}: {answer:?}");
        }
    }
}

pub(super) fn refreshing(token: &str) -> [(&str, &str); 4] {
    [("grant_type", "refresh_token"), ("refresh_token", token), CLIENT[0], CLIENT[1]]
}

pub(super) fn refresh(node: SocketAddr, token: &str) -> Answer {
    post_form(node, "/oauth/token?refresh", &refreshing(token))
}

pub(super) fn exchange(node: SocketAddr, code: &str, state: &str) -> Answer {
    let code = [("grant_type", "authorization_code"), ("code", code), ("state", state), CLIENT[0], CLIENT[1]];
    post_form(node, "/oauth/token", &code)
}

pub(super) fn revoke(node: SocketAddr, token: &str) -> Answer {
    post_form(node, "/oauth/revoke", &[("token", token), CLIENT[0], CLIENT[1]])
}

pub(super) fn introspect(node: SocketAddr, token: &str) -> Answer {
    post_form(node, "/oauth/introspect", &[("token", token), CLIENT[0], CLIENT[1]])
}

pub(super) fn account(node: SocketAddr, access_token: &str) -> Answer {
    get(node, "/v3/account", &[("Authorization", &bearer(access_token))])
}
