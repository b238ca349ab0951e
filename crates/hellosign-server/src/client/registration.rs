//! What an app may be registered with, by whomever: fixtures, the API.

use hellosign_wire::scope::{Payer, Scope};
use hellosign_wire::secret::ClientSecret;

use super::redirect_uri;
use crate::app::App;
use crate::grant::ATTEMPTS;
use crate::store::{AccountId, Backend as _, Client, Inserted, StoreError, Updated};
use crate::token::Purpose;
use crate::{hex, random};

/// The most domains that an app may have.
const DOMAINS: usize = 10;
/// The most characters that a name may have.
const NAME: usize = 255;

/// What is wrong with a field: where it is, in the vendor's notation, and a sentence without its capital
/// and its full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) path: &'static str,
    pub(crate) sentence: String,
}

/// What is to be changed; `None` stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) name: Option<String>,
    pub(crate) domains: Option<Vec<String>>,
    /// An empty one takes it away.
    pub(crate) event_callback_url: Option<String>,
    /// An empty one takes OAuth away.
    pub(crate) callback_url: Option<String>,
    pub(crate) scopes: Option<Vec<Scope>>,
    pub(crate) can_insert_everywhere: Option<bool>,
}

/// Why an app was not registered or changed.
#[derive(Debug)]
pub(crate) enum Error {
    Field(Objection),
    /// It was deleted meanwhile.
    Gone,
    Unavailable,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
        }
    }
}

/// An app as it is stored now, and what can be said only once.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) client: Client,
    /// The secret, where one was made.
    pub(crate) secret: Option<ClientSecret>,
    /// Whether what users had authorized has ended.
    pub(crate) has_ended_grants: bool,
}

/// Makes an app.
///
/// # Errors
/// The first field that cannot be what it is.
pub(crate) async fn create(app: &App, owner: AccountId, changes: &Changes) -> Result<Registered, Error> {
    if changes.name.is_none() {
        return Err(objection("name", "the app needs a name"));
    }
    if changes.domains.is_none() {
        return Err(objection("domains", "the app needs at least one domain"));
    }
    let blank = Client {
        client_id: hex::encode(&random::bytes::<16>(app.random.as_ref())),
        owner,
        name: String::new(),
        domains: Vec::new(),
        event_callback_url: None,
        can_insert_everywhere: false,
        created_at: app.store.now(),
        callback_url: None,
        scopes: Vec::new(),
        // There is nobody here who could approve it.
        is_approved: true,
        is_resource_server: false,
        switches: super::switches::Switches::default(),
        rotation: None,
        secret: None,
        revision: 0,
        epoch: 0,
    };
    let registered = changed(app, &blank, changes)?;
    match app.store.insert_client(registered.client.clone()).await? {
        Inserted::Done => Ok(registered),
        // One of 2^128.
        Inserted::Taken => Err(Error::Unavailable),
    }
}

/// Changes an app. Other scopes than before end all that users have authorized, in this one write.
///
/// # Errors
/// The first field that cannot be what it is, or [`Error::Gone`].
pub(crate) async fn update(app: &App, client_id: &str, changes: &Changes) -> Result<Registered, Error> {
    for _ in 0..ATTEMPTS {
        let client = app.store.find_client(client_id).await?.ok_or(Error::Gone)?;
        let registered = changed(app, &client, changes)?;
        if registered.client == *client {
            return Ok(registered);
        }
        if let Updated::Done = app.store.update_client(registered.client.clone()).await? {
            return Ok(registered);
        }
    }
    Err(Error::Unavailable)
}

fn changed(app: &App, before: &Client, changes: &Changes) -> Result<Registered, Error> {
    let mut client = before.clone();
    if let Some(name) = &changes.name {
        check_name(name)?;
        client.name.clone_from(name);
    }
    if let Some(domains) = &changes.domains {
        check_domains(domains)?;
        client.domains.clone_from(domains);
    }
    if let Some(url) = &changes.event_callback_url {
        if !url.is_empty() && !redirect_uri::is_url(url) {
            return Err(objection("callback_url", "the callback_url is not an absolute http or https URL"));
        }
        client.event_callback_url = Some(url.clone()).filter(|url| !url.is_empty());
    }
    client.can_insert_everywhere = changes.can_insert_everywhere.unwrap_or(client.can_insert_everywhere);
    let secret = change_oauth(app, &mut client, changes)?;
    let has_ended_grants = before.callback_url.is_some() && has_other_scopes(before, &client);
    if has_ended_grants {
        client.epoch += 1;
    }
    Ok(Registered { client, secret, has_ended_grants })
}

