"""The scripts of tools/: the RESP client, the loader that must know what was acknowledged, the
package index, the counting of tests and the layout checks."""

import importlib.machinery
import importlib.util
import json
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tools" / "scripting"
sys.path.insert(0, str(SCRIPTS))

import package_index  # noqa: E402
from node_process import parse_metrics  # noqa: E402
from pipelined_load import load  # noqa: E402
from resp_client import ReplyParser, RespError, encode  # noqa: E402


def load_tidy():
    """tools/tidy as a module."""
    loader = importlib.machinery.SourceFileLoader("tidy", str(ROOT / "tools" / "tidy"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
    loader.exec_module(module)
    return module


class StubServer:
    """Answers +OK to `answers` commands over all connections, then closes them all."""

    def __init__(self, answers):
        self._left = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._connections = []
        self._lock = threading.Lock()
        self._servers = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._servers.append(threading.Thread(target=self._serve, args=(connection,)))
            self._servers[-1].start()

    def _serve(self, connection):
        buffer = b""
        try:
            while data := connection.recv(4096):
                # Each command of the loader ends in the value's own terminator.
                buffer += data
                count = buffer.count(b"!\r\n")
                buffer = buffer[buffer.rfind(b"!\r\n") + 3 :] if count else buffer
                with self._lock:
                    granted = min(count, self._left)
                    self._left -= granted
                    if granted:
                        connection.sendall(b"+OK\r\n" * granted)
                    if self._left == 0:
                        self.close()
        except OSError:
            pass

    def close(self):
        """Ends every connection, as a dying server does."""
        for each in [self._listener, *self._connections]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        """Closes, and waits for the threads: one that runs while Python exits may crash it."""
        self.close()
        self._acceptor.join()
        self.close()  # what was accepted meanwhile
        for server in self._servers:
            server.join()
        for each in [self._listener, *self._connections]:
            each.close()


class RespClientTest(unittest.TestCase):
    def test_replies_are_the_same_in_whatever_pieces_they_come(self):
        data = (b"+OK\r\n-ERR x y\r\n:-12\r\n$3\r\na\r\n\r\n$-1\r\n"
                b"*2\r\n$0\r\n\r\n*1\r\n:1\r\n*-1\r\n")
        for size in (1, 2, 7, len(data)):
            parser, replies = ReplyParser(), []
            for at in range(0, len(data), size):
                replies += parser.feed(data[at : at + size])
            self.assertIsInstance(replies[1], RespError)
            self.assertEqual(str(replies[1]), "ERR x y")
            del replies[1]
            self.assertEqual(replies, [b"OK", -12, b"a\r\n", None, [b"", [1]], None])

    def test_commands_are_arrays_of_bulk_strings(self):
        self.assertEqual(encode("SET", b"k\r\n", 5),
                         b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$1\r\n5\r\n")


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.records = {b"k%d" % number: b"v%d!" % number for number in range(2000)}

    def test_a_load_that_is_answered_is_complete(self):
        server = StubServer(len(self.records) + 1)
        self.addCleanup(server.end)
        outcome = load(server.address, self.records, list(self.records))
        self.assertTrue(outcome.complete)
        self.assertEqual(sorted(outcome.acknowledged), sorted(self.records))

    def test_when_the_server_dies_every_key_is_in_exactly_one_group(self):
        server = StubServer(700)
        self.addCleanup(server.end)
        outcome = load(server.address, self.records, list(self.records))
        self.assertFalse(outcome.complete)
        self.assertLessEqual(len(outcome.acknowledged), 700)
        self.assertTrue(outcome.unknown)
        everything = outcome.acknowledged + outcome.unknown + outcome.left
        self.assertEqual(sorted(everything), sorted(self.records))


class PackageIndexTest(unittest.TestCase):
    def test_stanzas_become_records_and_the_last_of_equal_keys_counts(self):
        text = (b"Package: a\nVersion: 1\nArchitecture: all\nDescription: x\n more\n\n"
                b"Package: b\nVersion: 1:2-3\nArchitecture: amd64\n\n\n"
                b"Package: half\nVersion: 1\n\n"
                b"Package: a\nVersion: 1\nArchitecture: all\nDescription: y\n")
        records = package_index.parse(text)
        self.assertEqual(sorted(records), [b"a:all:1", b"b:amd64:1:2-3"])
        self.assertTrue(records[b"a:all:1"].endswith(b"Description: y"))


class MetricsTest(unittest.TestCase):
    def test_metrics_are_summed_over_their_labels(self):
        text = ('# TYPE x counter\nx{shard="0"} 1\nx{shard="1"} 2.5\ny 7\n'
                'z_bucket{le="1"} 9\nz_count 3\n')
        self.assertEqual(parse_metrics(text), {"x": 3.5, "y": 7.0, "z_count": 3.0})


class CountTest(unittest.TestCase):
    def count(self, entries, *flags):
        """(exit code, last line) of count_tests.py over one log."""
        code, lines = self.lines(entries, *flags)
        return code, lines[-1]

    def lines(self, entries, *flags):
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "log.json"
            log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
            done = subprocess.run([sys.executable, str(SCRIPTS / "count_tests.py"), *flags, log],
                                  capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()

    def test_cases_and_whole_programs_are_added_up(self):
        cases = "[doctest] test cases:  21 |  20 passed | 1 failed | 0 skipped"
        entries = [{"name": "a", "result": "FAIL", "stdout": cases},
                   {"name": "b", "result": "OK", "stdout": "fine"},
                   {"name": "c", "result": "SKIP"}]
        self.assertEqual(self.count(entries), (1, "21 passed, 1 failed"))

    def test_python_tests_count_one_by_one(self):
        entries = [{"name": "a", "result": "OK", "stderr": "....\nRan 4 tests in 0.1s\n\nOK\n"},
                   {"name": "b", "result": "FAIL",
                    "stderr": "Ran 5 tests in 1s\n\nFAILED (failures=1, errors=2)\n"}]
        self.assertEqual(self.count(entries), (1, "6 passed, 3 failed"))

    def test_skipped_cases_are_named_and_count_as_neither(self):
        some = ("test_a ... ok\ntest_b ... skipped 'no redis here'\n"
                "test_c ... skipped 'no redis here'\n\nRan 3 tests in 0.1s\n\nOK (skipped=2)\n")
        all_of_them = ("test_a ... skipped \"it's not mounted\"\n\n"
                       "Ran 1 test in 0.1s\n\nOK (skipped=1)\n")
        entries = [{"name": "a", "result": "OK", "stderr": some},
                   {"name": "b", "result": "OK", "stderr": all_of_them},
                   {"name": "c", "result": "FAIL",
                    "stderr": "Ran 3 tests in 1s\n\nFAILED (failures=1, skipped=1)\n"}]
        self.assertEqual(self.lines(entries), (1, [
            "skipped: 2 of a (no redis here)", "skipped: 1 of b (it's not mounted)",
            "skipped: 1 of c (no reason given)", "failed: c (log)", "2 passed, 1 failed"]))

    def test_a_program_that_ends_badly_is_a_failure_though_no_case_failed(self):
        cases = "[doctest] test cases:  2 |  2 passed | 0 failed | 0 skipped"
        entries = [{"name": "a", "result": "FAIL", "stdout": cases},
                   {"name": "b", "result": "TIMEOUT", "stdout": ""}]
        self.assertEqual(self.count(entries), (1, "2 passed, 2 failed"))

    def test_a_failed_build_is_a_failure(self):
        entries = [{"name": "b", "result": "OK"}]
        self.assertEqual(self.count(entries), (0, "1 passed, 0 failed"))
        self.assertEqual(self.count(entries, "--also-failed", "1"), (1, "1 passed, 1 failed"))


class LayoutTest(unittest.TestCase):
    def setUp(self):
        self.tidy = load_tidy()

    def allowed(self, name, target, quote='"'):
        """Whether `name` may include `target`."""
        return self.tidy.check_include(name, quote, target) is None

    def test_arrows_point_one_way(self):
        self.assertTrue(self.allowed("storage/io/x.cpp", "storage/base/result.hpp"))
        self.assertTrue(self.allowed("tests/storage/io/x.cpp", "storage/io/file_system.hpp"))
        self.assertTrue(self.allowed("tools/x.cpp", "actors/node_config.hpp"))
        self.assertFalse(self.allowed("storage/base/x.cpp", "storage/io/file_system.hpp"))
        self.assertFalse(self.allowed("actors/x.cpp", "tools/command_line.hpp"))
        self.assertFalse(self.allowed("elsewhere/x.cpp", "storage/base/result.hpp"))

    def test_actors_and_messages_stay_out_of_the_cores(self):
        self.assertTrue(self.allowed("actors/shard.cpp", "caf/all.hpp", "<"))
        self.assertTrue(self.allowed("actors/shard.cpp", "schemas/log.capnp.h"))
        for name in ("storage/kv/store.cpp", "actors/resp/parser.cpp", "tools/main.cpp",
                     "actors/http_server.cpp"):
            self.assertFalse(self.allowed(name, "caf/all.hpp", "<"), name)
            self.assertFalse(self.allowed(name, "schemas/log.capnp.h"), name)

    def test_only_the_edges_touch_the_operating_system(self):
        self.assertTrue(self.allowed("storage/io/posix_file.cpp", "unistd.h", "<"))
        self.assertFalse(self.allowed("storage/log/manifest.cpp", "unistd.h", "<"))
        self.assertFalse(self.allowed("actors/resp/parser.cpp", "sys/socket.h", "<"))

    def test_headers_begin_with_a_comment_and_a_guard(self):
        self.assertIsNone(self.tidy.check_head("x.hpp", ["// What.", "#pragma once", ""]))
        self.assertIsNotNone(self.tidy.check_head("x.hpp", ["#pragma once"]))
        self.assertIsNotNone(self.tidy.check_head("x.hpp", ["// What.", "#include <a>"]))


if __name__ == "__main__":
    unittest.main()
