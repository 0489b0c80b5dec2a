//! Reads one value from a JSON report, so that no shell script has to parse JSON.

use std::io;

use serde_json::Value;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The name of a field of the first address; `reverse.verdict` is a field within a field.
    name: String,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let report: Value = serde_json::from_reader(io::stdin().lock())?;
    let field = arguments.name.split('.').fold(&report["addresses"][0], |value, name| &value[name]);
    match field {
        Value::String(text) => println!("{text}"),
        other => println!("{other}"),
    }
    Ok(())
}
