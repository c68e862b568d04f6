"""What INFO counts, beside redis-server 7 doing the same; identities; the bound of clients over all
reactors."""

import re
import shutil
import socket
import time
import unittest

from differential_test import end, start_reference
from node_fixture import NodeCase, RespClient, RespError

# Counted by both servers in the same way: reads, writes, errors of both kinds, a MULTI block.
COMMANDS = [line.split() for line in """
    SET a 1|GET a|GET none|MGET a none a|EXISTS a none|TOUCH a|TTL a|TTL none|TYPE none|STRLEN a
    GETEX a EX 100|GETEX none|GETEX a EX x|GETRANGE a 0 -1|OBJECT ENCODING a|OBJECT FREQ a
    OBJECT IDLETIME none|SET a 1 NX|SET a 2 GET|SET none 1 XX GET|GETSET a 1|GETDEL a|GETDEL a
    SET a 1|SET b 1|COPY a b|COPY a c|COPY none c|COPY a a|RENAME c d|RENAMENX a d|MSETNX a 1 e 1
    MSET a 1 b 2 c 3|APPEND a x|INCR a|EXPIRE a 100|PERSIST none|DEL none
    SCAN 0 COUNT 1000|MEMORY USAGE a|RANDOMKEY
    GET|NOSUCH|CLIENT SETNAME|CLIENT REPLY WHAT|CONFIG GET port|CONFIG NOSUCH|EXEC|DISCARD
    MULTI|INCR a|GET a|EXEC|MULTI|GET|EXEC|WATCH a|UNWATCH|PING|ECHO x|AUTH x
    """.replace("\n", "|").split("|") if line.strip()]

# CLIENT REPLY around and inside MULTI; k is 1.
CONVERSATIONS = [
    "MULTI|GET k|CLIENT REPLY OFF|GET k|EXEC|PING|CLIENT REPLY ON|PING",
    "MULTI|GET k|CLIENT REPLY SKIP|GET k|EXEC|ECHO one|ECHO two",
    "CLIENT REPLY OFF|MULTI|GET k|CLIENT REPLY ON|GET k|EXEC|ECHO one",
    "MULTI|CLIENT REPLY ON|GET k|EXEC|ECHO one",
    "MULTI|GET k|CLIENT REPLY OFF|GET k|CLIENT REPLY ON|STRLEN k|EXEC|ECHO one",
    "CLIENT REPLY SKIP|MULTI|GET k|EXEC|ECHO one",
    "MULTI|CLIENT REPLY SKIP|CLIENT REPLY OFF|EXEC|ECHO x|CLIENT REPLY ON|ECHO y",
    "MULTI|CLIENT REPLY OFF|CLIENT REPLY SKIP|EXEC|ECHO x|CLIENT REPLY ON|ECHO y",
    "MULTI|CLIENT REPLY SKIP|DISCARD|ECHO x",
    "MULTI|CLIENT REPLY SKIP|CLIENT REPLY ON|EXEC|ECHO x|ECHO y",
    "MULTI|CLIENT REPLY NONE|EXEC|ECHO x",
    "MULTI|SET a 1|CLIENT REPLY OFF|SET a 2|EXEC|CLIENT REPLY ON|GET a",
    "CLIENT REPLY OFF|MULTI|SET a 1|CLIENT REPLY ON|SET a 2|EXEC|GET a",
    "CLIENT REPLY SKIP|CLIENT REPLY SKIP|ECHO a|ECHO b",
    "MULTI|NOSUCH|CLIENT REPLY SKIP|EXEC|ECHO a|ECHO b",
    "CLIENT REPLY SKIP|GET|ECHO a",
]


