"""What the benchmarks share: Redis as a process like a node, redis-benchmark, and a description of
the machine that every result carries."""

import csv
import datetime
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import time
from pathlib import Path

from node_process import ROOT, NodeProcess, default_binary, resident_bytes
from resp_client import RespClient, encode

RESULTS = ROOT / "build" / "bench"


class RedisProcess:
    """A redis-server in a directory of its own, with the same face as NodeProcess."""

    def __init__(self, data_dir, *flags):
        self.data_dir = Path(data_dir)
        self.flags = list(flags)
        self.process = None
        self.client = None

    def start(self):
        """Starts it on a free port and waits until it answers."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.client = ("127.0.0.1", port)
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir",
                   str(self.data_dir), "--auto-aof-rewrite-percentage", "0", *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                with RespClient(*self.client, timeout_s=5) as client:
                    client.call("PING")
                return self
            except (OSError, ConnectionError) as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.end()
                    raise RuntimeError("redis-server does not start") from error
                time.sleep(0.05)

    def connect(self):
        """A new client connection."""
        return RespClient(*self.client)

    def logged_bytes(self):
        """Bytes written to its append-only file so far."""
        with self.connect() as client:
            info = client.call("INFO", "persistence").decode()
        fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        return int(fields.get("aof_current_size", 0))

    def resident_bytes(self):
        """Resident memory of the process."""
        return resident_bytes(self.process.pid)

    def end(self):
        """Makes sure that the process is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class TroupeProcess(NodeProcess):
    """A node that tells how much it logged."""

    def logged_bytes(self):
        """Bytes written to all logs, frame headers and padding included, once all is written."""
        deadline = time.monotonic() + 5
        while True:
            metrics = self.metrics()
            behind = metrics["troupe_shard_appended_lsn"] - metrics["troupe_shard_durable_lsn"]
            if behind == 0 or time.monotonic() > deadline:
                return int(metrics["troupe_shard_written_bytes_total"])
            time.sleep(0.05)


def redis_benchmark(address, test, requests, pipeline, clients=50):
    """Runs one redis-benchmark; returns its figures as {column: number}."""
    command = ["redis-benchmark", "-h", address[0], "-p", str(address[1]), "-c", str(clients),
               "-r", "100000", "-d", "100", "-P", str(pipeline), "-n", str(requests), "-t", test,
               "--csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    # Warnings about CONFIG stand before the table.
    lines = [line for line in done.stdout.splitlines() if line.startswith('"')]
    row = next(csv.DictReader(io.StringIO("\n".join(lines))))
    return {name: float(value) for name, value in row.items() if name != "test"}


def set_keys(address, count, key_format="key:%012d", value_bytes=100, window=2000):
    """Writes `count` distinct keys as fast as one connection goes; raises if one is refused."""
    value = b"v" * value_bytes
    answered = 0
    with socket.create_connection(address, timeout=60) as connection:
        for first in range(0, count, window):
            size = min(window, count - first)
            keys = [(key_format % number).encode() for number in range(first, first + size)]
            connection.sendall(b"".join(encode("SET", key, value) for key in keys))
            expected = b"+OK\r\n" * size
            received = bytearray()
            while len(received) < len(expected):
                data = connection.recv(1 << 16)
                if not data:
                    raise ConnectionError("the server closed the connection")
                received += data
            if received != expected:
                raise RuntimeError(f"a SET was refused: {bytes(received[:200])!r}")
            answered += size
    return answered


def _first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout.splitlines() or [""])[0].strip()
    except OSError:
        return ""


def sync_write_us(directory, count=300):
    """Median time of one 4 KiB O_DSYNC write in that directory, in microseconds."""
    path = Path(directory) / "probe.tmp"
    block = b"\0" * 4096
    times = []
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_DSYNC, 0o600)
    try:
        os.pwrite(handle, block * 64, 0)
        for number in range(count):
            began = time.perf_counter()
            os.pwrite(handle, block, number % 64 * 4096)
            times.append(time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()
    return sorted(times)[count // 2] * 1e6


def describe_machine(directory):
    """What a reader needs to judge the figures; `directory` is where the servers write."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.split(":", 1)[1].strip() for line in info.splitlines()
              if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_bytes": pages,
        "kernel": platform.release(),
        "file_system": _first_line(["stat", "-f", "-c", "%T", str(directory)]),
        "sync_write_us": round(sync_write_us(directory), 1),
        "redis": _first_line(["redis-server", "--version"]),
        "troupe": _first_line([default_binary(), "--version"]),
        "commit": _first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
    }


def print_machine(machine):
    """The description in two lines."""
    print(f"{machine['processor']}, {machine['cores']} cores, "
          f"{machine['memory_bytes'] / 2**30:.0f} GiB, Linux {machine['kernel']}, "
          f"{machine['file_system']}, 4 KiB synced write {machine['sync_write_us']:.0f} us")
    print(f"{machine['redis'].split(' sha')[0]}; {machine['troupe']} ({machine['commit']})")


def fresh_directory(name, parent=None):
    """An empty directory for a server's data."""
    path = Path(parent or RESULTS / "data") / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def save(name, result):
    """Writes the result as JSON; returns the path."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return path
