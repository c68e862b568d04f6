"""The `troupe` program from outside: exit codes, sentences, pages, and what it refuses."""

import signal
import socket
import stat
import subprocess
import time
import unittest
from pathlib import Path

from node_fixture import NodeCase, StartFailed, default_binary


def run(*arguments):
    """(exit code, stdout, stderr) of the program."""
    done = subprocess.run([default_binary(), *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


class CommandLine(NodeCase):
    def test_version_and_help_go_to_stdout(self):
        code, out, _ = run("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^troupe \d+\.\d+\.\d+\n$")
        code, out, _ = run("serve", "--help")
        self.assertEqual(code, 0)
        self.assertIn("--data-dir", out)

    def test_a_wrong_command_line_ends_with_2_and_a_sentence(self):
        code, out, error = run("serve", "--data-dri", "x")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("unknown flag '--data-dri' (did you mean '--data-dir'?)", error)
        self.assertEqual(run()[0], 2)
        self.assertEqual(run("serve")[0], 2)

    def test_a_wrong_configuration_file_is_named_with_its_line(self):
        path = Path(self.directory) / "node.toml"
        path.write_text('data-dir = "x"\nshard = 4\n', encoding="utf-8")
        code, _, error = run("serve", "--config", str(path))
        self.assertEqual(code, 2)
        self.assertIn(f"{path}:2: unknown key 'shard' (did you mean 'shards'?)", error)

    def test_everything_wrong_in_a_configuration_file_is_named_with_its_line(self):
        path = Path(self.directory) / "node.toml"
        path.write_text('data-dir = 5\nshards = 0\n\nShard = 1\nsegment-size = "1KiB"\nbogus = 1\n',
                        encoding="utf-8")
        code, _, error = run("serve", "--config", str(path))
        self.assertEqual(code, 2)
        for part in (":1: data-dir: ", ":4: unknown key 'Shard' (did you mean 'shards'?)",
                     ":6: unknown key 'bogus'"):
            self.assertIn(f"{path}{part}", error)
        path.write_text('data-dir = "x"\nshards = 0\n\nsegment-size = "1KiB"\n', encoding="utf-8")
        code, _, error = run("serve", "--config", str(path))
        self.assertEqual(code, 2)
        self.assertIn(f"{path}:2: shards: 0 is out of range: 1 to 256", error)
        self.assertIn(f"{path}:4: segment-size: 1024 is out of range", error)

    def test_flags_of_a_cluster_are_kept_or_refused_with_what_is_missing(self):
        secret = Path(self.directory) / "secret"
        secret.write_text("a secret of many letters\n", encoding="utf-8")
        self.start_node("--min-isr", "1", "--cluster-secret", str(secret))
        for flags, part in ((("--min-isr", "2"), "--min-isr: "),
                            (("--cluster-secret", self.directory + "/none"), "cannot read"),
                            (("--peer-address", "0.0.0.0:0"), "--peer-address: "),
                            (("--follow", "127.0.0.1:1"), "--follow: "),
                            (("--durability", "replicated"), "--durability: ")):
            code, _, error = run("serve", "--data-dir", self.directory + "/other", *flags)
            self.assertEqual(code, 2, flags)
            self.assertIn(part, error)
            self.assertNotIn("did you mean", error)

    def test_a_secret_of_two_lines_is_refused(self):
        path = Path(self.directory) / "secret"
        path.write_text("pw\nsecond\n", encoding="utf-8")
        for flag in ("--password", "--http-token", "--cluster-secret"):
            code, _, error = run("serve", "--data-dir", self.directory + "/data", flag, str(path))
            self.assertEqual(code, 2)
            self.assertIn("more than one line", error)

    def test_an_address_beyond_this_machine_needs_a_password(self):
        code, _, error = run("serve", "--data-dir", self.directory, "--client-address", "0.0.0.0:0")
        self.assertEqual(code, 2)
        self.assertIn("needs a password", error)

    def test_a_port_in_use_ends_with_1_and_names_the_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for flag in ("--client-address", "--http-address", "--peer-address"):
                node = self.new_node(flag, f"127.0.0.1:{port}")
                with self.assertRaises(StartFailed) as failed:
                    node.start()
                self.assertIn(str(port), str(failed.exception))
                self.assertEqual(node.process.returncode, 1)

    def test_a_data_directory_in_use_is_refused(self):
        self.start_node()
        second = self.new_node()
        with self.assertRaises(StartFailed) as failed:
            second.start()
        self.assertEqual(second.process.returncode, 1)
        self.assertIn("data", str(failed.exception))

    def test_a_data_directory_that_is_a_file_is_refused(self):
        (Path(self.directory) / "data").write_text("hello", encoding="utf-8")
        node = self.new_node()
        self.assertRaises(StartFailed, node.start)
        self.assertEqual(node.process.returncode, 1)


    def test_a_directory_of_something_else_is_refused_and_left_as_it_is(self):
        for name in ("file.txt", "dump.rdb"):
            directory = Path(self.directory) / name.replace(".", "-")
            directory.mkdir()
            (directory / name).write_text("x", encoding="utf-8")
            node = self.new_node(name=directory.name)
            with self.assertRaises(StartFailed) as failed:
                node.start()
            self.assertEqual(node.process.returncode, 1)
            self.assertIn(f"{directory} holds {name}", str(failed.exception))
            self.assertEqual([path.name for path in directory.iterdir()], [name])

    def test_the_segment_size_is_spoken_of_only_when_one_was_asked_for(self):
        node = self.start_node("--segment-size", "8MiB")
        self.assertEqual(node.terminate(), 0)
        del node.flags[:2]
        node.start()
        self.assertEqual(node.terminate(), 0)
        self.assertNotIn("segments stay", node.output())
        node.flags += ["--segment-size", "16MiB"]
        node.start()
        self.assertIn("segments stay at 8388608 bytes", node.output())

    def test_a_hang_up_does_not_end_a_node(self):
        node = self.start_node()
        node.process.send_signal(signal.SIGHUP)
        with node.connect() as client:
            self.assertEqual(client.call("PING"), b"PONG")
        self.assertEqual(node.terminate(), 0)


class Pages(NodeCase):
    def test_health_answers_at_once_among_connections_that_never_finish_their_request(self):
        node = self.start_node()
        attackers = [socket.create_connection(node.addresses["http"]) for _ in range(300)]
        for attacker in attackers:
            self.addCleanup(attacker.close)
            attacker.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        self.assertEqual(node.http("/health")[0], 200)
        self.assertLess(time.monotonic() - began, 2)

    def test_what_is_no_question_for_a_page_is_refused_at_once(self):
        node = self.start_node()
        for request in (b"POST /health HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"):
            with socket.create_connection(node.addresses["http"], timeout=2) as client:
                client.sendall(request)
                self.assertIn(b" 405 ", client.recv(4096))

    def test_health_and_metrics_are_served_beside_the_clients(self):
        node = self.start_node("--shards", "2")
        with node.connect() as client:
            client.call("SET", "key", "value")
            status, _ = node.http("/health")
            self.assertEqual(status, 200)
            metrics = node.metrics()
        self.assertEqual(metrics["troupe_shard_keys"], 1)
        self.assertGreaterEqual(metrics["troupe_shard_commits_total"], 1)
        self.assertEqual(metrics["troupe_connected_clients"], 1)
        self.assertEqual(node.http("/elsewhere")[0], 404)

    def test_metrics_need_the_token_when_there_is_one(self):
        token = Path(self.directory) / "token"
        token.write_text("open sesame\n", encoding="utf-8")
        token.chmod(stat.S_IRUSR)
        node = self.start_node("--http-token", str(token))
        self.assertEqual(node.http("/metrics")[0], 401)
        self.assertEqual(node.http("/metrics", token="open sesame")[0], 200)
        self.assertEqual(node.http("/health")[0], 200)


class Inspect(NodeCase):
    def test_a_sound_directory_is_described_and_a_damaged_one_is_named(self):
        node = self.start_node()
        with node.connect() as client:
            for number in range(100):
                client.call("SET", f"key{number}", "value" * 100)
        self.assertEqual(node.terminate(), 0)
        code, out, error = run("inspect", node.data_dir)
        self.assertEqual(code, 0, error)
        self.assertIn("end of log:", out)
        for line in out.splitlines():
            if line.startswith("end of log:"):
                self.assertTrue(line.endswith(": sealed here"), line)
        manifests = sorted(Path(node.data_dir).glob("shard-*/MANIFEST-*"))
        self.assertTrue(manifests)
        for path in manifests:
            path.write_bytes(b"\xff" * 100)
        code, _, error = run("inspect", node.data_dir)
        self.assertEqual(code, 1)
        self.assertIn("MANIFEST", error)

    def test_a_file_that_is_none_of_a_node_is_refused_as_such(self):
        path = Path(self.directory) / "passwd"
        path.write_text("root:x:0:0\n", encoding="utf-8")
        code, _, error = run("inspect", str(path))
        self.assertEqual(code, 1)
        self.assertIn(f"{path}: not named like a file of a data directory", error)

    def test_a_path_that_does_not_exist_is_named(self):
        code, _, error = run("inspect", self.directory + "/none")
        self.assertEqual(code, 1)
        self.assertIn("none", error)


if __name__ == "__main__":
    unittest.main()
