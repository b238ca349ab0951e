//! What every backend has to do, whatever is underneath: one suite, run on each.

use std::sync::Arc;
use std::time::Duration;

use super::model::*;
use super::{Backend as _, Embedded, Ended, Import, Page, Postgres, PostgresConfig, Store};
use crate::clock::{SystemClock, Timestamp};
use crate::config::KeySource;
use crate::metrics::Metrics;
use crate::random::{SystemRandom, bytes};
use crate::token::{GrantId, KeyId, KeyState, KeyedHash, ListedKey, Purpose};

const OWNER: AccountId = [1; 20];
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// Larger than any signed number of the same width.
const LARGE: u32 = 4_000_000_000;

/// A store of its own, and the directory that is to outlive it.
struct Opened {
    store: Store,
    _directory: tempfile::TempDir,
}

async fn embedded() -> Opened {
    let directory = tempfile::tempdir().unwrap();
    let (clock, metrics) = (Arc::new(SystemClock), Metrics::new(NOW));
    let store = Arc::clone(&metrics.store);
    let opened = Embedded::open(directory.path(), &KeySource::DataDir, clock, &SystemRandom, store).unwrap();
    Opened { store: Store::Embedded(opened.0), _directory: directory }
}

async fn postgres() -> Opened {
    let directory = tempfile::tempdir().unwrap();
    let url = hellosign_testkit::Postgres::shared_database().parse().unwrap();
    let config = PostgresConfig { connections: 2, ..PostgresConfig::new(url) };
    let (keys, metrics) = (KeySource::File(directory.path().join("server.key")), Metrics::new(NOW));
    let opened = Postgres::open(&config, &keys, None, &SystemRandom, &metrics.store).await.unwrap();
    Opened { store: Store::Postgres(opened.0), _directory: directory }
}

