//! What was answered is there after the process died, and after the power went.

mod kill9;
mod ledger;
mod lossy_disk;
mod power_cut;