/// Each of the two OAuth settings needs the other. An app gets its secret together with them.
fn change_oauth(app: &App, client: &mut Client, changes: &Changes) -> Result<Option<ClientSecret>, Error> {
    let was_public = client.is_public();
    if let Some(scopes) = &changes.scopes {
        check_scopes(scopes).map_err(|sentence| objection("oauth[scopes]", &sentence))?;
        if let Some(unknown) = scopes.iter().find(|scope| scope.payer().is_none()) {
            let sentence = format!("there is no scope {:?}", unknown.as_str());
            return Err(objection("oauth[scopes]", &sentence));
        }
        client.scopes.clone_from(scopes);
    }
    match changes.callback_url.as_deref() {
        None => {}
        Some("") => {
            (client.callback_url, client.secret) = (None, None);
            client.scopes.clear();
            return Ok(None);
        }
        Some(url) => {
            check_callback(url).map_err(|sentence| objection("oauth[callback_url]", &sentence))?;
            client.callback_url = Some(url.to_owned());
        }
    }
    match (&client.callback_url, client.scopes.is_empty()) {
        (None, false) => Err(objection("oauth[callback_url]", "scopes need an oauth[callback_url]")),
        (Some(_), true) => Err(objection("oauth[scopes]", "an oauth[callback_url] needs scopes")),
        (Some(_), false) if client.secret.is_none() && !was_public => {
            let secret = ClientSecret::new(hex::encode(&random::bytes::<32>(app.random.as_ref())));
            client.secret = Some(app.keys().hash(Purpose::ClientSecret, secret.expose()));
            Ok(Some(secret))
        }
        _ => Ok(None),
    }
}

fn has_other_scopes(before: &Client, after: &Client) -> bool {
    before.scopes.len() != after.scopes.len()
        || !before.scopes.iter().all(|scope| after.scopes.contains(scope))
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(objection("name", "a name has 1 to 255 characters"));
    }
    Ok(())
}

fn check_domains(domains: &[String]) -> Result<(), Error> {
    if domains.is_empty() || domains.len() > DOMAINS {
        return Err(objection("domains", "an app has one to ten domains"));
    }
    let is_domain = |domain: &String| {
        let (host, port) = domain.split_once(':').unwrap_or((domain, "0"));
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        host.len() <= 253 && host.split('.').all(is_label) && port.parse::<u16>().is_ok()
    };
    match domains.iter().find(|domain| !is_domain(domain)) {
        None => Ok(()),
        Some(_) => Err(objection("domains", "a domain is a host name, without a scheme and without a path")),
    }
}

/// Where the browser may be sent with a code: https, or this machine.
///
/// # Errors
/// A sentence.
pub(crate) fn check_callback(url: &str) -> Result<(), String> {
    if !redirect_uri::is_url(url) {
        return Err(format!(
            "the callback_url {url:?} is not an absolute http or https URL without a fragment"
        ));
    }
    if !redirect_uri::is_private(url) {
        return Err(format!("the callback_url {url:?} has to be https, unless it is on loopback"));
    }
    Ok(())
}

/// Each scope once, and only of one kind.
///
/// # Errors
/// A sentence.
pub(crate) fn check_scopes(scopes: &[Scope]) -> Result<(), String> {
    for (at, scope) in scopes.iter().enumerate() {
        let name = scope.as_str();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("{name:?} is not a scope"));
        }
        if scopes[..at].contains(scope) {
            return Err(format!("the scope {name} is there twice"));
        }
    }
    let paid_by = |payer| scopes.iter().find(|scope| scope.payer() == Some(payer));
    match paid_by(Payer::Owner).zip(paid_by(Payer::User)) {
        None => Ok(()),
        Some((app_pays, user_pays)) => Err(format!(
            "the scope {app_pays} charges the app's owner and {user_pays} the user; an app has scopes of one kind"
        )),
    }
}

fn objection(path: &'static str, sentence: &str) -> Error {
    Error::Field(Objection { path, sentence: sentence.to_owned() })
}
