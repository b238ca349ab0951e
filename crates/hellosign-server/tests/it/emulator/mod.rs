//! What a test can do to the server: from Rust, and by the control API from anywhere.

mod control_api;
mod faults;
mod state;
