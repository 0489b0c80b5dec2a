//! Where results go: the list of formats, and one way for a result to reach all of them.
//!
//! A format is a file here with a `FORMAT` that says all about it and a `ResultSink` that writes it; `formats`
//! lists them. The words of a format are made in `report/`.

pub mod color;
mod document;
pub mod format;
pub mod formats;
mod json;
mod json_lines;
mod letter;
pub(super) mod outputs;
mod pcapng;
mod progress;
pub(super) mod progress_line;
pub(super) mod result_sink;
mod results_file;
pub(super) mod stdout;
mod summary;
mod text;
mod transcript;
pub(super) mod width;

pub(super) use progress::ERASE as ERASE_LINE;
