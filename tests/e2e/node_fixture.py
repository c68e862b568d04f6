"""What end-to-end tests share: a node in a directory of its own, on free ports, ended by its id.

    class Restart(NodeCase):
        def test_values_survive(self):
            node = self.start_node("--shards", "4")
            with node.connect() as client: ...
            node.kill(); node.start()

Run a file with `python3 <file>`; meson passes the program by TROUPE_BINARY.
"""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "scripting"))

from node_process import NodeProcess, StartFailed, default_binary  # noqa: E402
from resp_client import ReplyParser, RespClient, RespError, encode  # noqa: E402

__all__ = ["NodeCase", "NodeProcess", "ReplyParser", "RespClient", "RespError", "StartFailed",
           "default_binary", "encode"]


class NodeCase(unittest.TestCase):
    """A test case that may start nodes; all of them end and all data goes with the test."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="troupe-e2e-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def new_node(self, *flags, name="data", **options):
        """A node that is not started yet; its data directory is `name` in the test's directory."""
        node = NodeProcess(Path(self.directory) / name, *flags, **options)
        self.addCleanup(node.end)
        return node

    def start_node(self, *flags, **options):
        """A node that is ready."""
        return self.new_node(*flags, **options).start()
