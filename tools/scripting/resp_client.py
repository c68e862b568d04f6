"""A small RESP2 client over one socket, made for pipelines: what was sent and what was answered
are two separate things, so a caller knows exactly which commands are unacknowledged."""

import socket


class RespError(Exception):
    """An error reply; its text begins with the error's code word."""


def encode(*arguments):
    """One command as bytes; arguments are bytes, str or int."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if isinstance(argument, int):
            argument = str(argument)
        if isinstance(argument, str):
            argument = argument.encode()
        parts += (b"$%d\r\n" % len(argument), argument, b"\r\n")
    return b"".join(parts)


class ReplyParser:
    """Takes bytes in any pieces, gives whole replies: bytes, int, None, list or a RespError."""

    def __init__(self):
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data):
        """Adds received bytes and returns the replies that are complete now."""
        self._buffer += data
        replies = []
        while True:
            found = self._parse(self._start)
            if found is None:
                break
            reply, self._start = found
            replies.append(reply)
        del self._buffer[: self._start]
        self._start = 0
        return replies

    def _parse(self, at):
        end = self._buffer.find(b"\r\n", at)
        if end < 0:
            return None
        kind, line = self._buffer[at : at + 1], bytes(self._buffer[at + 1 : end])
        after = end + 2
        if kind == b"+":
            return line, after
        if kind == b"-":
            return RespError(line.decode(errors="replace")), after
        if kind == b":":
            return int(line), after
        if kind == b"$":
            return self._parse_bulk(int(line), after)
        if kind == b"*":
            return self._parse_array(int(line), after)
        raise ValueError(f"not a RESP2 reply: {bytes(self._buffer[at:at + 40])!r}")

    def _parse_bulk(self, size, at):
        if size < 0:
            return None, at
        if len(self._buffer) < at + size + 2:
            return None
        return bytes(self._buffer[at : at + size]), at + size + 2

    def _parse_array(self, count, at):
        if count < 0:
            return None, at
        # Before anything is copied: large elements may come in thousands of pieces.
        if self._end_of_items(count, at) is None:
            return None
        items = []
        for _ in range(count):
            found = self._parse(at)
            if found is None:
                return None
            item, at = found
            items.append(item)
        return items, at

    def _end_of_items(self, count, at):
        for _ in range(count):
            end = self._buffer.find(b"\r\n", at)
            if end < 0:
                return None
            kind, size = self._buffer[at : at + 1], self._buffer[at + 1 : end]
            at = end + 2
            if kind == b"$" and int(size) >= 0:
                at += int(size) + 2
            elif kind == b"*":
                at = self._end_of_items(int(size), at)
            if at is None or at > len(self._buffer):
                return None
        return at


class RespClient:
    """A blocking connection."""

    def __init__(self, host, port, timeout_s=30.0):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = ReplyParser()
        self._ready = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection; what was not answered stays unknown."""
        self.socket.close()

    def send(self, *arguments):
        """Sends one command without waiting for its reply."""
        self.socket.sendall(encode(*arguments))

    def read(self):
        """The next reply; an error reply is returned, not raised. ConnectionError at the end."""
        while not self._ready:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._ready = self._parser.feed(data)[::-1]
        return self._ready.pop()

    def call(self, *arguments):
        """Sends one command and returns its reply; raises RespError."""
        self.send(*arguments)
        reply = self.read()
        if isinstance(reply, RespError):
            raise reply
        return reply

    def pipeline(self, commands):
        """Sends all commands at once and returns all replies, errors among them."""
        commands = list(commands)
        self.socket.sendall(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]
