//! What the server has acknowledged, and whether it keeps its word.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{
    Answer, App, Connection, FixtureFile, JILL, Random, Server, bearer, get, post_form, wait_until,
};

const PLAIN: App<'_> = App { client_id: "plain", client_secret: "plain-secret", rotates: false };
const ROTATING: App<'_> = App { client_id: "rotating", client_secret: "rotating-secret", rotates: true };
/// An account keeps at most 50 grants of an app; a test must not lose any to that rule.
const CODES_PER_ACCOUNT: usize = 25;
const CHAINS: usize = 12;
const EXCHANGING: usize = 3;
const ROTATING_AT_ONCE: usize = 3;
/// Within the server's 10 seconds of grace, with room for a slow machine.
const WITHIN_GRACE: Duration = Duration::from_secs(7);

/// What is known of the server's promises.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    fresh_codes: VecDeque<String>,
    codes_made: usize,
    exchanges: Vec<Exchange>,
    chains: Vec<Chain>,
    /// Their exchange was not answered: either outcome is right.
    uncertain_codes: Vec<String>,
    pub(super) acknowledged_exchanges: usize,
    pub(super) acknowledged_rotations: usize,
}

/// An acknowledged exchange.
#[derive(Debug, Clone)]
struct Exchange {
    code: String,
    access_token: String,
    refresh_token: String,
}

/// A grant of an app that rotates: each refresh token is good for one successor.
#[derive(Debug)]
struct Chain {
    /// Those before the parent.
    older: Vec<String>,
    parent: Option<String>,
    current: String,
    access_token: Option<String>,
    /// When the request was sent that `current` answers.
    rotated: Instant,
}

impl Chain {
    fn rotated_to(&mut self, (access_token, refresh_token): (String, String), sent: Instant) {
        self.older.extend(self.parent.take());
        self.parent = Some(std::mem::replace(&mut self.current, refresh_token));
        self.access_token = Some(access_token);
        self.rotated = sent;
    }
}

impl Ledger {
    pub(super) fn new() -> Self {
        let first = |n| format!("imported-refresh-token-of-chain-{n:04}");
        let chain = |n| Chain {
            older: Vec::new(),
            parent: None,
            current: first(n),
            access_token: None,
            rotated: Instant::now(),
        };
        Self { chains: (0..CHAINS).map(chain).collect(), ..Self::default() }
    }

    /// Fixtures with `codes` more codes, and the chains' first tokens as they have been from the start.
    pub(super) fn fixtures(&mut self, directory: &Path, codes: usize) -> PathBuf {
        let mut file = FixtureFile::with_people();
        file.app(PLAIN);
        file.app(ROTATING);
        let account = |n: usize| format!("jill-{}@example.com", n / CODES_PER_ACCOUNT);
        let numbers = self.codes_made..self.codes_made + codes;
        for n in numbers.start / CODES_PER_ACCOUNT..=numbers.end / CODES_PER_ACCOUNT {
            file.account(&format!("jill-{n}@example.com"));
        }
        for n in numbers {
            let code = format!("code{n:012x}");
            file.code(PLAIN.client_id, &account(n), &code);
            self.fresh_codes.push_back(code);
        }
        self.codes_made += codes;
        for n in 0..CHAINS {
            let token = format!("imported-refresh-token-of-chain-{n:04}");
            file.grant(ROTATING.client_id, JILL, &token);
        }
        file.write(directory)
    }

    /// Exchanges and rotates from several connections at once until `changes` are acknowledged, then kills the server
    /// in the midst of the next ones.
    pub(super) fn load_and_kill(&mut self, server: Server, changes: usize, random: &mut Random) {
        let pause = Duration::from_micros(random.below(3000));
        let done = self.load(server.address(), changes, || {
            // An instant that the acknowledgements do not choose. Any length will do.
            thread::sleep(pause);
            server.kill();
        });
        assert!(done >= changes, "the load ended after {done} of {changes} changes");
    }

    /// One rotation after the other.
    pub(super) fn rotate_one_by_one(&mut self, address: SocketAddr, times: usize) {
        let mut connection = Connection::open(address).expect("a connection");
        for _ in 0..times {
            rotate(&mut connection, &mut self.chains[0]).expect("an answer");
        }
        self.acknowledged_rotations += times;
    }

