"""A real process killed by SIGKILL at random moments under load: every acknowledged write is there
after the restart, the others are there whole or not at all, and counters never go back.

100 kills over two nodes; TROUPE_TEST_DEPTH=full: 500. The seed is printed first;
TROUPE_TEST_SEED repeats a run as far as timing allows.
"""

import os
import random
import selectors
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from node_fixture import NodeCase  # noqa: E402

from acknowledged_writes import Lane  # noqa: E402

FULL = os.environ.get("TROUPE_TEST_DEPTH") == "full"
LANES = 4
SILENCE_S = 30
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def write_until(lanes, address, stop_at, stop):
    """Writes on all lanes; calls `stop` once at that moment and goes on until all connections are
    gone. A lane whose connection is gone reads what had been answered before."""
    selector = selectors.DefaultSelector()
    for lane in lanes:
        lane.connect(address)
        selector.register(lane.connection.socket, READ | WRITE, lane)
    alive = set(lanes)
    stopper = threading.Timer(max(0, stop_at - time.monotonic()), stop)
    stopper.start()
    try:
        while alive:
            for lane in alive:
                lane.fill_window()
                wanted = READ | (WRITE if lane.connection.unsent else 0)
                selector.modify(lane.connection.socket, wanted, lane)
            happened = selector.select(timeout=SILENCE_S)
            if not happened:
                raise TimeoutError(f"the node lives but has been silent for {SILENCE_S} s")
            for ready, events in happened:
                lane = ready.data
                sent = not events & WRITE or lane.connection.send_some()
                if (events & READ or not sent) and not lane.receive_some():
                    selector.unregister(lane.connection.socket)
                    lane.connection.socket.close()
                    alive.discard(lane)
    finally:
        stopper.join()
        selector.close()
        for lane in alive:
            lane.connection.socket.close()


class Kill(NodeCase):
    maxDiff = None

    def kill_repeatedly(self, times, *flags):
        seed = int(os.environ.get("TROUPE_TEST_SEED") or random.randrange(1 << 32))
        print(f"seed {seed}, flags {' '.join(flags)}", flush=True)
        moments = random.Random(seed)
        lanes = [Lane(number, seed) for number in range(LANES)]
        node = self.new_node("--segment-size", "8MiB", *flags)
        node.start()
        for round_number in range(times):
            after_s = moments.choice([0.02, 0.1, 0.3, 0.6]) * (0.5 + moments.random())
            write_until(lanes, node.client, time.monotonic() + after_s, node.kill)
            node.start()
            wrong = [f"{words}: {error}" for lane in lanes for words, error in lane.errors]
            with node.connect() as client:
                for lane in lanes:
                    lane.compare(client, wrong)
            self.assertEqual(wrong, [], f"after kill {round_number + 1}, seed {seed}")
        self.assertGreater(sum(lane.acknowledged for lane in lanes), 10 * times)
        self.assertEqual(node.terminate(), 0, node.output())

    def test_one_shard_keeps_what_it_acknowledged(self):
        self.kill_repeatedly(250 if FULL else 50, "--shards", "1", "--reactors", "1")

    def test_four_shards_keep_what_they_acknowledged(self):
        self.kill_repeatedly(250 if FULL else 50, "--shards", "4", "--reactors", "2",
                             "--memory", "2MiB")


class Terminate(NodeCase):
    maxDiff = None

    def test_a_stop_under_load_loses_nothing_acknowledged(self):
        lanes = [Lane(number, 1) for number in range(LANES)]
        node = self.start_node("--segment-size", "8MiB", "--shards", "2")
        codes = []
        write_until(lanes, node.client, time.monotonic() + 0.5,
                    lambda: codes.append(node.terminate(timeout_s=20)))
        self.assertEqual(codes, [0], node.output())
        node.start()
        wrong = [f"{words}: {error}" for lane in lanes for words, error in lane.errors]
        with node.connect() as client:
            for lane in lanes:
                lane.compare(client, wrong)
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
