"""Reads a dashboard with Grafana's own SDK and writes it again: a key or an option that Grafana does not know would be lost.

Prints the expressions of the panels and variables, one a line."""
import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(ours, theirs, where):
    """Where what was read differs from what was written."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from lost(value, theirs[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs)):
            yield from lost(one, other, f"{where}[{index}]")
    elif ours != theirs:
        yield where


def main():
    register_default_plugins()
    with open(sys.argv[1], encoding="utf-8") as file:
        ours = json.load(file)
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))
    faults = list(lost(ours, theirs, "dashboard"))
    if faults:
        sys.exit(f"Grafana's SDK does not know: {', '.join(faults)}")
    for panel in ours["panels"]:
        for target in panel["targets"]:
            print(target["expr"])
    for variable in ours["templating"]["list"]:
        if variable["type"] == "query":
            query = variable["query"]["query"]
            print(query[len("label_values("):query.rindex(",")])


main()
