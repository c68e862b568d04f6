"""Hostile and careless bytes on the clients' port: answers in Redis' words or a closed connection,
and the node goes on serving the others."""

import os
import random
import socket
import unittest
from pathlib import Path

from node_fixture import NodeCase, RespError, encode

FULL = os.environ.get("TROUPE_TEST_DEPTH") == "full"


def receive_all(connection):
    """Everything until the other side closes; a reset counts as closing."""
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


class HostileClients(NodeCase):
    def connect(self, node):
        connection = socket.create_connection(node.client, timeout=10)
        self.addCleanup(connection.close)
        return connection

    def answer_and_close(self, node, data):
        """What a fresh connection gets back for `data` before the node closes it."""
        with self.connect(node) as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return receive_all(connection)

    def assert_serving(self, node):
        with node.connect() as client:
            self.assertEqual(client.call("PING"), b"PONG")

    def test_broken_framing_is_answered_and_closed(self):
        node = self.start_node("--shards", "2")
        for data, expected in [
                (b"*abc\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
                (b"*99999999999\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
                (b"*1\r\nx\r\n", b"-ERR Protocol error: expected '$', got 'x'\r\n"),
                (b"*1\r\n$-5\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
                (b"*1\r\n$536870913\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
                (b"*1\r\n$99999999999999999999\r\n",
                 b"-ERR Protocol error: invalid bulk length\r\n"),
                # Redis takes these for one command and two more; here a wrong length ends it.
                (b"*2\r\n$4\r\nECHO\r\n$1\r\nabcdef\r\nFLUSHALL\r\n",
                 b"-ERR Protocol error: invalid bulk length\r\n"),
                (b"*2\r\n$4\r\nECHO\r\n$1\r\na\nFLUSHALL\r\n",
                 b"-ERR Protocol error: invalid bulk length\r\n"),
                (b'set "unbalanced\r\n', b"-ERR Protocol error: unbalanced quotes in request\r\n"),
                (b"x" * 70_000, b"-ERR Protocol error: too big inline request\r\n"),
                (b"*" + b"1" * 70_000, b"-ERR Protocol error: too big mbulk count string\r\n"),
        ]:
            with self.subTest(data=data[:30]):
                self.assertEqual(self.answer_and_close(node, data), expected)
        # What came before the error is answered first.
        self.assertEqual(self.answer_and_close(node, b"PING\r\n*x\r\n"),
                         b"+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n")
        self.assert_serving(node)

    def test_an_announced_length_costs_no_memory(self):
        node = self.start_node()
        self.assert_serving(node)
        before = node.resident_bytes()
        connections = [self.connect(node) for _ in range(50)]
        for connection in connections:
            connection.sendall(b"*1048576\r\n$536870912\r\nabc")
        self.assert_serving(node)
        self.assertLess(node.resident_bytes() - before, 64 << 20)

    def test_http_is_closed_without_an_answer(self):
        node = self.start_node()
        for data in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET stolen 1\r\n",
                     b"host: example.org\r\nSET stolen 1\r\n",
                     b" POST / HTTP/1.1\r\n\r\nSET stolen 1\r\n",
                     encode("Host:", "x") + b"SET stolen 1\r\n"):
            self.assertNotIn(b"OK", self.answer_and_close(node, data))
        with node.connect() as client:
            self.assertEqual(client.call("EXISTS", "stolen"), 0)

    def test_zero_bytes_and_unknown_names_do_no_harm(self):
        node = self.start_node()
        with self.connect(node) as connection:
            connection.sendall(b"\x00\x00\x00\r\nPING\r\n")
            answer = b""
            while b"PONG" not in answer:
                answer += connection.recv(1000)
        self.assertTrue(answer.startswith(b"-ERR unknown command"), answer)
        with node.connect() as client:
            with self.assertRaisesRegex(RespError, "unknown command") as failed:
                client.call("no\r\nsuch\x00thing", "x\r\n+OK")
            self.assertNotIn("\n", str(failed.exception))

    def test_random_bytes_never_end_the_node(self):
        node = self.start_node("--shards", "2")
        source = random.Random(4)
        pieces = [b"*3\r\n$3\r\nSET\r\n", b"$5\r\nvalue\r\n", b"*1\r\n", b"\r\n", b"$-1\r\n",
                  b"\x00", b"*0\r\n", b"*-1\r\n", b"GET a\r\n", b"$0\r\n\r\n", b"MULTI\r\n",
                  b"EXEC\r\n"]
        for _ in range(2000 if FULL else 300):
            with self.connect(node) as connection:
                data = b"".join(source.choice(pieces) if source.random() < 0.8
                                else source.randbytes(source.randrange(40)) for _ in range(12))
                connection.sendall(data)
                if source.random() < 0.5:
                    connection.shutdown(socket.SHUT_WR)
                    receive_all(connection)
        self.assert_serving(node)
        self.assertEqual(node.terminate(), 0)

    def test_a_slow_writer_is_waited_for_and_hinders_nobody(self):
        node = self.start_node()
        slow = self.connect(node)
        for byte in b"*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$4\r\nno":
            slow.sendall(bytes([byte]))
        self.assert_serving(node)
        slow.sendall(b"pe\r\n")
        self.assertEqual(slow.recv(100), b"+OK\r\n")

    def test_a_client_that_never_reads_is_bounded(self):
        node = self.start_node()
        with node.connect() as client:
            client.call("SET", "big", b"x" * (1 << 20))
        before = node.resident_bytes()
        greedy = self.connect(node)
        greedy.setblocking(False)
        try:
            for _ in range(3000):
                greedy.send(b"GET big\r\n")
        except OSError:
            pass
        for _ in range(50):
            self.assert_serving(node)
        self.assertLess(node.resident_bytes() - before, 128 << 20)

    def test_clients_beyond_maxclients_are_told(self):
        node = self.start_node()
        with node.connect() as client:
            client.call("CONFIG", "SET", "maxclients", "20")
            others = [self.connect(node) for _ in range(300)]
            refused = 0
            for connection in others[19:]:
                refused += receive_all(connection) == b"-ERR max number of clients reached\r\n"
            self.assertEqual(refused, 281)
            self.assertEqual(client.call("PING"), b"PONG")
            for connection in others:
                connection.close()
            self.assertEqual(client.call("PING"), b"PONG")

    def test_who_has_not_authenticated_gets_little(self):
        password = Path(self.directory) / "password"
        password.write_text("secret\n", encoding="utf-8")
        password.chmod(0o600)
        node = self.start_node("--password", str(password))
        for data, expected in [
                (b"*1000\r\n", b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
                (b"*2\r\n$3\r\nGET\r\n$100000\r\n",
                 b"-ERR Protocol error: unauthenticated bulk length\r\n")]:
            self.assertEqual(self.answer_and_close(node, data), expected)
        with node.connect() as client:
            for words in (("GET", "k"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("SHUTDOWN",),
                          ("MULTI",), ("CLIENT", "LIST"), ("INFO",)):
                with self.assertRaisesRegex(RespError, "^NOAUTH"):
                    client.call(*words)
        # Guessing is cut off after some attempts.
        guesses = b"AUTH guess\r\n" * 1000
        answer = self.answer_and_close(node, guesses)
        self.assertIn(b"-WRONGPASS", answer)
        self.assertLess(answer.count(b"-WRONGPASS"), 20)
        # A flood before AUTH is neither kept nor in the way of others.
        flood = self.connect(node)
        flood.setblocking(False)
        try:
            for _ in range(1000):
                flood.send(b"x" * 65536)
        except OSError:
            pass
        with node.connect() as client:
            self.assertEqual(client.call("AUTH", "secret"), b"OK")
            self.assertEqual(client.call("SET", "k", b"v" * 100_000), b"OK")


if __name__ == "__main__":
    unittest.main()
