#!/usr/bin/env python3
"""Requests per second of Troupe and redis-server, measured in turn by redis-benchmark with 50
connections, 100,000 keys and values of 100 bytes, at equal durability. The ratio of a pair is taken
within one repetition, so that a slow moment of the machine meets both; reported is the median."""

import argparse
import shlex
import shutil
import statistics
import sys

from bench_servers import (RESULTS, RedisProcess, TroupeProcess, describe_machine, fresh_directory,
                           print_machine, redis_benchmark, save)

MODES = {
    "memory": (["--save", "", "--appendonly", "no"], ["--durability", "memory"]),
    "durable": (["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
                ["--durability", "durable"]),
}
# Median ratios that a change must not fall below, and those we aim for: (mode, test, pipeline).
FLOORS = {
    ("memory", "SET", 1): 0.97, ("memory", "SET", 16): 1.5, ("memory", "SET", 64): 2.0,
    ("memory", "GET", 1): 0.97, ("memory", "GET", 16): 1.3, ("memory", "GET", 64): 1.6,
    ("durable", "SET", 1): 0.97, ("durable", "SET", 16): 1.5, ("durable", "SET", 64): 2.5,
}
GOALS = {"memory": {1: 1.05, 16: 1.8, 64: 2.5}, "durable": {1: 1.1, 16: 2.0, 64: 3.0}}
PROBE_REQUESTS = 20_000


class Bench:
    """All runs of one invocation."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.tests = [name.upper() for name in arguments.tests.split(",")]
        self.pipelines = [int(depth) for depth in arguments.pipelines.split(",")]
        self.requests = {}  # (mode, server, test, pipeline) -> requests of one measurement
        self.samples = []

    def server(self, name, mode):
        """A started server with an empty store."""
        data = fresh_directory(f"{name}-{mode}", self.arguments.directory)
        redis_flags, troupe_flags = MODES[mode]
        if name == "redis":
            return RedisProcess(data, *redis_flags).start()
        extra = shlex.split(self.arguments.troupe_flags)
        return TroupeProcess(data, *troupe_flags, *extra).start()

    def run(self, repetition, mode, name):
        """One server through all tests."""
        server = self.server(name, mode)
        try:
            for pipeline in self.pipelines:
                for test in self.tests:
                    self.measure(server, repetition, mode, name, test, pipeline)
        finally:
            server.end()
            shutil.rmtree(server.data_dir, ignore_errors=True)

    def measure(self, server, repetition, mode, name, test, pipeline):
        """One figure; the first time a probe finds out how many requests fill the time."""
        place = (mode, name, test, pipeline)
        if place not in self.requests:
            probe = redis_benchmark(server.client, test.lower(), PROBE_REQUESTS, pipeline)
            wanted = int(probe["rps"] * self.arguments.seconds)
            self.requests[place] = max(PROBE_REQUESTS, wanted)
        requests = self.requests[place]
        before = server.logged_bytes()
        figures = redis_benchmark(server.client, test.lower(), requests, pipeline)
        logged = (server.logged_bytes() - before) / requests
        self.samples.append({
            "repetition": repetition, "mode": mode, "server": name, "test": test,
            "pipeline": pipeline, "requests": requests, "logged_bytes_per_request": logged,
            **figures})
        print(f"  {repetition + 1}  {mode:<8}{name:<7}{test} P={pipeline:<3}"
              f"{figures['rps']:>12,.0f}/s  p99 {figures['p99_latency_ms']:.2f} ms", flush=True)

    def figures(self, name, mode, test, pipeline, column="rps"):
        """That column over all repetitions, in their order."""
        return [sample[column] for sample in self.samples
                if (sample["server"], sample["mode"], sample["test"], sample["pipeline"])
                == (name, mode, test, pipeline)]

    def summary(self):
        """One row per mode, test and pipeline."""
        rows = []
        for mode in self.arguments.modes.split(","):
            for test in self.tests:
                for pipeline in self.pipelines:
                    redis = self.figures("redis", mode, test, pipeline)
                    troupe = self.figures("troupe", mode, test, pipeline)
                    ratios = [ours / theirs for ours, theirs in zip(troupe, redis)]
                    floor = FLOORS.get((mode, test, pipeline))
                    ratio = statistics.median(ratios)
                    rows.append({
                        "mode": mode, "test": test, "pipeline": pipeline,
                        "redis": spread(redis), "troupe": spread(troupe), "ratio": spread(ratios),
                        "floor": floor, "floor_met": floor is None or ratio >= floor,
                        "goal": GOALS[mode].get(pipeline) if floor is not None else None,
                        "redis_p99_ms": statistics.median(
                            self.figures("redis", mode, test, pipeline, "p99_latency_ms")),
                        "troupe_p99_ms": statistics.median(
                            self.figures("troupe", mode, test, pipeline, "p99_latency_ms")),
                        "redis_logged_bytes": statistics.median(self.figures(
                            "redis", mode, test, pipeline, "logged_bytes_per_request")),
                        "troupe_logged_bytes": statistics.median(self.figures(
                            "troupe", mode, test, pipeline, "logged_bytes_per_request")),
                    })
        return rows


def spread(figures):
    """Median and range."""
    return {"median": statistics.median(figures), "min": min(figures), "max": max(figures)}


def thousands(figures):
    """A median with its range, in thousands."""
    return (f"{figures['median'] / 1e3:,.0f} k "
            f"({figures['min'] / 1e3:,.0f}..{figures['max'] / 1e3:,.0f})")


def print_table(rows):
    """All rows, with a mark where a floor is missed."""
    print(f"\n{'mode':<8} {'test':<4} {'P':>3}  {'redis':>26}  {'troupe':>26}  "
          f"{'ratio (min..max)':>20}  {'floor':>5}  {'goal':>5}  {'p99 ms':>13}  logged bytes")
    for row in rows:
        ratio = row["ratio"]
        shown = f"{ratio['median']:.2f} ({ratio['min']:.2f}..{ratio['max']:.2f})"
        logged = f"{row['redis_logged_bytes']:.0f} / {row['troupe_logged_bytes']:.0f}"
        late = f"{row['redis_p99_ms']:.2f} / {row['troupe_p99_ms']:.2f}"
        print(f"{row['mode']:<8} {row['test']:<4} {row['pipeline']:>3}  "
              f"{thousands(row['redis']):>26}  {thousands(row['troupe']):>26}  {shown:>20}  "
              f"{row['floor'] or '':>5}  {row['goal'] or '':>5}  {late:>13}  "
              f"{logged if row['test'] == 'SET' else ''}"
              f"{'' if row['floor_met'] else '   BELOW THE FLOOR'}")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench redis", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement (3)")
    parser.add_argument("--pipelines", default="1,16,64", metavar="P,...")
    parser.add_argument("--tests", default="SET,GET", metavar="TEST,...")
    parser.add_argument("--modes", default="memory,durable", metavar="MODE,...")
    parser.add_argument("--troupe-flags", default="", metavar="FLAGS", help="more flags of serve")
    parser.add_argument("--directory", metavar="DIR", help="for the data (build/bench/data)")
    parser.add_argument("--quick", action="store_true", help="3 repetitions of 1 second")
    parser.add_argument("--enforce", action="store_true", help="exit 1 below a floor")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.repetitions, arguments.seconds = 3, 1

    machine = describe_machine(arguments.directory or RESULTS)
    print_machine(machine)
    bench = Bench(arguments)
    for repetition in range(arguments.repetitions):
        # Who goes first changes, so that neither always meets the warmer machine.
        order = ["redis", "troupe"] if repetition % 2 == 0 else ["troupe", "redis"]
        for mode in arguments.modes.split(","):
            for name in order:
                bench.run(repetition, mode, name)
    rows = bench.summary()
    print_table(rows)
    path = save("redis", {"machine": machine, "settings": vars(arguments), "modes": MODES,
                          "summary": rows, "samples": bench.samples})
    print(f"\nall figures: {path}")
    return 1 if arguments.enforce and not all(row["floor_met"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
