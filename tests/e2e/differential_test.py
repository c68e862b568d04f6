"""Byte-for-byte comparison with redis-server 7 over many layouts of shards and reactors: see
differential.py. The seeds are fixed; TROUPE_TEST_DEPTH=full takes more of them."""

import os
import shutil
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

from node_fixture import NodeCase

FULL = os.environ.get("TROUPE_TEST_DEPTH") == "full"
LAYOUTS = [(1, 1), (4, 2), (3, 4)] if not FULL else [
    (shards, reactors) for shards in (1, 3, 4) for reactors in (1, 2, 4)]
SEEDS = range(1, 6 if FULL else 2)
DIFFERENTIAL = Path(__file__).resolve().parent / "differential.py"


def start_reference(directory, *options):
    """A redis-server without persistence on a free port: (process, port)."""
    for _ in range(5):  # somebody else may take the port before it does
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1",
                                   "--save", "", "--appendonly", "no", "--dir", directory,
                                   *options],
                                  stdout=subprocess.DEVNULL)
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return server, port
            except OSError:
                time.sleep(0.02)
    raise RuntimeError("redis-server does not start")


def end(server):
    """Ends a process that this test began."""
    server.kill()
    server.wait()


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class Differential(NodeCase):
    def test_replies_equal_those_of_redis(self):
        server, port = start_reference(self.directory)
        self.addCleanup(end, server)
        for shards, reactors in LAYOUTS:
            node = self.start_node("--shards", str(shards), "--reactors", str(reactors),
                                   "--segment-size", "8MiB", name=f"data-{shards}-{reactors}")
            for seed in SEEDS:
                with self.subTest(shards=shards, reactors=reactors, seed=seed):
                    done = subprocess.run(
                        [sys.executable, str(DIFFERENTIAL), str(port), str(node.client[1]),
                         "--seed", str(seed * 100 + shards * 10 + reactors), "--transactions"],
                        capture_output=True, text=True, check=False, timeout=300)
                    self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr)
            self.assertEqual(node.terminate(), 0, node.output())


if __name__ == "__main__":
    unittest.main()
