//! The recipes of docs/ci.md: valid for GitHub and GitLab, and their lines do in a namespace what they promise.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::lab::{Ran, program, run, with_labs};
use crate::readers::{Scratch, feed, python, repository};

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/ci.md")).unwrap()
}

/// The blocks of YAML, in order.
fn recipes() -> Vec<String> {
    let page = page();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    blocks.collect()
}

fn check_jsonschema(arguments: &[&str], file: &PathBuf) -> crate::readers::Read {
    feed(python(["-m", "check_jsonschema"]).args(arguments).arg(file), "")
}

const GITHUB: [&str; 2] = ["--builtin-schema", "vendor.github-workflows"];
const GITLAB: [&str; 4] = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"];

#[test]
fn github_and_gitlab_take_the_recipes() {
    let recipes = recipes();
    let [github, gitlab] = &recipes[..] else { panic!("{} recipes", recipes.len()) };
    let scratch = Scratch::new("recipes");
    let style =
        "{extends: default, rules: {document-start: disable, truthy: {check-keys: false}, line-length: {max: 120}}}";
    for (name, recipe, schema) in [("github.yml", github, &GITHUB[..]), ("gitlab.yml", gitlab, &GITLAB)] {
        let file = scratch.write(name, recipe);
        let linted = feed(python(["-m", "yamllint", "--strict", "-d", style]).arg(&file), "");
        assert!(linted.is_good, "{}", linted.said);
        let checked = check_jsonschema(schema, &file);
        assert!(checked.is_good, "{}", checked.said);
    }
    // So that this means something.
    let wrong = scratch.write("wrong.yml", &github.replace("runs-on:", "run-on:"));
    assert!(!check_jsonschema(&GITHUB, &wrong).is_good);
    let wrong = scratch.write("wrong.yml", &gitlab.replace("when: always", "when: sometimes"));
    assert!(!check_jsonschema(&GITLAB, &wrong).is_good);
}

/// What stands behind the script in each recipe.
fn options() -> Vec<Vec<String>> {
    let recipes = recipes().concat();
    let lines = recipes.lines().filter_map(|line| line.split_once("path-mtu-check.sh ").map(|(_, options)| options));
    lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

fn check(scratch: &Scratch, router: Option<&str>, options: &[String]) -> Ran {
    let mut path = program().parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--net", "--mount"])
        .arg(repository().join("docs/ci/path-mtu-check.sh"))
        .args(options);
    command.current_dir(&scratch.0).env("PATH", path).env("GITHUB_STEP_SUMMARY", scratch.0.join("summary.md"));
    if let Some(rules) = router {
        let file = scratch.write("router.sh", &format!("#!/bin/sh\nexec nft '{rules}'\n"));
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        command.env("ROUTER", file);
    }
    run(&mut command)
}

const DROPS_ICMP: &str =
    "table ip lab { chain out { type filter hook output priority 0; icmp type destination-unreachable drop; }; }";

#[test]
fn the_lines_of_the_recipes_tell_a_good_router_from_a_bad_one() {
    with_labs("with_readers::recipes::the_lines_of_the_recipes_tell_a_good_router_from_a_bad_one", || {
        let all = options();
        assert_eq!(all.len(), 2, "one line for each recipe");
        for options in &all {
            let scratch = Scratch::new("check");
            let good = check(&scratch, None, options);
            assert_eq!(good.status.code(), Some(0), "{options:?}: {}{}", good.stdout, good.stderr);
            assert!(good.stdout.contains("as expected") && options.contains(&"--expect".to_owned()), "{}", good.stdout);
            let bad = check(&scratch, Some(DROPS_ICMP), options);
            assert!(matches!(bad.status.code(), Some(1 | 2)), "{options:?}: {}{}", bad.stdout, bad.stderr);
            if options.contains(&"github".to_owned()) {
                assert!(good.stdout.starts_with("::notice title=PMTU 198.51.100.2 port 8025::"), "{}", good.stdout);
                assert!(bad.stdout.starts_with("::error title=PMTU 198.51.100.2 port 8025::"), "{}", bad.stdout);
                let summary = std::fs::read_to_string(scratch.0.join("summary.md")).unwrap();
                assert_eq!(summary.matches("## Path MTU: ").count(), 2, "{summary}");
            } else {
                let file = std::fs::read_to_string(scratch.0.join("path-mtu.xml")).unwrap();
                let read = super::junit::read(&file);
                assert!(read.is_good && read.said.contains("\"black_hole\""), "{}", read.said);
            }
        }
    });
}
