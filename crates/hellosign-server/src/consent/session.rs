//! Who is signed in at a browser.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::app::App;
use crate::clock::Timestamp;
use crate::grant::Error;
use crate::hex;
use crate::random;
use crate::store::{Account, Backend as _, Session};
use crate::token::Purpose;

/// A session that nobody uses for this long has ended.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// And so has one that began this long ago.
const ABSOLUTE: Duration = Duration::from_secs(12 * 3600);
/// How old the note of a session's last use may be before it is written anew.
const NOTED: Duration = Duration::from_secs(60);

/// What a browser is recognised by: 256 random bits in its cookie. Before somebody signs in it stands
/// for nobody, and binds the sign-in form to the browser; signing in replaces it.
pub(crate) struct SessionId(Zeroizing<String>);

impl SessionId {
    /// One that nobody has.
    pub(crate) fn new(app: &App) -> Self {
        Self(Zeroizing::new(hex::encode(&random::bytes::<32>(app.random.as_ref()))))
    }

    /// What a cookie holds; `None` for what is no session's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        hex::decode::<32>(text).map(|_| Self(Zeroizing::new(text.to_owned())))
    }

    /// For the cookie.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId([redacted])")
    }
}

/// Signs an account in: a new session, whatever the browser had before.
pub(crate) async fn start(app: &App, account: &Account) -> Result<SessionId, Error> {
    let id = SessionId::new(app);
    let now = app.store.now();
    let session = Session {
        hash: app.keys().hash(Purpose::Session, id.expose()),
        account_id: account.account_id,
        account_epoch: account.epoch,
        created_at: now,
        seen_at: now,
    };
    app.store.insert_session(session).await?;
    Ok(id)
}

/// Who is signed in; `None` where nobody is, or not any more.
pub(crate) async fn find(app: &App, id: &SessionId) -> Result<Option<Arc<Account>>, Error> {
    let now = app.store.now();
    let find = |hashes| app.store.find_session(hashes);
    let Some(session) = app.find_hashed(Purpose::Session, id.expose(), find).await? else { return Ok(None) };
    if !is_in_time(&session, now) {
        return Ok(None);
    }
    let account = app.store.find_account(session.account_id).await?;
    let account = account.filter(|account| account.epoch == session.account_epoch && !account.is_locked);
    if account.is_some() && now.since(session.seen_at).is_none_or(|age| age >= NOTED) {
        app.store.note_session(session.hash, now);
    }
    Ok(account)
}

/// Signs out.
pub(crate) async fn end(app: &App, id: &SessionId) -> Result<(), Error> {
    Ok(app.store.delete_session(app.keys().hashes(Purpose::Session, id.expose())).await?)
}

/// Sessions last used, and begun, no later than this have ended.
pub(crate) fn ended_before(now: Timestamp) -> (Timestamp, Timestamp) {
    (now.before(IDLE), now.before(ABSOLUTE))
}

fn is_in_time(session: &Session, now: Timestamp) -> bool {
    now.since(session.seen_at).is_some_and(|age| age < IDLE)
        && now.since(session.created_at).is_some_and(|age| age < ABSOLUTE)
}
