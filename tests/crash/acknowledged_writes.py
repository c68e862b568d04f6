"""Pipelined random writes whose outcome is known for sure even when the server dies in the middle.

Each lane is one connection with keys of its own, so the order of writes to a key is the order sent.
For every key the lane keeps all states that the server may be in: the one of the last acknowledged
write and those of the writes sent after it. After a restart the key must be in one of them, and it
is then known again which one it is.

Values say what they are: `<key>:<number>:` and a pattern made from both, so that a value of another
key, an older one or a piece of one is never mistaken.
"""

import random

from pipelined_load import Lane as Connection
from resp_client import encode

ABSENT = None
FAR_S = 100_000  # a deadline that no test reaches
WINDOW = 64  # commands under way on one lane
WINDOW_BYTES = 12 << 20
LARGE_BYTES = 3 << 20


def value_of(key, number, size):
    """The value that write `number` gives to a key."""
    head = b"%s:%d:" % (key, number)
    pattern = head * (min(size, 4096) // len(head) + 1)
    return (pattern * (size // len(pattern) + 1))[:max(size, len(head))]


class Write:
    """One command under way: the keys it changes and the state it gives to each."""

    __slots__ = ("words", "states", "size")

    def __init__(self, words, states):
        self.words = words
        self.states = states
        self.size = sum(len(word) for word in words if isinstance(word, bytes))


class Lane:
    """One connection, its keys, and what is known about them. A state is ABSENT, a value, or for
    counters a number; `has_deadline` belongs to it: (value, bool)."""

    def __init__(self, number, seed, keys=40):
        self.random = random.Random(seed * 1000 + number)
        self.keys = [b"lane%d:%d" % (number, i) for i in range(keys)]
        self.counters = [b"lane%d:counter%d" % (number, i) for i in range(4)]
        # key -> possible states, oldest first; one when nothing is under way
        self.possible = {key: [ABSENT] for key in self.keys + self.counters}
        self.writes = 0
        self.acknowledged = 0
        self.errors = []

    # ---- making writes

    def connect(self, address):
        """A new connection; what the last one left under way must have been resolved."""
        self.connection = Connection(address)

    def fill_window(self):
        """Adds random writes until enough are under way."""
        waiting = self.connection.waiting
        under_way = sum(write.size for write in waiting)
        while len(waiting) < WINDOW and under_way < WINDOW_BYTES:
            write = self.random_write()
            for key, state in write.states.items():
                self.possible[key].append(state)
            waiting.append(write)
            under_way += write.size
            self.connection.unsent += encode(*write.words)

    def next_value(self, key):
        self.writes += 1
        kind = self.random.randrange(100)
        if kind == 0:
            size = self.random.randrange(1 << 20, LARGE_BYTES)
        elif kind < 8:
            size = self.random.randrange(10_000, 200_000)
        else:
            size = self.random.randrange(300)
        return value_of(key, self.writes, size)

    def newest(self, key):
        return self.possible[key][-1]

    def random_write(self):
        kind = self.random.randrange(100)
        key = self.random.choice(self.keys)
        if kind < 20:
            counter = self.random.choice(self.counters)
            before = self.newest(counter)
            count = 1 if before is ABSENT else int(before[0]) + 1
            return Write(("INCR", counter), {counter: (b"%d" % count, False)})
        if kind < 35:
            return Write((self.random.choice(["DEL", "UNLINK"]), key), {key: ABSENT})
        if kind < 45:
            keys = self.random.sample(self.keys, 4)
            values = {one: (self.next_value(one), False) for one in keys}
            words = [word for one in keys for word in (one, values[one][0])]
            return Write(("MSET", *words), values)
        if kind < 55 and (state := self.newest(key)) is not ABSENT:
            if self.random.randrange(2):
                return Write(("EXPIRE", key, FAR_S), {key: (state[0], True)})
            return Write(("PERSIST", key), {key: (state[0], False)})
        if kind < 60 and (state := self.newest(key)) is not ABSENT and len(state[0]) < 1000:
            return Write(("APPEND", key, b"+"), {key: (state[0] + b"+", state[1])})
        value = self.next_value(key)
        if kind < 70:
            return Write(("SET", key, value, "EX", FAR_S), {key: (value, True)})
        return Write(("SET", key, value), {key: (value, False)})

    # ---- answers

    def receive_some(self):
        """Takes the acknowledgements that have come; False when the connection is gone."""
        replies = self.connection.receive_some()
        for reply in replies or []:
            self.take(self.connection.waiting.popleft(), reply)
        return replies is not None

    def take(self, write, reply):
        name = write.words[0]
        if name == "INCR":
            fits = reply == int(write.states[write.words[1]][0])
        elif name in ("SET", "MSET"):
            fits = reply == b"OK"
        else:
            fits = isinstance(reply, int)
        if not fits:
            self.errors.append((write.words[:2], f"answered {reply!r}"))
            return
        self.acknowledged += 1
        for key in write.states:
            self.possible[key].pop(0)  # what was before this write cannot be there any more

    # ---- after a restart

    def compare(self, client, wrong):
        """Reads every key; appends to `wrong` what cannot be; then knows what is there."""
        keys = list(self.possible)
        values = [client.call("GET", key) for key in keys]
        left = client.pipeline(("PTTL", key) for key in keys)
        for key, value, ttl_ms in zip(keys, values, left):
            found = ABSENT if value is None else (value, ttl_ms >= 0)
            if found not in self.possible[key]:
                allowed = ", ".join(map(described, self.possible[key]))
                wrong.append(f"{key.decode()} is {described(found)}, allowed: {allowed}")
            self.possible[key] = [found]


def described(state):
    """A state in few words."""
    if state is ABSENT:
        return "absent"
    value, has_deadline = state
    return f"{bytes(value[:40])!r} ({len(value)} bytes{', deadline' if has_deadline else ''})"