def info(client, section="everything"):
    """INFO as a dictionary."""
    text = client.call("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def counts(fields):
    """What both servers must agree on, of the commands they share."""
    found = {name: fields[name] for name in ("keyspace_hits", "keyspace_misses",
                                             "total_error_replies")}
    for name, value in fields.items():
        if name.startswith("errorstat_"):
            found[name] = value
        if name.startswith("cmdstat_") and not re.match("cmdstat_(info|config\\|resetstat)$", name):
            found[name] = re.sub(r"usec=.*?,usec_per_call=.*?,", "", value)
    return found


def counts_after(client, commands):
    """Runs the commands on an empty server and returns what it counted."""
    client.call("FLUSHALL")
    client.call("CONFIG", "RESETSTAT")
    for words in commands:
        try:
            client.call(*words)
        except RespError:
            pass
    return counts(info(client))


def converse(client, lines):
    """The bytes that come back for `lines` up to a last reply that both servers send."""
    client.call("SET", "k", "1")
    with socket.create_connection(client.address, timeout=10) as connection:
        connection.sendall("".join(line + "\r\n" for line in lines.split("|")).encode())
        connection.sendall(b"CLIENT REPLY ON\r\nQUIT\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class BesideRedis(NodeCase):
    def setUp(self):
        super().setUp()
        server, port = start_reference(self.directory)
        self.addCleanup(end, server)
        self.redis = self.connected(("127.0.0.1", port))

    def connected(self, address):
        client = RespClient(*address)
        client.address = address
        self.addCleanup(client.close)
        return client

    def test_the_same_commands_count_the_same(self):
        expected = counts_after(self.redis, COMMANDS)
        for shards, reactors in ((1, 1), (4, 2)):
            with self.subTest(shards=shards, reactors=reactors):
                node = self.start_node("--shards", str(shards), "--reactors", str(reactors),
                                       "--durability", "memory", name=f"data-{shards}")
                client = self.connected(node.client)
                self.assertEqual(counts_after(client, COMMANDS), expected)

    def test_client_reply_and_multi_go_together_as_in_redis(self):
        nodes = [self.start_node("--shards", str(shards), "--durability", level, name=level)
                 for shards, level in ((1, "memory"), (4, "durable"))]
        clients = [self.connected(node.client) for node in nodes]
        for lines in CONVERSATIONS:
            expected = converse(self.redis, lines)
            for client in clients:
                with self.subTest(lines=lines):
                    self.assertEqual(converse(client, lines), expected)

    def test_fields_that_redis_has_too_are_of_the_same_form(self):
        node = self.start_node()
        theirs, ours = info(self.redis), info(self.connected(node.client))
        number = re.compile(r"-?[0-9.]+$")
        for name in sorted(set(theirs) & set(ours)):
            if name.startswith("cmdstat_"):
                # Some readers take the second figure for usec, whatever its name.
                form = re.compile(r"calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=\d+,"
                                  r"failed_calls=\d+$")
                self.assertRegex(theirs[name], form)
                self.assertRegex(ours[name], form)
                continue
            with self.subTest(name=name):
                self.assertEqual(bool(number.match(ours[name])), bool(number.match(theirs[name])),
                                 f"{ours[name]} beside {theirs[name]}")


class CommandTimes(NodeCase):
    def usec(self, client, command):
        """What INFO says of the time of a command."""
        return int(re.search(r"usec=(\d+),", info(client)[f"cmdstat_{command}"])[1])

    def test_the_time_of_commands_is_near_what_the_node_was_busy(self):
        node = self.start_node("--shards", "1", "--reactors", "1", "--durability", "memory")
        with node.connect() as client:
            client.pipeline(("SET", f"key{i}", "x" * 100) for i in range(100_000))
            client.call("CONFIG", "RESETSTAT")
            began = time.monotonic()
            for _ in range(10):
                self.assertEqual(len(client.call("KEYS", "key1*")), 11_111)
            elapsed_us = (time.monotonic() - began) * 1e6
            # Each of these calls is timed: together less than the client waited, and not nothing.
            self.assertLess(self.usec(client, "keys"), elapsed_us)
            self.assertGreater(self.usec(client, "keys"), elapsed_us / 50)
            # Of these only some are; fast ones beside slow ones stay fast.
            began = time.monotonic()
            client.pipeline(("GET", f"key{i}") for i in range(100_000))
            elapsed_us = (time.monotonic() - began) * 1e6
            self.assertLess(self.usec(client, "get"), elapsed_us)
            self.assertGreater(self.usec(client, "get"), 1000)
            self.assertLess(self.usec(client, "get") / 100_000, self.usec(client, "keys") / 10)


class UsedMemory(NodeCase):
    def used(self, client):
        """used_memory and the sum of its parts."""
        fields = info(client, "memory")
        parts = int(fields["used_memory_overhead"]) + int(fields["used_memory_dataset"])
        self.assertEqual(int(fields["used_memory"]), parts)
        return int(fields["used_memory"])

    def test_it_follows_what_the_process_takes_and_gives_back(self):
        node = self.start_node("--shards", "1", "--durability", "memory", "--memory", "1GiB")
        with node.connect() as client:
            before, resident_before = self.used(client), node.resident_bytes()
            self.assertGreater(before, int(info(client, "memory")["used_memory_startup"]))
            self.assertLess(before, resident_before)
            for first in range(0, 300_000, 10_000):
                client.pipeline(("SET", f"key:{i:09}", "x" * 200)
                                for i in range(first, first + 10_000))
            grown = self.used(client) - before
            resident = node.resident_bytes() - resident_before
            self.assertGreater(grown, 0.75 * resident)
            self.assertLess(grown, resident)
            client.call("FLUSHALL")
            end = time.monotonic() + 30
            while self.used(client) - before > grown / 10 and time.monotonic() < end:
                time.sleep(0.05)
            self.assertLess(self.used(client) - before, grown / 10)


class Identities(NodeCase):
    def test_ids_port_and_process_are_those_of_the_node(self):
        node = self.start_node("--shards", "2", "--reactors", "2")
        seen = set()
        for _ in range(2):
            with node.connect() as one, node.connect() as other:
                fields = info(one)
                self.assertEqual(fields["tcp_port"], str(node.client[1]))
                self.assertEqual(fields["process_id"], str(node.pid))
                self.assertTrue(fields["executable"].endswith("troupe"), fields["executable"])
                for name in ("run_id", "master_replid"):
                    self.assertRegex(fields[name], "^[0-9a-f]{40}$")
                    self.assertEqual(info(other)[name], fields[name])
                    self.assertNotIn(fields[name], seen)
                    seen.add(fields[name])
            node.kill()
            node.start()

    def test_resetstat_starts_the_counters_of_all_reactors_and_shards_anew(self):
        node = self.start_node("--shards", "4", "--reactors", "2")
        clients = [node.connect() for _ in range(6)]
        for client in clients:
            for i in range(20):
                client.call("GET", f"key{i}")
        before = info(clients[0])
        self.assertEqual(before["keyspace_misses"], "120")
        self.assertTrue(before["cmdstat_get"].startswith("calls=120,"), before["cmdstat_get"])
        self.assertGreater(int(before["total_net_input_bytes"]), 120 * 10)
        clients[0].call("CONFIG", "RESETSTAT")
        after = info(clients[1])
        self.assertEqual(after["keyspace_misses"], "0")
        self.assertNotIn("cmdstat_get", after)
        self.assertEqual(after["connected_clients"], "6")
        for client in clients:
            client.close()


class Bounds(NodeCase):
    def test_maxclients_holds_over_all_reactors(self):
        node = self.start_node("--reactors", "4")
        with node.connect() as client:
            client.call("CONFIG", "SET", "maxclients", "20")
            others = [socket.create_connection(node.client, timeout=10) for _ in range(100)]
            served = 0
            for connection in others:
                connection.sendall(b"PING\r\n")
                answer = b""
                try:
                    answer = connection.recv(100)
                except ConnectionResetError:
                    pass
                served += answer == b"+PONG\r\n"
            self.assertEqual(served, 19)
            self.assertEqual(info(client)["connected_clients"], "20")
            self.assertEqual(info(client)["rejected_connections"], "81")
            for connection in others:
                connection.close()

    def test_the_largest_clients_go_when_all_hold_too_much(self):
        node = self.start_node("--reactors", "1", "--client-memory", "8MiB")
        with node.connect() as small:
            hoarders = []
            for _ in range(8):
                hoarder = socket.create_connection(node.client, timeout=10)
                hoarders.append(hoarder)
                try:
                    hoarder.sendall(b"*2\r\n$4\r\nECHO\r\n$4000000\r\n" + b"x" * 2_000_000)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.assertEqual(small.call("PING"), b"PONG")
            fields = info(small)
            self.assertGreaterEqual(int(fields["evicted_clients"]), 4)
            self.assertLessEqual(int(fields["mem_clients_normal"]), 8 << 20)
            self.assertEqual(fields["mem_clients_max"], str(8 << 20))
            self.assertIn("client-memory", node.output())
            for hoarder in hoarders:
                hoarder.close()


if __name__ == "__main__":
    unittest.main()
