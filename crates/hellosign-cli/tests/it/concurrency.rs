//! Sixty-four clients that want the same thing at the same moment.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

use crate::harness::{
    Answer, App, Command, Connection, FixtureFile, JILL, bearer, get, post_form, vendor_page,
};

const CLIENTS: usize = 64;

#[test]
fn one_code_is_exchanged_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let server = Command::server(&directory.path().join("data")).fixtures(&fixtures).start();
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("code", vendor_page::CODE),
    ];
    let answers = at_once(server.address(), &exchange);
    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1, "{answers:#?}");
    for answer in refused {
        answer.assert_refused(400, "invalid_request");
    }
    let (access_token, refresh_token) = granted[0].tokens();
    assert_lives(server.address(), &access_token);
    let refreshed = refresh(server.address(), &refresh_token);
    assert_eq!(refreshed.tokens().1, refresh_token);
}

#[test]
fn one_rotating_token_has_one_successor() {
    const TOKEN: &str = "a-refresh-token-from-elsewhere";
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = FixtureFile::with_people();
    file.app(App {
        client_id: vendor_page::CLIENT_ID,
        client_secret: vendor_page::CLIENT_SECRET,
        rotates: true,
    });
    file.grant(vendor_page::CLIENT_ID, JILL, TOKEN);
    let fixtures = file.write(directory.path());
    let server = Command::server(&directory.path().join("data")).fixtures(&fixtures).start();
    let address = server.address();

    // Twice: an imported token's successor, and that one's.
    let mut token = TOKEN.to_owned();
    for _ in 0..2 {
        let answers = at_once(address, &refresh_of(&token));
        let successors: HashSet<_> = answers.iter().map(|answer| answer.tokens().1).collect();
        assert_eq!(successors.len(), 1, "{successors:?}");
        assert!(!successors.contains(&token));
        for (access_token, _) in answers.iter().map(Answer::tokens).collect::<HashSet<_>>() {
            assert_lives(address, &access_token);
        }
        token = successors.into_iter().next().expect("one");
    }
    refresh(address, &token).tokens();
}

/// The same request from 64 connections that are open already, released together.
fn at_once(address: SocketAddr, parameters: &[(&str, &str)]) -> Vec<Answer> {
    let barrier = Barrier::new(CLIENTS);
    let one = || {
        let mut connection = Connection::open(address).expect("a connection");
        barrier.wait();
        connection.post_form("/oauth/token", parameters).expect("an answer")
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(one)).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    })
}

fn refresh_of(token: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("refresh_token", token),
    ]
}

fn refresh(address: SocketAddr, token: &str) -> Answer {
    post_form(address, "/oauth/token?refresh", &refresh_of(token))
}

fn assert_lives(address: SocketAddr, access_token: &str) {
    let answer = get(address, "/v3/account", &[("Authorization", &bearer(access_token))]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["account"]["email_address"], JILL);
}
