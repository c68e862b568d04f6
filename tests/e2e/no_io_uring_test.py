"""Where the kernel refuses io_uring, threads write the log: everything works, the log and INFO say
so, and one way of writing goes on with the data of the other.

A seccomp filter refuses it to one process, whoever it belongs to; the kernel's own switch,
kernel.io_uring_disabled, would refuse it to the whole machine."""

import errno
import sys
import textwrap
import unittest
from pathlib import Path

from node_fixture import NodeCase, default_binary

# Runs the program behind it without io_uring_setup (425 on all machines), which ends with an error.
WRAPPER = """\
    #!{python}
    import ctypes, os, struct, sys
    def step(code, if_true, if_false, value):
        return struct.pack("=HBBI", code, if_true, if_false, value)
    LOAD_NUMBER, IS_EQUAL, RETURN, ALLOW, FAIL = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
    steps = (step(LOAD_NUMBER, 0, 0, 0) + step(IS_EQUAL, 0, 1, 425) +
             step(RETURN, 0, 0, FAIL | {error}) + step(RETURN, 0, 0, ALLOW))
    memory = ctypes.create_string_buffer(steps)
    class Filter(ctypes.Structure):
        _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
    whole = Filter(len(steps) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
    for option, value, extra in ((NO_NEW_PRIVILEGES, 1, None), (SECCOMP, FILTER,
                                                               ctypes.byref(whole))):
        if libc.prctl(option, ctypes.c_ulong(value), extra, None, None) != 0:
            sys.exit(f"prctl {{option}}: {{os.strerror(ctypes.get_errno())}}")
    os.execv("{binary}", ["{binary}"] + sys.argv[1:])
"""


class NoIoUring(NodeCase):
    def without_io_uring(self, error):
        """A program that runs the node where io_uring_setup ends with that error."""
        path = Path(self.directory) / f"without-io-uring-{error}"
        text = WRAPPER.format(python=sys.executable, binary=default_binary(), error=error)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def commits_by(self, node):
        """What INFO says of who writes the log."""
        with node.connect() as client:
            lines = client.call("INFO", "log").decode().split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line)["log_commits_by"]

    def write(self, node, first, count):
        """Sets keys one by one and in pipelines, small values and values of a whole frame."""
        with node.connect() as client:
            for i in range(first, first + count):
                self.assertEqual(client.call("SET", f"key{i}", f"value{i}"), b"OK")
                replies = client.pipeline(("SET", f"key{i}:{j}", f"{j}" * 500) for j in range(100))
                self.assertEqual(replies, [b"OK"] * 100)
            self.assertEqual(client.call("SET", f"large{first}", b"x" * (3 << 20)), b"OK")

    def check(self, node, first, count):
        with node.connect() as client:
            for i in range(first, first + count):
                self.assertEqual(client.call("GET", f"key{i}"), f"value{i}".encode())
                found = client.pipeline(("GET", f"key{i}:{j}") for j in range(100))
                self.assertEqual(found, [f"{j}".encode() * 500 for j in range(100)])
            self.assertEqual(client.call("GET", f"large{first}"), b"x" * (3 << 20))

    def test_threads_write_the_log_and_it_is_said(self):
        for error in (errno.EPERM, errno.ENOSYS):
            for flags in (("--shards", "1"), ("--shards", "4", "--reactors", "2")):
                with self.subTest(error=error, flags=flags):
                    node = self.start_node(*flags, name=f"data-{error}-{flags[1]}",
                                           binary=self.without_io_uring(error))
                    self.assertEqual(self.commits_by(node), "thread")
                    self.assertEqual(node.output().count("log commits go to threads"), 1)
                    self.write(node, 0, 20)
                    node.kill()
                    node.start()
                    self.check(node, 0, 20)
                    self.assertEqual(node.terminate(), 0, node.output())

    def test_one_way_goes_on_with_the_data_of_the_other(self):
        node = self.start_node("--shards", "2")
        if self.commits_by(node) != "io_uring":
            self.skipTest(f"no io_uring here: {node.output()}")
        self.write(node, 0, 5)
        for round_number, binary in enumerate((self.without_io_uring(errno.EPERM),
                                               default_binary()), 1):
            node.kill()
            node.binary = binary
            node.start()
            self.check(node, 5 * (round_number - 1), 5)
            self.write(node, 5 * round_number, 5)
        self.assertEqual(self.commits_by(node), "io_uring")
        self.check(node, 0, 5)
        self.check(node, 5, 5)
        self.assertEqual(node.terminate(), 0, node.output())


if __name__ == "__main__":
    unittest.main()
