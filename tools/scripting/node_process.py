"""Starts and stops one server process and knows where it listens. Nothing is left behind: the
process is ended by its own id, whatever happens, and its output is kept for the error message."""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from resp_client import RespClient

ROOT = Path(__file__).resolve().parents[2]
LISTENING = re.compile(r"^listening (\w+)=(.+):(\d+)$")


def default_binary():
    """The program to test: TROUPE_BINARY or the release build."""
    return os.environ.get("TROUPE_BINARY") or str(ROOT / "build" / "tools" / "troupe")


class StartFailed(Exception):
    """The process ended or stayed silent before it was ready; the text holds its output."""


class NodeProcess:
    """A `troupe serve` on free loopback ports. Use as a context manager, or call end()."""

    def __init__(self, data_dir, *flags, binary=None, start_timeout_s=60.0):
        self.data_dir = str(data_dir)
        self.flags = list(flags)
        self.binary = binary or default_binary()
        self.start_timeout_s = start_timeout_s
        self.process = None
        self._reader = None
        self.addresses = {}
        self.start_seconds = 0.0
        self._log = tempfile.TemporaryFile(mode="a+b")

    def __enter__(self):
        if not self.running():
            self.start()
        return self

    def __exit__(self, *_):
        self.end()

    def running(self):
        """True while the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        """Id of the running process."""
        return self.process.pid

    @property
    def client(self):
        """(host, port) for clients."""
        return self.addresses["client"]

    def start(self):
        """Starts the process and waits until it says `ready`."""
        command = [self.binary, "serve", "--data-dir", self.data_dir]
        for flag in ("--client-address", "--http-address", "--peer-address"):
            if flag not in self.flags:
                command += [flag, "127.0.0.1:0"]
        began = time.monotonic()
        self.process = subprocess.Popen(command + self.flags, stdout=subprocess.PIPE,
                                        stderr=self._log, text=True)
        # A process that never gets ready is ended, which ends the loop below.
        watchdog = threading.Timer(self.start_timeout_s, self.process.kill)
        watchdog.start()
        self.addresses = {}
        ready = False
        for line in self.process.stdout:
            if match := LISTENING.match(line.strip()):
                self.addresses[match[1]] = (match[2].strip("[]"), int(match[3]))
            if line.strip() == "ready":
                ready = True
                break
        watchdog.cancel()
        if not ready:
            self.process.stdout.close()
            code = self.process.wait()
            raise StartFailed(f"{' '.join(command)} ended with {code}:\n{self.output()}")
        # The pipe must not fill up: a reader of its own takes what comes later, and closes it.
        self._reader = threading.Thread(target=drain, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        self.start_seconds = time.monotonic() - began
        return self

    def kill(self):
        """SIGKILL: the process gets no chance to save anything."""
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait()

    def terminate(self, timeout_s=30.0):
        """SIGTERM; returns the exit code. Raises TimeoutExpired if it does not drain in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def end(self):
        """Makes sure that the process is gone."""
        if self.running():
            self.kill()
        if self._reader:
            self._reader.join()
        self._log.close()

    def output(self):
        """What the process wrote to stderr, over all its starts."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def connect(self, timeout_s=30.0):
        """A new client connection."""
        return RespClient(*self.client, timeout_s=timeout_s)

    def http(self, path, token=None):
        """(status, body) of a page of the HTTP address."""
        host, port = self.addresses["http"]
        host = f"[{host}]" if ":" in host else host
        request = urllib.request.Request(f"http://{host}:{port}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """Every metric by name, summed over its labels; histogram buckets are left out."""
        status, text = self.http("/metrics")
        if status != 200:
            raise ValueError(f"/metrics answered {status}")
        return parse_metrics(text)

    def resident_bytes(self):
        """Resident memory of the process."""
        return resident_bytes(self.pid)

    def peak_resident_bytes(self):
        """The most memory that was ever resident in the process."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def drain(pipe):
    """Reads until the other end closes."""
    with pipe:
        pipe.read()


def parse_metrics(text):
    """Prometheus text -> name -> sum over labels."""
    sums = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, value = line.rsplit(" ", 1)
        name = name.split("{", 1)[0]
        if not name.endswith("_bucket"):
            sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def resident_bytes(pid):
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