    /// Every chain rotates `times` times, all at once.
    pub(super) fn rotate_at_once(&mut self, address: SocketAddr, times: usize) {
        thread::scope(|scope| {
            for chain in &mut self.chains {
                scope.spawn(move || {
                    let mut connection = Connection::open(address).expect("a connection");
                    (0..times).for_each(|_| rotate(&mut connection, chain).expect("an answer"));
                });
            }
        });
        self.acknowledged_rotations += times * CHAINS;
    }

    /// Presents the first chain's token, and takes no note of the answer.
    pub(super) fn present_first(&self, address: SocketAddr) -> Answer {
        present_refresh_token(address, ROTATING, &self.chains[0].current)
    }

    fn load(&mut self, address: SocketAddr, wanted: usize, then: impl FnOnce()) -> usize {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let codes = Mutex::new(std::mem::take(&mut self.fresh_codes));
        let chains = &mut self.chains;
        let per_worker = chains.len().div_ceil(ROTATING_AT_ONCE);
        let mut done: Vec<(Vec<Exchange>, Option<String>)> = Vec::new();
        let before = thread::scope(|scope| {
            let exchanging: Vec<_> = (0..EXCHANGING)
                .map(|_| scope.spawn(|| exchange_until_it_dies(address, &codes, &acknowledged)))
                .collect();
            let rotating: Vec<_> = chains
                .chunks_mut(per_worker)
                .map(|chains| scope.spawn(|| rotate_until_it_dies(address, chains, &acknowledged)))
                .collect();
            let stopped =
                wait_until(Duration::from_secs(60), || acknowledged.load(Ordering::Relaxed) >= wanted);
            then();
            done.extend(exchanging.into_iter().map(|worker| worker.join().expect("a worker")));
            let rotations: usize = rotating.into_iter().map(|worker| worker.join().expect("a worker")).sum();
            assert!(stopped, "no more than {} changes in a minute", acknowledged.load(Ordering::Relaxed));
            rotations
        });
        self.acknowledged_rotations += before;
        for (exchanges, in_flight) in done {
            self.acknowledged_exchanges += exchanges.len();
            self.exchanges.extend(exchanges);
            self.uncertain_codes.extend(in_flight);
        }
        self.fresh_codes = codes.into_inner().expect("no worker has panicked");
        acknowledged.load(Ordering::Relaxed)
    }

    /// Asks a server that was started anew for everything it has acknowledged; says what is missing or has come back.
    ///
    /// Half of the codes are presented again, which may cost their grants: those leave the ledger. With `at_the_end`
    /// all are, and all spent refresh tokens too.
    pub(super) fn broken_promises(
        &mut self,
        address: SocketAddr,
        random: &mut Random,
        at_the_end: bool,
    ) -> Vec<String> {
        let mut broken = Vec::new();
        for (number, chain) in self.chains.iter_mut().enumerate() {
            if let Err(what) = chain.check(address, random.below(2) == 0) {
                broken.push(format!("rotation: chain {number}: {what}"));
            }
        }
        for exchange in &self.exchanges {
            if let Err(what) = exchange.check(address) {
                broken.push(format!("exchange: {}: {what}", exchange.code));
            }
        }
        for code in std::mem::take(&mut self.uncertain_codes) {
            let answer = present_code(address, &code);
            match answer.status {
                200 => {
                    let (access_token, refresh_token) = answer.tokens();
                    self.exchanges.push(Exchange { code, access_token, refresh_token });
                }
                _ => drop(answer.assert_refused(400, "invalid_request")),
            }
        }
        self.exchanges.retain(|exchange| {
            let presented = at_the_end || random.below(2) == 0;
            if presented && present_code(address, &exchange.code).status != 400 {
                broken.push(format!("exchange: {} can be exchanged again", exchange.code));
            }
            !presented
        });
        if at_the_end {
            // Last, since a spent token is evidence of theft and ends its grant.
            for chain in &self.chains {
                for spent in chain.older.iter().rev() {
                    let answer = present_refresh_token(address, ROTATING, spent);
                    if answer.status != 400 {
                        broken.push(format!("rotation: {spent} was spent and is accepted: {answer:?}"));
                    }
                }
            }
        }
        broken
    }
}

