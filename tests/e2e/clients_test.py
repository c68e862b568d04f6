"""Programs and libraries that people use with Redis, against a node: redis-cli, redis-benchmark,
python3-redis, and npm's ioredis and redis, in RESP2 and RESP3, with a password and with more shards
than reactors."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from node_fixture import NodeCase

try:
    import redis
except ImportError:  # another python than Debian's
    redis = None

HERE = Path(__file__).resolve().parent
PASSWORD = "correct horse battery staple"
LAYOUTS = {
    "one shard": ("--shards", "1", "--reactors", "1"),
    "four shards on two reactors": ("--shards", "4", "--reactors", "2"),
}


def run(*command, stdin=None, timeout_s=60):
    """stdout of a program that must end with 0."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=isinstance(stdin, str)
                          or stdin is None, check=False, timeout=timeout_s)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class ClientCase(NodeCase):
    def each_layout(self):
        """A running node of every layout."""
        for name, flags in LAYOUTS.items():
            node = self.start_node(*flags, name=name.replace(" ", "-"))
            yield node
            self.assertEqual(node.terminate(), 0, node.output())

    def password_file(self):
        path = Path(self.directory) / "password"
        path.write_text(PASSWORD + "\n", encoding="utf-8")
        path.chmod(0o600)
        return str(path)


@unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not installed")
class RedisCli(ClientCase):
    def cli(self, node, *words, stdin=None):
        return run("redis-cli", "-p", str(node.client[1]), *words, stdin=stdin)

    def test_single_commands_and_scripts(self):
        for node in self.each_layout():
            self.assertEqual(self.cli(node, "set", "greeting", "hello"), "OK\n")
            self.assertEqual(self.cli(node, "-3", "get", "greeting"), "hello\n")
            self.assertEqual(self.cli(node, "-3", "get", "absent"), "\n")
            script = "set a 1\nincr a\nmget a greeting none\nmulti\nget a\nexec\n"
            self.assertEqual(self.cli(node, stdin=script).split(),
                             ["OK", "2", "2", "hello", "OK", "QUEUED", "2"])
            self.assertEqual(self.cli(node, "-x", "set", "from-stdin", stdin="a\nb"), "OK\n")
            self.assertEqual(self.cli(node, "get", "from-stdin"), "a\nb\n")
            self.assertIn("redis_version", self.cli(node, "info"))
            self.assertIn("summary", self.cli(node, "-3", "command", "docs", "set"))

    def test_walks_over_all_keys(self):
        for node in self.each_layout():
            with node.connect() as client:
                client.pipeline(("SET", f"key:{i}", "v" * (i % 50)) for i in range(3000))
                client.call("SET", "the-big-one", "x" * 100_000)
            keys = self.cli(node, "--scan", "--pattern", "key:*").split()
            self.assertEqual(sorted(keys), sorted(f"key:{i}" for i in range(3000)))
            self.assertRegex(self.cli(node, "--bigkeys"),
                             "Biggest string found .*the-big-one.* has 100000 bytes")
            self.assertIn("the-big-one", self.cli(node, "--memkeys"))
            self.assertIn("the-big-one", self.cli(node, "--memkeys-samples", "5"))

    def test_mass_insertion(self):
        count = 20_000
        protocol = b"".join(b"*3\r\n$3\r\nSET\r\n$10\r\nmass:%05d\r\n$5\r\n%05d\r\n" % (i, i)
                            for i in range(count))
        for node in self.each_layout():
            out = self.cli(node, "--pipe", stdin=protocol).decode()
            self.assertIn(f"errors: 0, replies: {count}", out)
            self.assertEqual(self.cli(node, "dbsize"), f"{count}\n")

    def test_statistics_lines(self):
        node = self.start_node()
        command = ["redis-cli", "-p", str(node.client[1]), "-i", "0.05", "--stat"]
        watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            lines = [watching.stdout.readline() for _ in range(6)]
        finally:
            watching.send_signal(signal.SIGKILL)
            watching.communicate()
        self.assertIn("keys", lines[1])
        self.assertRegex(lines[-1], r"^\d+ +\d")

    def test_a_password(self):
        node = self.start_node("--password", self.password_file())
        self.assertIn("NOAUTH", self.cli(node, "get", "key"))
        self.assertEqual(self.cli(node, "--no-auth-warning", "-a", PASSWORD, "set", "key", "v"),
                         "OK\n")
        self.assertEqual(self.cli(node, "--no-auth-warning", "--user", "default",
                                  "--pass", PASSWORD, "-3", "get", "key"), "v\n")
        self.assertIn("WRONGPASS", self.cli(node, stdin="auth nonsense\n"))


