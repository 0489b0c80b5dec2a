//! The systems themselves.

use pmtu_probe::cli::{Request, parse};
use pmtu_probe::model::{AlertRange, PacketSize};

use super::world::in_world;
use super::{SERVER, up};

/// What a service is after its check, as a system says.
#[derive(Debug, PartialEq, Eq)]
struct Service {
    name: String,
    state: String,
    output: String,
    metrics: String,
}

/// Lines `NAME\tSTATE\tOUTPUT\tMETRICS`.
fn services(lines: &str) -> Vec<Service> {
    let service = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, state, output, metrics] = fields[..] else { panic!("{line:?} in {lines}") };
        Service { name: name.into(), state: state.into(), output: output.trim_end().into(), metrics: metrics.into() }
    };
    let mut services: Vec<Service> = lines.lines().filter(|line| line.contains('\t')).map(service).collect();
    services.sort_by(|one, other| one.name.cmp(&other.name));
    services
}

/// The path ends at 1400 bytes and nobody says so: critical, and fine where it is expected. What is no option is unknown.
fn must_be_those_of_the_hole(services: &[Service], system: &str) {
    let [error, hole, known] = services else { panic!("{system}: {services:#?}") };
    assert_eq!((error.name.as_str(), error.state.as_str()), ("error", "3"), "{system}: {services:#?}");
    assert!(error.output.starts_with("PMTU UNKNOWN - --warning 'low' is no range"), "{system}: {error:#?}");
    assert_eq!((hole.name.as_str(), hole.state.as_str()), ("hole", "2"), "{system}: {services:#?}");
    let expected = format!("PMTU CRITICAL - {SERVER}: black hole above 1400");
    assert!(hole.output.starts_with(&expected) && !hole.output.contains('|'), "{system}: {hole:#?}");
    let metrics: Vec<&str> = hole.metrics.split(' ').collect();
    assert_eq!(metrics[..2], ["pmtu=1400B;1500:;1280:;68;65535", "black_holes=1;;;0"], "{system}: {hole:#?}");
    assert_eq!((known.name.as_str(), known.state.as_str()), ("known", "0"), "{system}: {services:#?}");
    // Nagios makes colons of semicolons.
    assert!(known.output.replace(';', ":").ends_with(": as expected"), "{system}: {known:#?}");
}

fn must_be_that_of_a_clear_path(services: &[Service], system: &str) {
    let [clear] = services else { panic!("{system}: {services:#?}") };
    assert_eq!(clear.state, "0", "{system}: {clear:#?}");
    assert_eq!(clear.output, format!("PMTU OK - {SERVER}: clear, 1500 bytes pass"), "{system}");
}

/// Configurations as they stand in the documents, and the systems' own check of them.
#[test]
fn the_configurations_of_the_documents_are_accepted() {
    let said = in_world(
        None,
        r#"
cat >/mnt/icinga2.conf <<END
const NodeName = "test"
include <itl>
include "$docs/icinga2-command.conf"
include "$docs/icinga2-services.conf"
object Endpoint NodeName {}
object Zone NodeName { endpoints = [ NodeName ] }
END
icinga2 --version | head -1
icinga2 daemon -C -c /mnt/icinga2.conf
printf 'cfg_file=%s/nagios.cfg\ncfg_file=/mnt/contact.cfg\nlog_file=/mnt/nagios.log\ncheck_result_path=/mnt\nnagios_user=root\nnagios_group=root\n' \
    "$docs" >/mnt/nagios.cfg
nagios4 -v /mnt/nagios.cfg
"#,
    );
    assert!(said.contains("icinga2 - The Icinga 2 network monitoring daemon (version: r2."), "{said}");
    assert!(said.contains("Instantiated 2 Services."), "one for each path: {said}");
    assert!(said.contains("Finished validating the configuration file(s)."), "{said}");
    for of_nagios in ["Checked 2 services.", "Checked 1 hosts.", "Checked 1 commands.", "Total Errors:   0"] {
        assert!(said.contains(of_nagios), "{of_nagios}: {said}");
    }
}

