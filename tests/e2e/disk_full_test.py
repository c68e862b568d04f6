"""A file system that fills up: writes are refused by name, deletes and reads work, and once there
is space again writes work by themselves. Needs the right to mount a small tmpfs."""

import os
import subprocess
import time
import unittest
from pathlib import Path

from node_fixture import NodeCase, RespError

DEADLINE_S = 30


class DiskFull(NodeCase):
    def setUp(self):
        super().setUp()
        self.disk = Path(self.directory) / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", self.disk],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a small file system: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)

    def fill(self, client):
        """Writes until every shard refuses; returns what was acknowledged."""
        acknowledged, refused = {}, 0
        for number in range(0, 100_000, 16):
            keys = [f"fill:{i}" for i in range(number, number + 16)]
            values = {key: f"{key} ".encode() * 4000 for key in keys}
            replies = client.pipeline(("SET", key, values[key]) for key in keys)
            for key, reply in zip(keys, replies):
                if isinstance(reply, RespError):
                    self.assertTrue(str(reply).startswith("OOM disk full"), reply)
                    refused += 1
                else:
                    acknowledged[key] = values[key]
            if refused > 100:
                return acknowledged
        self.fail("the disk was never full")

    def until_written(self, client):
        """Repeats a write until it is taken."""
        end = time.monotonic() + DEADLINE_S
        while True:
            replies = client.pipeline(("SET", f"after:{i}", "x" * 1000) for i in range(100))
            if not any(isinstance(reply, RespError) for reply in replies):
                return
            if time.monotonic() > end:
                self.fail(f"writes do not come back: {replies[0]}")
            time.sleep(0.1)

    def fill_and_recover(self, *flags):
        node = self.start_node("--segment-size", "8MiB", "--memory", "8MiB", *flags,
                               name="disk/data")
        with node.connect() as client:
            acknowledged = self.fill(client)
            self.assertGreater(sum(map(len, acknowledged.values())), 30 << 20)
            wrong = [key for key, value in acknowledged.items() if client.call("GET", key) != value]
            self.assertEqual(wrong, [])
            self.assertGreater(node.metrics()["troupe_shard_disk_full"], 0)
            status, text = node.http("/health")
            self.assertEqual((status, "no disk space" in text), (503, True), text)
            with self.assertRaisesRegex(RespError, "^OOM disk full"):
                client.call("MSET", *[f"pair{i}" if i % 2 == 0 else b"x" * 500_000
                                      for i in range(40)])
            some = list(acknowledged)[:500]
            self.assertEqual(client.call("DEL", *some), 500)
            self.assertEqual(client.call("EXISTS", *some), 0)
        # Full as it is, it stops and starts again with everything.
        self.assertEqual(node.terminate(), 0, node.output())
        node.start()
        with node.connect() as client:
            self.assertEqual(client.call("DBSIZE"), len(acknowledged) - 500)
            key = list(acknowledged)[-1]
            self.assertEqual(client.call("GET", key), acknowledged[key])
            self.assertEqual(client.call("FLUSHALL"), b"OK")
            self.until_written(client)
            again = self.fill(client)
            self.assertGreater(sum(map(len, again.values())), 30 << 20)
            self.assertGreater(node.metrics()["troupe_shard_disk_full_rejections_total"], 0)
            self.assertEqual(node.metrics()["troupe_shard_poisoned"], 0)
        self.assertEqual(node.terminate(), 0)

    def test_one_shard(self):
        self.fill_and_recover("--shards", "1")

    def test_two_shards_that_answer_at_once(self):
        self.fill_and_recover("--shards", "2", "--durability", "memory")

    def test_two_shards_that_write_at_intervals(self):
        self.fill_and_recover("--shards", "2", "--durability", "interval")

    def test_space_that_others_free_is_found(self):
        ballast = self.disk / "ballast"
        node = self.start_node("--segment-size", "8MiB", "--shards", "1", name="disk/data")
        ballast.write_bytes(os.urandom(1 << 20) * 100)
        with node.connect() as client:
            self.fill(client)
            ballast.unlink()
            self.until_written(client)

    def test_a_large_value_without_room_is_refused_and_the_client_goes_on(self):
        node = self.start_node("--segment-size", "8MiB", "--shards", "1", name="disk/data")
        with node.connect() as client:
            for _ in range(2):
                with self.assertRaisesRegex(RespError, "^OOM disk full"):
                    client.call("SET", "key", b"x" * (300 << 20))
                self.assertEqual(client.call("EXISTS", "key"), 0)
            # What was stored of them is dead, so there is room for others soon.
            self.until_written(client)
            self.assertEqual(client.call("SET", "key", b"x" * (60 << 20)), b"OK")
            self.assertEqual(client.call("STRLEN", "key"), 60 << 20)
        node.kill()
        node.start()
        with node.connect() as client:
            self.assertEqual(client.call("GET", "key"), b"x" * (60 << 20))


if __name__ == "__main__":
    unittest.main()