@unittest.skipUnless(shutil.which("redis-benchmark"), "redis-benchmark is not installed")
class RedisBenchmark(ClientCase):
    def bench(self, node, *words):
        """Requests per second by test, from CSV."""
        out = run("redis-benchmark", "-p", str(node.client[1]), "--csv", *words, timeout_s=100)
        rows = [line.strip('"').split('","') for line in out.strip().splitlines()]
        self.assertEqual(rows[0][:2], ["test", "rps"])
        rates = {row[0]: float(row[1]) for row in rows[1:]}
        self.assertTrue(all(rate > 0 for rate in rates.values()), out)
        return rates

    def test_supported_tests_run(self):
        for node in self.each_layout():
            tests = "ping_inline,ping_mbulk,set,get,incr,mset"
            plain = self.bench(node, "-n", "2000", "-r", "500", "-t", tests)
            self.assertEqual(len(plain), 6)
            self.bench(node, "-n", "20000", "-r", "5000", "-P", "32", "-t", tests)
            self.bench(node, "-n", "5000", "-P", "8", "-3", "-t", "set,get,incr")
            self.bench(node, "-n", "5000", "-P", "8", "--threads", "2", "-t", "set,get")
            self.bench(node, "-n", "300", "-d", "100000", "-c", "10", "-t", "set,get")
            self.bench(node, "-n", "2000", "-r", "100", "getset", "key:__rand_int__", "x")

    def test_a_password(self):
        node = self.start_node("--password", self.password_file())
        self.bench(node, "-a", PASSWORD, "-n", "500", "-t", "set")
        self.bench(node, "-a", PASSWORD, "-3", "-n", "500", "-t", "get")


@unittest.skipUnless(redis, "python3-redis is not installed for this python")
class PythonRedis(ClientCase):
    def client_of(self, node, **options):
        client = redis.Redis(*node.client, socket_timeout=20, **options)
        self.addCleanup(client.close)
        return client

    def test_strings_and_options_of_set(self):
        for node in self.each_layout():
            client = self.client_of(node)
            self.assertTrue(client.ping())
            self.assertTrue(client.set(b"\x00\r\n\xff", b"\r\n\x00"))
            self.assertEqual(client.get(b"\x00\r\n\xff"), b"\r\n\x00")
            self.assertIsNone(client.set("key", "v", xx=True))
            self.assertTrue(client.set("key", "v", nx=True, ex=100))
            self.assertIsNone(client.set("key", "w", nx=True))
            self.assertEqual(client.set("key", "w", keepttl=True, get=True), b"v")
            self.assertTrue(90 < client.ttl("key") <= 100)
            self.assertEqual(client.getex("key", persist=True), b"w")
            self.assertEqual(client.ttl("key"), -1)
            self.assertEqual(client.getdel("key"), b"w")
            self.assertTrue(client.mset({f"m{i}": i for i in range(20)}))
            self.assertEqual(client.mget("m3", "none", "m19"), [b"3", None, b"19"])
            self.assertFalse(client.msetnx({"m3": 1, "fresh": 1}))
            self.assertEqual(client.exists("m1", "m2", "fresh"), 2)
            self.assertEqual(client.incrby("n", 5), 5)
            self.assertEqual(client.incrbyfloat("f", 0.5), 0.5)
            self.assertEqual(client.append("n", "0"), 2)
            self.assertEqual(client.setrange("n", 3, "x"), 4)
            self.assertEqual(client.getrange("n", 0, -1), b"50\x00x")
            self.assertEqual(client.strlen("n"), 4)
            with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
                client.incr("n")

    def test_pipelines_and_transactions(self):
        for node in self.each_layout():
            client = self.client_of(node)
            with client.pipeline(transaction=False) as pipe:
                for i in range(1000):
                    pipe.set(f"p{i}", i)
                pipe.get("p500")
                self.assertEqual(pipe.execute()[-1], b"500")
            with client.pipeline() as pipe:
                pipe.set("t", 1).incr("t").get("t").mget("p1", "p2", "p3").delete("p1", "p2")
                self.assertEqual(pipe.execute(), [True, 2, b"2", [b"1", b"2", b"3"], 2])
            with client.pipeline() as pipe:
                pipe.watch("t", "p3", "none")
                client.set("none", "now there")
                pipe.multi()
                pipe.set("t", "lost")
                self.assertRaises(redis.WatchError, pipe.execute)
            self.assertEqual(client.get("t"), b"2")

            def add_40(pipe):
                before = int(pipe.get("t"))
                pipe.multi()
                pipe.set("t", before + 40)

            self.assertEqual(client.transaction(add_40, "t"), [True])
            self.assertEqual(client.get("t"), b"42")
            with client.pipeline() as pipe:
                pipe.set("t", "text").incr("t").set("after", 1)
                replies = pipe.execute(raise_on_error=False)
            self.assertIsInstance(replies[1], redis.ResponseError)
            self.assertEqual(client.get("after"), b"1")

    def test_iteration_and_whole_key_space(self):
        for node in self.each_layout():
            client = self.client_of(node)
            with client.pipeline(transaction=False) as pipe:
                for i in range(2000):
                    pipe.set(f"scan:{i}", i)
                pipe.execute()
            expected = {b"scan:%d" % i for i in range(2000)}
            self.assertEqual(set(client.scan_iter("scan:*", count=77)), expected)
            self.assertEqual(set(client.keys("scan:*")), expected)
            self.assertEqual(client.dbsize(), 2000)
            self.assertIn(client.randomkey(), expected)
            self.assertTrue(client.rename("scan:1", "renamed"))
            self.assertTrue(client.copy("renamed", "copied"))
            self.assertEqual(client.unlink("copied", "renamed", "scan:2"), 3)
            self.assertTrue(client.flushall())
            self.assertEqual(client.dbsize(), 0)

    def test_the_expiry_family(self):
        for node in self.each_layout():
            client = self.client_of(node)
            client.set("key", "v")
            self.assertFalse(client.expire("none", 10))
            self.assertFalse(client.expire("key", 100, xx=True))
            self.assertTrue(client.expire("key", 100, nx=True))
            self.assertFalse(client.expire("key", 50, gt=True))
            self.assertTrue(client.expire("key", 50, lt=True))
            self.assertTrue(client.pexpire("key", 40_000))
            self.assertTrue(39_000 < client.pttl("key") <= 40_000)
            at = client.time()[0] + 1000
            self.assertTrue(client.expireat("key", at))
            self.assertEqual(client.execute_command("EXPIRETIME", "key"), at)
            self.assertTrue(client.persist("key"))
            self.assertTrue(client.setex("key", 10, "w") and client.psetex("key", 10_000, "x"))
            self.assertTrue(client.expire("key", -1))
            self.assertFalse(client.exists("key"))

    def test_the_server_describes_itself(self):
        node = self.start_node("--password", self.password_file())
        with self.assertRaises(redis.AuthenticationError):
            self.client_of(node).get("key")
        client = self.client_of(node, password=PASSWORD, client_name="tester")
        self.assertEqual(client.client_getname(), "tester")
        self.assertEqual([each["name"] for each in client.client_list()], ["tester"])
        self.assertTrue(client.info()["redis_version"].startswith("7."))
        self.assertEqual(client.config_get("maxclients"), {"maxclients": "10000"})
        self.assertTrue(client.config_set("maxclients", 500))
        self.assertEqual(client.config_get("maxclients"), {"maxclients": "500"})
        self.assertIn("get", client.command())
        self.assertEqual(client.object("encoding", "none"), None)
        self.assertEqual(client.wait(0, 10), 0)
        self.assertEqual(client.execute_command("ROLE")[0], b"master")


