//! Tokens and grants.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What a refresh token that rotates was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RotationOutcome {
    /// A successor.
    Rotated,
    /// The successor that it had been answered before.
    Repeated,
    /// Another successor: the one before was never used, so its answer was lost.
    Replaced,
}

/// What showed that two parties hold a grant, which has ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A spent refresh token.
    RefreshToken,
    /// An access token whose answer had been given up as lost.
    AccessToken,
    /// A code that had been exchanged long before.
    Code,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GrantType {
    grant_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Found {
    evidence: &'static str,
}

/// Counts of tokens, and of what there is to be alarmed about.
#[derive(Debug)]
pub(crate) struct GrantMetrics {
    exchanged: Counter,
    refreshed: Counter,
    rotations: [Counter; 3],
    thefts: [Counter; 3],
    ahead_of_database: Counter,
}

impl GrantMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let issued = Family::<GrantType, Counter>::default();
        let rotations = Family::<Outcome, Counter>::default();
        let thefts = Family::<Found, Counter>::default();
        let ahead_of_database = Counter::default();
        registry.register("tokens_issued", "Token requests that were granted, by grant_type", issued.clone());
        registry.register(
            "rotations",
            "Refreshes of grants whose refresh tokens rotate, by what they were answered",
            rotations.clone(),
        );
        registry.register(
            "thefts",
            "Grants that were ended because two parties held them, by what showed it",
            thefts.clone(),
        );
        registry.register(
            "tokens_ahead_of_database",
            "Genuine refresh tokens that are newer than the database: it was set back",
            ahead_of_database.clone(),
        );
        let issued = |grant_type| issued.get_or_create_owned(&GrantType { grant_type });
        let outcome = |outcome| rotations.get_or_create_owned(&Outcome { outcome });
        let evidence = |evidence| thefts.get_or_create_owned(&Found { evidence });
        Self {
            exchanged: issued("authorization_code"),
            refreshed: issued("refresh_token"),
            rotations: ["rotated", "repeated", "replaced"].map(outcome),
            thefts: ["refresh_token", "access_token", "code"].map(evidence),
            ahead_of_database,
        }
    }

    /// Tokens for a code.
    pub(crate) fn exchanged(&self) {
        self.exchanged.inc();
    }

    /// Tokens for a refresh token.
    pub(crate) fn refreshed(&self) {
        self.refreshed.inc();
    }

    pub(crate) fn rotated(&self, outcome: RotationOutcome) {
        self.rotations[outcome as usize].inc();
    }

    pub(crate) fn theft(&self, evidence: Evidence) {
        self.thefts[evidence as usize].inc();
    }

    pub(crate) fn ahead_of_database(&self) {
        self.ahead_of_database.inc();
    }
}
