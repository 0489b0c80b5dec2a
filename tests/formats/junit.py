"""Validates JUnit XML from stdin by the schema that is named, and prints its cases as JSON."""
import json
import sys

from lxml import etree

parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
document = etree.fromstring(sys.stdin.buffer.read(), parser)
schema = etree.XMLSchema(etree.parse(sys.argv[1]))
schema.assertValid(document)
suite = document.find("testsuite")
cases = []
for case in suite.iter("testcase"):
    (result,) = case
    cases.append({
        "name": case.get("name"),
        "element": result.tag,
        "message": result.get("message"),
        "type": result.get("type"),
        "text": result.text,
    })
known = {"testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out"}
assert {element.tag for element in document.iter()} <= known
print(json.dumps({**suite.attrib, "cases": cases}))
