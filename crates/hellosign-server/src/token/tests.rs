use zeroize::Zeroizing;

use super::*;
use crate::clock::Timestamp;
use crate::random::SystemRandom;

fn ring() -> KeyRing {
    let keys = ServerKeys::generate(&SystemRandom);
    KeyRing::open(&keys, &KeyRing::list(&keys)).unwrap()
}

fn credential(ring: &KeyRing, kind: Kind) -> Credential {
    Credential {
        kind,
        key_id: ring.issuing().id(),
        grant_id: [7; 16],
        generation: 3,
        epoch: 1,
        issued_at: Timestamp::from_millis(1_790_000_000_000),
    }
}

const SEED: Seed = [9; 16];
const ACCESS: Kind = Kind::Access { lifetime: 86400, nonce: 5 };

#[test]
fn a_sealed_credential_is_read_back_and_holds() {
    let ring = ring();
    for kind in [ACCESS, Kind::Refresh] {
        let credential = credential(&ring, kind);
        let presented = Credential::parse(&credential.seal(ring.issuing(), &SEED)).unwrap();
        assert_eq!(presented.credential, credential);
        assert!(presented.verify(ring.issuing(), &SEED));
    }
}

#[test]
fn neither_the_database_nor_the_secret_alone_makes_a_token() {
    let ring = ring();
    let token = credential(&ring, Kind::Refresh).seal(ring.issuing(), &SEED);
    let presented = Credential::parse(&token).unwrap();
    assert!(!presented.verify(ring.issuing(), &[8; 16]), "another seed");
    assert!(!presented.verify(self::ring().issuing(), &SEED), "another secret");
}

#[test]
fn every_character_counts() {
    let ring = ring();
    let token = credential(&ring, ACCESS).seal(ring.issuing(), &SEED);
    for at in 0..token.len() {
        let mut changed = Zeroizing::new(token.clone().into_bytes());
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = std::str::from_utf8(&changed).unwrap();
        let holds =
            Credential::parse(changed).is_some_and(|presented| presented.verify(ring.issuing(), &SEED));
        assert!(!holds, "character {at}");
    }
    for text in ["", "A", &token[1..], &format!("{token}A"), &format!("{token}="), "é"] {
        assert!(Credential::parse(text).is_none(), "{text}");
    }
}

#[test]
fn a_refresh_token_is_no_access_token() {
    let ring = ring();
    let refresh = credential(&ring, Kind::Refresh).seal(ring.issuing(), &SEED);
    assert_eq!(Credential::parse(&refresh).unwrap().credential.kind, Kind::Refresh);
    let key = ring.issuing();
    assert_ne!(key.mac(Purpose::AccessToken, &[b"x"]), key.mac(Purpose::RefreshToken, &[b"x"]));
}

#[test]
fn an_access_token_expires_to_the_millisecond_and_with_a_clock_set_back() {
    let ring = ring();
    let credential = credential(&ring, Kind::Access { lifetime: 60, nonce: 0 });
    let at = |millis| Timestamp::from_millis(credential.issued_at.as_millis() + millis);
    assert!(!credential.is_expired(at(59_999)));
    assert!(credential.is_expired(at(60_000)));
    assert!(credential.is_expired(at(-1)));
}

#[test]
fn the_key_file_is_read_back() {
    let keys = ServerKeys::generate(&SystemRandom);
    let again = ServerKeys::parse(&keys.to_text()).unwrap();
    assert!(KeyRing::open(&again, &KeyRing::list(&keys)).is_ok());
}

#[test]
fn a_bad_key_file_is_refused_without_showing_it() {
    let secret = "5e".repeat(32);
    for (text, expected) in [
        (format!("key 00000001 {}", &secret[1..]), "line 1 of the key file is not of the form"),
        (format!("# c\n\nkey 1 {secret}"), "line 3 of the key file is not of the form"),
        (format!("key 00000001 {secret} x"), "line 1"),
        (format!("key 00000001 {secret}\nkey 00000001 {secret}"), "line 2 of the key file repeats"),
        ("# nothing\n".to_owned(), "holds no key"),
    ] {
        let error = ServerKeys::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("5e5e"), "{error}");
    }
}

#[test]
fn a_secret_that_is_not_the_databases_is_refused() {
    let (ours, theirs) = (ServerKeys::generate(&SystemRandom), ServerKeys::generate(&SystemRandom));
    let error = KeyRing::open(&theirs, &KeyRing::list(&ours)).unwrap_err().to_string();
    assert!(error.contains("the key file lacks key"), "{error}");

    let id = KeyRing::list(&ours)[0].id;
    let impostor = ServerKeys::parse(&format!("key {id} {}", "00".repeat(32))).unwrap();
    let error = KeyRing::open(&impostor, &KeyRing::list(&ours)).unwrap_err().to_string();
    assert!(error.contains("is not the secret that made this database"), "{error}");
}

#[test]
fn a_listed_key_that_is_not_held_is_missing_and_not_unknown() {
    let (issuing, other) = (ServerKeys::generate(&SystemRandom), ServerKeys::generate(&SystemRandom));
    let mut listed = KeyRing::list(&issuing);
    let absent = ListedKey { state: KeyState::Accepted, ..KeyRing::list(&other)[0] };
    listed.push(absent);
    let ring = KeyRing::open(&issuing, &listed).unwrap();
    assert!(matches!(ring.find(absent.id), KeyLookup::Missing));
    assert!(matches!(ring.find(KeyId(absent.id.0 ^ 1)), KeyLookup::Unknown));
    assert!(ring.is_incomplete());
    let hash = { self::ring().hash(Purpose::ClientSecret, "s") };
    assert_eq!(ring.matches(Purpose::ClientSecret, "s", &hash), Some(false), "another database's key");
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_panic_or_holds(text in "[A-Za-z0-9_=-]{0,100}", noise in "\\PC{0,100}") {
        let ring = ring();
        for text in [text, noise] {
            if let Some(presented) = Credential::parse(&text) {
                proptest::prop_assert!(!presented.verify(ring.issuing(), &SEED));
            }
        }
    }

    #[test]
    fn what_is_sealed_is_read_back(
        grant_id: GrantId, generation: u32, epoch: u32, millis: i64, lifetime: u32, nonce: u64, seed: Seed,
    ) {
        let ring = ring();
        let issued_at = Timestamp::from_millis(millis);
        for kind in [Kind::Refresh, Kind::Access { lifetime, nonce }] {
            let key_id = ring.issuing().id();
            let credential = Credential { kind, key_id, grant_id, generation, epoch, issued_at };
            let presented = Credential::parse(&credential.seal(ring.issuing(), &seed)).unwrap();
            proptest::prop_assert_eq!(presented.credential, credential);
            proptest::prop_assert!(presented.verify(ring.issuing(), &seed));
        }
    }
}
