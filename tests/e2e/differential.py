#!/usr/bin/env python3
"""Compares the replies of two servers byte for byte: a reference redis-server 7.0 and ours.

Usage: differential.py REFERENCE_PORT TESTED_PORT [--seed N] [--commands N] [--transactions]

Both get the same commands over raw sockets, pipelined in small batches, in RESP2 and in RESP3:
first a fixed list of edge cases, then random commands over a few keys. BOTH SERVERS ARE FLUSHED.
Replies that cannot be equal are compared in a reduced form: times left within a tolerance, KEYS and
SCAN as sets. Prints the first differences and exits 1 if there was one. The seed is printed first
and last.
"""

import argparse
import random
import socket
import sys
import time

BATCH = 40
DIFFERENCES_SHOWN = 50
LARGEST = str(2**63 - 1)
SMALLEST = str(-2**63)


class Connection:
    """One raw connection; replies are kept as the bytes that came."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb", buffering=1 << 16)

    def send(self, commands):
        parts = []
        for words in commands:
            parts.append(b"*%d\r\n" % len(words))
            parts.extend(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(b"".join(parts))

    def reply(self):
        """The next reply: (value, raw bytes). Maps and sets are flat lists."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("connection closed inside a reply: %r" % line)
        kind, rest = line[:1], line[1:-2]
        if kind in b"+-_,#(":
            return line[:-2], line
        if kind == b":":
            return int(rest), line
        count = int(rest)
        if count < 0:
            return None, line
        if kind in b"$=!":
            data = self.file.read(count + 2)
            return data[:-2], line + data
        if kind in b"*~%>":
            values, raw = [], [line]
            for _ in range(count * 2 if kind == b"%" else count):
                value, bytes_of_value = self.reply()
                values.append(value)
                raw.append(bytes_of_value)
            return values, b"".join(raw)
        raise ValueError("not a reply: %r" % line)

    def scan_all(self, words):
        """All keys of an iteration that begins with `words`, or the error; and raw bytes."""
        keys = set()
        while True:
            self.send([words])
            value, raw = self.reply()
            if not isinstance(value, list):
                return value, raw
            keys.update(value[1])
            if value[0] == b"0":
                return list(keys), repr(sorted(keys)).encode()
            words = [words[0], value[0]] + words[2:]


def encoded(words):
    return [word if isinstance(word, bytes) else str(word).encode() for word in words]


def batches(commands):
    """Pieces to pipeline; a SCAN outside a transaction stands alone."""
    batch, in_transaction = [], False
    for words in commands:
        alone = words[0] == b"scan" and not in_transaction
        if batch and (alone or (len(batch) >= BATCH and not in_transaction)):
            yield batch
            batch = []
        batch.append(words)
        if alone:
            yield batch
            batch = []
        if words[0] == b"multi":
            in_transaction = True
        elif words[0] in (b"exec", b"discard"):
            in_transaction = False
    if batch:
        yield batch


