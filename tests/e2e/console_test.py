"""`troupe console` through the door: one-shot commands with their exit codes, JSON, a pipe of
commands, and the interactive shell on a terminal of its own."""

import json
import os
import pty
import re
import select
import subprocess
import unittest
from pathlib import Path

from link_client import CONSOLE, REFUSED, LinkClient, frame
from node_fixture import NodeCase, default_binary

DONE, FAILED, MISUSED, UNREACHABLE = 0, 1, 2, 3


def address_of(node):
    return "{}:{}".format(*node.addresses["peer"])


def console(node, *words, stdin=""):
    """(exit code, stdout, stderr) of one call."""
    address = node if isinstance(node, str) else address_of(node)
    done = subprocess.run([default_binary(), "console", address, *words], input=stdin,
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class OneShot(NodeCase):
    def ask(self, node, *words):
        """The JSON answer to a command that must be done."""
        code, out, error = console(node, "--json", *words)
        self.assertEqual((code, error), (DONE, ""), out)
        return json.loads(out)

    def test_every_actor_is_shown_with_what_it_did(self):
        node = self.start_node("--shards", "2")
        with node.connect() as client:
            for number in range(100):
                client.call("SET", f"key{number}", "value")
        tree = self.ask(node, "actors")
        actors = {one["name"]: one for one in tree["actors"]}
        for name in ("node", "metrics", "admin", "link_listener", "gateway/0", "shard/0", "shard/1",
                     "wal_flusher/0", "log_worker/1", "data_reader/0", "data_writer/1"):
            self.assertEqual(actors[name]["state"], "running", name)
            self.assertEqual(actors[name]["restarts"], 0)
            self.assertLess(actors[name]["mailbox"], 10)
        for name in ("shard/0", "wal_flusher/0"):
            self.assertEqual(actors[name]["place"], "reactor 0")
            self.assertGreater(actors[name]["messages"], 20)
            self.assertGreater(actors[name]["busy_us"], 0)
        self.assertEqual(actors["data_reader/0"]["place"], "thread")
        self.assertEqual([one["state"].split()[0] for one in tree["links"]], ["operator"])
        self.assertGreater(tree["reactors"][0]["busy_us"], 0)
        # Pages for machines have the same figures.
        handled = re.search(r'troupe_actor_messages_total{actor="shard/0",place="reactor 0"} (\d+)',
                            node.http("/metrics")[1])
        self.assertGreaterEqual(int(handled[1]), actors["shard/0"]["messages"])

    def test_shards_and_log_agree_with_info(self):
        node = self.start_node("--shards", "3")
        with node.connect() as client:
            for number in range(30):
                client.call("SET", f"key{number}", "v" * 100)
            info = client.call("INFO", "shards").decode()
        shards, log = self.ask(node, "shards"), self.ask(node, "log")
        self.assertEqual(sum(one["keys"] for one in shards), 30)
        for number, shard in enumerate(log):
            told = dict(pair.split("=") for pair in
                        re.search(rf"shard{number}:(\S+)", info)[1].split(","))
            self.assertEqual(shard["durable_lsn"], int(told["durable"]))
            self.assertEqual(shard["segments"], int(told["segments"]))
            self.assertEqual(shards[number]["keys"], int(told["keys"]))
            self.assertEqual(shard["epoch"], 1)
        node.terminate()
        node.start()
        self.assertEqual([one["epoch"] for one in self.ask(node, "log")], [2, 2, 2])

    def test_settings_are_read_and_changed_as_by_clients(self):
        node = self.start_node()
        self.assertEqual(self.ask(node, "config", "get", "durability", "max*-policy"),
                         {"durability": "durable", "maxmemory-policy": "noeviction"})
        self.assertIn("changed", self.ask(node, "config", "set", "durability", "memory")["done"])
        with node.connect() as client:
            self.assertEqual(client.call("CONFIG", "GET", "durability"), [b"durability", b"memory"])
        for words, part in ((("durability", "sometimes"), "must be one of the following"),
                            (("shards", "7"), "immutable"), (("nothing", "7"), "Unknown option")):
            code, out, error = console(node, "config", "set", *words)
            self.assertEqual((code, out), (FAILED, ""))
            self.assertIn(part, error)
        self.assertEqual(self.ask(node, "config", "get", "durability"), {"durability": "memory"})

    def test_a_shard_is_told_to_flush_pause_and_resume(self):
        node = self.start_node("--durability", "memory")
        with node.connect() as client:
            client.call("SET", "key", "value")
            self.assertRegex(self.ask(node, "tell", "shard/0", "flush")["done"], r"LSN \d+")
            self.assertEqual(console(node, "tell", "shard/0", "resume")[0], FAILED)
            self.ask(node, "tell", "shard/0", "pause", "60")
            client.send("GET", "key")
            with node.connect() as other:  # what no shard is needed for goes on
                self.assertEqual(other.call("PING"), b"PONG")
            code, _, error = console(node, "tell", "shard/0", "pause")
            self.assertEqual((code, "paused already" in error), (FAILED, True))
            self.assertEqual(console(node, "tell", "shard/0", "flush")[0], FAILED)
            self.ask(node, "tell", "shard/0", "resume")
            self.assertEqual(client.read(), b"value")
            self.ask(node, "tell", "shard/0", "pause", "1")
            client.call("SET", "key", "later")  # goes on by itself
            self.ask(node, "tell", "shard/0", "pause", "60")
        self.assertEqual(node.terminate(), 0)  # a pause does not hold up the end

    def test_one_actor_is_asked_and_unknown_ones_are_named(self):
        node = self.start_node()
        status = self.ask(node, "ask", "shard/0", "status")
        self.assertEqual((status["actor"], status["keys"], status["log"]), ("shard/0", "0", "ok"))
        self.assertEqual(self.ask(node, "ask", "metrics", "status")["place"], "scheduler")
        for words in (("ask", "shard/9", "status"), ("ask", "shard/0", "weather"),
                      ("tell", "gateway/0", "flush"), ("tell", "shard/0", "dance"),
                      ("tap", "nobody")):
            code, out, error = console(node, *words)
            self.assertEqual((code, out), (FAILED, ""), words)
            self.assertTrue(error.startswith("troupe: "), error)

    def test_a_tap_shows_messages_and_ends(self):
        node = self.start_node()
        with subprocess.Popen([default_binary(), "console", address_of(node), "--json", "tap",
                               "wal_flusher/0", "2"], stdout=subprocess.PIPE, text=True) as tap:
            lines = [json.loads(tap.stdout.readline())]  # it is watched
            with node.connect() as client:
                for number in range(50):
                    client.call("SET", f"key{number}", "value")
            lines += [json.loads(line) for line in tap.stdout]
        self.assertEqual(tap.returncode, DONE)
        seen = [one for line in lines for one in line["messages"]]
        frames = [one for one in seen if one["type"] == "LogFrame"]
        self.assertGreaterEqual(len(frames), 40)
        self.assertEqual({one["from"] for one in frames}, {"shard/0"})
        self.assertEqual([one["at_ns"] for one in seen], sorted(one["at_ns"] for one in seen))

    def test_help_and_tables_fit_80_columns_without_colours_in_a_pipe(self):
        node = self.start_node("--shards", "2")
        for command in ("help", "actors", "shards", "log", "peers"):
            code, out, error = console(node, command)
            self.assertEqual((code, error), (DONE, ""), command)
            self.assertNotIn("\x1b", out)
            self.assertLessEqual(max(map(len, out.splitlines())), 80, out)
        self.assertIn("every actor", console(node, "help")[1])

    def test_exit_codes_say_whose_fault_it_is(self):
        node = self.start_node()
        self.assertEqual(console(node, "config", "get")[0], MISUSED)
        code, out, error = console(node, "dance")
        self.assertEqual((code, out), (MISUSED, ""))
        self.assertIn("unknown command 'dance'", error)
        code, out, _ = console(node, "--json", "dance")
        self.assertEqual((code, list(json.loads(out))), (MISUSED, ["error"]))
        peer = address_of(node)
        client = "{}:{}".format(*node.client)
        code, _, error = console(client, "actors")
        self.assertEqual((code, "is this the peer address" in error), (UNREACHABLE, True), error)
        node.terminate()
        code, _, error = console(peer, "actors")
        self.assertEqual((code, "cannot reach" in error), (UNREACHABLE, True), error)

    def test_the_secret_of_the_cluster_is_wanted(self):
        right, wrong = Path(self.directory) / "right", Path(self.directory) / "wrong"
        right.write_text("a secret of many letters\n", encoding="utf-8")
        wrong.write_text("another secret of many letters\n", encoding="utf-8")
        node = self.start_node("--cluster-secret", str(right))
        self.assertEqual(console(node, "--cluster-secret", str(right), "help")[0], DONE)
        for flags in ((), ("--cluster-secret", str(wrong))):
            code, out, error = console(node, *flags, "help")
            self.assertEqual((code, out), (UNREACHABLE, ""))
            self.assertIn("bad_proof", error)
        self.assertEqual(console(node, "--cluster-secret", self.directory + "/none", "help")[0],
                         MISUSED)

    def test_a_console_that_speaks_nonsense_is_closed(self):
        node = self.start_node()
        for body in (b"x" * 7, b"", b"\xff" * 64, bytes(8) * 9000):
            with self.subTest(body=body[:8]), LinkClient(node.addresses["peer"]) as client:
                client.open(b"")
                client.send(frame(CONSOLE, body))
                kind, answer = client.receive()
                # Either no message at all, or one that says that it cannot be read.
                self.assertIn(kind, (REFUSED, CONSOLE), answer)
        self.assertEqual(console(node, "help")[0], DONE)

    def test_a_pipe_of_commands_is_run_in_order(self):
        node = self.start_node()
        code, out, error = console(node, stdin="config get databases\n\nconfig get 'save'\nquit\n"
                                               "never\n")
        self.assertEqual((code, error), (DONE, ""))
        self.assertEqual([line.split() for line in out.splitlines()],
                         [["databases", "1"], ["save"]])
        self.assertEqual(console(node, stdin="help\nnonsense\n")[0], MISUSED)


class Shell(NodeCase):
    """The shell on a pseudo-terminal."""

    def setUp(self):
        super().setUp()
        self.node = self.start_node()
        self.text = ""
        self.start_shell()

    def start_shell(self):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm", HOME=self.directory, COLUMNS="80", INPUTRC="/dev/null")
            os.environ.pop("NO_COLOR", None)
            os.execv(default_binary(), [default_binary(), "console", address_of(self.node)])
        self.pid = pid
        self.read_until("> ")

    def read_until(self, wanted):
        """What the terminal shows up to and with `wanted`."""
        while wanted not in self.text:
            if not select.select([self.terminal], [], [], 20)[0]:
                self.fail(f"{wanted!r} did not come: {self.text!r}")
            try:
                piece = os.read(self.terminal, 4096)
            except OSError:
                piece = b""
            if not piece:
                self.fail(f"the shell ended before {wanted!r}: {self.text!r}")
            self.text += piece.decode(errors="replace")
        shown, self.text = self.text.split(wanted, 1)
        return shown + wanted

    def type(self, text):
        os.write(self.terminal, text.encode())

    def leave(self):
        self.type("exit\n")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)

    def test_completion_history_and_colours(self):
        self.type("acto\t\n")  # completed to `actors`
        shown = self.read_until("threads of their own")
        self.assertIn("\x1b[1mactor", shown)
        self.read_until("> ")
        self.type("ask shard/\t")  # names of actors are completed by the node
        self.read_until("shard/0")
        self.type("sta\t\n")
        self.assertIn("durable_lsn", self.read_until("cold_reads"))
        self.read_until("> ")
        self.assertEqual(self.leave(), DONE)
        self.assertEqual((Path(self.directory) / ".troupe_history").read_text(encoding="utf-8"),
                         "actors\nask shard/0 status\nexit\n")
        self.start_shell()
        self.type("\x1b[A\x1b[A\n")  # two up: the command before `exit`
        self.read_until("cold_reads")
        self.read_until("> ")
        self.assertEqual(self.leave(), DONE)

    def test_an_idle_shell_stays_linked_and_dials_again_when_the_node_is_back(self):
        with self.node.connect() as client:
            for _ in range(7):  # longer than the deadline of silence
                client.call("WAIT", "1", "1000")
            self.assertIn(b"peer_proved:1\r\n", client.call("INFO", "peers"))
            self.assertIn(b"peer_consoles:1\r\n", client.call("INFO", "peers"))
        self.type("config get databases\n")
        self.read_until("1\r\n")
        self.read_until("> ")
        self.node.terminate()
        self.type("help\n")
        self.read_until("troupe: ")
        self.read_until("> ")
        host, port = self.node.addresses["peer"]
        self.node.flags += ["--peer-address", f"{host}:{port}"]
        self.node.start()
        self.type("help\n")
        self.read_until("every actor")
        self.read_until("> ")
        self.assertEqual(self.leave(), DONE)


if __name__ == "__main__":
    unittest.main()
