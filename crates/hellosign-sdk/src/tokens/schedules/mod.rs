//! The single flight in thousands of schedules that shuttle chooses: at each lock, each look at the token in memory
//! and each `await` another task may go on. The code is the real one; the server and the store of these tests
//! do nothing but give others their turn.
//!
//! A schedule in which everybody waits fails, too. What fails prints a text that `shuttle::replay` runs again.

mod world;

use std::time::Duration;

use shuttle::Runner;
use shuttle::future::{block_on, spawn};
use shuttle::scheduler::{PctScheduler, RandomScheduler};

use self::world::{World, ask, later};
use super::error::TokenError;
use super::sync::{alone, settings};

/// Runs a test in so many schedules: half of them random, half of them with few but telling switches.
fn explore(schedules: usize, test: fn()) {
    #[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes")]
    let is_long = std::env::var_os("HELLOSIGN_LONG").is_some();
    let schedules = if is_long { schedules * 10 } else { schedules };
    Runner::new(RandomScheduler::new(schedules), settings()).run(test);
    Runner::new(PctScheduler::new(3, schedules), settings()).run(test);
}

#[test]
fn all_who_ask_get_the_answer_to_one_request() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            world.expired(&manager, "jill").await;
            let before = world.tasks.begun();
            // By name, so that there is to be one account of it.
            let asking: Vec<_> = (0..4)
                .map(|_| {
                    let manager = manager.clone();
                    spawn(async move { manager.account("jill").access_token().await })
                })
                .collect();
            for one in asking {
                assert_eq!(one.await.unwrap().unwrap().expose(), "jill/11");
            }
            assert_eq!((world.tasks.begun() - before, world.server.asked()), (1, 1));
        });
    });
}

#[test]
fn processes_on_one_store_renew_once() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let managers = [world.manager(16), world.manager(16)];
            world.expired(&managers[0], "jill").await;
            let mut asking = Vec::new();
            for manager in &managers {
                asking.extend([ask(&manager.account("jill")), ask(&manager.account("jill"))]);
            }
            for one in asking {
                assert_eq!(one.await.unwrap().unwrap().expose(), "jill/11");
            }
            assert_eq!(world.server.asked(), 1);
        });
    });
}

#[test]
fn callers_that_go_away_take_nothing_with_them() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.expired(&manager, "jill").await;
            let going: Vec<_> = (0..3).map(|_| ask(&jill)).collect();
            let staying = ask(&jill);
            later().await;
            going.iter().for_each(shuttle::future::JoinHandle::abort);
            assert_eq!(staying.await.unwrap().unwrap().expose(), "jill/11");
            manager.shutdown().await;
            let sibling = world.manager(16).account("jill");
            assert_eq!(sibling.access_token().await.unwrap().expose(), "jill/11", "it was stored");
            assert_eq!(world.server.asked(), 1);
        });
    });
}

#[test]
fn everybody_has_a_turn_at_a_host_that_takes_one_at_a_time() {
    explore(200, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(1);
            let mut accounts = Vec::new();
            for name in ["a", "b", "c"] {
                accounts.push(world.expired(&manager, name).await);
            }
            let early = world.aging(&manager, "early").await;
            // It begins to renew, and somebody may or may not come to want that.
            early.access_token().await.unwrap();
            world.time.advance(Duration::from_secs(11));
            accounts.push(early);
            let asking: Vec<_> = accounts.iter().map(ask).collect();
            // One of them leaves the queue.
            let leaving = ask(&accounts[0]);
            later().await;
            leaving.abort();
            for one in asking {
                one.await.unwrap().unwrap();
            }
            manager.shutdown().await;
            assert_eq!((world.server.asked(), world.server.most()), (4, 1));
        });
    });
}

#[test]
fn a_failure_is_told_to_all_who_wait_and_followed_by_a_pause() {
    explore(200, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.expired(&manager, "jill").await;
            world.server.fail(1);
            for one in [ask(&jill), ask(&jill), ask(&jill)] {
                let error = one.await.unwrap().unwrap_err();
                assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
            }
            assert_eq!(world.server.asked(), 1, "who came later was told why there is a pause");
            world.time.advance(Duration::from_secs(61));
            assert_eq!(jill.access_token().await.unwrap().expose(), "jill/11");
        });
    });
}