def edge_cases():
    """Every command with its options, conflicts, limits and wrong arguments."""
    now = int(time.time())
    far = str(now + 1000)
    lines = """
        nope|NOPE a b|get|get a b|set|set k|mget|mset|mset a|mset a 1 b|msetnx a|del
        exists|rename a|copy a|expire k|ttl|object|object foo k|object encoding|memory|memory usage
        client|client foo|config|config foo|command foo|strlen|append k|getrange k 0|setrange k 0
        set k v|get k|SET k V NX|set k v xx|set new v xx|set new v nx get|set k 2 get|set k 3 xx get
        set k v nx xx|set k v xx nx|set k v nx nx|set k v ex|set k v ex 0|set k v ex -1|set k v ex x
        set k v ex 10 px 10|set k v ex 10 ex 20|set k v px 10000 keepttl|set k v keepttl keepttl
        set k v ex LARGEST|set k v px LARGEST|set k v ex 9223372036854775|set k v exat LARGEST
        set k v pxat LARGEST|set k v exat 0|set k v exat -5|set k v persist|set k v foo
        set k v exat 1|get k|exists k|set k v ex 100|set k w keepttl|ttl k|set k w|ttl k
        set k v exat FAR|expiretime k|set k v pxat FAR000|pexpiretime k|ttl k|persist k|ttl k
        setex k 10 v|ttl k|setex k 0 v|setex k -1 v|setex k x v|setex k LARGEST v|psetex k 0 v
        psetex k 100000 v|ttl k|psetex k LARGEST v|setex k 10|setnx k v|setnx fresh v|setnx fresh w
        getex none|getex none ex|getex none ex x|getex k|getex k ex 0|getex k ex -1|getex k ex x
        getex k ex 100|ttl k|getex k persist|ttl k|getex k persist|getex k persist ex 1|getex k nx
        getex k keepttl|getex k ex 1 ex 200|ttl k|getex k px 1 ex 1|getex k exat 1|exists k
        getex k pxat|getdel k|set k v|getdel k|getdel k|getset k a|expire k 100|getset k b|ttl k
        mset a 1 b 2 a 3|mget a b none a|mget k|msetnx a 1 z 2|exists z|msetnx y 1 z 2|mget y z
        append app x|append app yz|get app|append app ""|strlen app|strlen none|append empty ""
        exists empty|get empty|strlen empty
        setrange sr 3 abc|get sr|setrange sr 0 XY|get sr|setrange sr -1 x|setrange sr x x
        setrange none 0 ""|exists none|setrange sr 100 ""|setrange sr 536870911 xx
        setrange sr LARGEST xx|setrange none 536870912 x|setrange sr SMALLEST x
        set r "Hello World"|getrange r 0 4|getrange r -5 -1|getrange r 0 -1|getrange r 5 3
        getrange r -1 -5|getrange r -100 2|getrange r -100 -50|getrange r 3 100|getrange r 11 20
        getrange r SMALLEST LARGEST|getrange r LARGEST LARGEST|getrange r x 1|getrange r 1 x
        getrange none 0 -1|getrange empty 0 -1|substr r 0 2|getrange r 0 0|getrange r 10 10
        incr n|incrby n 41|decr n|decrby n 5|decrby n -5|incrby n x|incrby n 1.0|incrby n ""
        incrby n " 1"|incrby n 01|incrby n +1|incrby n -0|set n LARGEST|incr n|incrby n 1|decr n
        set n SMALLEST|decr n|decrby n 1|decrby n SMALLEST|incrby n SMALLEST|incrby n -1|get n
        set n abc|incr n|set n " 1"|incr n|set n 007|incr n|set n ""|incr n|set n 1.5|incr n
        incrbyfloat f 10.50|incrbyfloat f 0.1|incrbyfloat f -5|set f 5.0e3|incrbyfloat f 2.0e2
        incrbyfloat f nan|incrbyfloat f inf|incrbyfloat f -inf|incrbyfloat f x|incrbyfloat f ""
        incrbyfloat f " 1"|incrbyfloat f 1e400|incrbyfloat f 1e5000|incrbyfloat f 1e-5000|get f
        set f 3.0|incrbyfloat f 1.000000000000000000001|set f 0x10|incrbyfloat f 0x1p3
        set f abc|incrbyfloat f 1|set f 1e300|incrbyfloat f 1e300|set f 0|incrbyfloat f -0.0
        set f 3|incrbyfloat f -3|set f 0.1|incrbyfloat f 0.2|expire f 100|incrbyfloat f 1|ttl f
        set f 1e4932|incrbyfloat f 1e4932|set f 1e4931|incrbyfloat f 1
        del a b a none|unlink y z|exists k k none|touch k none r|type k|type none
        rename none x|rename none none|set src v ex 100|rename src dst|ttl dst|exists src
        rename dst dst|renamenx dst dst|renamenx none x|renamenx dst k|renamenx dst src|ttl src
        copy src cp|ttl cp|copy src cp|copy src cp replace|copy none cp|copy none cp replace
        copy src src|copy none none|copy src cp db|copy src cp db x|copy src cp db 0 replace
        copy src cp replace replace|copy src cp foo|copy src cp db 99
        expire none 10|expire k x|expire k 10 foo|expire k 10 nx gt|expire k 10 nx xx
        expire k 10 gt lt|expire k 10 nx nx|expire k LARGEST|expire k SMALLEST
        expire none LARGEST|pexpire k LARGEST|expireat k LARGEST|pexpireat pk LARGEST
        set e v|expire e 100 xx|expire e 100 gt|expire e 100 lt|ttl e|expire e 200 nx
        expire e 200 lt|expire e 200 gt|expire e 100 gt|ttl e|expire e 50 xx|persist e|persist e
        expire e 100 nx|ttl e|expire e 30 xx lt|ttl e|expire e 0|exists e|expire e 0
        set e v|pexpire e -1|exists e|set e v|expireat e 1|exists e|set e v|expireat e FAR
        expiretime e|pexpireat e FAR500|expiretime e|pexpiretime e|expire e -9223372036854775
        set e v|pexpire e SMALLEST|exists e|persist none|ttl none|pttl none|expiretime none
        set e v|pexpireat e LARGEST|expiretime e|pexpiretime e|del e
        object encoding none|set n 12345|object encoding n|set n 0123|object encoding n
        set n LARGEST|object encoding n|object freq n|object freq none|object idletime none
        object refcount none|memory usage none|memory usage n samples -1
        memory usage n samples|memory usage n samples x|memory usage n foo 1
        scan x|scan " 1"|scan 18446744073709551616|scan 0 count 0|scan 0 count -1|scan 0 count x
        scan 0 count|scan 0 match|scan 0 foo bar|scan 0 type|scan 0 type hash count 10000
        flushall foo|flushall sync foo|flushdb foo|dbsize|dbsize foo|keys|randomkey foo
        command getkeys get k|command getkeys nope k|command getkeys ping x
        command getkeys mset a 1 b 2|command getkeys get a b
        command getkeysandflags set a b|command getkeysandflags set a b ex 1 GET
        command getkeysandflags rename a b|command getkeysandflags copy a b|command getkeys get
        command getkeysandflags mget a b c|command getkeys object encoding k
        command info nope|command docs nope|command list filterby foo x|command list filterby
        command list filterby aclcat nope|command list filterby module nope
        command list filterby pattern expire*
        flushall sync|dbsize|keys *|randomkey|flushdb async|flushall
    """
    commands = []
    for line in lines.replace("\n", "|").split("|"):
        words = line.strip().replace("LARGEST", LARGEST).replace("SMALLEST", SMALLEST)
        words = words.replace("FAR", far)
        if words:
            commands.append(encoded(split_quoted(words)))
    commands.append(encoded(["get", b"\x00\r\n"]))
    commands.append(encoded(["set", b"\x00\r\n", b"\r\n\x00\xff"]))
    commands.append(encoded(["get", b"\x00\r\n"]))
    commands.append(encoded(["nope\r\nx", "a\r\nb", "y" * 200, "z"]))
    commands.append(encoded(["n" * 300]))
    commands.append(encoded(["client", "x" * 200]))
    for name in table_commands():
        commands.append(encoded(["command", "info", name]))
        commands.append(encoded([name] + ["a"] * 40))
    return commands


