//! The page of `--html`, seen by what its readers have: a browser, a screen reader's checker, a validator, a printer.

mod browser;
mod cases;
#[path = "../report/fixtures.rs"]
#[allow(dead_code)]
mod fixtures;
mod in_a_browser;
mod program;
mod tools;
