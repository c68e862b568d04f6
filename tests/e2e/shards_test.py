"""What only shows when connections and shards live on different reactors: replies of remote shards
come when their writes are durable, WATCH holds from its reply on, transactions are isolated."""

import random
import threading
import unittest

from node_fixture import NodeCase, RespError, encode

FLAGS = ("--shards", "4", "--reactors", "2")


class Shards(NodeCase):
    def test_every_write_is_answered_soon(self):
        # A reply that its watermark never reaches would come as -TIMEOUT, or after this time.
        node = self.start_node(*FLAGS, "--commit-timeout-ms", "60000")
        clients = [node.connect(timeout_s=10) for _ in range(4)]
        source = random.Random(1)
        for round_number in range(120):
            for client in clients:
                for _ in range(source.randrange(1, 4)):
                    client.send("SET", f"key{source.randrange(50)}", round_number)
                    client.expected = getattr(client, "expected", 0) + 1
            for client in source.sample(clients, 2):
                while client.expected:
                    self.assertEqual(client.read(), b"OK")
                    client.expected -= 1
        for client in clients:
            client.close()

    def test_watch_holds_from_its_reply_on(self):
        node = self.start_node(*FLAGS, "--durability", "memory")
        with node.connect() as watching, node.connect() as changing:
            for i in range(200):
                keys = [f"key{i}:{j}" for j in range(i % 5 + 1)]
                self.assertEqual(watching.call("WATCH", *keys), b"OK")
                changing.call("SET", keys[i % len(keys)], "changed")
                replies = watching.pipeline([("MULTI",), ("SET", keys[0], "lost"), ("EXEC",)])
                self.assertEqual(replies[-1], None, f"round {i}")

    def test_pipelined_watches_keep_their_order(self):
        node = self.start_node(*FLAGS)
        with node.connect() as client:
            for i in range(100):
                replies = client.pipeline([("SET", "a", i), ("WATCH", "a", "b"), ("GET", "a"),
                                           ("MULTI",), ("INCR", "a"), ("EXEC",), ("GET", "a")])
                self.assertEqual(replies, [b"OK", b"OK", b"%d" % i, b"OK", b"QUEUED", [i + 1],
                                           b"%d" % (i + 1)])

    def test_transfers_between_shards_never_show_halves(self):
        node = self.start_node(*FLAGS, "--durability", "memory")
        accounts = [f"account{i}" for i in range(8)]
        with node.connect() as client:
            client.call("MSET", *[word for name in accounts for word in (name, 100)])
        failures, done = [], []

        def transfer(seed):
            source = random.Random(seed)
            with node.connect() as client:
                for _ in range(100):
                    giver, taker = source.sample(accounts, 2)
                    replies = client.pipeline([("MULTI",), ("DECRBY", giver, 7),
                                               ("INCRBY", taker, 7), ("EXEC",)])
                    failures.extend(reply for reply in replies if isinstance(reply, RespError))
                    done.append(seed)

        threads = [threading.Thread(target=transfer, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        with node.connect() as client:
            while any(thread.is_alive() for thread in threads):
                self.assertEqual(sum(map(int, client.call("MGET", *accounts))), 800)
            self.assertEqual(sum(map(int, client.call("MGET", *accounts))), 800)
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(done), 300)

    def test_a_large_transaction_over_all_shards_is_one_step(self):
        count = 20000
        for shards, reactors in ((4, 1), (4, 2)):
            node = self.start_node("--shards", str(shards), "--reactors", str(reactors),
                                   "--durability", "memory", name=f"data-{shards}-{reactors}")
            with node.connect() as writer, node.connect() as reader:
                commands = [("MULTI",)]
                for i in range(count):
                    commands.append(("SET", f"key{i}", i))
                    if i % 1000 == 0:
                        commands += [("MSET", "first", i, "second", i), ("MGET", "first", "second"),
                                     ("RENAME", "first", "third"), ("PING",), ("DBSIZE",)]
                commands.append(("EXEC",))
                writer.socket.sendall(b"".join(encode(*words) for words in commands))
                # Whoever reads beside it sees all of it or nothing.
                seen = set()
                for _ in range(50):
                    values = reader.call("MGET", "key0", f"key{count // 2}", f"key{count - 1}")
                    seen.add(tuple(value is None for value in values))
                self.assertLessEqual(seen, {(True, True, True), (False, False, False)})
                self.assertEqual(writer.read(), b"OK")
                for _ in commands[1:-1]:
                    self.assertEqual(writer.read(), b"QUEUED")
                replies = iter(writer.read())
                for i in range(count):
                    self.assertEqual(next(replies), b"OK")
                    if i % 1000 == 0:
                        number = b"%d" % i
                        self.assertEqual([next(replies) for _ in range(5)],
                                         [b"OK", [number, number], b"OK", b"PONG", i + 3])
                self.assertEqual(list(replies), [])
            node.kill()
            node.start()
            with node.connect() as client:
                self.assertEqual(client.call("GET", f"key{count - 1}"), b"%d" % (count - 1))
                self.assertEqual(client.call("DBSIZE"), count + 2)
            self.assertEqual(node.terminate(), 0, node.output())

    def test_commands_of_very_many_keys_are_one_step_and_reply_in_order(self):
        self.check_very_many_keys(*FLAGS)

    def test_commands_of_very_many_keys_in_one_shard(self):
        self.check_very_many_keys("--shards", "1", "--reactors", "1")

    def check_very_many_keys(self, *flags):
        count = 20000
        keys = [f"key{i}" for i in range(count)]
        node = self.start_node(*flags, "--durability", "memory")
        with node.connect(timeout_s=60) as writer, node.connect(timeout_s=60) as reader:
            for number in range(4):
                pairs = [word for key in keys for word in (key, number)]
                writer.send("MSET", *pairs)
                # Whoever reads beside it sees all of it or nothing.
                for _ in range(20):
                    self.assertEqual(reader.call("PING"), b"PONG")
                    seen = reader.call("MGET", keys[0], keys[count // 2], keys[-1])
                    self.assertEqual(len(set(seen)), 1, seen)
                self.assertEqual(writer.read(), b"OK")
            for command in ("EXISTS", "TOUCH"):
                self.assertEqual(writer.call(command, *keys, "none", keys[0]), count + 1)
            writer.call("SET", keys[7], "x" * (3 << 20))
            values = writer.call("MGET", "none", *keys)
            self.assertEqual(values.pop(0), None)
            self.assertEqual(values.pop(7), b"x" * (3 << 20))
            self.assertEqual(set(values), {b"3"})
            self.assertEqual(len(values), count - 1)
            self.assertEqual(sorted(writer.call("KEYS", "*")), sorted(map(str.encode, keys)))
            self.assertEqual(len(writer.call("KEYS", "key1999?")), 10)
            self.assertEqual(writer.call("WAITAOF", 1, 0, 0), [1, 0])
        node.kill()
        node.start()
        with node.connect(timeout_s=60) as client:
            self.assertEqual(client.call("EXISTS", *keys), count)
            client.call("MSET", *[word for key in keys for word in (key, "last")])
            self.assertEqual(client.call("DEL", *keys), count)
            self.assertEqual(client.call("DBSIZE"), 0)
        self.assertEqual(node.terminate(), 0, node.output())


if __name__ == "__main__":
    unittest.main()
