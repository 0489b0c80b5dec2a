//! `--junit FILE`: results as test cases, for Jenkins, GitLab and others.

use std::io;

use super::check_sink::{CheckSink, CheckWriter};
use super::document::Document;
use super::format::{Destination, Format, FormatOption, Runs};
use crate::app::beginning::Beginning;
use crate::net::publish::Readers;
use crate::report::checks::Check;
use crate::report::junit::TestSuite;

pub(super) static FORMAT: Format = Format {
    name: "junit",
    option: Some(FormatOption {
        help: "Write JUnit XML to this file, for Jenkins, GitLab and others",
        details: "A test case for each address: a fault of the path is a failure, a path that could not be judged an error. The \
                  file is replaced in one step at the end.",
        words: None,
        excludes: &[],
    }),
    word: None,
    destination: Destination::File,
    streams: true,
    runs: Runs::Any,
    tells_failures: true,
    open: |argument, opening| {
        let document = Document::open(argument, "junit", Readers::ByUmask)?;
        let writer = JunitFile { document, suite: TestSuite::default(), began: Beginning::now() };
        Ok(Box::new(CheckSink::new(writer, opening.is_list)))
    },
};

struct JunitFile {
    document: Document,
    suite: TestSuite,
    began: Beginning,
}

impl CheckWriter for JunitFile {
    fn check(&mut self, check: &Check) -> io::Result<()> {
        self.suite.add(check);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let elapsed = self.began.elapsed();
        self.document.put(&self.suite.document(self.began.time(), elapsed))
    }

    fn keeps_results(&self) -> bool {
        self.document.is_kept()
    }
}
