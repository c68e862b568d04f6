"""Few descriptors: clients leave those that the node itself needs, and where there are none all the
same, who connects waits, the log says so now and then, and all goes on by itself."""

import os
import resource
import socket
import time
import unittest
from pathlib import Path

from node_fixture import NodeCase, StartFailed, default_binary

DEADLINE_S = 30
FULL_TEXT = b"-ERR max number of clients reached\r\n"


def cpu_seconds(pid):
    """Processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Descriptors(NodeCase):
    def limited(self, descriptors):
        """A program that runs the node with that limit."""
        path = Path(self.directory) / f"limited-{descriptors}"
        path.write_text(f'#!/bin/sh\nulimit -n {descriptors}\nexec "{default_binary()}" "$@"\n',
                        encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def connect(self, address):
        connection = socket.create_connection(address, timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        return connection

    def test_clients_leave_the_descriptors_that_the_log_needs(self):
        node = self.start_node("--shards", "1", "--reactors", "2", "--segment-size", "8MiB",
                               binary=self.limited(700))
        self.assertIn("maxclients is", node.output())
        with node.connect() as client:
            places = int(client.call("CONFIG", "GET", "maxclients")[1])
            self.assertIn(places, range(100, 500))
            with self.assertRaisesRegex(Exception, f"not able to handle .* try with {places}"):
                client.call("CONFIG", "SET", "maxclients", str(places + 1))
            others = [self.connect(node.client) for _ in range(600)]
            answers = []
            for connection in others:
                try:
                    connection.sendall(b"PING\r\n")
                    answers.append(connection.recv(100))
                except ConnectionError:
                    answers.append(FULL_TEXT)
            self.assertEqual(answers.count(b"+PONG\r\n"), places - 1)
            self.assertEqual(answers.count(FULL_TEXT), len(others) - places + 1)
            # The log goes through many segments meanwhile, and pages are served.
            for i in range(40):
                self.assertEqual(client.call("SET", f"k{i % 4}", b"x" * (1 << 20)), b"OK")
            self.assertEqual(node.http("/health"), (200, "ok\n"))
        self.assertEqual(node.terminate(), 0, node.output())

    def test_a_node_without_a_place_for_a_client_does_not_start(self):
        node = self.new_node(binary=self.limited(200))
        self.assertRaises(StartFailed, node.start)
        self.assertEqual(node.process.returncode, 1)
        self.assertIn("raise the limit (ulimit -n", node.output())

    def test_out_of_descriptors_who_connects_waits_at_no_cost_and_is_served_later(self):
        node = self.start_node("--reactors", "2")
        with node.connect() as client:
            self.assertEqual(client.call("SET", "k", "v"), b"OK")
            before = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (3, before[1]))
            waiting = [self.connect(node.client) for _ in range(20)]
            for connection in waiting:
                connection.sendall(b"PING\r\n")
            page = self.connect(node.addresses["http"])
            page.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            began, used = time.monotonic(), cpu_seconds(node.pid)
            while (elapsed := time.monotonic() - began) < 2:
                self.assertEqual(client.call("GET", "k"), b"v")
                time.sleep(0.05)
            self.assertLess(cpu_seconds(node.pid) - used, 0.25 * elapsed)
            # One line for each listening socket, however often it was tried.
            self.assertIn(node.output().count("Too many open files"), range(1, 4), node.output())
            waiting[0].setblocking(False)
            with self.assertRaises(BlockingIOError):
                waiting[0].recv(100)
            waiting[0].settimeout(DEADLINE_S)
            resource.prlimit(node.pid, resource.RLIMIT_NOFILE, before)
            for connection in waiting:
                self.assertEqual(connection.recv(100), b"+PONG\r\n")
            self.assertTrue(page.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(node.terminate(), 0, node.output())


if __name__ == "__main__":
    unittest.main()
