//! What the environment adds to the command line: secrets.

use hellosign_server::{KeyFileError, ServerKeys};

/// The variable that may hold the content of a key file.
pub(crate) const SERVER_KEY: &str = "HELLOSIGN_SERVER_KEY";

/// The server's secret, where the environment holds it.
///
/// # Errors
/// Where the variable is set to something that is not a key file's content.
pub(crate) fn server_keys() -> Result<Option<ServerKeys>, KeyFileError> {
    #[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
    let text = std::env::var(SERVER_KEY);
    text.ok().map(|text| ServerKeys::parse(&text)).transpose()
}
