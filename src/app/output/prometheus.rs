//! `--prometheus FILE`: metrics for the textfile collector of Prometheus' node_exporter.

use std::io;
use std::time::SystemTime;

use super::document::Document;
use super::format::{Destination, Format, FormatOption, Runs};
use super::result_sink::{ResultSink, RunResult};
use crate::app::beginning::Beginning;
use crate::app::stderr::complain;
use crate::model::{AddressReport, FailureKind, Report, TargetFailure};
use crate::net::publish::Readers;
use crate::report::prometheus::{Metrics, RunTimes};
use crate::report::verdict_counts::VerdictCounts;

pub(super) static FORMAT: Format = Format {
    name: "prometheus",
    option: Some(FormatOption {
        help: "Write metrics to this file, for node_exporter's textfile collector",
        details: "Its name has to end in .prom, in the folder that the collector reads. It is replaced in one step at the end of \
                  each run, one that fails as well: pmtu_probe_last_run_success is 0 then. docs/integrations.md lists the \
                  metrics, docs/monitoring has alerts and a dashboard.",
        words: None,
        excludes: &[],
    }),
    word: None,
    destination: Destination::File,
    streams: true,
    runs: Runs::Any,
    tells_failures: true,
    open: |argument, opening| {
        Ok(Box::new(MetricsFile {
            document: Document::open(argument, "prometheus", Readers::All)?,
            metrics: Metrics::default(),
            is_list: opening.is_list,
            began: Beginning::now(),
            is_published: false,
        }))
    },
};

struct MetricsFile {
    document: Document,
    metrics: Metrics,
    /// Whether more results come.
    is_list: bool,
    began: Beginning,
    is_published: bool,
}

impl MetricsFile {
    fn publish(&mut self) -> io::Result<()> {
        self.is_published = true;
        let ended = SystemTime::now();
        let took = self.began.elapsed();
        self.document.put(&self.metrics.render(RunTimes { ended, took }))
    }
}

impl ResultSink for MetricsFile {
    fn result(&mut self, result: &RunResult<'_>) -> io::Result<()> {
        self.metrics.add(result.report);
        if self.is_list { Ok(()) } else { self.publish() }
    }

    fn without_result(&mut self, failures: &[TargetFailure]) {
        self.metrics.add_failures(failures);
    }

    fn nothing_examined(&mut self, report: &Report) -> io::Result<()> {
        self.metrics.add(report);
        self.publish()
    }

    /// The file is always whole: what it says is that the watch runs, and how all stands.
    fn standing(&mut self, addresses: &[&AddressReport], failures: &[TargetFailure]) -> io::Result<()> {
        self.metrics = Metrics::default();
        for address in addresses {
            self.metrics.add_address(address);
        }
        self.metrics.add_failures(failures);
        self.publish()?;
        self.began = Beginning::now();
        Ok(())
    }

    fn keeps_results(&self) -> bool {
        true
    }

    fn cut_short(&mut self) {
        self.metrics.cut_short();
    }

    fn finish(&mut self, _: &VerdictCounts) -> io::Result<()> {
        self.publish()
    }
}

/// A run that ends without a word was no success: who watches has to hear of it.
impl Drop for MetricsFile {
    fn drop(&mut self) {
        if self.is_published {
            return;
        }
        let text = "the run ended early".to_owned();
        self.metrics.cut_short();
        self.metrics.add_failures(&[TargetFailure { target: String::new(), kind: FailureKind::System, text }]);
        if let Err(error) = self.publish() {
            complain(&format!("cannot write metrics: {error}"));
        }
    }
}
