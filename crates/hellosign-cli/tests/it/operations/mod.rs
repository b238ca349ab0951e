//! The server as those see it who run it: floods, a drain, and what is watched.

mod dashboard;
mod drain;
mod flood;
mod prometheus;
#[cfg(feature = "otel")]
mod traces;

use std::path::Path;

use crate::harness::{Answer, Command, Connection, FixtureFile, vendor_page};

/// A server with the vendor's app, and a listener for those who run it.
fn server(directory: &Path, name: &str) -> Command {
    let fixtures = FixtureFile::of_the_vendors_page().write(directory);
    let command = Command::server(&directory.join(name)).fixtures(&fixtures);
    command.args(["--rate-limit", "off", "--operations", "127.0.0.1:0"])
}

/// An honest request, on a connection that is there.
fn refresh(connection: &mut Connection) -> std::io::Result<Answer> {
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("refresh_token", vendor_page::REFRESH_TOKEN),
    ];
    connection.post_form("/oauth/token", &parameters)
}
