//! Limits at their edge, closed descriptors, full and vanished disks: a right result, or one clear line; no panic, no abort, no hang.
//! And SIGKILL at any moment of a list: no finished result is lost, and nothing is left. `PMTU_FAULTS=1` is the long form.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path as File;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cases::spawn;
use super::faults::{all_of, is_long};
use super::lab::{Lab, Ran, finish, program, run, with_labs};
use super::paths::{Path, with_paths};
use super::scenario::{Family, Random};

/// Runs a line of bash in c; `PROBE` in it is the program.
fn bash(lab: &Lab, line: &str) -> Ran {
    let line = line.replace("PROBE", &program().display().to_string());
    run(lab.command("c", "bash").args(["-c", &line]))
}

/// What a run within a limit may end with: its verdict, or 3 and one line. A loader that fails is none of ours.
fn edge(ran: &Ran, what: &str) -> Vec<String> {
    let is_loader = ran.status.code() == Some(127)
        || ran.status.signal().is_some() && ran.stderr.is_empty() && ran.stdout.is_empty();
    let is_right = match ran.status.code() {
        Some(0) => ran.stdout.contains(": clear: "),
        Some(3) => ran.stderr.lines().filter(|line| line.starts_with("pmtu-probe: ")).count() == 1,
        // bash tells of a signal as 128 and its number.
        Some(139) => ran.stdout.is_empty(),
        _ => false,
    };
    let is_panic = ran.stderr.contains("panicked") || ran.stderr.contains("memory allocation");
    let is_fine = (is_right || is_loader) && !is_panic;
    (!is_fine).then(|| format!("{what}: {:?}: {}{}", ran.status, ran.stdout, ran.stderr)).into_iter().collect()
}

#[test]
fn at_the_edge_of_every_limit_stands_a_clear_line() {
    with_labs("limits::at_the_edge_of_every_limit_stands_a_clear_line", || {
        let lab = with_paths("");
        let mut limits: Vec<String> = Vec::new();
        let step = if is_long() { 1 } else { 3 };
        limits.extend((0..96).step_by(8 * step).map(|n| format!("nofile={n}:{n}")));
        limits.extend((96..136).step_by(step).map(|n| format!("nofile={n}:{n}")));
        limits.extend((4..40).step_by(2 * step).map(|mib| format!("as={}", mib << 20)));
        limits.extend([0, 1, 2, 5].map(|n| format!("nproc={n}:{n}")));
        limits.extend([0, 4096].map(|n| format!("memlock={n}:{n}")));
        all_of(&limits, 6, |number, limit| {
            let address = Path::Clear.address(Family::V4, 3, (number + 1) as u8);
            edge(&bash(&lab, &format!("timeout 20 prlimit --{limit} PROBE -q --direction forward {address}")), limit)
        });
        let left = lab.processes("c");
        lab.down().unwrap();
        assert_eq!(left.trim(), "");
    });
}

/// A file at the size limit of the process fails as on a full disk.
#[test]
fn a_size_limit_of_files_costs_the_file_and_no_verdict() {
    with_labs("limits::a_size_limit_of_files_costs_the_file_and_no_verdict", || {
        let lab = with_paths("");
        let folder = lab.folder();
        fs::write(folder.join("list"), "10.64.3.200\n").unwrap();
        let outputs = [
            "--pcapng F",
            "--json=F",
            "--html F",
            "--prometheus F",
            "--junit F",
            "--targets LIST --jsonl F",
            "--targets LIST --track F",
        ];
        let sizes: &[u32] = if is_long() { &[0, 1, 100, 1000, 4000, 10_000] } else { &[0, 1000] };
        let cases: Vec<(&str, u32)> =
            outputs.iter().flat_map(|output| sizes.iter().map(move |size| (*output, *size))).collect();
        all_of(&cases, 4, |number, (output, size)| {
            let file = folder.join(format!("out-{number}"));
            let options = output
                .replace("LIST", &folder.join("list").display().to_string())
                .replace('F', &file.display().to_string());
            let target = if output.contains("LIST") { "" } else { "10.64.3.200" };
            let ran = bash(
                &lab,
                &format!("timeout 20 prlimit --fsize={size}:{size} PROBE -q --direction forward {options} {target}"),
            );
            // The capture is beside the point; a report that is not written is a failure.
            let is_right = match ran.status.code() {
                Some(0) => ran.stdout.contains("clear"),
                Some(3) => ran.stderr.contains("File too large"),
                _ => false,
            };
            let is_short = ran.stderr.lines().count() <= 3;
            (!is_right || !is_short)
                .then(|| format!("{output} {size}: {:?} {}{}", ran.status.code(), ran.stdout, ran.stderr))
                .into_iter()
                .collect()
        });
        assert_eq!(files_beside(&folder, "out-"), Vec::<String>::new());
        lab.down().unwrap();
    });
}

