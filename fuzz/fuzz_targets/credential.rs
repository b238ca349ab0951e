//! The credential decoder.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| hellosign_server::fuzzing::parse_credential(data));
