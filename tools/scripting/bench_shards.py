#!/usr/bin/env python3
"""Instructions per command at 1, 2, 4 and 8 shards, counted by callgrind: work that grows with the
number of shards would show here, whatever the machine's mood. Each figure is the difference of two
runs of different length, so that start and stop do not count. The node is kept busy all the time,
so that it does not count its own waiting."""

import argparse
import re
import shlex
import shutil
import sys

from bench_servers import (RESULTS, describe_machine, fresh_directory, print_machine,
                           redis_benchmark, save)
from node_process import NodeProcess, default_binary

COLLECTED = re.compile(r"Collected : (\d+)")
GROWTH_MAX = 1.10  # dearest over cheapest


def counted_node(data, flags):
    """A node under callgrind; its launcher stands beside the data and goes with it."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", default_binary()]
    launcher = data / "launcher"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    launcher.chmod(0o700)
    return NodeProcess(data / "node", *flags, binary=str(launcher), start_timeout_s=300)


def instructions(arguments, shards, test, requests):
    """All instructions of one run of the node."""
    data = fresh_directory(f"counted-{shards}")
    flags = ["--durability", "memory", "--shards", str(shards), "--reactors",
             str(arguments.reactors), *shlex.split(arguments.troupe_flags)]
    node = counted_node(data, flags)
    try:
        node.start()
        redis_benchmark(node.client, test.lower(), requests, arguments.pipeline)
        node.terminate(timeout_s=300)
        found = COLLECTED.findall(node.output())
        if not found:
            raise RuntimeError(f"callgrind counted nothing:\n{node.output()}")
        return sum(map(int, found))
    finally:
        node.end()
        shutil.rmtree(data, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench shards", description=__doc__)
    parser.add_argument("--shards", default="1,2,4,8", metavar="N,...")
    parser.add_argument("--reactors", type=int, default=1, metavar="N")
    parser.add_argument("--pipeline", type=int, default=16, metavar="P")
    parser.add_argument("--requests", type=int, default=40_000, metavar="N", help="shorter run")
    parser.add_argument("--tests", default="SET,GET", metavar="TEST,...")
    parser.add_argument("--troupe-flags", default="", metavar="FLAGS", help="more flags of serve")
    arguments = parser.parse_args()

    machine = describe_machine(RESULTS)
    print_machine(machine)
    counts = [int(count) for count in arguments.shards.split(",")]
    results, met = [], True
    print(f"\ninstructions per command, pipeline {arguments.pipeline}")
    for test in arguments.tests.split(","):
        costs = []
        for shards in counts:
            short = instructions(arguments, shards, test, arguments.requests)
            long = instructions(arguments, shards, test, 3 * arguments.requests)
            costs.append((long - short) / (2 * arguments.requests))
            results.append({"test": test, "shards": shards, "instructions": costs[-1]})
            print(f"  {test} {shards} shards: {costs[-1]:,.0f}", flush=True)
        growth = max(costs) / min(costs)
        met = met and growth <= GROWTH_MAX
        print(f"  {test} dearest / cheapest: {growth:.3f} (bound {GROWTH_MAX})")
    path = save("shards", {"machine": machine, "settings": vars(arguments), "results": results})
    print(f"all figures: {path}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