def table_commands():
    """Commands whose COMMAND INFO entry must equal the reference (SET, GETEX: plus its notes)."""
    return """get getdel getset mget mset msetnx setnx setex psetex append strlen getrange substr
        setrange incr decr incrby decrby incrbyfloat del unlink exists type touch rename renamenx
        copy randomkey keys expire pexpire expireat pexpireat ttl pttl expiretime pexpiretime
        persist flushdb flushall dbsize""".split()


def split_quoted(text):
    words, quoted = [], False
    for index, part in enumerate(text.split('"')):
        if index % 2 == 1:
            words.append(part)
        else:
            words.extend(part.split())
    return words


class Workload:
    """Random commands over few keys, so that they meet; the seed decides all."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def key(self):
        return self.random.choice("abcdefghij") + self.random.choice(["", "", "{t}"])

    def value(self):
        r = self.random
        return r.choice([
            str(r.randrange(-100, 100)), str(r.randrange(-2**63, 2**63)), "%.3f" % r.random(),
            "x" * r.randrange(0, 60), bytes(r.randrange(256) for _ in range(r.randrange(12))), "",
            LARGEST, "3.0e3", "text"])

    def number(self):
        return self.random.choice([str(self.random.randrange(-20, 20)), "x", "", LARGEST,
                                   str(self.random.randrange(1000))])

    def seconds(self):
        # Far apart and hardly ever equal, so that GT and LT do not depend on a millisecond.
        far = str(self.random.randrange(1000, 10**8))
        return self.random.choice([far, far, far, far, "0", "-1", "x", LARGEST])

    def word(self, *words):
        return self.random.choice(words)

    def options(self, words, at_most):
        return [word for _ in range(self.random.randrange(at_most + 1))
                for word in self.random.choice(words)()]

    def command(self):
        r, k, v = self.random, self.key, self.value
        expiry = [lambda: ["ex", self.seconds()], lambda: ["PX", "%s000" % self.seconds()],
                  lambda: ["nx"], lambda: ["XX"], lambda: ["get"], lambda: ["keepttl"],
                  lambda: ["persist"],
                  lambda: ["exat", str(int(time.time()) + r.randrange(1000, 10**8))]]
        condition = [lambda: [self.word("nx", "xx", "gt", "LT", "foo")]]
        kinds = [
            lambda: ["set", k(), v()] + self.options(expiry, 2),
            lambda: ["set", k(), v()],
            lambda: ["get", k()],
            lambda: ["getex", k()] + self.options(expiry, 1),
            lambda: [self.word("getdel", "strlen", "incr", "decr", "type", "persist", "ttl",
                               "expiretime", "pttl", "get"), k()],
            lambda: [self.word("getset", "setnx", "append", "incrby", "decrby", "incrbyfloat"),
                     k(), v()],
            lambda: [self.word("setex", "psetex"), k(), "%s000" % self.seconds(), v()],
            lambda: [self.word("mget", "exists", "del", "unlink", "touch")]
            + [k() for _ in range(r.randrange(1, 5))],
            lambda: [self.word("mset", "msetnx")]
            + [word for _ in range(r.randrange(1, 4)) for word in (k(), v())],
            lambda: [self.word("getrange", "substr"), k(), self.number(), self.number()],
            lambda: ["setrange", k(), self.word("0", "3", "30", "-1", "x"), v()],
            lambda: [self.word("rename", "renamenx"), k(), k()],
            lambda: ["copy", k(), k()]
            + self.options([lambda: ["replace"], lambda: ["db", "0"]], 2),
            lambda: [self.word("expire", "EXPIRE"), k(), self.seconds()]
            + self.options(condition, 2),
            lambda: ["pexpire", k(), "%s000" % self.seconds()] + self.options(condition, 1),
            lambda: ["expireat", k(), str(int(time.time()) + r.randrange(1000, 10**8))]
            + self.options(condition, 1),
            lambda: ["dbsize"],
            lambda: ["keys", self.word("*", "[a-e]*", "?", "*{t}", "[^a]", "a\\*", "x*", "")],
            lambda: ["scan", "0", "count", "100000", "match", self.word("*", "?", "[c-a]*")],
            lambda: [self.word("get", "set", "mget", "expire", "rename", "nope")]
            + [k() for _ in range(r.randrange(4))],
            lambda: ["flushall"] if r.randrange(8) == 0 else ["randomkey", "x"],
        ]
        return encoded(r.choice(kinds)())

    def transaction(self):
        commands = [encoded(["multi"])] + [self.command() for _ in range(self.random.randrange(6))]
        if self.random.randrange(3) == 0:
            commands.insert(0, encoded(["watch", self.key(), self.key()]))
        return commands + [encoded([self.random.choice(["exec", "exec", "discard"])])]


def comparable(words, value, raw):
    """What must be equal of a reply."""
    name = words[0].lower()
    if isinstance(value, bytes) and value.startswith(b"-"):
        return raw
    if name == b"keys" and isinstance(value, list):
        return sorted(value)
    if name == b"scan" and isinstance(value, list):
        return sorted(value)
    if name == b"command" and len(words) > 1 and words[1].lower() == b"list" and \
            isinstance(value, list):
        return sorted(value)
    return raw


def agree(words, ours, reference):
    """True if the replies agree; times left may differ by the time that passed."""
    name = words[0].lower()
    tolerance_ms = {b"ttl": 2, b"pttl": 2000, b"expiretime": 2, b"pexpiretime": 2000}.get(name)
    if tolerance_ms is not None and isinstance(ours[0], int) and isinstance(reference[0], int):
        if ours[0] < 0 or reference[0] < 0:
            return ours[0] == reference[0]
        return abs(ours[0] - reference[0]) <= tolerance_ms
    return comparable(words, *ours) == comparable(words, *reference)


def has_times(words):
    return any(word.lower() in (b"ttl", b"pttl", b"expiretime", b"keys", b"scan") for word in words)


class Comparison:
    def __init__(self, reference_port, tested_port):
        self.reference = Connection(reference_port)
        self.tested = Connection(tested_port)
        self.count = 0
        self.differences = 0

    def start(self, version):
        for connection in (self.reference, self.tested):
            connection.send([encoded(["hello", version]), encoded(["flushall"])])
            connection.reply()
            connection.reply()

    def scan(self, words):
        """A whole iteration on either side: cursors and the keys per call may differ."""
        self.count += 1
        ours, reference = (connection.scan_all(words) for connection in
                           (self.tested, self.reference))
        if not agree(words, ours, reference):
            self.report(words, ours[1], reference[1])

    def run(self, commands):
        for batch in batches(commands):
            if batch[0][0] == b"scan":
                self.scan(batch[0])
                continue
            self.reference.send(batch)
            self.tested.send(batch)
            in_transaction = False
            queued = []
            for words in batch:
                reference, ours = self.reference.reply(), self.tested.reply()
                self.count += 1
                if words[0] == b"multi":
                    in_transaction, queued = True, []
                elif words[0] in (b"exec", b"discard"):
                    in_transaction = False
                elif in_transaction:
                    queued.append(words)
                if words[0] == b"exec" and isinstance(ours[0], list) and \
                        isinstance(reference[0], list) and any(map(has_times, queued)):
                    equal = len(ours[0]) == len(reference[0])
                else:
                    equal = agree(words, ours, reference)
                if not equal:
                    self.report(words, ours[1], reference[1])

    def report(self, words, ours, reference):
        self.differences += 1
        if self.differences <= DIFFERENCES_SHOWN:
            same = next((at for at, pair in enumerate(zip(ours, reference)) if pair[0] != pair[1]),
                        0)
            begin = max(0, same - 60)
            print("%r: replies differ at byte %d\n  reference ...%r\n  ours      ...%r"
                  % (words, same, reference[begin:same + 200], ours[begin:same + 200]))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("reference_port", type=int)
    arguments.add_argument("tested_port", type=int)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--commands", type=int, default=20000)
    arguments.add_argument("--transactions", action="store_true", help="also MULTI, EXEC, WATCH")
    options = arguments.parse_args()
    print("seed", options.seed)

    comparison = Comparison(options.reference_port, options.tested_port)
    workload = Workload(options.seed)
    for version in ("2", "3"):
        comparison.start(version)
        comparison.run(edge_cases())
        comparison.start(version)
        commands = []
        while len(commands) < options.commands // 2:
            if options.transactions and workload.random.randrange(10) == 0:
                commands += workload.transaction()
            else:
                commands.append(workload.command())
        comparison.run(commands)
    print("%d commands compared, %d differences, seed %d"
          % (comparison.count, comparison.differences, options.seed))
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
