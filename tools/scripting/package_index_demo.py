#!/usr/bin/env python3
"""The demonstration behind tools/quickstart: real data, a node killed in the middle, every record
compared at the end."""

import argparse
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import package_index
from live_line import LiveLine, table
from node_process import ROOT, NodeProcess, StartFailed, default_binary
from pipelined_load import load

READ_WINDOW = 512  # GETs under way while comparing
METRICS_INTERVAL_S = 0.5


class LoadFigures:
    """Live figures of a load: rates from the loader, commits from the node's own metrics."""

    def __init__(self, node, mean_bytes):
        self._node = node
        self._mean_bytes = mean_bytes
        self._began = time.monotonic()
        self._asked = 0.0
        self._commits = ""
        self.done, self.under_way = 0, 0

    def text(self):
        """For the line beside the bar."""
        now = time.monotonic()
        if now - self._asked >= METRICS_INTERVAL_S and self._node.running():
            self._asked = now
            self._commits = self._ask()
        rate = self.done / max(now - self._began, 1e-3)
        return (f"{rate:,.0f}/s  {rate * self._mean_bytes / 1e6:.1f} MB/s  "
                f"{self.under_way} unanswered{self._commits}")

    def _ask(self):
        try:
            metrics = self._node.metrics()
        except (OSError, ValueError):
            return ""
        commits = metrics.get("troupe_shard_commits_total", 0)
        records = metrics.get("troupe_shard_commit_records_sum", 0)
        if not commits:
            return ""
        return f"  {commits:,.0f} commits of {records / commits:.0f} records"


def load_part(node, records, keys, title, kill_at=None):
    """Loads keys; at `kill_at` acknowledgements the node gets SIGKILL. Returns the outcome."""
    line = LiveLine(title, len(keys))
    mean = sum(map(len, records.values())) / len(records)
    figures = LoadFigures(node, mean)

    def on_progress(acknowledged, under_way):
        figures.done, figures.under_way = acknowledged, under_way
        line.show(acknowledged, figures.text)
        # Only a death with writes under way shows anything.
        if kill_at is not None and acknowledged >= kill_at and under_way and node.running():
            node.kill()

    outcome = load(node.client, records, keys, on_progress=on_progress)
    line.finish(len(outcome.acknowledged), figures.text())
    return outcome


def compare(node, records, keys, title):
    """Reads every key; returns (missing, different) as lists of keys."""
    line = LiveLine(title, len(keys))
    missing, different = [], []
    began = time.monotonic()
    done = 0

    def figures():
        return f"{done / max(time.monotonic() - began, 1e-3):,.0f}/s"

    with node.connect() as client:
        for at in range(0, len(keys), READ_WINDOW):
            window = keys[at : at + READ_WINDOW]
            values = client.pipeline(("GET", key) for key in window)
            for key, value in zip(window, values):
                if value is None:
                    missing.append(key)
                elif value != records[key]:
                    different.append(key)
            done += len(window)
            line.show(done, figures)
    line.finish(done, f"{figures()}  {len(missing)} missing, {len(different)} different")
    return missing, different


