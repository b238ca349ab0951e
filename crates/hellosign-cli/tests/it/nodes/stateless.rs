//! A user's requests go to any node, and each knows what was done at the others.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, psql};

use super::site::{APP, PASSWORD, PERSON, Site, account, exchange, introspect, refresh, revoke};
use crate::harness::{Answer, Connection, JILL, get, wait_until};

/// How long an access token may outlive its grant at another node, and what a busy machine adds.
const STALE: Duration = Duration::from_millis(1000 + 800);

/// What is asked of the node for people that an app sends there.
fn authorize() -> String {
    format!("/oauth/authorize?response_type=code&client_id={}&state=sent", APP.client_id)
}

/// The code that a redirect to the app's callback carries.
fn code(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location").expect("a location");
    let (_, query) = location.split_once('?').expect("a query");
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).expect("a code");
    code.to_owned()
}

#[test]
fn one_grant_is_issued_and_used_and_ended_at_three_nodes() {
    let site = Site::new(Postgres::shared_database());
    let nodes = [(); 3].map(|()| site.node().args(["--auto-approve", JILL]).start());
    let [one, two, three] = [0, 1, 2].map(|at: usize| nodes[at].address());

    let code = code(&get(one, &authorize(), &[]));
    let (_, refresh_token) = exchange(two, &code, "sent").tokens();
    let (access_token, refresh_token) = refresh(three, &refresh_token).tokens();
    for node in [one, two, three] {
        assert_eq!(account(node, &access_token).status, 200);
        assert_eq!(introspect(node, &access_token).json()["active"], true);
    }

    assert_eq!(revoke(one, &refresh_token).status, 200);
    let revoked = Instant::now();
    refresh(two, &refresh_token).assert_refused(400, "invalid_grant");
    let is_ended = |node| {
        account(node, &access_token).status == 401
            && introspect(node, &access_token).json()["active"] == false
    };
    assert!(is_ended(one), "at once, where it was done");
    // The refresh has not told the third of anything.
    assert!(wait_until(STALE, || is_ended(three)));
    assert!(revoked.elapsed() < STALE, "{:?}", revoked.elapsed());
    assert!(is_ended(two));
    refresh(three, &refresh_token).assert_refused(400, "invalid_grant");
}

/// Of those who exchange one code at three nodes at once, one has a grant.
#[test]
fn a_code_is_good_for_one_grant_at_all_nodes_together() {
    let url = Postgres::shared_database();
    let site = Site::new(url.clone());
    let nodes = [(); 3].map(|()| site.node().args(["--auto-approve", JILL]).start());
    let nodes = [0, 1, 2].map(|at: usize| nodes[at].address());
    let grants = || psql(&url, "SELECT count(*) FROM grants").parse::<usize>().unwrap();
    let before = grants();
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        let code = code(&get(nodes[0], &authorize(), &[]));
        let statuses = thread::scope(|scope| {
            let exchanging = nodes.map(|node| {
                scope.spawn({
                    let code = &code;
                    move || exchange(node, code, "sent").status
                })
            });
            exchanging.map(|exchange| exchange.join().unwrap())
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 2, "{statuses:?}");
    }
    assert_eq!(grants(), before + ROUNDS);
}

/// The pages of one authorization come from two nodes in turn.
#[test]
fn a_person_signs_in_and_allows_across_nodes() {
    let site = Site::new(Postgres::shared_database());
    let nodes = [(); 2].map(|()| site.node().start());
    let [one, two] = [0, 1].map(|at: usize| nodes[at].address());
    let mut browser = Browser::default();
    let page = browser.get(one, &authorize());
    let fields = [("ticket", &*ticket(&page)), ("email_address", PERSON), ("password", PASSWORD)];
    let signed_in = browser.post(two, "/oauth/authorize/sign_in", &fields);
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let page = browser.get(one, signed_in.header("location").expect("a location"));
    let fields = [("ticket", &*ticket(&page)), ("decision", "allow")];
    let code = code(&browser.post(two, "/oauth/authorize", &fields));
    let (access_token, _) = exchange(one, &code, "sent").tokens();
    assert_eq!(account(two, &access_token).json()["account"]["email_address"], PERSON);
}

/// Keeps cookies, and nothing more.
#[derive(Debug, Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    fn get(&mut self, node: SocketAddr, path: &str) -> Answer {
        let cookies = self.cookies();
        let answer = get(node, path, &[("Cookie", &cookies)]);
        self.keep(answer)
    }

    fn post(&mut self, node: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Answer {
        let cookies = self.cookies();
        let mut connection = Connection::open(node).unwrap();
        let answer = connection.post_form_with(path, fields, &[("Cookie", &cookies)]).unwrap();
        self.keep(answer)
    }

    fn cookies(&self) -> String {
        let cookies = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, _) = cookie.split_once(';').expect("a cookie's attributes");
            let (name, value) = pair.split_once('=').expect("a cookie's name");
            self.0.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// What is sealed in the page's form.
fn ticket(page: &Answer) -> String {
    let text = String::from_utf8_lossy(&page.body);
    let (_, rest) = text.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().expect("a value").to_owned()
}
