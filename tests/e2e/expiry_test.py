"""Keys with a deadline: gone to the millisecond, removed without being asked for, and as dead or as
alive after a restart or a kill as before it."""

import time
import unittest

from node_fixture import NodeCase

DEADLINE_S = 20


def now_ms():
    return time.time_ns() // 1_000_000


class Expiry(NodeCase):
    def until(self, what, condition):
        """Waits for a condition that must come true by itself."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def test_a_key_is_there_before_its_deadline_and_gone_from_it_on(self):
        for flags in (("--shards", "1"), ("--shards", "4", "--reactors", "2")):
            node = self.start_node(*flags, name="data" + flags[1])
            with node.connect() as client:
                seen_alive = 0
                for left_ms in (30, 61, 97, 1000):
                    deadline = now_ms() + left_ms
                    client.call("SET", "key", "v", "PXAT", deadline)
                    while True:
                        asked = now_ms()
                        value = client.call("GET", "key")
                        answered = now_ms()
                        if value is None:
                            self.assertGreaterEqual(answered, deadline)
                            break
                        seen_alive += 1
                        self.assertLessEqual(asked, deadline)
                    self.assertEqual(client.call("TTL", "key"), -2)
                    self.assertEqual(client.call("EXISTS", "key"), 0)
                # A busy machine may take longer than the short deadlines for one round trip.
                self.assertGreater(seen_alive, 0)

    def test_an_expired_key_is_new_again_for_every_command(self):
        node = self.start_node("--shards", "2")
        with node.connect() as client:
            past = 20
            for i in range(8):
                client.call("SET", f"key:{i}", "10", "PX", past)
            client.call("SET", "count", "5", "PX", past)
            self.until("expiry", lambda: client.call("EXISTS", "key:7", "count") == 0)
            self.assertEqual(client.call("INCR", "count"), 1)
            self.assertEqual(client.call("TTL", "count"), -1)
            self.assertEqual(client.call("APPEND", "key:0", "x"), 1)
            self.assertEqual(client.call("SET", "key:1", "v", "NX"), b"OK")
            self.assertEqual(client.call("SET", "key:2", "v", "XX"), None)
            self.assertEqual(client.call("GETSET", "key:3", "v"), None)
            self.assertEqual(client.call("PERSIST", "key:4"), 0)
            self.assertEqual(client.call("EXPIRE", "key:5", 100), 0)
            self.assertEqual(client.call("DEL", "key:6"), 0)
            self.assertEqual(client.call("SETRANGE", "key:7", 1, "x"), 2)

    def test_keys_nobody_asks_for_are_removed(self):
        node = self.start_node("--shards", "2")
        with node.connect() as client:
            client.pipeline(("SET", f"short:{i}", "v" * 100, "PX", 50 + i % 100)
                            for i in range(5000))
            client.pipeline(("SET", f"long:{i}", "v", "EX", 10_000) for i in range(100))
            client.call("SET", "for ever", "v")
            self.until("active expiry", lambda: client.call("DBSIZE") == 101)
            self.assertEqual(len(client.call("KEYS", "*")), 101)
            self.until("figures", lambda: (
                node.metrics()["troupe_shard_expired_keys_total"] == 5000))
            self.assertEqual(node.metrics()["troupe_shard_keys_with_deadline"], 100)

    def test_deadlines_survive_a_stop_and_a_kill(self):
        node = self.start_node("--shards", "2")
        deadline, soon = now_ms() + 100_000, now_ms() + 2_000
        with node.connect() as client:
            client.call("SET", "set", "v", "PXAT", deadline)
            client.call("SET", "later", "v")
            client.call("PEXPIREAT", "later", deadline)
            client.call("SET", "changed", "v", "EX", 50)
            client.call("PEXPIREAT", "changed", deadline, "GT")
            client.call("SET", "persisted", "v", "PXAT", soon)
            client.call("PERSIST", "persisted")
            client.call("SET", "kept", "v", "PXAT", deadline)
            client.call("SET", "kept", "w", "KEEPTTL")
            client.call("SET", "dropped", "v", "PXAT", soon)
            client.call("SET", "dropped", "w")
            client.call("SET", "dying", "v", "PXAT", soon)
            client.call("SET", "large", b"x" * (2 << 20), "PXAT", deadline)
            client.call("SET", "read", "v")
            client.call("GETEX", "read", "PXAT", deadline)
        for stop in (node.kill, node.terminate, node.kill):
            stop()
            node.start()
            with node.connect() as client:
                for key in ("set", "later", "changed", "kept", "large", "read"):
                    self.assertEqual(client.call("PEXPIRETIME", key), deadline, key)
                for key in ("persisted", "dropped"):
                    self.assertEqual(client.call("PEXPIRETIME", key), -1, key)
                self.until("expiry", lambda: client.call("EXISTS", "dying") == 0)
                self.assertEqual(client.call("GET", "kept"), b"w")

    def test_what_expired_never_comes_back(self):
        node = self.start_node("--shards", "1")
        with node.connect() as client:
            for i in range(300):
                client.call("SET", f"key:{i}", "old")
            client.pipeline(("PEXPIRE", f"key:{i}", 1 + i % 40) for i in range(300))
            keys = [f"key:{i}" for i in range(300)]
            self.until("expiry", lambda: client.call("EXISTS", *keys) == 0)
        for _ in range(2):
            node.kill()
            node.start()
            with node.connect() as client:
                values = client.pipeline(("GET", f"key:{i}") for i in range(300))
                self.assertEqual(values, [None] * 300)
                self.until("active expiry", lambda: client.call("DBSIZE") == 0)


if __name__ == "__main__":
    unittest.main()
