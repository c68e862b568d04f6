"""Values from nothing to 64 MiB (512 MiB with TROUPE_TEST_DEPTH=full), kept in a memory of 1 MiB so
that reads come from the disk, changed in place, and there after a restart; keys up to 64 KiB."""

import hashlib
import os
import random
import socket
import time
import unittest

from node_fixture import NodeCase, ReplyParser, RespError, encode

FULL = os.environ.get("TROUPE_TEST_DEPTH") == "full"
MIB = 1 << 20
SIZES = [0, 1, 100, 4095, 4096, 65535, 65536, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 7, 64 * MIB]
LAYOUTS = [("--shards", "1", "--segment-size", "64MiB"),
           ("--shards", "3", "--reactors", "2", "--segment-size", "8MiB")]


def content(size):
    """Bytes that look like nothing else and are made quickly."""
    block = random.Random(size).randbytes(min(size, 99_991))
    return (block * (size // max(len(block), 1) + 1))[:size]


class LargeValues(NodeCase):
    def each_layout(self, *flags):
        for number, layout in enumerate(LAYOUTS):
            node = self.start_node("--memory", "1MiB", *layout, *flags, name=f"data{number}")
            yield node
            self.assertEqual(node.terminate(), 0, node.output())

    def assert_equal_bytes(self, found, expected):
        """Equality without printing megabytes."""
        self.assertEqual(len(found), len(expected))
        self.assertTrue(found == expected, "the bytes differ")

    def test_every_size_comes_back_as_it_was(self):
        for node in self.each_layout():
            with node.connect() as client:
                for size in SIZES:
                    self.assertEqual(client.call("SET", f"size:{size}", content(size)), b"OK")
                for size in SIZES:
                    self.assertEqual(client.call("STRLEN", f"size:{size}"), size)
                    self.assert_equal_bytes(client.call("GET", f"size:{size}"), content(size))
            node.kill()
            node.start()
            with node.connect() as client:
                for size in SIZES:
                    self.assert_equal_bytes(client.call("GET", f"size:{size}"), content(size))
                self.assertEqual(client.call("DBSIZE"), len(SIZES))
                self.assertGreater(node.metrics()["troupe_shard_cold_reads_total"], 0)

    def test_large_values_are_changed_in_place(self):
        for node in self.each_layout():
            expected = bytearray(content(3 * MIB))
            with node.connect() as client:
                client.call("SET", "key", bytes(expected))
                expected += b"tail" * 1000
                self.assertEqual(client.call("APPEND", "key", b"tail" * 1000), len(expected))
                expected[2 * MIB:2 * MIB + 100] = b"#" * 100
                client.call("SETRANGE", "key", 2 * MIB, b"#" * 100)
                self.assert_equal_bytes(client.call("GET", "key"), bytes(expected))
                self.assertEqual(client.call("GETRANGE", "key", 2 * MIB - 5, 2 * MIB + 4),
                                 bytes(expected[2 * MIB - 5:2 * MIB + 5]))
                self.assertEqual(client.call("GETRANGE", "key", -8, -1), b"tailtail")
                self.assertEqual(client.call("SETRANGE", "sparse", 9 * MIB, "end"), 9 * MIB + 3)
                self.assertEqual(client.call("GETRANGE", "sparse", -5, -1), b"\0\0end")
                self.assertEqual(client.call("COPY", "key", "copy"), 1)
                self.assertEqual(client.call("RENAME", "key", "renamed"), b"OK")
                self.assertEqual(client.call("EXPIRE", "renamed", 1000), 1)
                self.assertEqual(client.call("SET", "small", "again", "GET"), None)
                self.assert_equal_bytes(client.call("SET", "copy", "small", "GET"), bytes(expected))
            node.kill()
            node.start()
            with node.connect() as client:
                self.assert_equal_bytes(client.call("GET", "renamed"), bytes(expected))
                self.assertGreater(client.call("TTL", "renamed"), 900)
                self.assertEqual(client.call("GET", "copy"), b"small")
                self.assertEqual(client.call("EXISTS", "key"), 0)

    def test_cold_values_are_read_in_the_order_asked(self):
        for node in self.each_layout():
            keys = [f"key:{i}" for i in range(600)]
            values = {key: hashlib.sha256(key.encode()).digest() * 500 for key in keys}  # 16 KB
            with node.connect() as client:
                client.pipeline(("SET", key, values[key]) for key in keys)
                order = random.Random(1).choices(keys, k=1200)
                replies = client.pipeline(("GET", key) for key in order)
                self.assertEqual([key for key, reply in zip(order, replies)
                                  if reply != values[key]], [])
                # Writes between cold reads of the same key take effect in the order sent.
                mixed = [command for key in keys[:200]
                         for command in (("GET", key), ("APPEND", key, "x"),
                                         ("GETRANGE", key, -1, -1), ("SET", key, "y"),
                                         ("GET", key))]
                replies = client.pipeline(mixed)
                for at, key in enumerate(keys[:200]):
                    self.assertEqual(replies[at * 5:at * 5 + 5],
                                     [values[key], 16001, b"x", b"OK", b"y"])
                found = client.call("MGET", *keys[300:400])
                self.assertEqual(found, [values[key] for key in keys[300:400]])
                client.call("MULTI")
                for key in keys[400:420]:
                    client.call("GET", key)
                self.assertEqual(client.call("EXEC"), [values[key] for key in keys[400:420]])

    def test_the_memory_of_the_process_stays_bounded(self):
        node = self.start_node("--memory", "8MiB", "--shards", "1")
        with node.connect() as client:
            for i in range(60):
                client.call("SET", f"key:{i}", content(4 * MIB))
            self.assertLess(node.resident_bytes(), 150 * MIB)

    def test_a_large_value_is_stored_and_sent_in_little_memory(self):
        value = content(512 * MIB)
        node = self.start_node("--memory", "1MiB", "--shards", "2")
        before = node.peak_resident_bytes()
        with node.connect(timeout_s=120) as client:
            self.assertEqual(client.call("SET", "key", value), b"OK")
            self.assert_equal_bytes(client.call("GET", "key"), value)
            for reply in client.pipeline([("GET", "key"), ("GETEX", "key", "EX", "100"),
                                          ("PING",), ("GETDEL", "key"), ("EXISTS", "key")]):
                if isinstance(reply, bytes) and len(reply) > 10:
                    self.assert_equal_bytes(reply, value)
        self.assertLess(node.peak_resident_bytes() - before, 128 * MIB)
        self.assertEqual(node.terminate(), 0, node.output())

    def test_replies_with_large_values_take_little_memory(self):
        value = content(64 * MIB)
        for node in self.each_layout():
            with node.connect(timeout_s=120) as client:
                for key in ("key", "{key}old", "other"):
                    self.assertEqual(client.call("SET", key, value), b"OK")
                client.call("SET", "small", "s")
                before = node.peak_resident_bytes()
                middle = 30 * MIB + 17
                self.assertEqual(client.call("GETRANGE", "key", middle, middle + 99),
                                 value[middle:middle + 100])
                self.assert_equal_bytes(client.call("GETRANGE", "key", 1, -2), value[1:-1])
                found = client.call("MGET", "key", "small", "none", "other")
                self.assertEqual(found[1:3], [b"s", None])
                self.assert_equal_bytes(found[0], value)
                self.assert_equal_bytes(found[3], value)
                self.assert_equal_bytes(client.call("SET", "{key}old", "new", "GET"), value)
                with self.assertRaises(RespError):
                    client.call("INCR", "key")
                found = client.pipeline([("MULTI",), ("GET", "key"), ("GET", "small"),
                                         ("GETSET", "other", "new"), ("GET", "other"),
                                         ("EXEC",)])[-1]
                self.assertEqual([found[1], found[3]], [b"s", b"new"])
                self.assert_equal_bytes(found[0], value)
                self.assert_equal_bytes(found[2], value)
                self.assertLess(node.peak_resident_bytes() - before, 48 * MIB)

    def test_changes_of_a_large_value_take_little_memory(self):
        value = content(100 * MIB)
        for node in self.each_layout():
            with node.connect(timeout_s=120) as client:
                self.assertEqual(client.call("SET", "key", value), b"OK")
                before = node.peak_resident_bytes()
                for words, reply in ((("APPEND", "key", "tail"), len(value) + 4),
                                     (("SETRANGE", "key", 50 * MIB, "middle"), len(value) + 4),
                                     (("COPY", "key", "{key}copy"), 1),
                                     (("RENAME", "key", "{key}moved"), b"OK"),
                                     (("SETRANGE", "{key}sparse", 400 * MIB, "end"),
                                      400 * MIB + 3),
                                     (("APPEND", "{key}copy", "!"), len(value) + 5)):
                    self.assertEqual(client.call(*words), reply, words)
                self.assertLess(node.peak_resident_bytes() - before, 64 * MIB)
            node.kill()
            node.start()
            expected = bytearray(value)
            expected[50 * MIB:50 * MIB + 6] = b"middle"
            with node.connect(timeout_s=120) as client:
                self.assert_equal_bytes(client.call("GET", "{key}moved"), bytes(expected + b"tail"))
                self.assert_equal_bytes(client.call("GET", "{key}copy"), bytes(expected + b"tail!"))
                self.assertEqual(client.call("GETRANGE", "{key}sparse", 400 * MIB - 2, -1),
                                 b"\0\0end")
                self.assertEqual(client.call("EXISTS", "key"), 0)

    def test_a_value_that_breaks_off_was_never_there(self):
        value = content(100 * MIB)
        for node in self.each_layout():
            with node.connect() as client:
                client.call("SET", "key", "old")
                whole = encode("SET", "key", value)
                for end in (len(whole) - 2, 50 * MIB, 3 * MIB):
                    with socket.create_connection(node.client, timeout=60) as leaver:
                        leaver.sendall(whole[:end])
                    self.assertEqual(client.call("GET", "key"), b"old")
                client.call("FLUSHALL")
                # Dead parts give their segments back.
                end = time.monotonic() + 30
                shards = 3 if "3" in node.flags else 1
                while time.monotonic() < end:
                    client.pipeline(("SET", f"fill:{i}", "x") for i in range(50))
                    client.call("FLUSHALL")
                    if node.metrics()["troupe_shard_segments"] <= 6 * shards:
                        break
                    time.sleep(0.05)
                self.assertLessEqual(node.metrics()["troupe_shard_segments"], 6 * shards)

    def test_a_node_killed_during_a_large_set_starts_with_the_old_value(self):
        value = content(100 * MIB)
        whole = encode("SET", "key", value)
        for node in self.each_layout():
            with node.connect() as client:
                client.call("SET", "key", "old")
                for end in (40 * MIB, len(whole) - 1):
                    with socket.create_connection(node.client, timeout=60) as writer:
                        writer.sendall(whole[:end])
                        self.assertEqual(client.call("GET", "key"), b"old")
                        node.kill()
                    node.start()
                    client.close()
                    client = node.connect()
                    self.assertEqual(client.call("GET", "key"), b"old")
                    self.assertEqual(client.call("DBSIZE"), 1)
                self.assertEqual(client.call("SET", "key", value), b"OK")
                node.kill()
                node.start()
                client.close()
            with node.connect() as client:
                self.assert_equal_bytes(client.call("GET", "key"), value)

    def test_what_happens_to_a_key_does_not_touch_a_reply_under_way(self):
        value = content(60 * MIB)
        node = self.start_node("--memory", "1MiB", "--shards", "1", "--segment-size", "8MiB")
        with node.connect() as client:
            client.call("SET", "key", value)
        with socket.create_connection(node.client, timeout=60) as slow, node.connect() as other:
            slow.sendall(encode("GET", "key") + encode("GET", "key"))
            parser = ReplyParser()
            begin = slow.recv(100)
            # Nobody reads on, while the value is replaced, deleted and its log recycled.
            self.assertEqual(other.call("SET", "key", "small"), b"OK")
            self.assertEqual(other.call("FLUSHALL"), b"OK")
            for _ in range(40):
                other.call("SET", "fill", content(4 * MIB))
            self.assertLess(node.resident_bytes(), 150 * MIB)
            replies = parser.feed(begin)
            while len(replies) < 2:
                received = slow.recv(1 << 20)
                self.assertTrue(received, "the connection was closed")
                replies += parser.feed(received)
            for reply in replies:
                self.assert_equal_bytes(reply, value)

    def test_clients_that_leave_in_the_middle_keep_nothing(self):
        value = content(40 * MIB)
        node = self.start_node("--memory", "1MiB", "--shards", "1", "--segment-size", "8MiB")
        with node.connect() as client:
            client.call("SET", "key", value)
        for _ in range(20):
            with socket.create_connection(node.client, timeout=60) as leaver:
                leaver.sendall(encode("GET", "key") * 3)
                leaver.recv(1000)
        with node.connect() as client:
            client.call("FLUSHALL")
            for _ in range(4):
                client.call("SET", "fill", content(4 * MIB))
            # What nobody needs any more is given back: some segments and the spare ones are left.
            end = time.monotonic() + 30
            while node.metrics()["troupe_shard_segments"] > 8 and time.monotonic() < end:
                client.call("SET", "fill", "x")
                time.sleep(0.05)
            self.assertLessEqual(node.metrics()["troupe_shard_segments"], 8)

    def test_keys_are_any_bytes_up_to_64_kib(self):
        for node in self.each_layout():
            keys = [b"\x00", b"\r\n", bytes(range(256)), b"k" * 1024, content(65_535),
                    content(65_536)]
            with node.connect() as client:
                for number, key in enumerate(keys):
                    self.assertEqual(client.call("SET", key, number), b"OK")
                for number, key in enumerate(keys):
                    self.assertEqual(client.call("GET", key), b"%d" % number)
                self.assertEqual(sorted(client.call("KEYS", "*")), sorted(keys))
                self.assertEqual(client.call("DEL", keys[-1]), 1)
            node.kill()
            node.start()
            with node.connect() as client:
                self.assertEqual(sorted(client.call("KEYS", "*")), sorted(keys[:-1]))

    def test_what_is_too_large_is_refused_and_changes_nothing(self):
        for node in self.each_layout():
            with node.connect() as client:
                client.call("SET", "key", "v")
                for words in (("SET", content(65_537), "v"), ("APPEND", content(65_537), "v"),
                              ("MSET", "other", "v", content(65_537), "v"),
                              ("RENAME", "key", content(65_537)), ("COPY", "key", content(65_537)),
                              ("SETRANGE", "key", 512 * MIB, "x"), ("INCR", content(65_537))):
                    with self.assertRaises(RespError) as failed:
                        client.call(*words)
                    self.assertTrue(str(failed.exception).startswith("ERR"), failed.exception)
                self.assertEqual(client.call("GET", "key"), b"v")
                self.assertEqual(client.call("DBSIZE"), 1)

    @unittest.skipUnless(FULL, "the largest value takes long: TROUPE_TEST_DEPTH=full")
    def test_the_largest_value(self):
        for node in self.each_layout():
            value = content(512 * MIB)
            with node.connect(timeout_s=300) as client:
                self.assertEqual(client.call("SET", "key", value), b"OK")
                with self.assertRaises(RespError):
                    client.call("APPEND", "key", "x")
                self.assert_equal_bytes(client.call("GET", "key"), value)
            node.kill()
            node.start()
            with node.connect(timeout_s=300) as client:
                self.assert_equal_bytes(client.call("GET", "key"), value)


if __name__ == "__main__":
    unittest.main()
