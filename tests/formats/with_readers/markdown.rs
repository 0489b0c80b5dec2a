//! A parser of CommonMark, and one of the dialect of GitHub that finds links in plain text.

use pmtu_probe::report::checks::checks;
use pmtu_probe::report::markdown::Page;

use crate::readers::{Read, everything, feed, python, script};

fn page(limit: usize) -> String {
    let mut page = Page::new(limit);
    for check in &checks(&everything()) {
        page.add(check);
    }
    page.finish()
}

pub(super) fn read(page: &str) -> Read {
    feed(&mut python([script("markdown.py")]), page)
}

/// Nothing but our headings, one table, code and blocks of code comes out, whatever is in the names.
#[test]
fn hostile_text_stays_code() {
    for limit in [usize::MAX, 65_000, 5_000] {
        let page = page(limit);
        let read = read(&page);
        assert!(read.is_good, "{}", read.said);
        let rows: usize = read.said.trim().parse().expect("the rows of the table");
        if limit == usize::MAX {
            assert_eq!(rows, checks(&everything()).len());
        }
    }
}

/// So that the test above means something.
#[test]
fn what_is_not_ours_is_found() {
    for foreign in [
        "see https://evil.example/\n",
        "see www.evil.example\n",
        "<b>bold</b>\n",
        "[x](https://evil.example/)\n",
        "![x](https://evil.example/x.png)\n",
        "- a list\n",
        "@everyone\n",
        "| ❌ | a@evil.example | `x` |\n",
    ] {
        let page = page(5_000).replacen("\n### ", &format!("\n{foreign}\n### "), 1);
        assert!(!read(&page).is_good, "{foreign}");
    }
}