/// Files that are neither outputs nor what `--track` documents.
fn files_beside(folder: &File, start: &str) -> Vec<String> {
    let names = fs::read_dir(folder).map_or_else(|_| vec![], |entries| entries.flatten().collect());
    let names = names.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains(start) && !name.starts_with(start)).collect()
}

#[test]
fn closed_descriptors_and_pipes_change_no_exit_code() {
    with_labs("limits::closed_descriptors_and_pipes_change_no_exit_code", || {
        let lab = with_paths("");
        let mut lines = Vec::new();
        for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-", "| true", "2>&1 | head -c 5 >/dev/null"] {
            for options in ["-q", "--json", "-vv --advice all"] {
                lines.push((closed, options));
            }
        }
        all_of(&lines, 4, |number, (closed, options)| {
            let address = Path::Hole.address(Family::V4, 4, (number + 1) as u8);
            let ran = bash(
                &lab,
                &format!(
                    "timeout 20 PROBE {options} --direction forward {address} {closed}; echo ${{PIPESTATUS[0]}} >&1"
                ),
            );
            let code = ran.stdout.lines().last().unwrap_or_default();
            let is_right = code == "2" && !ran.stderr.contains("panicked");
            (!is_right).then(|| format!("{options} {closed}: {code}: {}", ran.stderr)).into_iter().collect()
        });
        lab.down().unwrap();
    });
}

/// A disk of a few pages; a folder that is removed, or a file system that is detached, while the run goes on.
#[test]
fn full_and_vanished_disks_cost_the_file_and_no_verdict() {
    with_labs("limits::full_and_vanished_disks_cost_the_file_and_no_verdict", || {
        let lab = with_paths("");
        let folder = lab.folder();
        fs::write(folder.join("list"), "10.64.5.1\n10.65.5.2\n10.66.5.3\n").unwrap();
        let outputs =
            ["--pcapng D/f", "--json=D/f", "--html D/f", "--targets LIST --jsonl D/f", "--targets LIST --track D/f"];
        let fates = ["full", "rm -rf D", "umount -l D", "chmod 0 D"];
        let cases: Vec<_> = outputs.iter().flat_map(|output| fates.iter().map(move |fate| (*output, *fate))).collect();
        all_of(&cases, 5, |number, (output, fate)| {
            let disk = folder.join(format!("disk-{number}")).display().to_string();
            let options = output.replace("LIST", &folder.join("list").display().to_string()).replace('D', &disk);
            let target = if output.contains("LIST") { "" } else { "10.65.5.4" };
            let size = if *fate == "full" { "size=8k,nr_inodes=6" } else { "size=4m" };
            let during =
                if *fate == "full" { String::new() } else { format!("(sleep 0.3; {}) & ", fate.replace('D', &disk)) };
            let line = format!(
                "mkdir {disk}; mount -t tmpfs -o {size} none {disk}; {during} timeout 20 PROBE -q --direction forward {options} {target}; code=$?
                 wait; umount -l {disk} 2>/dev/null; exit $code"
            );
            let ran = bash(&lab, &line);
            let is_told = ran.stdout.contains("black hole");
            let is_short = ran.stderr.lines().filter(|line| !line.starts_with("rm: ")).count() <= 4
                && !ran.stderr.contains("panicked");
            let is_right = is_told && is_short && matches!(ran.status.code(), Some(2 | 3));
            (!is_right)
                .then(|| format!("{output} {fate}: {:?} {}{}", ran.status.code(), ran.stdout, ran.stderr))
                .into_iter()
                .collect()
        });
        assert_eq!(lab.processes("c").trim(), "");
        lab.down().unwrap();
    });
}

