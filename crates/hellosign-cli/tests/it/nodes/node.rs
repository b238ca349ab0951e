//! Nodes of one database.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{App, Command, FixtureFile, Server, post_form};

pub(super) const PLAIN: App<'_> = App { client_id: "plain", client_secret: "plain-secret", rotates: false };
pub(super) const ROTATING: App<'_> =
    App { client_id: "rotating", client_secret: "rotating-secret", rotates: true };
/// Codes and grants of one account: it can have given 50.
const EACH: usize = 20;

/// What nodes of one database have in common.
#[derive(Debug)]
pub(super) struct Nodes {
    directory: tempfile::TempDir,
}

impl Nodes {
    /// Nodes of the database with this URL, which knows so many grants of [`ROTATING`] and codes of [`PLAIN`].
    pub(super) fn new(url: &str, grants: usize, codes: usize) -> Self {
        let nodes = Self { directory: tempfile::tempdir().unwrap() };
        nodes.set_url(url);
        let mut file = FixtureFile::with_people();
        file.app(PLAIN);
        file.app(ROTATING);
        for account in 0..grants.max(codes).div_ceil(EACH) {
            file.account(&address(account * EACH));
        }
        (0..grants).for_each(|at| file.grant(ROTATING.client_id, &address(at), &first_token(at)));
        (0..codes).for_each(|at| file.code(PLAIN.client_id, &address(at), &code(at)));
        let fixtures = file.write(nodes.directory());
        nodes.command().fixtures(&fixtures).start().stop();
        nodes
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The key file that nodes are started with.
    pub(super) fn key_file(&self) -> PathBuf {
        self.directory().join("server.key")
    }

    /// Where nodes find the database from the next start on.
    pub(super) fn set_url(&self, url: &str) {
        fs::write(self.directory().join("url"), url).unwrap();
    }

    /// A node with another key file.
    pub(super) fn command_with(&self, key_file: &Path) -> Command {
        let command = Command::new([
            "server",
            "--listen",
            "127.0.0.1:0",
            "--rotation-grace",
            "60",
            "--rate-limit",
            "off",
        ]);
        command.arg("--database-url-file").arg(self.directory().join("url")).arg("--key-file").arg(key_file)
    }

    pub(super) fn command(&self) -> Command {
        self.command_with(&self.key_file())
    }

    pub(super) fn start(&self) -> Server {
        self.command().start()
    }

    /// `hellosign server keys` with a node's key file.
    pub(super) fn keys(&self, arguments: &[&str]) -> Command {
        let command = Command::new(["server", "keys"]).args(arguments).arg("--database-url-file");
        command.arg(self.directory().join("url")).arg("--key-file").arg(self.key_file())
    }
}

fn address(at: usize) -> String {
    format!("jill-{}@example.com", at / EACH)
}

pub(super) fn first_token(at: usize) -> String {
    format!("imported-refresh-token-{at:06}")
}

pub(super) fn code(at: usize) -> String {
    format!("{at:016x}")
}

pub(super) fn refreshing<'a>(app: App<'a>, token: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", app.client_id),
        ("client_secret", app.client_secret),
        ("refresh_token", token),
    ]
}

pub(super) fn exchanging(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", PLAIN.client_id),
        ("client_secret", PLAIN.client_secret),
        ("code", code),
    ]
}

/// The status of a refresh.
pub(super) fn refresh(server: &Server, app: App<'_>, token: &str) -> u16 {
    post_form(server.address(), "/oauth/token?refresh", &refreshing(app, token)).status
}
