"""Asserts that the report of the cluster names what was broken. usage: found.py REPORTS SECRET"""
import json
import pathlib
import sys

reports = list(pathlib.Path(sys.argv[1]).iterdir())
for report in reports:
    assert sys.argv[2] not in report.read_text(), f"the secret stands in {report.name}"
report = json.loads(next(one for one in reports if one.suffix == ".json").read_text())
causes = {(cause["rule"], cause["subject"]["name"]) for cause in report["root_causes"]}
findings = {(finding["rule"], finding["subject"]["name"]) for finding in report["findings"]} | causes
print(sorted(findings))
for rule, subject in [("oomkilled-container", "oom-0"), ("image-tag-not-found", "unpulled-0"), ("apiservice-unavailable", "v1.dead.example.com")]:
    assert (rule, subject) in causes, f"{subject} is no cause by {rule}"
assert any(rule == "node-notready" and subject == "node-2" for rule, subject in findings), "nothing about node-2"
