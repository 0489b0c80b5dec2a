//! Where results go: the list of formats, and one way for a result to reach all of them.
//!
//! A format is a file here with a `FORMAT` that says all about it and a `ResultSink` that writes it; `formats`
//! lists them. The words of a format are made in `report/`.

mod capture_share;
mod check_sink;
mod checkmk;
pub mod color;
pub(super) mod document;
pub mod format;
pub mod formats;
mod github;
mod html;
mod json;
mod json_lines;
mod junit;
mod letter;
mod markdown;
mod nagios;
pub(super) mod outputs;
mod pcapng;
mod progress;
pub(super) mod progress_line;
mod prometheus;
pub(super) mod result_sink;
mod results_file;
pub(super) mod stdout;
mod summary;
mod tap;
mod text;
mod transcript;
pub(super) mod width;

pub(super) use progress::ERASE as ERASE_LINE;
