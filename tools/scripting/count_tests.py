"""Adds up what meson's test logs say: `N passed, N failed`.

A doctest or unittest program counts with its test cases, any other test as one. A program that ends
badly although no case failed (a crash, a sanitizer, a timeout) counts as one more failure. Skipped
tests and cases are named, with the reason they give, and count as neither.
"""

import argparse
import json
import re
import sys
from pathlib import Path

CASES = re.compile(r"test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed")
RAN = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)
WRONG = re.compile(r"\b(?:failures|errors)=(\d+)")
LEFT_OUT = re.compile(r"\bskipped=(\d+)")
REASON = re.compile(r"skipped ['\"](.+)['\"]$", re.MULTILINE)
PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}


def output_of(entry):
    return (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")


def skipped_cases(output):
    """How many cases a unittest program skipped."""
    ran = RAN.search(output)
    return sum(map(int, LEFT_OUT.findall(output[ran.end() :]))) if ran else 0


def count_one(entry):
    """(passed, failed) of one test."""
    good = entry["result"] in PASSED
    output = output_of(entry)
    if cases := CASES.search(output):
        passed, failed = int(cases[1]), int(cases[2])
    elif cases := RAN.search(output):
        failed = sum(map(int, WRONG.findall(output[cases.end() :])))
        passed = max(int(cases[1]) - failed - skipped_cases(output), 0)
    else:
        return (1, 0) if good else (0, 1)
    if good and passed + failed == 0:
        return (0, 0) if skipped_cases(output) else (1, 0)
    return passed, failed if good or failed else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--also-failed", type=int, default=0, help="failures outside of the logs")
    parser.add_argument("logs", nargs="*", type=Path, help="testlog.json files")
    arguments = parser.parse_args()
    passed, failed = 0, arguments.also_failed
    for log in arguments.logs:
        for line in log.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["result"] in SKIPPED:
                print(f"skipped: {entry['name']}")
                continue
            if left_out := skipped_cases(output_of(entry)):
                reasons = "; ".join(sorted(set(REASON.findall(output_of(entry)))))
                print(f"skipped: {left_out} of {entry['name']} ({reasons or 'no reason given'})")
            good, bad = count_one(entry)
            passed += good
            failed += bad
            if bad:
                print(f"failed: {entry['name']} ({log.stem})")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
