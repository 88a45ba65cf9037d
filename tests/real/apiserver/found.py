"""Asserts that the report of the cluster names what was broken. usage: found.py REPORTS SECRET"""
import json
import pathlib
import sys

reports = list(pathlib.Path(sys.argv[1]).iterdir())
for report in reports:
    assert sys.argv[2] not in report.read_text(), f"the secret stands in {report.name}"
report = json.loads(next(one for one in reports if one.suffix == ".json").read_text())
found = {(cause["rule"], cause["subject"]["name"]) for cause in report["root_causes"]}
print(sorted(found))
for subject in ("oom-0", "unpulled-0", "node-2"):
    assert any(subject in name for _, name in found), f"nothing about {subject}"
