"""One line that says how far something is: rewritten in place on a terminal, else a new line
whenever another quarter is done."""

import shutil
import sys
import time

INTERVAL_S = 0.1
BAR_COLUMNS = 24


class LiveLine:
    """Progress of `total` things under a title."""

    def __init__(self, title, total):
        self._title = title
        self._total = max(total, 1)
        self._terminal = sys.stdout.isatty()
        self._last = 0.0
        self._quarters = -1

    def show(self, done, figures):
        """Shows `done` of the total with some text beside it; cheap when called too often."""
        now = time.monotonic()
        if self._terminal:
            if now - self._last >= INTERVAL_S:
                self._last = now
                self._rewrite(done, figures())
        elif done * 4 // self._total > self._quarters:
            self._quarters = done * 4 // self._total
            print(f"{self._title}: {done} of {self._total}  {figures()}", flush=True)

    def finish(self, done, text):
        """The last state, which stays."""
        if self._terminal:
            self._rewrite(done, text)
            print(flush=True)
        else:
            print(f"{self._title}: {done} of {self._total}  {text}", flush=True)

    def _rewrite(self, done, text):
        filled = min(done, self._total) * BAR_COLUMNS // self._total
        bar = "█" * filled + "░" * (BAR_COLUMNS - filled)
        share = 100 * done // self._total
        line = f"{self._title:<9} {bar} {share:3d} %  {done}/{self._total}  {text}"
        columns = shutil.get_terminal_size().columns
        print("\r\033[K" + line[: columns - 1], end="", flush=True)


def table(rows):
    """Prints pairs of what and figure, aligned."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
