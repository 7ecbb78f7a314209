#![no_main]

#[path = "../../tests/properties/mod.rs"]
#[allow(dead_code, reason = "each target is one of them")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::datagram_with_token(bytes));
