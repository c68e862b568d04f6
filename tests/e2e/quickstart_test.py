"""The demonstration of tools/quickstart on a small input: it must succeed, and leave nothing."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "tools" / "scripting" / "package_index_demo.py"


def stanzas(count):
    """Text like a package index, with values from 60 bytes to 20 KB."""
    return "\n".join(
        f"Package: package-{number}\nVersion: {number}.0-1\nArchitecture: amd64\n"
        f"Description: {'word ' * (number % 4000)}\n" for number in range(count))


class Quickstart(unittest.TestCase):
    def test_every_record_survives_a_kill_in_the_middle(self):
        with tempfile.TemporaryDirectory() as directory:
            text = Path(directory) / "index"
            text.write_text(stanzas(6000), encoding="utf-8")
            done = subprocess.run([sys.executable, str(DEMO), "--input", str(text), "--seed", "7"],
                                  env={**os.environ, "TMPDIR": directory}, capture_output=True,
                                  text=True, check=False, timeout=120)
            left = [path.name for path in Path(directory).iterdir() if path != text]
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Every record and every acknowledged write is there.", done.stdout)
        self.assertIn("SIGKILL", done.stdout)
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
