//! A token that is in memory and good, against the least that finding one takes: an atomic load of a
//! pointer and a look at both clocks.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use arc_swap::ArcSwapOption;
use hellosign_sdk::models::OAuthTokenResponse;
use hellosign_sdk::tokens::{AccountToken, Clock as _, SystemClock, TokenManager};
use hellosign_sdk::{ApiClient, Configuration};

use crate::refresh::median;

#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    /// Tokens that each thread asks for in a run
    #[arg(long, default_value_t = 2_000_000)]
    calls: u32,
    /// Runs of each; the medians are what counts
    #[arg(long, default_value_t = 9)]
    runs: usize,
}

/// What is measured against.
struct Least {
    current: ArcSwapOption<(Duration, SystemTime)>,
}

pub(crate) async fn run(args: &TokenArgs) -> anyhow::Result<()> {
    let manager =
        TokenManager::builder(&ApiClient::new(Configuration::default()), "client", "secret").build();
    let mut tokens = OAuthTokenResponse::new("access");
    tokens.refresh_token = Some("refresh".into());
    tokens.expires_in = Some(86_400);
    let account = manager.insert("jill", tokens, SystemClock.wall()).await?;
    let day = Duration::from_secs(86_400);
    let deadlines = (SystemClock.monotonic() + day, SystemClock.wall() + day);
    let least = Least { current: ArcSwapOption::from_pointee(deadlines) };

    for threads in [1, 2] {
        let (mut reference, mut handle, mut lookup) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..args.runs {
            reference.push(nanos(args.calls, threads, || least.is_usable())?);
            handle.push(nanos(args.calls, threads, || has_token(&account))?);
            lookup.push(nanos(args.calls, threads, || has_token(&manager.account("jill")))?);
        }
        let ratios = reference.iter().zip(&handle).map(|(reference, handle)| handle / reference).collect();
        println!(
            "{threads} threads: load and clocks {:.1} ns, a handle {:.1} ns (ratio {:.2}), by name {:.1} ns",
            median(reference),
            median(handle),
            median(ratios),
            median(lookup)
        );
    }
    Ok(())
}

impl Least {
    fn is_usable(&self) -> bool {
        let current = self.current.load();
        current.as_ref().is_some_and(|deadlines| {
            SystemClock.monotonic() < deadlines.0 && SystemClock.wall() < deadlines.1
        })
    }
}

/// Without a runtime: a token that is in memory is there at the first poll.
fn has_token(account: &AccountToken) -> bool {
    let token = pin!(account.access_token()).poll(&mut Context::from_waker(Waker::noop()));
    matches!(black_box(token), Poll::Ready(Ok(_)))
}

/// Nanoseconds a call, on each of so many threads.
fn nanos(calls: u32, threads: usize, call: impl Fn() -> bool + Sync) -> anyhow::Result<f64> {
    let call = &call;
    let began = Instant::now();
    let good = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|_| scope.spawn(move || (0..calls).all(|_| black_box(call())))).collect();
        threads.into_iter().map(|thread| thread.join().ok()).collect::<Option<Vec<bool>>>()
    });
    let spent = began.elapsed();
    if !good.context("a thread panicked")?.into_iter().all(|good| good) {
        bail!("there was no token");
    }
    Ok(spent.as_nanos() as f64 / f64::from(calls))
}
