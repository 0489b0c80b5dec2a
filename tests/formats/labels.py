"""Reads metrics from stdin with Prometheus' own client, and prints domain and mx of each address as JSON."""
import json
import sys

from prometheus_client.parser import text_string_to_metric_families

rows = []
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        assert sample.timestamp is None, sample
        if sample.name == "pmtu_probe_last_probes":
            assert set(sample.labels) == {"domain", "mx", "address", "family", "port"}, sample
            rows.append([sample.labels["domain"], sample.labels["mx"]])
print(json.dumps(rows))