#[test]
fn a_complaint_of_many_is_one_renewal() {
    explore(200, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.grant(&manager, "jill", Duration::ZERO).await;
            let complaining: Vec<_> = (0..3)
                .map(|_| {
                    let jill = jill.clone();
                    spawn(async move {
                        let refused = jill.access_token().await.unwrap();
                        jill.invalidate(&refused);
                        jill.access_token().await.unwrap()
                    })
                })
                .collect();
            for one in complaining {
                assert_eq!(one.await.unwrap().expose(), "jill/11");
            }
            assert_eq!(world.server.asked(), 1);
        });
    });
}

#[test]
fn after_a_shutdown_nothing_is_under_way_or_begun() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.expired(&manager, "jill").await;
            let asking = [ask(&jill), ask(&jill)];
            later().await;
            manager.shutdown().await;
            let (asked, under_way) = (world.server.asked(), world.server.under_way());
            assert_eq!(under_way, 0);
            for one in asking {
                match one.await.unwrap() {
                    Ok(token) => assert_eq!(token.expose(), "jill/11"),
                    Err(error) => assert!(matches!(error, TokenError::ShutDown), "{error}"),
                }
            }
            assert_eq!(world.server.asked(), asked);
        });
    });
}

#[test]
fn a_grant_that_was_removed_is_not_handed_out() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.expired(&manager, "jill").await;
            let asking = ask(&jill);
            later().await;
            manager.remove("jill").await.unwrap();
            let error = jill.access_token().await.unwrap_err();
            assert!(matches!(error, TokenError::NoGrant), "{error}");
            // He may have been before or after.
            let _ = asking.await.unwrap();
            manager.shutdown().await;
            assert!(jill.access_token().await.is_err());
        });
    });
}

#[test]
fn a_grant_that_was_replaced_is_not_handed_out() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.expired(&manager, "jill").await;
            let asking = ask(&jill);
            later().await;
            world.grant(&manager, "jill", Duration::ZERO).await;
            let token = jill.access_token().await.unwrap();
            assert!(token.expose().strip_prefix("jill/2").is_some(), "{}", token.expose());
            if let Err(error) = asking.await.unwrap() {
                // Told so before the new one was stored.
                assert!(matches!(error, TokenError::GrantDead { .. }), "{error}");
            }
            manager.shutdown().await;
            let token = jill.access_token().await.unwrap();
            assert!(token.expose().strip_prefix("jill/2").is_some(), "{}", token.expose());
        });
    });
}

#[test]
fn renewals_that_are_dropped_leave_nobody_waiting_and_lose_no_grant() {
    explore(300, || {
        block_on(async {
            let world = World::default();
            let manager = world.manager(1);
            let (jill, jack) = (world.expired(&manager, "jill").await, world.expired(&manager, "jack").await);
            // One of them is in the queue.
            let asking = [ask(&jill), ask(&jack), ask(&jill)];
            later().await;
            world.tasks.drop_all();
            for one in asking {
                // Who came later waits for the lease, as for anybody's.
                world.outlast_leases();
                match one.await.unwrap() {
                    Ok(_) => {}
                    Err(error) => assert!(error.is_transient(), "{error}"),
                }
            }
            world.outlast_leases();
            jill.access_token().await.unwrap();
            jack.access_token().await.unwrap();
            assert_eq!(world.server.under_way(), 0);
            assert!(
                world.server.reused() <= 2,
                "once at most for each, in place of the answer that was lost"
            );
        });
    });
}

/// Who looked before a renewal ended and joins after it does not begin another one.
#[test]
fn a_late_look_begins_nothing() {
    alone(|| {
        block_on(async {
            let world = World::default();
            let manager = world.manager(16);
            let jill = world.grant(&manager, "jill", Duration::ZERO).await;
            let serial = jill.slot.current.load_full().unwrap().serial;
            let given = jill.slot.token(&jill.shared, Some(serial.wrapping_add(1))).await.unwrap();
            assert_eq!((given.serial, world.server.asked()), (serial, 0));
            let renewed = jill.slot.token(&jill.shared, Some(serial)).await.unwrap();
            assert_ne!(renewed.serial, serial, "that one it has seen");
        });
    });
}
