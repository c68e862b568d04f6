"""Data directories that a node must refuse: damaged, of another node, of another layout, of a newer
version. Each gets exit code 1 and a sentence that names the file, and what is damaged stays as it
is. And damage under a running node, which refuses the values concerned and tells the operator."""

import shutil
import struct
import unittest
from pathlib import Path

from node_fixture import NodeCase, RespError, StartFailed

FLAGS = ("--shards", "2", "--reactors", "1", "--segment-size", "8MiB")
VERSION_OFFSET = 4  # of NODE and of a manifest


def crc32c(data):
    """CRC-32C bit by bit: slow and obviously right."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def last_frame(path):
    """Offset of the last frame in a segment file, and of a byte in the middle of its records."""
    data = path.read_bytes()
    use = data[40:48]
    frames = [at for at in range(4096, len(data), 512)
              if data[at:at + 4] == b"TRF1" and data[at + 8:at + 16] == use]
    at = frames[-1]
    return at, at + 96 + struct.unpack_from("<I", data, at + 32)[0] // 2


def flip(path, at):
    """Changes one byte, or changes it back."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def content(directory):
    """Every file of a directory with its bytes, but for the lock."""
    return {path: path.read_bytes() for path in sorted(Path(directory).rglob("*"))
            if path.is_file() and path.name != "LOCK"}


