//! Every renderer on every kind of report.

mod advice;
mod commands;
mod complete;
mod duckdb;
mod every;
mod evidence;
mod expected;
mod fixtures;
mod json;
mod lasting;
mod letter;
mod meaning;
mod merge;
mod mx_order;
mod names;
mod own_tcp;
mod path;
mod reasons;
mod refusal;
mod screen;
mod shared_link;
mod stages;
mod systems;
mod text;
mod together;
mod world;
