//! People: who has which address, and what an app may change about them.

use hellosign_wire::secret::ClientSecret;

use crate::app::App;
use crate::client::authentication::{self, Credentials};
use crate::grant::{self, ATTEMPTS, Issued, new_grant, tokens_in_force};
use crate::random;
use crate::store::{Account, AccountId, Backend as _, Grant, Inserted, StoreError, Updated};

/// What an account is made with.
#[derive(Debug)]
pub(crate) struct NewAccount {
    pub(crate) email_address: String,
    pub(crate) locale: Option<String>,
    /// The app that is to act for it.
    pub(crate) client: Option<(String, Option<ClientSecret>)>,
}

/// An account that has just been made.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) account: Account,
    pub(crate) tokens: Option<Issued>,
}

/// What is to be changed; `None` stays as it is, and what is empty is taken away.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) callback_url: Option<String>,
    pub(crate) locale: Option<String>,
}

/// Why an account was not made or changed.
#[derive(Debug)]
pub(crate) enum Error {
    /// Somebody has the address.
    Taken,
    /// The app is not who it says it is.
    Client,
    Unavailable,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
        }
    }
}

/// Whether this is an email address, as far as that can be told without sending to it.
pub(crate) fn is_address(text: &str) -> bool {
    let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control()) && text.len() <= 254;
    let parts = text.split_once('@');
    is_plain
        && parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Whether this is a locale, such as `en-US`.
pub(crate) fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once(['-', '_']).unwrap_or((text, "US"));
    let is_of = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_alphabetic());
    is_of(language, 2) && is_of(region, 2)
}

/// Makes an account whose address nobody has confirmed yet. Where an app's credentials are given it gets
/// tokens at once, unless its rules make it wait for the confirmation.
///
/// # Errors
/// Nothing is made then.
pub(crate) async fn create(app: &App, new: NewAccount) -> Result<Created, Error> {
    let client = match new.client {
        None => None,
        Some((client_id, client_secret)) => {
            let credentials = Credentials { client_id, client_secret, in_header: false, is_twice: false };
            match authentication::authenticate(app, &credentials).await {
                // A public client has proved nothing, and a resource server acts for nobody.
                Ok(client) if !client.is_public() && !client.is_resource_server => Some(client),
                Err(grant::Error::Unavailable) => return Err(Error::Unavailable),
                _ => return Err(Error::Client),
            }
        }
    };
    let mut account = Account::new(random::bytes(app.random.as_ref()), new.email_address);
    account.is_confirmed = false;
    account.locale = new.locale;
    let now = app.store.now();
    let client = client.filter(|client| !app.rules(client).confirmation_required);
    let grant = client.map(|client| Grant {
        client_epoch: client.epoch,
        ..new_grant(app, &client.client_id, account.account_id, now)
    });
    match app.store.insert_account(account.clone(), grant.clone()).await? {
        Inserted::Taken => Err(Error::Taken),
        Inserted::Done => {
            let tokens = grant.map(|grant| tokens_in_force(app, &grant, now)).transpose();
            Ok(Created { account, tokens: tokens.map_err(|_| Error::Unavailable)? })
        }
    }
}

/// Changes an account.
///
/// # Errors
/// [`Error::Unavailable`] only.
pub(crate) async fn update(app: &App, account_id: AccountId, changes: &Changes) -> Result<Account, Error> {
    let changed = |before: &Option<String>, change: &Option<String>| match change {
        None => before.clone(),
        Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
    };
    for _ in 0..ATTEMPTS {
        let account = app.store.find_account(account_id).await?.ok_or(Error::Unavailable)?;
        let next = Account {
            callback_url: changed(&account.callback_url, &changes.callback_url),
            locale: changed(&account.locale, &changes.locale),
            ..Account::clone(&account)
        };
        if next == *account {
            return Ok(next);
        }
        if let Updated::Done = app.store.update_account(next.clone()).await? {
            return Ok(next);
        }
    }
    Err(Error::Unavailable)
}
