//! What most tests begin with. The app's values are those of the vendor's documentation.

use hellosign_server::Fixtures;
use hellosign_server::fixtures::{Account, ApiApp, AuthorizationCode, Grant};

/// The apps' owner.
pub const OWNER: &str = "jack@example.com";
/// Who authorized them.
pub const ACCOUNT: &str = "jill@example.com";
/// Its password.
pub const PASSWORD: &str = "correct horse battery staple";
/// The owner's API key.
pub const API_KEY: &str = "0f7c6a1be3d94f5c8a2b7e6d5c4b3a29";
/// An app whose refresh tokens stay.
pub const CLIENT_ID: &str = "cc91c61d00f8bb2ece1428035716b";
/// The secret of both apps.
pub const CLIENT_SECRET: &str = "1d14434088507ffa390e6f5528465";
/// A code of the app whose refresh tokens stay.
pub const CODE: &str = "1b0d28d90c86c141";
/// The state that goes with the code.
pub const STATE: &str = "900e06e2";
/// A refresh token of the app whose refresh tokens stay.
pub const REFRESH_TOKEN: &str = "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3";
/// An app whose refresh tokens rotate.
pub const ROTATING_ID: &str = "26ca0a24e7c1085f3f6aefa4d7d4afeb";
/// A refresh token of the app whose refresh tokens rotate.
pub const ROTATING_TOKEN: &str = "imported-rotating-refresh-token";
/// What the control API is asked with.
pub const CONTROL_TOKEN: &str = "not a real control token";
/// Where both apps are called back.
pub const CALLBACK: &str = "http://127.0.0.1:9000/callback";

/// Two accounts, two apps, a code and two grants.
#[must_use]
pub fn sample() -> Fixtures {
    let mut fixtures = Fixtures::default();
    let mut owner = Account::new(OWNER);
    owner.api_key = Some(API_KEY.into());
    let mut account = Account::new(ACCOUNT);
    account.password = Some(PASSWORD.into());
    fixtures.accounts.extend([owner, account]);

    let mut app = ApiApp::new(OWNER, "Contract portal", CLIENT_ID, CLIENT_SECRET, CALLBACK);
    app.scopes = vec!["basic_account_info".into(), "request_signature".into()];
    let mut rotating = app.clone();
    rotating.client_id = ROTATING_ID.to_owned();
    rotating.refresh_token_rotation = Some(true);
    fixtures.api_apps.extend([app, rotating]);

    fixtures.authorization_codes.push(AuthorizationCode::new(CODE, CLIENT_ID, ACCOUNT));
    fixtures.grants.push(Grant::new(CLIENT_ID, ACCOUNT, REFRESH_TOKEN));
    fixtures.grants.push(Grant::new(ROTATING_ID, ACCOUNT, ROTATING_TOKEN));
    fixtures
}
