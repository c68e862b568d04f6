"""The Debian package index of this machine as key-value records: real data of a handy size."""

import os
import subprocess
from pathlib import Path

INSTALLED = Path("/var/lib/dpkg/status")
# Fewer stanzas than this are installed packages without an index.
INDEX_STANZAS_MIN = 10_000


def parse(text):
    """Stanzas -> {b"name:architecture:version": stanza}; of equal keys the last one counts."""
    records = {}
    for stanza in text.split(b"\n\n"):
        stanza = stanza.strip(b"\n")
        fields = {}
        for line in stanza.split(b"\n"):
            name, colon, value = line.partition(b":")
            if colon and name in (b"Package", b"Architecture", b"Version"):
                fields[name] = value.strip()
        if len(fields) == 3:
            key = b":".join((fields[b"Package"], fields[b"Architecture"], fields[b"Version"]))
            records[key] = stanza
    return records


def _dump_available():
    try:
        return subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


def _update():
    command = ["apt-get", "update", "-qq"]
    if os.geteuid() != 0:
        command = ["sudo", "-n", *command]
    try:
        subprocess.run(command, capture_output=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        pass  # the installed packages will do


def load(say):
    """(records, where they come from). `say` gets a sentence when the first source fails."""
    records = parse(_dump_available())
    if len(records) < INDEX_STANZAS_MIN:
        say("the package index is empty: running apt-get update")
        _update()
        records = parse(_dump_available())
    if len(records) >= INDEX_STANZAS_MIN:
        return records, "apt-cache dumpavail"
    say(f"no package index can be reached: using the installed packages ({INSTALLED})")
    return parse(INSTALLED.read_bytes()), str(INSTALLED)
