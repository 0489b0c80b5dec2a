//! The target that `PMTU_FUZZ_TARGET` names.

#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("PMTU_FUZZ_TARGET").unwrap_or_default();
    let found = targets::TARGETS.iter().find(|target| target.name == name);
    let names =
        || targets::TARGETS.map(|target| format!("{} (up to {} bytes)", target.name, target.longest)).join(", ");
    found.unwrap_or_else(|| panic!("PMTU_FUZZ_TARGET names one of: {}", names())).check
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHECK(bytes));