def demonstrate(node, records, seed):
    """Runs it all; returns (table rows, list of what is wrong)."""
    keys = list(records)
    wrong = []
    kill_at = random.Random(seed).randrange(len(keys) * 3 // 10, len(keys) * 6 // 10)
    began = time.monotonic()

    node.start()
    first = load_part(node, records, keys, "loading", kill_at)
    if node.running():
        wrong.append("the node should have been killed while loading")
    print(f"killed    SIGKILL with {len(first.unknown)} writes unanswered; restarting")
    node.start()
    recovery_s = node.start_seconds
    print(f"restarted in {recovery_s * 1e3:.0f} ms")

    lost, damaged = compare(node, records, first.acknowledged, "checking")
    there, _ = split_unknown(node, records, first.unknown, wrong)
    second = load_part(node, records, first.unknown + first.left, "loading")
    for outcome in (first, second):
        wrong += [f"{key.decode()}: {error}" for key, error in outcome.errors]
    if not second.complete:
        wrong.append("the second load did not finish")
    missing, different = compare(node, records, keys, "comparing")
    with node.connect() as client:
        size = client.call("DBSIZE")
    if size != len(keys):
        wrong.append(f"the node counts {size} keys, the input has {len(keys)}")
    wrong += [f"acknowledged write lost: {key.decode()}" for key in lost]
    wrong += [f"acknowledged write damaged: {key.decode()}" for key in damaged]
    wrong += [f"missing: {key.decode()}" for key in missing]
    wrong += [f"different: {key.decode()}" for key in different]

    metrics = node.metrics()
    rows = [
        ("records", f"{len(keys):,}"),
        ("bytes of values", f"{sum(map(len, records.values())):,}"),
        ("acknowledged before the kill", f"{len(first.acknowledged):,}"),
        ("of these there after restart", f"{len(first.acknowledged) - len(lost) - len(damaged):,}"),
        ("unanswered at the kill", f"{len(first.unknown):,}, of which {there:,} were on disk"),
        ("restart", f"{recovery_s * 1e3:,.0f} ms"),
        ("written after the restart", f"{len(second.acknowledged):,}"),
        ("commits since the restart", f"{metrics.get('troupe_shard_commits_total', 0):,.0f}"),
        ("resident memory", f"{node.resident_bytes() / 1e6:,.0f} MB"),
        ("equal to the input", f"{len(keys) - len(missing) - len(different):,} of {len(keys):,}"),
        ("time", f"{time.monotonic() - began:.1f} s"),
    ]
    return rows, wrong


def split_unknown(node, records, keys, wrong):
    """Unanswered writes may be there or not, but never half: (there, not there)."""
    if not keys:
        return 0, 0
    with node.connect() as client:
        values = client.pipeline(("GET", key) for key in keys)
    for key, value in zip(keys, values):
        if value is not None and value != records[key]:
            wrong.append(f"unanswered write is there in part: {key.decode()}")
    there = sum(value is not None for value in values)
    return there, len(keys) - there


def how_to_play_on(data_dir, kept, example):
    """What to type next."""
    binary = os.path.relpath(default_binary())
    key = shlex.quote(example.decode())
    print("\nPlay on:")
    if kept:
        print(f"  {binary} serve --data-dir {data_dir}")
    else:
        print("  tools/quickstart --keep            the same, but keep the data")
        print(f"  {binary} serve --data-dir build/play")
    print("  redis-cli -p 7379 set greeting hello")
    print(f"  redis-cli -p 7379 get {key}" + ("" if kept else "            after --keep"))
    print("  redis-benchmark -p 7379 -t set,get -P 16 -q")
    print("  curl http://127.0.0.1:8379/metrics")
    print(f"  {binary} inspect {data_dir if kept else 'build/play'}")


def read_records(arguments):
    """The input, shortened if asked."""
    if arguments.input:
        records, source = package_index.parse(Path(arguments.input).read_bytes()), arguments.input
    else:
        records, source = package_index.load(print)
    if arguments.records:
        records = dict(list(records.items())[: arguments.records])
    if len(records) < 10:
        sys.exit(f"{source} holds {len(records)} records; 10 are needed")
    print(f"input: {len(records):,} records from {source}")
    return records


def main():
    parser = argparse.ArgumentParser(prog="tools/quickstart", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the data in build/quickstart")
    parser.add_argument("--input", metavar="FILE", help="records from a file of Debian stanzas")
    parser.add_argument("--records", type=int, metavar="N", help="only the first N records")
    parser.add_argument("--shards", default="2", metavar="N", help="shards of the node (2)")
    parser.add_argument("--seed", type=int, help="decides when the node is killed")
    arguments = parser.parse_args()
    # So that the finally below runs when somebody ends this script.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    records = read_records(arguments)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    if arguments.keep:
        data_dir = str(ROOT / "build" / "quickstart")
        shutil.rmtree(data_dir, ignore_errors=True)
    else:
        data_dir = tempfile.mkdtemp(prefix="troupe-quickstart-")
    node = NodeProcess(data_dir, "--shards", arguments.shards)
    try:
        rows, wrong = demonstrate(node, records, seed)
        if node.running() and (code := node.terminate()) != 0:
            wrong.append(f"the node ended with exit code {code}:\n{node.output()}")
    except (StartFailed, OSError, TimeoutError) as error:
        print(f"\nfailed: {error}\nseed {seed}", file=sys.stderr)
        return 1
    finally:
        node.end()
        if not arguments.keep:
            shutil.rmtree(data_dir, ignore_errors=True)
    print()
    table(rows)
    if wrong:
        print(f"\n{len(wrong)} things are wrong (seed {seed}):")
        for line in wrong[:20]:
            print(f"  {line}")
        return 1
    print("\nEvery record and every acknowledged write is there.")
    how_to_play_on(os.path.relpath(data_dir), arguments.keep, next(iter(records)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
