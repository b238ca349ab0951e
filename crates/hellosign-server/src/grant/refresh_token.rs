//! A refresh token for a new access token (RFC 6749 §6).

use std::sync::Arc;

use hellosign_wire::secret::RefreshToken;

use super::genuine::{Freshness, imported, native};
use super::issue::{Issued, another_access_token, current_refresh_token, tokens_in_force};
use super::revocation::revoked;
use super::rotation::{self, Presented, Rule, Verdict};
use super::{ATTEMPTS, Error};
use crate::app::App;
use crate::client::authentication::{self, Credentials};
use crate::clock::Timestamp;
use crate::metrics::{Evidence, RotationOutcome};
use crate::store::model::seconds;
use crate::store::{Account, Backend as _, Client, Grant, Rotation, Updated};
use crate::token::{Credential, KeyId, Kind};

/// A refresh token that is known here, with the client that presents it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) client: Arc<Client>,
    token: RefreshToken,
    origin: Origin,
    /// As it was when the token was looked up.
    grant: Arc<Grant>,
    is_authenticated: bool,
}

/// Where a refresh token comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// This server, and it says so itself.
    Native { generation: u32, epoch: u32, issued_at: Timestamp, key_id: KeyId },
    /// Elsewhere: generation 0 of its grant.
    Imported,
}

impl Origin {
    /// `None` for a token that was imported.
    fn of(credential: Option<Credential>) -> Self {
        credential.map_or(Self::Imported, |Credential { generation, epoch, issued_at, key_id, .. }| {
            Self::Native { generation, epoch, issued_at, key_id }
        })
    }

    fn presented(self, grant: &Grant, is_authenticated: bool) -> Presented {
        match self {
            Self::Native { generation, epoch, issued_at, .. } => {
                Presented { generation, epoch: Some(epoch), issued_at, is_authenticated }
            }
            Self::Imported => {
                Presented { generation: 0, epoch: None, issued_at: grant.created_at, is_authenticated }
            }
        }
    }
}

/// Looks the token up, then applies its app's rules about credentials.
///
/// # Errors
/// [`Error::RefreshTokenInvalid`] for an unknown token or another client's, before and after the
/// credentials are looked at; and whatever client authentication says.
pub(crate) async fn identify(
    app: &App,
    token: RefreshToken,
    credentials: Option<&Credentials>,
) -> Result<Known, Error> {
    let (grant, origin) = find(app, &token).await?;
    let Some(owner) = app.store.find_client(&grant.client_id).await? else {
        return Err(Error::RefreshTokenInvalid);
    };
    let is_required = app.rules(&owner).refresh_credentials_required;
    let is_authenticated = match credentials {
        None if is_required => return Err(Error::Missing("client_id")),
        None => false,
        // An id without a secret proves nothing, which is enough where nothing has to be proved.
        Some(credentials) if credentials.client_secret.is_none() && !is_required && !owner.is_public() => {
            if credentials.client_id != owner.client_id {
                return Err(Error::RefreshTokenInvalid);
            }
            false
        }
        Some(credentials) => {
            let client = authentication::authenticate(app, credentials).await?;
            if client.client_id != owner.client_id {
                return Err(Error::RefreshTokenInvalid);
            }
            true
        }
    };
    Ok(Known { client: owner, token, origin, grant, is_authenticated })
}

/// Renews: the same answer from any node, and nothing written unless the app rotates.
///
/// # Errors
/// [`Error::RefreshTokenInvalid`] for a token that is revoked or spent. Where it shows that two
/// parties hold the grant, the grant has been revoked.
pub(crate) async fn renew(app: &App, known: &Known) -> Result<Issued, Error> {
    let mut grant = Arc::clone(&known.grant);
    for _ in 0..ATTEMPTS {
        let now = app.store.now();
        check_live(app, known, &grant).await?;
        if has_lain_idle(app, &known.client, &grant, now) {
            return Err(Error::RefreshTokenInvalid);
        }
        let presented = known.origin.presented(&grant, known.is_authenticated);
        let next = match rotation::judge(&grant, presented, rule(app, &known.client), now) {
            Verdict::Keep => return Ok(keep(app, known, &grant, now)),
            Verdict::Repeat => {
                app.store.settle().await?;
                app.metrics.grants.rotated(RotationOutcome::Repeated);
                return tokens_in_force(app, &grant, now);
            }
            Verdict::Refuse => return Err(Error::RefreshTokenInvalid),
            Verdict::Revoke => revoked(app, &grant),
            Verdict::Rotate { parent } => rotate(app, &grant, parent, now)?,
        };
        match app.store.update_grant(next.clone()).await? {
            Updated::Conflict => {
                let changed = app.store.read_grant(grant.grant_id).await?;
                grant = changed.ok_or(Error::RefreshTokenInvalid)?;
            }
            Updated::Done if next.revoked_at.is_some() => {
                app.metrics.grants.theft(Evidence::RefreshToken);
                tracing::warn!(
                    client_id = next.client_id,
                    "a spent refresh token came back; its grant is revoked"
                );
                return Err(Error::RefreshTokenInvalid);
            }
            Updated::Done => {
                app.metrics.grants.rotated(outcome(&grant, &next));
                return tokens_in_force(app, &next, now);
            }
        }
    }
    Err(Error::Unavailable)
}

