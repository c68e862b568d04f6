"""The peer address against strangers and broken peers: each is refused by name, nothing they do has
an effect or costs the node anything, and clients are served meanwhile."""

import collections
import os
import random
import re
import socket
import struct
import unittest
from pathlib import Path

from link_client import (CHALLENGE, CONSOLE, FRAME_BYTES_MAX, HEARTBEAT, HELLO, MEMBER, MESSAGE,
                         OPERATOR, PROOF, RECORDS, WELCOME, LinkClient, LinkClosed, frame, hello)
from node_fixture import NodeCase, StartFailed

SECRET = b"what the nodes of this test share"
FULL = os.environ.get("TROUPE_TEST_DEPTH") == "full"


class HostilePeers(NodeCase):
    def setUp(self):
        super().setUp()
        self.refusals = collections.Counter()

    def start(self, *flags):
        path = Path(self.directory) / "secret"
        path.write_bytes(SECRET + b"\n")
        self.node = self.start_node("--cluster-secret", str(path), *flags)
        return self.node

    def dial(self):
        client = LinkClient(self.node.addresses["peer"])
        self.addCleanup(client.socket.close)
        return client

    def figures(self):
        """The section `peers` of INFO."""
        with self.node.connect() as client:
            text = client.call("INFO", "peers").decode()
        return {name: int(value) for name, value in
                re.findall(r"^(peer_\w+):(\d+)\r$", text, re.MULTILINE)}

    def await_figure(self, name, wanted):
        """Asks until a figure has a value: the node counts when it has closed."""
        for _ in range(5000):
            figures = self.figures()
            if figures[name] == wanted:
                return figures
        self.fail(f"{name} is {figures[name]}, not {wanted}: {figures}")

    def assert_refused(self, client, reason):
        """The node says why it closes, and counts as many as were refused here."""
        self.assertEqual(client.refusal(), reason)
        self.refusals[reason] += 1
        self.await_figure("peer_refused_" + reason, self.refusals[reason])

    def test_who_knows_the_secret_opens_a_link_and_who_does_not_is_refused(self):
        self.start()
        self.dial().open(SECRET)
        self.assertEqual(self.await_figure("peer_consoles", 1)["peer_links"], 0)
        self.dial().open(SECRET, role=MEMBER, node=b"n" * 16)
        self.await_figure("peer_links", 1)
        stranger = self.dial()
        stranger.send(frame(HELLO, hello()))
        self.assertEqual(stranger.next_frame()[0], CHALLENGE)
        stranger.send(frame(PROOF, b"p" * 32))
        self.assert_refused(stranger, "bad_proof")
        with self.assertRaisesRegex(AssertionError, "the node has no proof"):
            self.dial().open(b"another secret of the same kind")
        self.assertEqual(self.node.metrics()["troupe_peer_proved_total"], 2)

    def test_every_way_to_begin_wrongly_has_a_name(self):
        self.start()
        cluster = self.dial().open(SECRET).cluster
        own = self.own_id()
        for said, reason in (
                (frame(HELLO, hello(protocol=2)), "bad_protocol"),
                (frame(HELLO, hello(cluster=b"c" * 16)), "foreign_cluster"),
                (frame(HELLO, hello(MEMBER, cluster, own)), "own_node"),
                (frame(HELLO, hello(MEMBER)), "bad_frame"),
                (frame(HELLO, hello(OPERATOR, node=b"n" * 16)), "bad_frame"),
                (frame(HELLO, hello(role=7)), "bad_frame"),
                (frame(HELLO, hello()[:-1]), "bad_frame"),
                (frame(HELLO, hello(), body_crc=1), "bad_frame"),
                (frame(HELLO, hello(), flags=1), "bad_frame"),
                (frame(HELLO, hello(), shard=0), "bad_frame"),
                (frame(HELLO, b"", length=1 << 30), "bad_frame"),
                (frame(PROOF, b"p" * 32), "bad_frame"),
                (frame(WELCOME, b"w" * 48), "bad_frame"),
                (frame(HEARTBEAT), "bad_frame"),
                (frame(CONSOLE, b"x" * 8), "bad_frame"),
                (frame(99), "bad_frame"),
                (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "bad_frame"),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20), "bad_frame"),
                (b"*1\r\n$8\r\nFLUSHALL\r\n", "bad_frame"),
                (bytes(4096), "bad_frame")):
            with self.subTest(said=said[:24], reason=reason):
                client = self.dial()
                client.send(said)
                self.assert_refused(client, reason)

    def own_id(self):
        with self.dial() as client:
            client.send(frame(HELLO, hello()))
            return client.next_frame()[1][32:48]

    def test_an_open_link_that_is_broken_closes_by_name(self):
        self.start()
        for role, said, reason in (
                (OPERATOR, frame(MESSAGE, b"m" * 8), "bad_frame"),
                (OPERATOR, frame(RECORDS, b"r" * 8, shard=0), "bad_frame"),
                (OPERATOR, frame(HELLO, hello()), "bad_frame"),
                (OPERATOR, frame(CONSOLE, b"c" * 64, body_crc=0), "bad_frame"),
                (OPERATOR, frame(CONSOLE, b"", length=FRAME_BYTES_MAX), "bad_frame"),
                (MEMBER, frame(CONSOLE, b"c" * 8), "bad_frame"),
                (MEMBER, frame(RECORDS, b"r" * 8, shard=0), "over_credit"),
                (MEMBER, frame(RECORDS, b"r" * 8, shard=60000), "bad_frame"),
                (MEMBER, frame(MESSAGE, b"m" * 8), "bad_frame")):
            with self.subTest(role=role, said=said[:24]):
                node = b"n" * 16 if role == MEMBER else bytes(16)
                client = self.dial().open(SECRET, role=role, node=node)
                client.send(said)
                self.assert_refused(client, reason)
        self.await_figure("peer_links", 0)
        self.await_figure("peer_consoles", 0)

    def test_a_flipped_bit_anywhere_in_the_proof_is_refused(self):
        self.start()
        source = random.Random(7)
        for _ in range(200 if FULL else 30):
            client = self.dial()
            said = bytearray(frame(HELLO, hello()))
            said[source.randrange(len(said))] ^= 1 << source.randrange(8)
            client.send(bytes(said) + frame(PROOF, source.randbytes(32)))
            self.assertIn(client.refusal(), ("bad_frame", "bad_protocol", "bad_proof",
                                             "foreign_cluster"))
        self.await_figure("peer_unproved", 0)

    def test_a_newer_link_of_the_same_node_replaces_the_older(self):
        self.start()
        older = self.dial().open(SECRET, role=MEMBER, node=b"n" * 16)
        other = self.dial().open(SECRET, role=MEMBER, node=b"o" * 16)
        newer = self.dial().open(SECRET, role=MEMBER, node=b"n" * 16)
        self.assertEqual(older.refusal(), "replaced")
        self.await_figure("peer_links", 2)
        newer.send(frame(HEARTBEAT))
        other.send(frame(HEARTBEAT))
        self.assertEqual(newer.receive()[0], HEARTBEAT)
        self.assertEqual(other.receive()[0], HEARTBEAT)

    def test_silence_before_and_after_the_proof_has_its_deadline(self):
        self.start()
        waiting = self.dial()
        trickling = self.dial()
        opened = self.dial().open(SECRET)
        for byte in frame(HELLO, hello())[:40]:
            # Bytes that come one by one do not extend the deadline of the proof.
            trickling.send(bytes([byte]))
        self.assertEqual(waiting.refusal(), "too_slow")
        self.assertEqual(trickling.refusal(), "too_slow")
        self.await_figure("peer_refused_too_slow", 2)
        self.assert_refused(opened, "silent")

    def test_heartbeats_keep_a_link_open(self):
        self.start()
        client = self.dial().open(SECRET)
        for _ in range(7):  # longer than the deadline of silence
            self.assertEqual(client.receive()[0], HEARTBEAT)
            client.send(frame(HEARTBEAT))
        self.assertEqual(self.figures()["peer_consoles"], 1)

    def test_port_scanners_are_counted_and_leave_nothing(self):
        self.start()
        descriptors = Path(f"/proc/{self.node.pid}/fd")
        before, resident = len(list(descriptors.iterdir())), self.node.resident_bytes()
        scans = 2000 if FULL else 300
        for number in range(scans):
            with socket.create_connection(self.node.addresses["peer"]) as scanner:
                if number % 2 == 0:  # a reset instead of an end
                    scanner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        self.await_figure("peer_hung_up", scans)
        self.assertEqual(self.figures()["peer_unproved"], 0)
        self.assertLessEqual(len(list(descriptors.iterdir())), before + 1)
        self.assertLess(self.node.resident_bytes() - resident, 16 << 20)

    def test_unproved_connections_are_few_and_the_next_is_told_to_wait(self):
        self.start()
        resident = self.node.resident_bytes()
        crowd = [self.dial() for _ in range(64)]
        for each in crowd:
            each.send(frame(HELLO, hello())[:50])
        self.await_figure("peer_unproved", 64)
        self.assert_refused(self.dial(), "busy")
        self.assertLess(self.node.resident_bytes() - resident, 8 << 20)
        for each in crowd[:2]:
            each.socket.close()
        self.await_figure("peer_unproved", 62)
        self.dial().open(SECRET)

    def test_open_links_are_bounded_too(self):
        self.start()
        links = [self.dial().open(SECRET) for _ in range(64)]
        self.assert_refused(self.dial(), "busy")
        links[0].socket.close()
        self.await_figure("peer_consoles", 63)
        self.dial().open(SECRET)

    def test_random_bytes_have_no_effect(self):
        self.start()
        source = random.Random(11)
        with self.node.connect() as client:
            client.call("SET", "kept", "value")
            for number in range(1000 if FULL else 150):
                with LinkClient(self.node.addresses["peer"]) as stranger:
                    try:
                        stranger.send(source.randbytes(source.randrange(1, 300)))
                        stranger.socket.shutdown(socket.SHUT_WR)
                        stranger.refusal()
                    except (LinkClosed, OSError):
                        pass
                if number % 50 == 0:
                    self.assertEqual(client.call("GET", "kept"), b"value")
        self.assertEqual(self.figures()["peer_proved"], 0)

    def test_a_stopping_node_says_so(self):
        self.start()
        opened, waiting = self.dial().open(SECRET), self.dial()
        self.await_figure("peer_unproved", 1)
        self.assertEqual(self.node.terminate(), 0)
        self.assertEqual(opened.refusal(), "stopping")
        self.assertEqual(waiting.refusal(), "stopping")

    def test_without_a_secret_this_machine_alone_may_connect(self):
        self.node = self.start_node()
        self.dial().open(b"")
        with self.assertRaisesRegex(AssertionError, "the node has no proof"):
            self.dial().open(SECRET)
        with self.assertRaisesRegex(StartFailed, "peer-address: 0.0.0.0:0 can be reached from "
                                                 "other machines, so it needs a secret"):
            self.start_node("--peer-address", "0.0.0.0:0", name="other")

    def test_what_others_are_told_to_dial_is_shown(self):
        self.node = self.start_node("--advertise-peer", "node-1.example:17379")
        with self.node.connect() as client:
            text = client.call("INFO", "peers").decode()
        host, port = self.node.addresses["peer"]
        self.assertIn(f"peer_address:{host}:{port}\r\n", text)
        self.assertIn("peer_announced:node-1.example:17379\r\n", text)


if __name__ == "__main__":
    unittest.main()
