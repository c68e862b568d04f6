#!/usr/bin/env python3
"""Resident memory per key, beside the bytes of key and value themselves: 2 million keys of 16 bytes
with values of 100 bytes, in Troupe and in redis-server, both without waiting for the disk."""

import argparse
import shlex
import shutil
import sys
import time

from bench_servers import (RESULTS, RedisProcess, TroupeProcess, describe_machine, fresh_directory,
                           print_machine, save, set_keys)

KEY_BYTES = 16
VALUE_BYTES = 100
BESIDE_BYTES_MAX = 64  # the bound that a change must keep


def measure(server, keys):
    """Loads the keys into a started server; returns its figures."""
    try:
        before = server.resident_bytes()
        began = time.monotonic()
        set_keys(server.client, keys, "key:%012d", VALUE_BYTES)
        seconds = time.monotonic() - began
        with server.connect() as client:
            if (size := client.call("DBSIZE")) != keys:
                raise RuntimeError(f"{size} keys instead of {keys}")
        after = server.resident_bytes()
    finally:
        server.end()
        shutil.rmtree(server.data_dir, ignore_errors=True)
    per_key = (after - before) / keys
    return {"empty_bytes": before, "full_bytes": after, "per_key_bytes": per_key,
            "beside_bytes": per_key - KEY_BYTES - VALUE_BYTES, "load_seconds": seconds}


def main():
    parser = argparse.ArgumentParser(prog="tools/bench memory", description=__doc__)
    parser.add_argument("--keys", type=int, default=2_000_000, metavar="N")
    parser.add_argument("--troupe-flags", default="", metavar="FLAGS", help="more flags of serve")
    arguments = parser.parse_args()

    machine = describe_machine(RESULTS)
    print_machine(machine)
    # Room for all values: what leaves memory costs nothing and would look like thrift.
    room = str(4 * arguments.keys * (KEY_BYTES + VALUE_BYTES) + (64 << 20))
    flags = ["--durability", "memory", "--memory", room, *shlex.split(arguments.troupe_flags)]
    results = {
        "redis": measure(RedisProcess(fresh_directory("redis-memory"), "--save", "",
                                      "--appendonly", "no").start(), arguments.keys),
        "troupe": measure(TroupeProcess(fresh_directory("troupe-memory"), *flags).start(),
                          arguments.keys),
    }
    print(f"\n{arguments.keys:,} keys of {KEY_BYTES} + {VALUE_BYTES} bytes")
    print(f"{'':<8}{'empty':>12}{'full':>12}{'per key':>12}{'beside key and value':>24}")
    for name, figures in results.items():
        print(f"{name:<8}{figures['empty_bytes'] / 1e6:>9.1f} MB"
              f"{figures['full_bytes'] / 1e6:>9.1f} MB"
              f"{figures['per_key_bytes']:>10.1f} B{figures['beside_bytes']:>22.1f} B")
    met = results["troupe"]["beside_bytes"] <= BESIDE_BYTES_MAX
    print(f"bound {BESIDE_BYTES_MAX} B: {'met' if met else 'MISSED'}")
    path = save("memory", {"machine": machine, "settings": vars(arguments), "results": results})
    print(f"all figures: {path}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