/// A generation that took the place of one that nobody used has its parent.
fn outcome(before: &Grant, next: &Grant) -> RotationOutcome {
    if next.parent == before.parent { RotationOutcome::Replaced } else { RotationOutcome::Rotated }
}

/// How this app's refresh tokens rotate; `None` where they do not.
pub(super) fn rule(app: &App, client: &Client) -> Option<Rule> {
    match app.rules(client).rotation {
        Rotation::Off => None,
        Rotation::OnSince(since) => Some(Rule { since, grace: app.settings().rotation_grace }),
    }
}

/// Whether the grant's refresh token has been left unused for too long (RFC 9700 §4.14.2). Where refresh
/// tokens do not rotate nothing is written when one is used, so it is the grant's age that counts.
fn has_lain_idle(app: &App, client: &Client, grant: &Grant, now: Timestamp) -> bool {
    let idle = app.rules(client).refresh_token_idle;
    idle.is_some_and(|most| now.since(grant.issued_at).is_none_or(|age| age >= most))
}

/// The grant that a token belongs to, once the token has shown to be genuine.
async fn find(app: &App, token: &RefreshToken) -> Result<(Arc<Grant>, Origin), Error> {
    match native(app, token.expose(), Freshness::Now).await? {
        Some((grant, credential)) if credential.kind == Kind::Refresh => {
            return Ok((grant, Origin::of(Some(credential))));
        }
        Some(_) => return Err(Error::RefreshTokenInvalid),
        None => {}
    }
    let grant = imported(app, token.expose()).await?.ok_or(Error::RefreshTokenInvalid)?;
    Ok((grant, Origin::of(None)))
}

/// Whether a genuine refresh token would be answered with tokens, and to whom: asking changes nothing.
pub(super) async fn usable(
    app: &App,
    grant: &Grant,
    credential: Option<Credential>,
) -> Result<Option<(Arc<Client>, Arc<Account>)>, Error> {
    let client = app.store.find_client(&grant.client_id).await?;
    let account = app.store.find_account(grant.account_id).await?;
    let Some((client, account)) = client.zip(account) else { return Ok(None) };
    let now = app.store.now();
    let presented = Origin::of(credential).presented(grant, true);
    let verdict = rotation::judge(grant, presented, rule(app, &client), now);
    let is_good = matches!(verdict, Verdict::Keep | Verdict::Repeat | Verdict::Rotate { .. })
        && !has_lain_idle(app, &client, grant, now);
    Ok((is_good && grant.is_live(&client, &account)).then_some((client, account)))
}

/// Fails unless the grant's client and account still stand behind it.
async fn check_live(app: &App, known: &Known, grant: &Grant) -> Result<(), Error> {
    let account = app.store.find_account(grant.account_id).await?.ok_or(Error::RefreshTokenInvalid)?;
    if grant.is_live(&known.client, &account) { Ok(()) } else { Err(Error::RefreshTokenInvalid) }
}

/// The refresh token that was presented, or the same generation's under the key that issues now.
fn keep(app: &App, known: &Known, grant: &Grant, now: Timestamp) -> Issued {
    let keys = app.keys();
    let key = keys.issuing();
    let refresh_token = match known.origin {
        Origin::Native { key_id, .. } if key_id != key.id() => current_refresh_token(key, grant),
        _ => known.token.clone(),
    };
    let (access_token, expires_in) = another_access_token(app, grant, now);
    Issued { access_token, refresh_token, expires_in }
}

fn rotate(app: &App, grant: &Grant, parent: u32, now: Timestamp) -> Result<Grant, Error> {
    if parent > grant.generation {
        app.metrics.grants.ahead_of_database();
        tracing::error!("a token is newer than the database says: the database was set back");
    }
    let lifetime = seconds(app.settings().access_token_ttl);
    rotation::rotated(grant, parent, now, app.keys().issuing().id(), app.store.epoch(), lifetime)
        .ok_or(Error::RefreshTokenInvalid)
}
