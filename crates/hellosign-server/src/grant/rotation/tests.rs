//! Each line of the rotation rule, on a clock that the test owns.

use super::*;

const ROTATED_AT: i64 = 1_000_000;
const GRACE: Duration = Duration::from_secs(10);
const RULE: Rule = Rule { since: Timestamp::EPOCH, grace: GRACE };

/// Generation 5 in force, rotated from 4, not seen yet.
fn grant() -> Grant {
    Grant {
        grant_id: [1; 16],
        client_id: "client".to_owned(),
        account_id: [2; 20],
        client_epoch: 0,
        account_epoch: 0,
        seed: [3; 16],
        created_at: Timestamp::from_millis(1),
        is_imported: false,
        revision: 9,
        generation: 5,
        parent: Some(4),
        issued_at: Timestamp::from_millis(ROTATED_AT),
        key_id: KeyId(1),
        epoch: 0,
        lifetime: 3600,
        is_seen: false,
        voids: Vec::new(),
        access_since: None,
        revoked_at: None,
    }
}

fn seen(grant: Grant) -> Grant {
    Grant { is_seen: true, ..grant }
}

fn generation(generation: u32) -> Presented {
    Presented { generation, epoch: Some(0), issued_at: Timestamp::from_millis(1), is_authenticated: true }
}

/// The verdict so many milliseconds after the last rotation.
fn judged(grant: &Grant, presented: Presented, after: i64) -> Verdict {
    judge(grant, presented, Some(RULE), Timestamp::from_millis(ROTATED_AT + after))
}

#[test]
fn the_current_one_rotates_at_any_time() {
    for after in [0, 9_999, 10_000, 1_000_000_000] {
        assert_eq!(judged(&grant(), generation(5), after), Verdict::Rotate { parent: 5 });
        assert_eq!(judged(&seen(grant()), generation(5), after), Verdict::Rotate { parent: 5 });
    }
}

#[test]
fn the_parent_within_grace_gets_the_same_answer_seen_or_not() {
    for after in [0, 9_999] {
        assert_eq!(judged(&grant(), generation(4), after), Verdict::Repeat);
        assert_eq!(judged(&seen(grant()), generation(4), after), Verdict::Repeat);
    }
}

#[test]
fn the_parent_later_with_the_current_unseen_means_a_lost_answer() {
    assert_eq!(judged(&grant(), generation(4), 10_000), Verdict::Rotate { parent: 4 });
}

#[test]
fn the_parent_later_with_the_current_seen_is_theft() {
    assert_eq!(judged(&seen(grant()), generation(4), 9_999), Verdict::Repeat);
    assert_eq!(judged(&seen(grant()), generation(4), 10_000), Verdict::Revoke);
}

#[test]
fn with_no_grace_nothing_is_repeated() {
    let rule = Some(Rule { grace: Duration::ZERO, ..RULE });
    let now = Timestamp::from_millis(ROTATED_AT);
    assert_eq!(judge(&grant(), generation(4), rule, now), Verdict::Rotate { parent: 4 });
    assert_eq!(judge(&seen(grant()), generation(4), rule, now), Verdict::Revoke);
}

#[test]
fn a_clock_set_back_does_not_extend_the_grace_period() {
    assert_eq!(judged(&seen(grant()), generation(4), -1), Verdict::Revoke);
}

#[test]
fn a_void_one_is_theft_at_any_time() {
    let after_a_lost_answer = Grant { generation: 7, ..grant() };
    for after in [0, 9_999, 10_000] {
        for void in [5, 6] {
            assert_eq!(judged(&after_a_lost_answer, generation(void), after), Verdict::Revoke, "{void}");
        }
    }
}

#[test]
fn an_older_one_is_theft_except_right_after_a_rotation() {
    assert_eq!(judged(&grant(), generation(3), 9_999), Verdict::Refuse);
    assert_eq!(judged(&grant(), generation(3), 10_000), Verdict::Revoke);
    assert_eq!(judged(&seen(grant()), generation(0), 10_000), Verdict::Revoke);
}

#[test]
fn only_the_authenticated_client_gives_evidence() {
    let stranger = |number| Presented { is_authenticated: false, ..generation(number) };
    assert_eq!(judged(&seen(grant()), stranger(4), 10_000), Verdict::Refuse);
    assert_eq!(judged(&seen(grant()), stranger(3), 10_000), Verdict::Refuse);
    assert_eq!(judged(&Grant { generation: 7, ..grant() }, stranger(6), 0), Verdict::Refuse);
}

