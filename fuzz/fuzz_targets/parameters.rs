//! The three body parsers: the first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;

const TYPES: [&str; 3] =
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=XX"];

fuzz_target!(|data: &[u8]| {
    if let Some((at, body)) = data.split_first() {
        hellosign_server::fuzzing::parse_parameters(Some(TYPES[usize::from(*at) % TYPES.len()]), body);
    }
});