/// Each of these functions is a test on each backend.
macro_rules! contract {
    ($($name:ident)*) => {
        mod embedded_backend {
            $(#[tokio::test] async fn $name() { let opened = super::embedded().await; super::$name(&opened.store).await; })*
        }
        mod postgres_backend {
            $(#[tokio::test] async fn $name() { let opened = super::postgres().await; super::$name(&opened.store).await; })*
        }
    };
}

contract! {
    a_client_is_written_under_the_revision_that_it_was_read_at
    clients_are_listed_page_by_page_the_oldest_first
    an_account_is_found_whatever_its_capitals_and_has_its_address_alone
    an_account_and_its_grant_are_stored_together_or_not_at_all
    a_grant_comes_back_as_it_was_stored
    a_grant_changes_once_for_each_revision
    of_two_who_change_a_grant_at_once_one_does
    a_code_becomes_one_grant
    a_code_that_is_stored_again_stays_as_it_is
    beyond_the_most_the_oldest_grants_end
    only_the_generation_in_force_is_seen
    a_session_is_used_later_and_never_earlier
    what_has_ended_is_forgotten
    credentials_move_to_another_key
    what_was_loaded_once_is_not_loaded_again
    time_goes_forward_and_begins_anew
    a_key_is_listed_once
}

fn client(client_id: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        owner: OWNER,
        name: "Contract portal".to_owned(),
        domains: vec!["example.com".to_owned(), "example.org".to_owned()],
        event_callback_url: Some("https://example.com/events".to_owned()),
        can_insert_everywhere: true,
        created_at: NOW,
        callback_url: Some("https://example.com/callback".to_owned()),
        scopes: vec!["basic_account_info".into(), "request_signature".into()],
        is_approved: true,
        is_resource_server: false,
        switches: serde_json::from_str(r#"{"pkce_required": true, "refresh_token_idle": 60}"#).unwrap(),
        rotation: Some(Rotation::OnSince(NOW)),
        secret: Some([7; 36]),
        revision: 0,
        epoch: 3,
    }
}

fn account(account_id: AccountId, email_address: &str) -> Account {
    Account {
        callback_url: Some("https://example.com".to_owned()),
        ..Account::new(account_id, email_address.to_owned())
    }
}

fn grant(grant_id: GrantId) -> Grant {
    Grant {
        grant_id,
        client_id: "app".to_owned(),
        account_id: OWNER,
        client_epoch: 3,
        account_epoch: 0,
        seed: [9; 16],
        created_at: NOW,
        is_imported: false,
        revision: 0,
        generation: 0,
        parent: None,
        issued_at: NOW,
        key_id: KeyId(LARGE),
        epoch: LARGE,
        lifetime: LARGE,
        is_seen: false,
        voids: Vec::new(),
        access_since: None,
        revoked_at: None,
    }
}

fn code(hash: KeyedHash) -> Code {
    Code {
        hash,
        client_id: "app".to_owned(),
        account_id: OWNER,
        redirect_uri: Some("https://example.com/callback".to_owned()),
        code_challenge: None,
        client_epoch: 3,
        account_epoch: 0,
        created_at: NOW,
        expires_at: NOW.after(Duration::from_secs(3600)),
        redeemed: None,
    }
}

async fn with_owner(store: &Store) {
    let inserted = store.insert_account(account(OWNER, "jack@example.com"), None).await.unwrap();
    assert_eq!(inserted, Inserted::Done);
}

async fn stored_grant(store: &Store) -> Grant {
    let (hash, grant) = (bytes(&SystemRandom), grant(bytes(&SystemRandom)));
    store.insert_code(code(hash)).await.unwrap();
    assert_eq!(store.redeem_code(hash, grant.clone(), 50).await.unwrap(), Redeemed::Fresh);
    grant
}

fn is_done(updated: &Updated) -> bool {
    matches!(updated, Updated::Done)
}

async fn a_client_is_written_under_the_revision_that_it_was_read_at(store: &Store) {
    with_owner(store).await;
    assert_eq!(store.insert_client(client("app")).await.unwrap(), Inserted::Done);
    assert_eq!(store.insert_client(client("app")).await.unwrap(), Inserted::Taken);
    let read = store.find_client("app").await.unwrap().unwrap();
    assert_eq!(*read, client("app"));
    let renamed =
        Client { name: "Other".to_owned(), rotation: Some(Rotation::Off), secret: None, ..client("app") };
    assert!(is_done(&store.update_client(renamed.clone()).await.unwrap()));
    assert!(!is_done(&store.update_client(client("app")).await.unwrap()), "it has changed since");
    let read = store.find_client("app").await.unwrap().unwrap();
    assert_eq!(*read, Client { revision: 1, ..renamed });
    store.delete_client("app").await.unwrap();
    assert_eq!(store.find_client("app").await.unwrap(), None);
    assert!(!is_done(&store.update_client(client("app")).await.unwrap()));
}

async fn clients_are_listed_page_by_page_the_oldest_first(store: &Store) {
    with_owner(store).await;
    for (name, age) in [("b", 1), ("a", 1), ("c", 2)] {
        let created_at = NOW.before(Duration::from_secs(age));
        store.insert_client(Client { created_at, ..client(name) }).await.unwrap();
    }
    store.insert_client(Client { is_resource_server: true, ..client("resource") }).await.unwrap();
    let page = async |number| {
        let (clients, count) = store.list_clients(OWNER, Page { number, size: 2 }).await.unwrap();
        (clients.into_iter().map(|client| client.client_id).collect::<Vec<_>>(), count)
    };
    assert_eq!(page(1).await, (vec!["c".to_owned(), "a".to_owned()], 3));
    assert_eq!(page(2).await, (vec!["b".to_owned()], 3));
    assert_eq!(page(3).await, (Vec::new(), 3));
}

async fn an_account_is_found_whatever_its_capitals_and_has_its_address_alone(store: &Store) {
    let jill = account([2; 20], "Jill.Öz@Example.com");
    assert_eq!(store.insert_account(jill.clone(), None).await.unwrap(), Inserted::Done);
    let found = store.find_account_by_email("jill.Öz@EXAMPLE.COM").await.unwrap().unwrap();
    assert_eq!(*found, jill);
    assert_eq!(
        store.find_account_by_email("jill.öz@example.com").await.unwrap(),
        None,
        "ASCII's capitals only"
    );
    assert!(store.find_sign_in("jill.Öz@example.com").await.unwrap().unwrap().password_hash.is_none());
    let other = account([3; 20], "JILL.Öz@example.com");
    assert_eq!(store.insert_account(other, None).await.unwrap(), Inserted::Taken);
    assert_eq!(store.find_account([3; 20]).await.unwrap(), None);
    let locked = Account { is_locked: true, epoch: 1, callback_url: None, ..jill };
    assert!(is_done(&store.update_account(locked.clone()).await.unwrap()));
    assert!(!is_done(&store.update_account(locked.clone()).await.unwrap()));
    let read = store.find_account([2; 20]).await.unwrap().unwrap();
    assert_eq!(*read, Account { revision: 1, ..locked });
}

async fn an_account_and_its_grant_are_stored_together_or_not_at_all(store: &Store) {
    let with = |id: u8| Grant { account_id: [id; 20], ..grant([id; 16]) };
    let insert = async |id: u8| {
        store.insert_account(account([id; 20], "jill@example.com"), Some(with(id))).await.unwrap()
    };
    assert_eq!(insert(2).await, Inserted::Done);
    assert_eq!(*store.read_grant([2; 16]).await.unwrap().unwrap(), with(2));
    assert_eq!(insert(3).await, Inserted::Taken);
    assert_eq!(store.read_grant([3; 16]).await.unwrap(), None);
}

async fn a_grant_comes_back_as_it_was_stored(store: &Store) {
    let first = stored_grant(store).await;
    assert_eq!(*store.read_grant(first.grant_id).await.unwrap().unwrap(), first);
    let voids = vec![
        VoidRange { from: 1, to: LARGE, until: NOW },
        VoidRange { from: LARGE, to: LARGE, until: Timestamp::from_millis(i64::MAX) },
    ];
    let next = Grant {
        generation: LARGE,
        parent: Some(LARGE - 1),
        is_seen: true,
        voids,
        access_since: Some(NOW),
        revoked_at: Some(NOW),
        ..first
    };
    assert!(is_done(&store.update_grant(next.clone()).await.unwrap()));
    let stored = Grant { revision: 1, ..next };
    assert_eq!(*store.read_grant(stored.grant_id).await.unwrap().unwrap(), stored);
    assert_eq!(*store.find_grant(stored.grant_id).await.unwrap().unwrap(), stored);
    assert_eq!(store.find_grant([0; 16]).await.unwrap(), None);
}

async fn a_grant_changes_once_for_each_revision(store: &Store) {
    let first = stored_grant(store).await;
    let next = Grant { generation: 1, ..first.clone() };
    assert!(is_done(&store.update_grant(next.clone()).await.unwrap()));
    assert!(!is_done(&store.update_grant(next.clone()).await.unwrap()));
    assert!(
        !is_done(&store.update_grant(Grant { grant_id: [0; 16], ..first }).await.unwrap()),
        "there is none"
    );
    assert_eq!(*store.read_grant(next.grant_id).await.unwrap().unwrap(), Grant { revision: 1, ..next });
}

async fn of_two_who_change_a_grant_at_once_one_does(store: &Store) {
    let first = stored_grant(store).await;
    for round in 0..20 {
        let now = store.read_grant(first.grant_id).await.unwrap().unwrap();
        let next = |lifetime| Grant { lifetime, ..Grant::clone(&now) };
        let (one, other) = tokio::join!(store.update_grant(next(1)), store.update_grant(next(2)));
        let done = [one.unwrap(), other.unwrap()].map(|updated| is_done(&updated));
        assert_ne!(done[0], done[1], "round {round}");
        let stored = store.read_grant(first.grant_id).await.unwrap().unwrap();
        assert_eq!(stored.lifetime, if done[0] { 1 } else { 2 });
    }
}

async fn a_code_becomes_one_grant(store: &Store) {
    store.insert_code(code([1; 36])).await.unwrap();
    let found = store.find_code(vec![[0; 36], [1; 36]]).await.unwrap().unwrap();
    assert_eq!(found, code([1; 36]));
    let (mine, other) = (grant([2; 16]), grant([3; 16]));
    let redeem = async |grant: &Grant| store.redeem_code([1; 36], grant.clone(), 50).await.unwrap();
    assert_eq!(redeem(&mine).await, Redeemed::Fresh);
    assert_eq!(redeem(&mine).await, Redeemed::Fresh, "a commit that is sent again finds its own grant");
    assert_eq!(redeem(&other).await, Redeemed::Spent { grant_id: [2; 16], at: NOW });
    assert_eq!(store.read_grant([3; 16]).await.unwrap(), None);
    assert_eq!(store.redeem_code([9; 36], other, 50).await.unwrap(), Redeemed::Gone);
    assert_eq!(store.find_code(vec![[1; 36]]).await.unwrap().unwrap().redeemed, Some(([2; 16], NOW)));
}

async fn a_code_that_is_stored_again_stays_as_it_is(store: &Store) {
    store.insert_code(code([1; 36])).await.unwrap();
    store.redeem_code([1; 36], grant([2; 16]), 50).await.unwrap();
    store.insert_code(Code { redirect_uri: None, ..code([1; 36]) }).await.unwrap();
    let stored = store.find_code(vec![[1; 36]]).await.unwrap().unwrap();
    assert_eq!(stored, Code { redeemed: Some(([2; 16], NOW)), ..code([1; 36]) });
}

async fn beyond_the_most_the_oldest_grants_end(store: &Store) {
    let redeem = async |n: u8, epoch: u32| {
        store.insert_code(code([n; 36])).await.unwrap();
        let issued_at = NOW.after(Duration::from_secs(n.into()));
        let grant = Grant { issued_at, client_epoch: epoch, ..grant([n; 16]) };
        assert_eq!(store.redeem_code([n; 36], grant, 2).await.unwrap(), Redeemed::Fresh);
    };
    // Of another epoch: it has ended already, and is not counted.
    redeem(1, 2).await;
    for n in 2..=4 {
        redeem(n, 3).await;
    }
    let revoked_at = async |n: u8| store.find_grant([n; 16]).await.unwrap().unwrap().revoked_at;
    assert_eq!(revoked_at(1).await, None);
    assert_eq!(revoked_at(2).await, Some(NOW.after(Duration::from_secs(4))));
    assert_eq!((revoked_at(3).await, revoked_at(4).await), (None, None));
    let listed = store.list_grants(OWNER, "app").await.unwrap();
    assert_eq!(listed.len(), 3, "all that are not revoked");
}

async fn only_the_generation_in_force_is_seen(store: &Store) {
    let (first, second) = (stored_grant(store).await, stored_grant(store).await);
    store.note_seen(first.grant_id, 0);
    store.note_seen(second.grant_id, 1);
    store.flush_notes().await.unwrap();
    let read = async |grant: &Grant| store.find_grant(grant.grant_id).await.unwrap().unwrap();
    assert_eq!(*read(&first).await, Grant { is_seen: true, revision: 1, ..first.clone() });
    assert_eq!(*read(&second).await, second);
    store.note_seen(first.grant_id, 0);
    store.flush_notes().await.unwrap();
    assert_eq!(read(&first).await.revision, 1, "it was seen before");
}

async fn a_session_is_used_later_and_never_earlier(store: &Store) {
    let session =
        Session { hash: [1; 36], account_id: OWNER, account_epoch: 0, created_at: NOW, seen_at: NOW };
    store.insert_session(session).await.unwrap();
    let find = async || store.find_session(vec![[0; 36], [1; 36]]).await.unwrap();
    assert_eq!(find().await, Some(session));
    let later = NOW.after(Duration::from_secs(60));
    for at in [later, NOW] {
        store.note_session([1; 36], at);
        store.flush_notes().await.unwrap();
        assert_eq!(find().await.unwrap().seen_at, later);
    }
    store.delete_session(vec![[1; 36]]).await.unwrap();
    assert_eq!(find().await, None);
}

async fn what_has_ended_is_forgotten(store: &Store) {
    let (before, after) = (NOW.before(Duration::from_millis(1)), NOW.after(Duration::from_millis(1)));
    for (n, at) in [(1, NOW), (2, after)] {
        store.insert_code(Code { expires_at: at, ..code([n; 36]) }).await.unwrap();
    }
    for (n, created_at, seen_at) in [(1, NOW, after), (2, before, NOW), (3, after, after)] {
        let session = Session { hash: [n; 36], account_id: OWNER, account_epoch: 0, created_at, seen_at };
        store.insert_session(session).await.unwrap();
    }
    store.purge(Ended { codes_expired: NOW, sessions_seen: NOW, sessions_created: NOW }).await.unwrap();
    let code = async |n: u8| store.find_code(vec![[n; 36]]).await.unwrap().is_some();
    assert_eq!((code(1).await, code(2).await), (false, true));
    let session = async |n: u8| store.find_session(vec![[n; 36]]).await.unwrap().is_some();
    assert_eq!((session(1).await, session(2).await, session(3).await), (false, false, true));
}

async fn credentials_move_to_another_key(store: &Store) {
    let import = Import {
        accounts: vec![NewAccount {
            fingerprints: vec![[1; 36]],
            account: account(OWNER, "jack@example.com"),
            password_hash: Some("$argon2id$".to_owned()),
            api_key: Some([5; 36]),
        }],
        clients: vec![NewClient {
            fingerprints: vec![[2; 36]],
            owner: "jack@example.com".to_owned(),
            client: client("app"),
        }],
        grants: vec![NewGrant {
            fingerprints: vec![[3; 36]],
            account: "jack@example.com".to_owned(),
            refresh_token: [6; 36],
            grant: grant([4; 16]),
        }],
        codes: Vec::new(),
    };
    store.import(import).await.unwrap();
    assert_eq!(store.find_imported(vec![[0; 36], [6; 36]]).await.unwrap(), Some(([4; 16], [6; 36])));
    for (purpose, from) in [(Purpose::ClientSecret, 7), (Purpose::ApiKey, 5), (Purpose::ImportedToken, 6)] {
        store.note_rehash(Rehash { purpose, from: [from; 36], to: [from + 10; 36] });
    }
    store.flush_notes().await.unwrap();
    let found = store.find_account_by_api_key(vec![[5; 36], [15; 36]]).await.unwrap().unwrap();
    assert_eq!((found.0.account_id, found.1), (OWNER, [15; 36]));
    assert_eq!(store.find_imported(vec![[16; 36]]).await.unwrap(), Some(([4; 16], [16; 36])));
    assert_eq!(
        store.find_sign_in("jack@example.com").await.unwrap().unwrap().password_hash.unwrap(),
        "$argon2id$"
    );
}

async fn what_was_loaded_once_is_not_loaded_again(store: &Store) {
    let import = |fingerprints: Vec<KeyedHash>| Import {
        accounts: vec![NewAccount {
            fingerprints,
            account: account(OWNER, "jack@example.com"),
            password_hash: None,
            api_key: None,
        }],
        ..Import::default()
    };
    let report = async |fingerprints| store.import(import(fingerprints)).await.unwrap();
    assert_eq!(report(vec![[1; 36]]).await, ImportReport { added: 1, known: 0 });
    // Under another key that issues now; known by the one before.
    assert_eq!(report(vec![[2; 36], [1; 36]]).await, ImportReport { added: 0, known: 1 });
    assert_eq!(report(vec![[2; 36]]).await, ImportReport { added: 0, known: 1 });
}

async fn time_goes_forward_and_begins_anew(store: &Store) {
    let before = store.now();
    assert!(store.now() >= before);
    let hour = Duration::from_secs(3600);
    assert!(store.advance(hour).await.unwrap() >= before.after(hour));
    with_owner(store).await;
    store.reset(|_| Import::default()).await.unwrap();
    assert!(store.now() < before.after(hour));
    assert_eq!(store.find_account(OWNER).await.unwrap(), None);
    assert_eq!(store.list_keys().await.unwrap().len(), 1, "the keys stay");
}

async fn a_key_is_listed_once(store: &Store) {
    let issuing = store.list_keys().await.unwrap();
    assert_eq!(issuing.len(), 1);
    let other = ListedKey { id: KeyId(LARGE), check: [1; 16], state: KeyState::Accepted };
    for state in [KeyState::Accepted, KeyState::Issuing] {
        store.add_key(ListedKey { state, ..other }).await.unwrap();
        let listed = store.list_keys().await.unwrap();
        assert!(listed.contains(&other), "what it is used for is not for a key file to say: {listed:?}");
        assert_eq!(listed.len(), 2);
    }
}
