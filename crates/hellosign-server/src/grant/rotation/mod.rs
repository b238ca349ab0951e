//! Which generation of a grant may do what: rotation that forgives the network and not the thief.
//!
//! A row holds the generation in force, the parent that it was rotated from, when, and whether it
//! was seen in use. Generations strictly between the two are void: they were issued, seemed lost,
//! and were replaced. Whoever still uses one shows that two parties hold the grant.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::store::{Grant, VoidRange};
use crate::token::KeyId;

/// Ranges of void generations that a row remembers. More of them within the lifetime of one access
/// token takes as many answers lost for longer than the grace period.
const VOID_RANGES: usize = 16;

/// How an app rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// Generations issued up to this moment are refused when they come late, and not punished.
    pub(super) since: Timestamp,
    /// How long the parent may be presented again for the same answer.
    pub(super) grace: Duration,
}

/// A refresh token's claim, once its authenticity is established.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) generation: u32,
    /// `None` for an imported token, which was issued in no epoch of this database.
    pub(super) epoch: Option<u32>,
    pub(super) issued_at: Timestamp,
    /// Whether it came from the grant's own, authenticated client. Only then is it evidence.
    pub(super) is_authenticated: bool,
}

/// What presenting a refresh token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No rotation: the same refresh token and a new access token, nothing written.
    Keep,
    /// The answer that was given before, nothing written.
    Repeat,
    /// A new generation, whose parent is this one.
    Rotate { parent: u32 },
    /// No, and nothing follows from it.
    Refuse,
    /// Two parties hold this grant: it ends.
    Revoke,
}

/// Judges a refresh token against its grant's row; `rule` is `None` where the app does not rotate.
pub(super) fn judge(grant: &Grant, presented: Presented, rule: Option<Rule>, now: Timestamp) -> Verdict {
    let Some(rule) = rule else {
        return if is_current(grant, presented) { Verdict::Keep } else { Verdict::Refuse };
    };
    if is_current(grant, presented) || presented.generation > grant.generation {
        // One above the row's proves, by its MAC, that the database was set back: it is adopted.
        return Verdict::Rotate { parent: presented.generation };
    }
    let is_evidence = presented.is_authenticated && presented.issued_at > rule.since;
    let punish = if is_evidence { Verdict::Revoke } else { Verdict::Refuse };
    if is_void(grant, presented.generation) {
        return punish;
    }
    let is_within_grace = now.since(grant.issued_at).is_some_and(|age| age < rule.grace);
    match grant.parent {
        Some(parent) if presented.generation == parent => match (is_within_grace, grant.is_seen) {
            (true, _) => Verdict::Repeat,
            (false, false) => Verdict::Rotate { parent },
            (false, true) => punish,
        },
        // Another timeline's token with the number of the one in force.
        _ if presented.generation == grant.generation => Verdict::Refuse,
        _ if is_within_grace => Verdict::Refuse,
        _ => punish,
    }
}

/// Whether a generation's answer was replaced because it seemed lost.
pub(super) fn is_void(grant: &Grant, generation: u32) -> bool {
    let is_between = grant.parent.is_some_and(|parent| parent < generation) && generation < grant.generation;
    is_between || grant.voids.iter().any(|range| (range.from..=range.to).contains(&generation))
}

/// The row after a rotation; `None` where the counter has come to its end.
pub(super) fn rotated(
    grant: &Grant,
    parent: u32,
    now: Timestamp,
    key_id: KeyId,
    epoch: u32,
    lifetime: u32,
) -> Option<Grant> {
    let generation = grant.generation.max(parent).checked_add(1)?;
    let mut next = Grant {
        generation,
        parent: Some(parent),
        issued_at: now,
        key_id,
        epoch,
        lifetime,
        is_seen: false,
        ..grant.clone()
    };
    if grant.parent != Some(parent) {
        // The void generations no longer lie between parent and current: remember them by number.
        next.voids.retain(|range| range.until > now);
        next.voids.extend(between(grant));
        let surplus = next.voids.len().saturating_sub(VOID_RANGES);
        next.voids.drain(..surplus);
    }
    Some(next)
}

fn is_current(grant: &Grant, presented: Presented) -> bool {
    presented.generation == grant.generation && presented.epoch.is_none_or(|epoch| epoch == grant.epoch)
}

/// The generations between parent and current, which were all issued before the current one.
fn between(grant: &Grant) -> Option<VoidRange> {
    let (from, to) = (grant.parent?.checked_add(1)?, grant.generation.checked_sub(1)?);
    let until = grant.issued_at.after(Duration::from_secs(grant.lifetime.into()));
    (from <= to).then_some(VoidRange { from, to, until })
}

#[cfg(test)]
mod tests;
