//! `POST /oauth/token`

mod authorization_code;
mod bodies;
mod client_credentials;
mod grants;
mod rate_limit;
mod refresh_token;
mod rotation;

/// What every wrong code is answered with, misspelled as the vendor has it.
const BAD_CODE: &str = "Either the combo client_id/code is wrong or this request was made more than 1 hour after the inital grant";

/// Status, error and description, to compare with [`hellosign_testkit::Answer::oauth_error`].
fn error(status: u16, error: &str, description: &str) -> (u16, String, String) {
    (status, error.to_owned(), description.to_owned())
}
