//! One list on many machines, by engines that exist: each numbers its processes, `--shard auto` reads the number, and `--merge`
//! sums the parts up.
//!
//! Needs what `netns-scripts/fleet.sh` fetches; fails without.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::cases::up;
use super::lab::{program, with_labs};
use super::scenario::Family;

/// What was fetched.
fn fleet(what: &str) -> PathBuf {
    let beside_programs = || Path::new(env!("CARGO_BIN_EXE_pmtu-probe")).with_file_name("../fleet");
    let path = std::env::var_os("PMTU_FLEET").map_or_else(beside_programs, PathBuf::from).join(what);
    assert!(path.exists(), "{} is missing: run netns-scripts/fleet.sh", path.display());
    path
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pmtu-probe-fleet-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, content).expect("a file");
        path
    }

    /// A command of this name, which runs this.
    fn command(&self, name: &str, script: &str) -> PathBuf {
        let path = self.write(name, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a command");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn done(mut command: Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("a command starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    output
}

/// The parts hold every target once, each part holds some, and the summary knows them all.
fn parts_make_the_list(parts: &[PathBuf], targets: &[String]) -> Value {
    let mut found = Vec::new();
    for part in parts {
        let text = fs::read_to_string(part).unwrap_or_else(|error| panic!("{}: {error}", part.display()));
        for line in text.lines() {
            let document: Value = serde_json::from_str(line).expect("a document");
            found.push(document["target"].as_str().expect("a target").to_owned());
        }
    }
    assert_eq!(found.len(), targets.len(), "a target is missing or came twice: {found:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), targets.iter().cloned().collect::<BTreeSet<_>>());
    let mut merge = Command::new(program());
    let output = done({
        merge.args(["--json", "--merge"]).args(parts);
        merge
    });
    let summary: Value = serde_json::from_slice(&output.stdout).expect("a summary");
    assert_eq!(summary["targets"], targets.len(), "{summary:#}");
    assert_eq!(summary["files"].as_array().map(Vec::len), Some(parts.len()));
    summary
}

/// A number in place of an empty part would hide that everything ran in one.
fn with_results(parts: &[PathBuf]) -> usize {
    parts.iter().filter(|part| fs::metadata(part).is_ok_and(|metadata| metadata.len() > 0)).count()
}

#[test]
fn slurm_runs_the_script_of_the_docs_as_an_array() {
    with_labs("fleet::slurm_runs_the_script_of_the_docs_as_an_array", || {
        let folder = Folder::new("slurm");
        let targets: Vec<String> = (1..=24).map(|n| format!("127.0.1.{n}")).collect();
        let list = folder.write("list", &targets.join("\n"));
        let results = folder.file("results");
        fs::create_dir(&results).expect("a folder");
        // Whatever port 25 of this host does.
        let program = program();
        folder.command("pmtu-probe", &format!("exec {} --method icmp \"$@\"", program.display()));
        let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap_or_default());
        let mut slurm = Command::new(in_repository("tests/netns/slurm.sh"));
        slurm.arg(fleet("root")).arg(&folder.0).arg(in_repository("docs/fleet/slurm.sh")).args([&list, &results]);
        slurm.env("PATH", path);
        done(slurm);
        let parts: Vec<PathBuf> = (0..8).map(|n| results.join(format!("part-{n}.jsonl"))).collect();
        let summary = parts_make_the_list(&parts, &targets);
        assert!(with_results(&parts) > 4, "{summary:#}");
        assert_eq!(summary["vantages"][0]["name"], "lab", "{summary:#}");
    });
}

/// ssh is a script here that enters the network of another node of the lab: what GNU parallel hands over is the same. As `sshd` does,
/// it sets SHELL, by which GNU parallel runs what it handed over.
#[test]
fn gnu_parallel_spreads_a_list_over_hosts() {
    with_labs("fleet::gnu_parallel_spreads_a_list_over_hosts", || {
        let (lab, folder) = (up("clear", Family::V4, &[]), Folder::new("parallel"));
        let targets: Vec<String> =
            ["10.0.1.1", "10.0.1.2", "10.0.2.1", "10.0.2.2", "10.0.3.1", "10.0.3.2", "10.0.4.1", "10.0.4.2"]
                .map(str::to_owned)
                .to_vec();
        let list = folder.write("list", &targets.join("\n"));
        let id = lab.folder().file_name().and_then(|name| name.to_str()).expect("the lab's id").to_owned();
        let enter = format!(
            "while [ \"${{1#-}}\" != \"$1\" ]; do shift; done\nhost=$1; shift; [ \"$1\" != -- ] || shift\n\
             SHELL=/bin/sh; export SHELL\n\
             exec nsenter --net=/run/netns/pl-{id}-$host sh -c \"$*\""
        );
        let ssh = folder.command("enter", &enter);
        let mut parallel = Command::new(fleet("root/usr/bin/parallel"));
        parallel.args([
            "--will-cite",
            "--sshlogin",
            "1/c,1/r1,1/r2",
            "--env",
            "PMTU_SHARDS",
            "--halt",
            "now,fail=1",
            "--ssh",
        ]);
        parallel.arg(&ssh);
        parallel.arg(format!(
            "{} --method icmp --no-mx --targets {} --shard auto --jsonl {}/part-{{}}.jsonl",
            program().display(),
            list.display(),
            folder.0.display()
        ));
        parallel.args([":::", "a", "b", "c"]).env("PMTU_SHARDS", "3").env("HOME", &folder.0);
        done(parallel);
        let parts = ["a", "b", "c"].map(|part| folder.file(&format!("part-{part}.jsonl")));
        parts_make_the_list(&parts, &targets);
        assert_eq!(with_results(&parts), 3);
        lab.down().unwrap();
    });
}

/// Against the schemas of Kubernetes itself, which `kubernetes-validate` carries; and the same number in all places.
#[test]
fn the_manifest_is_one_of_kubernetes() {
    const CHECK: &str = "
import json, sys, yaml, kubernetes_validate as k
job = yaml.safe_load(open(sys.argv[1]))
for version in ['1.27', k.latest_version()]:
    k.validate(job, version, strict=True)
try:
    k.validate({**job, 'spec': {**job['spec'], 'completionsMode': 'Indexed'}}, k.latest_version(), strict=True)
    sys.exit('a misspelt key passes')
except k.ValidationError:
    print(json.dumps(job))
";
    let mut python = Command::new(fleet("python/bin/python"));
    python.args(["-c", CHECK]).arg(in_repository("docs/fleet/kubernetes-job.yaml"));
    let job: Value = serde_json::from_slice(&done(python).stdout).expect("the manifest");
    let pod = &job["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["env"][0]["name"], "PMTU_SHARDS");
    assert_eq!(container["env"][0]["value"], job["spec"]["completions"].to_string());
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(container["securityContext"]["capabilities"], serde_json::json!({"drop": ["ALL"], "add": ["NET_RAW"]}));
}
