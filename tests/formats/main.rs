//! What reads the formats for monitoring and continuous integration reads them: promtool, node_exporter, Grafana's SDK, the schema that
//! Jenkins uses, Perl's prove, parsers of Markdown, and the schemas of GitHub's and GitLab's pipelines.
//!
//! `netns-scripts/readers.sh` fetches them. Without them these tests fail: a test that was skipped must not look like one that passed.

#[path = "../report/fixtures.rs"]
#[allow(dead_code)] // only some are needed here
mod fixtures;
#[path = "../netns/lab.rs"]
#[allow(dead_code)] // only part of what labs can do is needed here
mod lab;
mod readers;
#[path = "../common/scenario.rs"]
mod scenario;
mod with_readers;