def node_clients():
    """The directory of conversations with the npm packages beside them; made once per version of
    package.json. Raises SkipTest when npm is missing or cannot reach its registry."""
    if not shutil.which("npm"):
        raise unittest.SkipTest("npm is not installed")
    version = hashlib.sha256((HERE / "node" / "package.json").read_bytes()).hexdigest()[:12]
    cache = Path(tempfile.gettempdir()) / f"troupe-node-clients-{os.getuid()}-{version}"
    if not cache.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix="troupe-npm-"))
        try:
            shutil.copy(HERE / "node" / "package.json", fresh)
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
                 "--loglevel=error"],
                cwd=fresh, capture_output=True, text=True, check=False, timeout=100)
            unreachable = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET")
            if done.returncode != 0 and any(code in done.stderr for code in unreachable):
                raise unittest.SkipTest(f"npm cannot reach its registry: {done.stderr[:300]}")
            if done.returncode != 0:
                raise AssertionError(f"npm install failed:\n{done.stderr}")
            try:
                fresh.rename(cache)
            except OSError:  # another test run was faster
                pass
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return cache


class NodeLibraries(ClientCase):
    def converse(self, name, node, *password):
        packages = node_clients()
        # A module finds its packages beside itself.
        place = Path(self.directory) / "node"
        if not place.is_dir():
            shutil.copytree(HERE / "node", place)
            (place / "node_modules").symlink_to(packages / "node_modules")
        for protocol in ("2", "3"):
            with self.subTest(client=name, protocol=protocol):
                out = run("node", str(place / f"conversation_{name}.js"), node.client[0],
                          str(node.client[1]), protocol, *password)
                self.assertEqual(out, "done\n")

    def test_ioredis(self):
        for node in self.each_layout():
            self.converse("ioredis", node)

    def test_redis(self):
        for node in self.each_layout():
            self.converse("redis", node)

    def test_a_password(self):
        node = self.start_node("--password", self.password_file(), "--shards", "4")
        self.converse("ioredis", node, PASSWORD)
        self.converse("redis", node, PASSWORD)


if __name__ == "__main__":
    unittest.main()