/// Each line once, whole, and what it says is true; the last of a run that was killed may be half.
fn results(file: &File) -> Result<BTreeMap<String, Value>, String> {
    let mut found = BTreeMap::new();
    let text = fs::read_to_string(file).unwrap_or_default();
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let document: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let target = document["target"].as_str().unwrap_or_default().to_owned();
        let path = [Path::Clear, Path::Hole, Path::Told][target[4..5].parse::<usize>().unwrap_or(4) - 4];
        let verdict = &document["addresses"][0];
        if !path.is_told_by(verdict) {
            return Err(format!("{target}: {} {}", verdict["verdict"], verdict["reason"]));
        }
        if found.insert(target.clone(), document).is_some() {
            return Err(format!("{target} has two lines"));
        }
    }
    Ok(found)
}

#[test]
fn a_list_that_is_killed_at_any_moment_loses_no_result_and_leaves_nothing() {
    with_labs("limits::a_list_that_is_killed_at_any_moment_loses_no_result_and_leaves_nothing", || {
        for way in ["--jsonl F --resume F", "--track F"] {
            let lab = with_paths("");
            let folder = lab.folder().join("out");
            fs::create_dir(&folder).unwrap();
            let kills = if is_long() { 200 } else { 12 };
            let targets: Vec<String> = (0..40).map(|n| format!("10.{}.6.{}", 64 + n % 3, n + 1)).collect();
            let (list, file) = (lab.folder().join("list"), folder.join("results"));
            fs::write(&list, targets.join("\n")).unwrap();
            let options = way.replace('F', &file.display().to_string());
            let mut arguments = vec!["--direction", "forward", "--rate", "1000", "--targets", list.to_str().unwrap()];
            arguments.extend(options.split(' '));
            let (mut random, mut held, mut completed) = (Random::new(11), 0, 0);
            for kill in 0..kills {
                let child = spawn(&lab, &arguments);
                std::thread::sleep(Duration::from_secs_f64(1.2 * random.unit().powi(2)));
                let _ = kill_process(Pid::from_child(&child), Signal::KILL);
                let ran = finish(child);
                assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
                let found = results(&file).unwrap_or_else(|fault| panic!("{way}, kill {kill}: {fault}"));
                if way.starts_with("--jsonl") {
                    assert!(found.len() >= held, "{way}, kill {kill}: {held} results were {}", found.len());
                    held = found.len();
                    if held == targets.len() {
                        // All is done: from the beginning.
                        completed += 1;
                        held = 0;
                        fs::remove_file(&file).unwrap();
                    }
                }
                wait_until_nobody_is_left(&lab, kill);
            }
            let ran = finish(spawn(&lab, &arguments));
            assert!(matches!(ran.status.code(), Some(0 | 2)), "{way}: {:?} {}", ran.status.code(), ran.stderr);
            assert_eq!(results(&file).unwrap().len(), targets.len(), "{way}");
            let mut names: Vec<String> = fs::read_dir(&folder)
                .unwrap()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.retain(|name| !["results", "results.previous"].contains(&name.as_str()));
            println!(
                "{way}: {kills} kills, {held} results held, {completed} times complete meanwhile; beside the results {names:?}"
            );
            assert_eq!(names, Vec::<String>::new(), "{way}");
            lab.down().unwrap();
        }
    });
}

/// The children of a killed program see within a moment that they are alone.
fn wait_until_nobody_is_left(lab: &Lab, kill: usize) {
    for _ in 0..100 {
        if lab.processes("c").trim().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("kill {kill}: left are {}", lab.processes("c"));
}
