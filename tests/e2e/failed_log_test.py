"""A log that cannot be written any more: its shard turns read-only and says why where an operator
looks, reads go on, and the end of the node is a failure."""

import os
import unittest
from pathlib import Path

from node_fixture import NodeCase, RespError

SEGMENT_HEADER_BYTES = 4096


class FailedLog(NodeCase):
    def test_writes_are_refused_reads_go_on_and_the_exit_code_is_one(self):
        node = self.start_node("--shards", "1", "--segment-size", "8MiB")
        with node.connect() as client:
            client.call("SET", "kept", "value")
            # The space that was reserved is gone: the next write has no place.
            for path in Path(node.data_dir).glob("shard-0000/*.segment"):
                os.truncate(path, SEGMENT_HEADER_BYTES)
            with self.assertRaisesRegex(RespError, "^MISCONF outcome unknown: "):
                client.call("SET", "lost", "value")
            with self.assertRaisesRegex(RespError, "^MISCONF shard 0 is read-only") as refused:
                client.call("SET", "refused", "value")
            self.assertEqual(str(refused.exception).count("/shard-0000/"), 1, refused.exception)
            with self.assertRaisesRegex(RespError, "^MISCONF the key's last write is lost"):
                client.call("GET", "lost")
            self.assertEqual(client.call("GET", "kept"), b"value")
            self.assertIn(b"aof_last_write_status:err", client.call("INFO", "persistence"))
            self.assertIn(b"state=failed", client.call("INFO", "shards"))
            self.assertEqual(node.metrics()["troupe_shard_poisoned"], 1)
            self.assertEqual(node.http("/health"),
                             (503, "shard 0 is read-only: its log failed\n"))
        self.assertEqual(node.terminate(), 1)
        self.assertIn("shard 0: stopped with a failed log: ", node.output())
        self.assertIn("stopped after a failure", node.output())

    def test_shutdown_of_a_failed_node_is_a_failure_too(self):
        node = self.start_node("--shards", "2", "--segment-size", "8MiB")
        with node.connect() as client:
            for path in Path(node.data_dir).glob("shard-0001/*.segment"):
                os.truncate(path, SEGMENT_HEADER_BYTES)
            replies = client.pipeline(("SET", f"key:{i}", "value") for i in range(50))
            self.assertTrue(any(isinstance(reply, RespError) for reply in replies))
            self.assertFalse(all(isinstance(reply, RespError) for reply in replies))
            with self.assertRaises(ConnectionError):
                client.call("SHUTDOWN")
        self.assertEqual(node.process.wait(30), 1, node.output())


if __name__ == "__main__":
    unittest.main()
