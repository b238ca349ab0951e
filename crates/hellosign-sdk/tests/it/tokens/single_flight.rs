//! However many ask, one asks the server.

use std::sync::Arc;
use std::time::Duration;

use hellosign_sdk::authorization::Authorized;
use hellosign_sdk::tokens::{Clock as _, MemoryTokenStore, TokenError};

use super::{DAY, TestClock, builder, expired, keys, tokens};
use crate::peer::{Act, Peer, TOKENS, answer};

fn tokens_for_all_but_the_frozen(request: &str) -> Act {
    if request.contains("the-frozen") { Act::Freeze } else { answer("200 OK", "", TOKENS) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tasks_are_one_request_for_each_account() {
    let (peer, clock) = (Peer::start(Act::By(tokens_for_all_but_the_frozen)).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let good = expired(&manager, &clock, "good", "the-good").await;
    let frozen = expired(&manager, &clock, "frozen", "the-frozen").await;
    let ask = |account: &hellosign_sdk::tokens::AccountToken| {
        let account = account.clone();
        tokio::spawn(async move { account.access_token().await })
    };
    let held_up: Vec<_> = (0..5000).map(|_| ask(&frozen)).collect();
    let served: Vec<_> = (0..5000).map(|_| ask(&good)).collect();
    for one in served {
        assert_eq!(one.await.unwrap().unwrap().expose(), "at");
    }
    assert!(held_up.iter().all(|one| !one.is_finished()), "the frozen account holds nobody else up");
    for one in held_up {
        let error = one.await.unwrap().unwrap_err();
        assert!(matches!(error, TokenError::Unavailable { source: Some(_), .. }), "{error}");
    }
    let heard = peer.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
}

#[tokio::test]
async fn a_token_that_is_fresh_asks_nobody() {
    let (peer, clock) = (Peer::start(Act::Freeze).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let account = manager.insert("jill", tokens("at", "rt", DAY), clock.wall()).await.unwrap();
    clock.advance(DAY / 2);
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
    assert!(peer.heard().is_empty());
}

/// However often it is asked for, and whatever else the process does.
#[tokio::test]
async fn a_token_that_is_fresh_costs_no_allocation() {
    let (peer, clock) = (Peer::start(Act::Freeze).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let account = manager.insert("jill", tokens("at", "rt", DAY), clock.wall()).await.unwrap();
    let ask = || {
        let token = std::pin::pin!(account.access_token())
            .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        assert!(matches!(token, std::task::Poll::Ready(Ok(token)) if token.expose() == "at"));
    };
    // arc-swap has a place for each thread.
    ask();
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| ask()));
    assert_eq!(counted.count_total, 0);
    let planted = allocation_counter::measure(|| drop(std::hint::black_box(account.name().to_owned())));
    assert_eq!(planted.count_total, 1, "it does count");
}

#[tokio::test]
async fn the_last_tenth_renews_while_the_old_token_serves() {
    let (peer, clock) = (Peer::start(answer("200 OK", "", TOKENS)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let mut events = manager.subscribe();
    let account = manager.insert("jill", tokens("old", "rt", DAY), clock.wall()).await.unwrap();
    clock.advance(DAY - Duration::from_secs(20));
    assert_eq!(account.access_token().await.unwrap().expose(), "old", "nobody waits for it");
    let (renewed, _) = events.next().await.unwrap();
    assert_eq!(&*renewed, "jill");
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
    assert_eq!(peer.heard().len(), 1);
}

/// Whatever the callers do: what was begun is ended and stored.
#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_with_him() {
    let (peer, clock) = (Peer::start(answer("200 OK", "", TOKENS)).await, Arc::default());
    let store = Arc::new(MemoryTokenStore::default());
    let manager = builder(&peer, &clock).shared_store(store.clone(), keys()).build();
    let account = expired(&manager, &clock, "jill", "rt").await;
    for polls in 1..20 {
        let mut asking = Box::pin(account.access_token());
        for _ in 0..polls {
            tokio::select! {
                biased;
                _ = &mut asking => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    manager.shutdown().await;
    let again = builder(&peer, &clock).shared_store(store, keys()).build();
    assert_eq!(again.account("jill").access_token().await.unwrap().expose(), "at");
    assert_eq!(peer.heard().len(), 1);
}

/// A code is good once: whoever shows it and goes away still has an account when he comes back.
#[tokio::test]
async fn an_exchange_whose_caller_goes_away_is_ended_and_kept() {
    for polls in 1..30 {
        let (peer, clock) = (Peer::start(answer("200 OK", "", TOKENS)).await, Arc::<TestClock>::default());
        let manager = builder(&peer, &clock).build();
        let authorized = Authorized::new("the-code", "state");
        let mut exchanging = Box::pin(manager.exchange("jill", &authorized));
        for _ in 0..polls {
            tokio::select! {
                biased;
                _ = &mut exchanging => break,
                () = tokio::task::yield_now() => {}
            }
        }
        drop(exchanging);
        manager.shutdown().await;
        assert_eq!(peer.heard().len(), 1);
        let kept = manager.account("jill").access_token().await.unwrap();
        assert_eq!(kept.expose(), "at", "after {polls} polls");
        assert!(matches!(manager.exchange("jack", &authorized).await, Err(TokenError::ShutDown)));
    }
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_begun() {
    let (peer, clock) = (Peer::start(answer("200 OK", "", TOKENS)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let good = manager.insert("good", tokens("good", "rt", DAY), clock.wall()).await.unwrap();
    let account = expired(&manager, &clock, "jill", "rt").await;
    manager.shutdown().await;
    assert!(matches!(account.access_token().await, Err(TokenError::ShutDown)));
    assert_eq!(good.access_token().await.unwrap().expose(), "good");
    assert!(peer.heard().is_empty());
}

#[tokio::test]
async fn sixteen_ask_at_once() {
    let (peer, clock) = (Peer::start(Act::Freeze).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let mut asking = Vec::new();
    for at in 0..100 {
        let account = expired(&manager, &clock, &at.to_string(), "rt").await;
        asking.push(tokio::spawn(async move { account.access_token().await }));
    }
    while peer.heard().len() < 16 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.connections(), 16);
    asking.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Sixteen accounts whose leases somebody else holds, and does not give back.
#[tokio::test]
async fn who_waits_for_another_process_keeps_nobody_from_asking() {
    let (peer, clock) = (Peer::start(Act::By(tokens_for_all_but_the_frozen)).await, Arc::default());
    let store = Arc::new(MemoryTokenStore::default());
    let manager = || builder(&peer, &clock).shared_store(store.clone(), keys()).build();
    let (sibling, manager) = (manager(), manager());
    let mut asking = Vec::new();
    for at in 0..16 {
        let name = at.to_string();
        let frozen = expired(&sibling, &clock, &name, "the-frozen").await;
        asking.push(tokio::spawn(async move { frozen.access_token().await }));
    }
    while peer.heard().len() < 16 {
        tokio::task::yield_now().await;
    }
    for at in 0..16 {
        let waiting = manager.account(&at.to_string());
        asking.push(tokio::spawn(async move { waiting.access_token().await }));
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let good = expired(&manager, &clock, "good", "the-good").await;
    assert_eq!(good.access_token().await.unwrap().expose(), "at");
    assert!(asking.iter().all(|one| !one.is_finished()), "and it did not wait for them");
    asking.iter().for_each(tokio::task::JoinHandle::abort);
}
