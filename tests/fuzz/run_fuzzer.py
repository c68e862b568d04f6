"""Runs one libFuzzer target for a bounded time, beginning from its corpus.

Usage: run_fuzzer.py PROGRAM CORPUS FINDINGS

TROUPE_FUZZ_SECONDS says how long (60 by default). What the target finds interesting goes with a
temporary directory; an input that makes it fail stays in FINDINGS. It belongs into the corpus, as
found_<its checksum>, with the mend. Exits as the target does.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

INPUT_SECONDS_MAX = 20  # far above what any input of these sizes takes, sanitizers included


def main():
    program, corpus, findings = sys.argv[1:]
    Path(findings).mkdir(parents=True, exist_ok=True)
    seconds = int(os.environ.get("TROUPE_FUZZ_SECONDS", "60"))
    environment = os.environ.copy()
    environment.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    with tempfile.TemporaryDirectory(prefix="troupe-fuzz-") as new_inputs:
        return subprocess.run(
            [program, f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS_MAX}",
             f"-artifact_prefix={findings}/", "-print_final_stats=1", new_inputs, corpus],
            check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
