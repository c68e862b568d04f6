"""The link between nodes, spoken by hand: bytes as replication/link/README.md says, nothing shared
with the code under test."""

import hashlib
import hmac
import os
import socket
import struct

HELLO, CHALLENGE, PROOF, WELCOME, REFUSED, HEARTBEAT = 1, 2, 3, 4, 5, 6
MESSAGE, RECORDS, CONSOLE = 16, 17, 18
MEMBER, OPERATOR = 1, 2
NO_SHARD = 0xFFFF
NO_ID = bytes(16)
HEADER_BYTES = 16
FRAME_BYTES_MAX = (4 << 20) + (64 << 10) + HEADER_BYTES
REASONS = {1: "bad_protocol", 2: "foreign_cluster", 3: "bad_proof", 4: "no_secret", 5: "own_node",
           6: "bad_frame", 7: "too_slow", 8: "silent", 9: "busy", 10: "replaced",
           11: "over_credit", 12: "stopping"}


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data):
    """CRC-32C (Castagnoli) of some bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def frame(kind, body=b"", shard=NO_SHARD, flags=0, length=None, body_crc=None):
    """One frame; `length` and `body_crc` may lie."""
    head = struct.pack("<IBBHI", len(body) if length is None else length, kind, flags, shard,
                       crc32c(body) if body_crc is None else body_crc)
    return head + struct.pack("<I", crc32c(head)) + body


def hello(role=OPERATOR, cluster=NO_ID, node=NO_ID, nonce=None, protocol=1):
    """Body of a Hello."""
    return struct.pack("<4sIB7x16s16s32s", b"TRL1", protocol, role, cluster, node,
                       nonce or os.urandom(32))


class LinkClosed(Exception):
    """The node closed the link; the argument is the reason it gave, or None."""


class LinkClient:
    """A dialler. open() goes through the handshake; before that, send() whatever you like."""

    def __init__(self, address, timeout_s=10.0):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.buffer = b""
        self.cluster = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def receive(self):
        """(type, body) of the next frame, checked; heartbeats and refusals too."""
        head = self._exactly(HEADER_BYTES)
        length, kind, flags, _, body_crc, head_crc = struct.unpack("<IBBHII", head)
        assert crc32c(head[:12]) == head_crc and flags == 0, head
        body = self._exactly(length)
        assert crc32c(body) == body_crc, body
        return kind, body

    def next_frame(self):
        """The next frame that says something. Raises LinkClosed with the reason of a refusal."""
        while True:
            kind, body = self.receive()
            if kind == REFUSED:
                raise LinkClosed(REASONS[body[0]])
            if kind != HEARTBEAT:
                return kind, body

    def refusal(self):
        """Reads until the node closes; the reason it gave, None if it gave none."""
        try:
            while True:
                self.next_frame()
        except LinkClosed as closed:
            reason = closed.args[0]
        try:
            assert not self.socket.recv(1), "bytes behind a refusal"
        except ConnectionResetError:
            pass
        return reason

    def open(self, secret=b"", role=OPERATOR, node=NO_ID, cluster=NO_ID):
        """Proves that it knows the secret, and checks that the node does; returns self."""
        said = hello(role, cluster, node)
        self.send(frame(HELLO, said))
        kind, challenge = self.next_frame()
        assert kind == CHALLENGE and len(challenge) == 112, (kind, challenge)
        told = said + challenge[:80]

        def proof(label, about=NO_ID):
            return hmac.new(secret, label + told + about, hashlib.sha256).digest()

        assert hmac.compare_digest(challenge[80:], proof(b"listener")), "the node has no proof"
        self.send(frame(PROOF, proof(b"dialler\0")))
        kind, welcome = self.next_frame()
        assert kind == WELCOME, kind
        self.cluster = welcome[:16]
        assert hmac.compare_digest(welcome[16:], proof(b"welcome\0", self.cluster))
        return self

    def _exactly(self, count):
        while len(self.buffer) < count:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise LinkClosed(None)
            self.buffer += piece
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data
