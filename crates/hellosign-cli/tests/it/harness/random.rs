//! Randomness that a failing test can print and a developer can repeat.

use std::time::UNIX_EPOCH;

use super::environment;

/// `SplitMix64`: small, and good enough to pick instants and cuts.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// From `HELLOSIGN_TEST_SEED` if that is set, else from the clock; the seed is printed, and shown when the test
    /// fails.
    pub(crate) fn announced() -> Self {
        let seed =
            environment("HELLOSIGN_TEST_SEED").map_or_else(now, |text| text.parse().expect("a number"));
        println!("to repeat: HELLOSIGN_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[expect(clippy::disallowed_methods, reason = "a seed, not a time: any value will do")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