#[test]
fn what_was_issued_before_rotation_is_refused_and_not_punished() {
    let rule = Some(Rule { since: Timestamp::from_millis(500), ..RULE });
    let late = Timestamp::from_millis(ROTATED_AT + 10_000);
    let issued_at = |millis| Presented { issued_at: Timestamp::from_millis(millis), ..generation(3) };
    assert_eq!(judge(&grant(), issued_at(500), rule, late), Verdict::Refuse);
    assert_eq!(judge(&grant(), issued_at(501), rule, late), Verdict::Revoke);
}

#[test]
fn one_above_the_rows_is_adopted() {
    assert_eq!(judged(&grant(), generation(8), 0), Verdict::Rotate { parent: 8 });
    let next = rotated(&grant(), 8, Timestamp::from_millis(ROTATED_AT + 1), KeyId(1), 1, 60).unwrap();
    assert_eq!((next.generation, next.parent), (9, Some(8)));
}

#[test]
fn another_timelines_token_with_the_current_number_is_refused() {
    let presented = Presented { epoch: Some(1), ..generation(5) };
    assert_eq!(judged(&grant(), presented, 0), Verdict::Refuse);
    assert_eq!(judged(&grant(), presented, 10_000), Verdict::Refuse);
    assert_eq!(judge(&grant(), presented, None, Timestamp::from_millis(ROTATED_AT)), Verdict::Refuse);
}

#[test]
fn without_rotation_the_current_one_is_kept_and_no_other_taken() {
    let now = Timestamp::from_millis(ROTATED_AT);
    assert_eq!(judge(&grant(), generation(5), None, now), Verdict::Keep);
    for other in [0, 4, 6] {
        assert_eq!(judge(&grant(), generation(other), None, now), Verdict::Refuse);
    }
}

#[test]
fn rotating_moves_the_parent_up_and_forgets_that_it_was_seen() {
    let now = Timestamp::from_millis(ROTATED_AT + 60_000);
    let next = rotated(&seen(grant()), 5, now, KeyId(2), 3, 60).unwrap();
    assert_eq!((next.generation, next.parent, next.is_seen), (6, Some(5), false));
    assert_eq!((next.issued_at, next.key_id, next.epoch, next.lifetime), (now, KeyId(2), 3, 60));
    assert_eq!(next.revision, grant().revision, "the store counts revisions");
    assert!(next.voids.is_empty());
}

#[test]
fn a_void_generation_stays_void_when_rotation_goes_on() {
    let now = Timestamp::from_millis(ROTATED_AT + 10_000);
    let lost = rotated(&grant(), 4, now, KeyId(1), 0, 3600).unwrap();
    assert_eq!((lost.generation, lost.parent), (6, Some(4)));
    assert!(is_void(&lost, 5) && !is_void(&lost, 4) && !is_void(&lost, 6));

    let next = rotated(&lost, 6, now, KeyId(1), 0, 3600).unwrap();
    assert!(is_void(&next, 5) && !is_void(&next, 4) && !is_void(&next, 6) && !is_void(&next, 7));
    assert_eq!(judge(&next, generation(5), Some(RULE), now), Verdict::Revoke, "within grace, and void");

    let later = now.after(Duration::from_secs(3600));
    let after_expiry = rotated(&next, 7, later, KeyId(1), 0, 3600).unwrap();
    assert!(!is_void(&after_expiry, 5), "its access token has expired; it is merely old now");
}

#[test]
fn the_memory_of_void_generations_is_bounded() {
    let mut grant = grant();
    for _ in 0..100 {
        let now = grant.issued_at.after(GRACE);
        let parent = grant.generation;
        grant = rotated(&grant, parent, now, KeyId(1), 0, u32::MAX).unwrap();
        grant = rotated(&grant, parent, now, KeyId(1), 0, u32::MAX).unwrap();
    }
    assert_eq!(grant.voids.len(), VOID_RANGES);
    assert!(is_void(&grant, grant.generation - 1));
}

#[test]
fn the_counter_does_not_wrap() {
    let last = Grant { generation: u32::MAX, ..grant() };
    assert_eq!(rotated(&last, u32::MAX, Timestamp::EPOCH, KeyId(1), 0, 60), None);
}