class DamagedData(NodeCase):
    def filled_node(self, name="data"):
        """A running node of two shards with 2,000 keys, the last 20 in frames of their own."""
        node = self.new_node(*FLAGS, name=name)
        node.start()
        with node.connect() as client:
            client.pipeline(("SET", f"key:{i}", f"value {i} " * 20) for i in range(1980))
            for i in range(1980, 2000):
                client.call("SET", f"key:{i}", "last")
        return node

    def stopped_node(self, name="data"):
        """The same, stopped in order."""
        node = self.filled_node(name)
        self.assertEqual(node.terminate(), 0)
        return node

    def assert_keys(self, node, count):
        """Starts the node, counts its keys, and leaves it running."""
        node.start()
        with node.connect() as client:
            self.assertEqual(client.call("DBSIZE"), count)

    def assert_refused(self, node, *parts, shard=0):
        """The node does not start; its message has all the parts; the refused shard is as it was
        (sound ones may have been opened before)."""
        directory = Path(node.data_dir) / f"shard-{shard:04}"
        before = content(directory)
        with self.assertRaises(StartFailed) as failed:
            node.start()
        self.assertEqual(node.process.returncode, 1, failed.exception)
        for part in parts:
            self.assertIn(str(part), str(failed.exception))
        self.assertNotIn("terminate called", str(failed.exception))
        self.assertEqual(content(directory).keys(), before.keys())
        self.assertTrue(content(directory) == before, "files were changed")

    def segments(self, node, shard=0):
        """Segment files of a shard in the order of their use."""
        return sorted(Path(node.data_dir).glob(f"shard-{shard:04}/*.segment"))

    def used_segments(self, node, shard=0):
        """Those of them that hold frames."""
        return [path for path in self.segments(node, shard) if b"TRF1" in path.read_bytes()]

    def test_another_number_of_shards_is_refused(self):
        node = self.stopped_node()
        node.flags[1] = "3"
        self.assert_refused(node, "shards = 2", "not 3")
        del node.flags[:2]  # without a wish the directory decides
        self.assert_keys(node, 2000)

    def test_a_flipped_byte_inside_the_log_is_named(self):
        node = self.stopped_node()
        path = self.segments(node)[0]
        data = bytearray(path.read_bytes())
        at = bytes(data).index(b"value ", 40_000)
        data[at] ^= 0x40
        path.write_bytes(data)
        self.assert_refused(node, path, "offset")
        data[at] ^= 0x40
        path.write_bytes(data)
        self.assert_keys(node, 2000)

    def assert_last_frame_guarded(self, node):
        """Damage to the last frame is refused by name; without it the node opens and goes on."""
        path = self.used_segments(node)[-1]
        frame, inside = last_frame(path)
        for at in (frame + 32, inside):
            flip(path, at)
            self.assert_refused(node, f"{path}: offset {frame}: ", "sealed at", "backup")
            flip(path, at)
        self.assert_keys(node, 2000)
        with node.connect() as client:
            for i in range(20):
                client.call("SET", f"more:{i}", "written after the restart")
        self.assertEqual(node.terminate(), 0)
        self.assert_keys(node, 2020)

    def test_damage_to_the_last_frame_is_named_after_sigterm(self):
        self.assert_last_frame_guarded(self.stopped_node())

    def test_damage_to_the_last_frame_is_named_after_shutdown(self):
        node = self.filled_node()
        with node.connect() as client, self.assertRaises(ConnectionError):
            client.call("SHUTDOWN")
        self.assertEqual(node.process.wait(30), 0)
        self.assert_last_frame_guarded(node)

    def test_damage_to_the_last_frame_reads_as_a_torn_write_after_sigkill(self):
        node = self.filled_node()
        node.kill()
        path = self.used_segments(node)[-1]
        flip(path, last_frame(path)[1])
        self.assert_keys(node, 1999)

    def test_a_missing_segment_is_named(self):
        node = self.stopped_node()
        path = self.segments(node)[0]
        path.rename(Path(self.directory) / "elsewhere")
        self.assert_refused(node, path.name)

    def test_a_segment_of_another_node_is_refused(self):
        node = self.stopped_node()
        other = self.stopped_node(name="other")
        mine, theirs = self.segments(node)[0], self.segments(other)[0]
        mine.write_bytes(theirs.read_bytes())
        self.assert_refused(node, mine.name)

    def test_a_shard_of_another_node_is_refused(self):
        node = self.stopped_node()
        other = self.stopped_node(name="other")
        shard = Path(node.data_dir) / "shard-0001"
        shutil.rmtree(shard)
        shutil.copytree(Path(other.data_dir) / "shard-0001", shard)
        self.assert_refused(node, "shard-0001", shard=1)

    def test_a_shard_that_is_gone_is_named_and_not_made_anew(self):
        node = self.stopped_node()
        shard = Path(node.data_dir) / "shard-0001"
        kept = Path(self.directory) / "kept"
        shard.rename(kept)
        self.assert_refused(node, shard, "missing", "backup")
        self.assertFalse(shard.exists())
        shutil.copytree(kept, shard, ignore=shutil.ignore_patterns("MANIFEST-*"))
        self.assert_refused(node, shard, "manifest", shard=1)
        shutil.rmtree(shard)
        kept.rename(shard)
        self.assert_keys(node, 2000)

    def test_a_last_segment_of_zeros_is_named(self):
        node = self.stopped_node()
        path = self.used_segments(node)[-1]
        data = path.read_bytes()
        path.write_bytes(bytes(len(data)))
        self.assert_refused(node, path, "offset 0")
        path.write_bytes(data)
        node.start()

    def test_shards_without_the_identity_of_their_node_are_refused(self):
        node = self.stopped_node()
        (Path(node.data_dir) / "NODE").unlink()
        self.assert_refused(node, "NODE")

    def test_a_damaged_identity_is_named(self):
        node = self.stopped_node()
        path = Path(node.data_dir) / "NODE"
        data = bytearray(path.read_bytes())
        data[20] ^= 1
        path.write_bytes(data)
        self.assert_refused(node, path, "damaged")
        path.write_bytes(b"")
        self.assert_refused(node, path)

    def test_an_identity_of_a_newer_version_is_refused_as_such(self):
        node = self.stopped_node()
        path = Path(node.data_dir) / "NODE"
        data = bytearray(path.read_bytes())
        struct.pack_into("<I", data, VERSION_OFFSET, 9)
        struct.pack_into("<I", data, len(data) - 4, crc32c(data[:-4]))
        path.write_bytes(data)
        self.assert_refused(node, path, "version 9")

    def test_a_manifest_of_a_newer_version_is_refused_as_such(self):
        node = self.stopped_node()
        for path in Path(node.data_dir).glob("shard-0000/MANIFEST-*"):
            data = bytearray(path.read_bytes())
            struct.pack_into("<I", data, VERSION_OFFSET, 9)
            length = struct.unpack_from("<I", data, 12)[0]
            struct.pack_into("<I", data, 8, 0)
            struct.pack_into("<I", data, 8, crc32c(data[:length]))
            path.write_bytes(data)
        self.assert_refused(node, "MANIFEST", "version is 9")

    def test_one_damaged_manifest_is_survived_and_two_are_named(self):
        node = self.stopped_node()
        first, second = sorted(Path(node.data_dir).glob("shard-0000/MANIFEST-*"))
        first.write_bytes(b"\xff" * 4096)
        self.assert_keys(node, 2000)
        self.assertEqual(node.terminate(), 0)
        self.assertIn("MANIFEST-a", node.output())
        first.write_bytes(b"\xff" * 4096)
        second.write_bytes(b"\xff" * 4096)
        self.assert_refused(node, "MANIFEST")

    def test_values_damaged_under_a_running_node_are_refused_and_counted(self):
        node = self.start_node("--shards", "1", "--segment-size", "8MiB", "--memory", "8MiB")
        damaged = range(50)
        with node.connect() as client:
            client.pipeline(("SET", f"key:{i}", f"value {i}.".ljust(4000, "x"))
                            for i in range(8000))
            for path in self.used_segments(node):
                data = path.read_bytes()
                for i in damaged:
                    if (at := data.find(b"value %d." % i)) >= 0:
                        flip(path, at)
            self.assertEqual(node.http("/health"), (200, "ok\n"))
            refused = 0
            for i in damaged:
                try:
                    client.call("GET", f"key:{i}")  # some may still be in memory
                except RespError as error:
                    self.assertIn("a stored value cannot be read", str(error))
                    refused += 1
            self.assertGreater(refused, 20)
            self.assertEqual(client.call("GET", "key:60")[:9], b"value 60.")
            self.assertIn(f"unreadable_records={refused},state=ok",
                          client.call("INFO", "shards").decode())
            self.assertEqual(node.metrics()["troupe_shard_unreadable_records_total"], refused)
            status, text = node.http("/health")
            self.assertEqual(status, 200)
            self.assertEqual(text, "ok\ndamaged data in shard 0: "
                                   f"{refused} records could not be read\n")
            self.assertIn("a record cannot be read", node.output())
            self.assertLess(node.output().count("a record cannot be read"), 4)

    def test_a_directory_that_cannot_be_made_is_named(self):
        node = self.new_node(name="file/data")
        (Path(self.directory) / "file").write_text("in the way", encoding="utf-8")
        with self.assertRaises(StartFailed) as failed:
            node.start()
        self.assertEqual(node.process.returncode, 1)
        self.assertIn("file/data", str(failed.exception))


if __name__ == "__main__":
    unittest.main()