impl Exchange {
    fn check(&self, address: SocketAddr) -> Result<(), String> {
        reads_an_account(address, &self.access_token)?;
        let answer = present_refresh_token(address, PLAIN, &self.refresh_token);
        if answer.status != 200 || answer.string("refresh_token") != self.refresh_token {
            return Err(format!("the refresh token gets {answer:?}"));
        }
        Ok(())
    }
}

impl Chain {
    /// The last acknowledged token must be good for a successor: at once if it is the current one, and if a rotation
    /// that was not acknowledged has happened, as the retry of that one.
    ///
    /// That alone would pass a server that forgot the rotation: a token of a generation yet to come is taken as proof
    /// of a restored database. So the parent is presented first, while the grace period lasts: the same successor
    /// again, or, where one more rotation has happened, a refusal without consequences.
    fn check(&mut self, address: SocketAddr, parent_too: bool) -> Result<(), String> {
        if let Some(access_token) = self.access_token.as_ref().filter(|_| !parent_too) {
            reads_an_account(address, access_token)?;
        }
        if let Some(parent) =
            self.parent.as_ref().filter(|_| parent_too && self.rotated.elapsed() < WITHIN_GRACE)
        {
            let answer = present_refresh_token(address, ROTATING, parent);
            let too_late = self.rotated.elapsed() > WITHIN_GRACE;
            match answer.status {
                200 if answer.string("refresh_token") == self.current => {}
                200 if too_late => self.current = answer.string("refresh_token"),
                200 => return Err(format!("the parent is rotated once more: {answer:?}")),
                400 => {}
                _ => return Err(format!("the parent gets {answer:?}")),
            }
        }
        let sent = Instant::now();
        let answer = present_refresh_token(address, ROTATING, &self.current);
        if answer.status != 200 {
            return Err(format!("the last acknowledged token gets {answer:?}"));
        }
        self.rotated_to(answer.tokens(), sent);
        reads_an_account(address, self.access_token.as_ref().expect("just rotated"))
    }
}

fn exchange_until_it_dies(
    address: SocketAddr,
    codes: &Mutex<VecDeque<String>>,
    acknowledged: &AtomicUsize,
) -> (Vec<Exchange>, Option<String>) {
    let mut done = Vec::new();
    let Ok(mut connection) = Connection::open(address) else { return (done, None) };
    loop {
        let Some(code) = codes.lock().unwrap().pop_front() else { return (done, None) };
        let Ok(answer) = connection.post_form("/oauth/token", &exchange_of(&code)) else {
            return (done, Some(code));
        };
        let (access_token, refresh_token) = answer.tokens();
        done.push(Exchange { code, access_token, refresh_token });
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

fn rotate_until_it_dies(address: SocketAddr, chains: &mut [Chain], acknowledged: &AtomicUsize) -> usize {
    let Ok(mut connection) = Connection::open(address) else { return 0 };
    for count in 0.. {
        let next = count % chains.len();
        if rotate(&mut connection, &mut chains[next]).is_err() {
            return count;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    unreachable!("a server that never dies")
}

fn rotate(connection: &mut Connection, chain: &mut Chain) -> io::Result<()> {
    let sent = Instant::now();
    let answer = connection.post_form("/oauth/token?refresh", &refresh_of(ROTATING, &chain.current))?;
    chain.rotated_to(answer.tokens(), sent);
    Ok(())
}

fn exchange_of(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", PLAIN.client_id),
        ("client_secret", PLAIN.client_secret),
        ("code", code),
    ]
}

fn refresh_of<'a>(app: App<'a>, token: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", app.client_id),
        ("client_secret", app.client_secret),
        ("refresh_token", token),
    ]
}

fn present_code(address: SocketAddr, code: &str) -> Answer {
    post_form(address, "/oauth/token", &exchange_of(code))
}

fn present_refresh_token(address: SocketAddr, app: App<'_>, token: &str) -> Answer {
    post_form(address, "/oauth/token?refresh", &refresh_of(app, token))
}

fn reads_an_account(address: SocketAddr, access_token: &str) -> Result<(), String> {
    let answer = get(address, "/v3/account", &[("Authorization", &bearer(access_token))]);
    match answer.status {
        200 => Ok(()),
        _ => Err(format!("the access token gets {answer:?}")),
    }
}