#[test]
fn icinga_runs_the_plugin_and_reads_its_answer() {
    let lab = up("silent_router");
    let said = icinga(
        &lab,
        &format!(
            r#"
vars.mail_paths["hole"] = {{ pmtu_host = "{SERVER}", pmtu_warning = "1500:", pmtu_critical = "1280:" }}
vars.mail_paths["known"] = {{ pmtu_host = "{SERVER}", pmtu_expect = "black_hole", pmtu_expect_mtu = "1400" }}
vars.mail_paths["error"] = {{ pmtu_host = "{SERVER}", pmtu_warning = "low" }}"#
        ),
        3,
    );
    must_be_those_of_the_hole(&said, "Icinga");
    lab.down().unwrap();
    let lab = up("clear");
    let said = icinga(&lab, &format!(r#"vars.mail_paths["clear"] = {{ pmtu_host = "{SERVER}" }}"#), 1);
    must_be_that_of_a_clear_path(&said, "Icinga");
    lab.down().unwrap();
}

/// The daemon, until it has written what came of so many checks.
fn icinga(lab: &super::Lab, paths: &str, checks: u8) -> Vec<Service> {
    let script = format!(
        r#"
mkdir -p /mnt/done
# It spreads first checks over the interval.
sed -n '/^apply Service/,$p' "$docs/icinga2-services.conf" | sed 's/check_interval = 15m/check_interval = 1s/' >/mnt/services.conf
cat >/mnt/icinga2.conf <<END
const NodeName = "test"
include <itl>
include "$docs/icinga2-command.conf"
include "/mnt/services.conf"
object Endpoint NodeName {{}}
object Zone NodeName {{ endpoints = [ NodeName ] }}
object CheckerComponent "checker" {{}}
object PerfdataWriter "perfdata" {{
  service_temp_path = "/mnt/service"
  service_perfdata_path = "/mnt/done/service"
  service_format_template = "\$service.name\$\t\$service.state_id\$\t\$service.output\$\t\$service.perfdata\$"
  rotation_interval = 1s
}}
object Host "gateway" {{
  check_command = "dummy"
{paths}
}}
END
icinga2 daemon -c /mnt/icinga2.conf >/mnt/log 2>&1 &
enough() {{ [ "$(cat /mnt/done/* | cut -f1 | sort -u | wc -l)" -ge {checks} ]; }}
patiently enough || {{ cat /mnt/log >&2; exit 7; }}
cat /mnt/done/* | awk -F'\t' '!seen[$1]++' | sed 's/^pmtu //'
"#
    );
    services(&in_world(Some(lab), &script))
}

#[test]
fn nagios_runs_the_plugin_and_reads_its_answer() {
    let lab = up("silent_router");
    let said = nagios(
        &lab,
        &[
            ("hole", &format!("{SERVER}!-w 1500: -c 1280:")),
            ("known", &format!("{SERVER}!--expect black_hole --expect-mtu 1400")),
            ("error", &format!("{SERVER}!-w low")),
        ],
    );
    must_be_those_of_the_hole(&said, "Nagios");
    lab.down().unwrap();
    let lab = up("clear");
    must_be_that_of_a_clear_path(&nagios(&lab, &[("clear", SERVER)]), "Nagios");
    lab.down().unwrap();
}

/// The daemon, until its file of states has all of these services.
fn nagios(lab: &super::Lab, checks: &[(&str, &str)]) -> Vec<Service> {
    let service = |(name, arguments): &(&str, &str)| {
        format!(
            "define service {{\nuse pmtu-service\nservice_description {name}\ncheck_command check_pmtu!{arguments}\n}}\n"
        )
    };
    let all: String = checks.iter().map(service).collect();
    let count = checks.len();
    let script = format!(
        r#"
# All but the two examples at the end.
awk '/^define service/ {{ n++ }} n < 2' "$docs/nagios.cfg" >/mnt/objects.cfg
cat >>/mnt/objects.cfg <<'END'
{all}
END
mkdir -p /mnt/results
cat >/mnt/nagios.cfg <<END
cfg_file=/mnt/objects.cfg
cfg_file=/mnt/contact.cfg
log_file=/mnt/nagios.log
status_file=/mnt/status.dat
status_update_interval=1
check_result_path=/mnt/results
object_cache_file=/mnt/objects.cache
precached_object_file=/mnt/objects.precache
state_retention_file=/mnt/retention.dat
temp_file=/mnt/temp
temp_path=/mnt
lock_file=/mnt/lock
command_file=/mnt/command
query_socket=/mnt/query
nagios_user=root
nagios_group=root
service_inter_check_delay_method=n
max_service_check_spread=1
execute_host_checks=0
interval_length=60
END
nagios4 /mnt/nagios.cfg >/mnt/out 2>&1 &
enough() {{ [ "$(sed -n '/^servicestatus/,/}}/p' /mnt/status.dat | grep -c has_been_checked=1)" -ge {count} ]; }}
patiently enough || {{ cat /mnt/out /mnt/nagios.log >&2; exit 7; }}
awk '/^servicestatus/ {{ on = 1 }} /}}/ {{ if (on) print name "\t" state "\t" output "\t" metrics; on = 0 }}
on {{ sub(/^[ \t]+/, ""); key = substr($0, 1, index($0, "=") - 1); value = substr($0, index($0, "=") + 1) }}
on && key == "service_description" {{ name = value }} on && key == "current_state" {{ state = value }}
on && key == "plugin_output" {{ output = value }} on && key == "performance_data" {{ metrics = value }}' /mnt/status.dat
"#
    );
    services(&in_world(Some(lab), &script))
}

/// The plugins' own library reads metrics and their ranges, and their own tools the state.
#[test]
fn the_tools_of_the_plugins_understand_it() {
    let lab = up("silent_router");
    let said = in_world(
        Some(&lab),
        &format!(
            r#"
pmtu-probe --format nagios -w 1500: -c 1280: -H {SERVER} >/mnt/answer && exit 5 || [ $? = 2 ]
cat >/mnt/read.pl <<'END'
use Monitoring::Plugin::Performance;
my ($line) = <STDIN>;
my ($text, $metrics) = split / \| /, $line, 2;
for (Monitoring::Plugin::Performance->parse_perfstring($metrics)) {{
    my $limits = $_->threshold;
    print join(" ", "metric", $_->label, $_->value, $_->uom, $_->min // "", $_->max // "");
    print " ", $limits->warning->is_set ? $limits->warning : "-", " ", $limits->critical->is_set ? $limits->critical : "-";
    print " ", $limits->get_status($_->value), "\n";
}}
END
perl /mnt/read.pl </mnt/answer
printf '#!/bin/sh\ncat /mnt/answer\nexit 2\n' >/mnt/plugin
chmod +x /mnt/plugin
# What is critical becomes fine, in the exit code and in the text.
/usr/lib/nagios/plugins/negate -s -c OK /mnt/plugin
/usr/lib/nagios/plugins/check_cluster --service -l PMTU -d 2,0,0 -c @1: || [ $? = 2 ]
"#
        ),
    );
    let lines: Vec<&str> = said.lines().collect();
    // By the library's words: label, value, unit, min, max, warning, critical, and the state that the limits give (1: WARNING).
    assert_eq!(lines.first(), Some(&"metric pmtu 1400 B 68 65535 1500: 1280: 1"), "{said}");
    assert_eq!(lines.get(1), Some(&"metric black_holes 1  0  - - 0"), "{said}");
    assert!(
        lines.get(2).is_some_and(|line| line.starts_with("metric time ") && line.contains(" s 0  - - 0")),
        "{said}"
    );
    assert!(said.contains(&format!("PMTU OK - {SERVER}: black hole above 1400")), "{said}");
    assert!(said.contains("CLUSTER CRITICAL: PMTU: 2 ok, 0 warning, 0 unknown, 1 critical"), "{said}");
    lab.down().unwrap();
}

/// The library of the plugins and this program agree on every range and size.
#[test]
fn ranges_mean_what_they_mean_to_other_plugins() {
    let ranges = ["1500", "1500:", "~:1500", "1280:1500", "@1280:1500", "@0:1279", "@~:1279", "@1400:"];
    let sizes = [68, 1279, 1280, 1281, 1399, 1400, 1401, 1499, 1500, 1501, 65_535];
    let script = format!(
        r#"
cat >/mnt/ranges.pl <<'END'
use Monitoring::Plugin::Range;
for my $text (qw({})) {{
    my $range = Monitoring::Plugin::Range->parse_range_string($text) or die $text;
    print join(" ", $text, map {{ $range->check_range($_) ? 1 : 0 }} ({})), "\n";
}}
END
perl /mnt/ranges.pl
"#,
        ranges.join(" "),
        sizes.map(|size| size.to_string()).join(", "),
    );
    let said = in_world(None, &script);
    assert_eq!(said.lines().count(), ranges.len(), "{said}");
    for (line, text) in said.lines().zip(ranges) {
        let range = as_typed(text);
        let ours = sizes.map(|size| if range.alerts(PacketSize::new(size)) { "1" } else { "0" });
        assert_eq!(line, format!("{text} {}", ours.join(" ")));
    }
}

fn as_typed(range: &str) -> AlertRange {
    let line = ["pmtu-probe", "--format", "nagios", "-H", "mx", "-w", range];
    match parse(line) {
        Ok(Request::Run(plan)) => plan.judging.thresholds.warning.expect("a warning was asked for"),
        other => panic!("{other:?}"),
    }
}

/// The agent runs its item, and what it hands to the server is one document.
#[test]
fn the_agent_of_zabbix_gets_a_document() {
    let lab = up("silent_router");
    let said = in_world(
        Some(&lab),
        &format!(
            r#"
printf 'LogFile=/mnt/log\nPidFile=/mnt/pid\nServer=127.0.0.1\nHostname=c\nAllowRoot=1\nInclude=%s/zabbix.conf\n' "$docs" >/mnt/agent.conf
zabbix_agentd --version | head -1
zabbix_agentd -c /mnt/agent.conf -t 'pmtu.json[{SERVER}]'
"#
        ),
    );
    let (_, rest) = said.split_once("[t|").unwrap_or_else(|| panic!("{said}"));
    let (document, _) = rest.rsplit_once(']').unwrap_or_else(|| panic!("{said}"));
    let document: serde_json::Value = serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}: {said}"));
    // What the JSONPaths of docs/monitoring lead to.
    assert_eq!(document["exit_code"], 2, "{document}");
    assert_eq!(document["addresses"][0]["path_mtu"], 1400, "{document}");
    assert_eq!(document["addresses"][0]["verdict"], "black_hole", "{document}");
    assert_eq!(document["errors"], serde_json::json!([]));
    lab.down().unwrap();
}

/// The script of the documents, as the agent runs it.
#[test]
fn the_local_check_of_the_documents_runs() {
    let lab = up("silent_router");
    let said = in_world(Some(&lab), &format!("PMTU_TARGETS={SERVER} sh \"$docs/checkmk-local\" || [ $? = 2 ]"));
    let expected = format!("2 \"PMTU {SERVER}\" pmtu=1400;1500:;1280:;68;65535|time=");
    assert!(said.starts_with(&expected) && said.contains(" black hole above 1400"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    lab.down().unwrap();
}
