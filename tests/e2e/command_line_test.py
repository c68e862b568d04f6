"""The `troupe` program from outside: exit codes, sentences, pages, and what it refuses."""

import socket
import stat
import subprocess
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

    def test_an_address_beyond_this_machine_needs_a_password(self):
        code, _, error = run("serve", "--data-dir", self.directory, "--client-address", "0.0.0.0:0")
        self.assertEqual(code, 2)
        self.assertIn("needs a password", error)

    def test_a_port_in_use_ends_with_1_and_names_the_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for flag in ("--client-address", "--http-address"):
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


class Pages(NodeCase):
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
        self.assertTrue(out)
        manifests = sorted(Path(node.data_dir).glob("shard-*/MANIFEST-*"))
        self.assertTrue(manifests)
        for path in manifests:
            path.write_bytes(b"\xff" * 100)
        code, _, error = run("inspect", node.data_dir)
        self.assertEqual(code, 1)
        self.assertIn("MANIFEST", error)

    def test_a_path_that_does_not_exist_is_named(self):
        code, _, error = run("inspect", self.directory + "/none")
        self.assertEqual(code, 1)
        self.assertIn("none", error)


if __name__ == "__main__":
    unittest.main()
