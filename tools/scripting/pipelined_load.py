"""Loads records through pipelined connections and knows at any time which writes the server has
acknowledged and which are under way. The server may die at any moment: that is not an error here
but a result."""

import collections
import selectors
import socket

from resp_client import ReplyParser, RespError, encode

WINDOW = 256  # commands under way on one connection
RECEIVE_BYTES = 1 << 18
SILENCE_S = 30


class Lane:
    """One connection: what it still has to send, and which keys wait for their answers."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setblocking(False)
        self.parser = ReplyParser()
        self.waiting = collections.deque()
        self.unsent = bytearray()

    def send_some(self):
        """Sends what the socket takes; False when the connection is gone."""
        try:
            while self.unsent:
                sent = self.socket.send(self.unsent)
                del self.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def receive_some(self):
        """Replies that have arrived, or None when the connection is gone."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self.parser.feed(data) if data else None


class Outcome:
    """What became of a load."""

    def __init__(self):
        self.acknowledged = []  # keys whose write was answered +OK, in order of the answers
        self.unknown = []  # keys sent but not answered: they may be there or not
        self.errors = []  # (key, error text)
        self.left = []  # keys never sent
        self.complete = False


def load(address, records, keys, connections=4, on_progress=None):
    """Writes records[key] for each key; returns an Outcome. `on_progress(acknowledged, under_way)`
    is called after every round; whatever it does to the server shows in the outcome. A dead server
    ends the load; what it had answered before counts."""
    outcome = Outcome()
    pending = collections.deque(keys)
    selector = selectors.DefaultSelector()
    lanes = [Lane(address) for _ in range(connections)]
    for lane in lanes:
        selector.register(lane.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, lane)
    alive = set(lanes)
    while alive and (pending or any(lane.waiting for lane in alive)):
        for lane in list(alive):
            while pending and len(lane.waiting) < WINDOW:
                key = pending.popleft()
                lane.unsent += encode("SET", key, records[key])
                lane.waiting.append(key)
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if lane.unsent else 0)
            selector.modify(lane.socket, wanted, lane)
        happened = selector.select(timeout=SILENCE_S)
        if not happened:
            raise TimeoutError(f"the server lives but has been silent for {SILENCE_S} s")
        for ready, events in happened:
            lane = ready.data
            open_still = not events & selectors.EVENT_WRITE or lane.send_some()
            # Answers given before a death are read even when sending has failed already.
            replies = lane.receive_some() if events & selectors.EVENT_READ or not open_still else []
            for reply in replies or []:
                key = lane.waiting.popleft()
                if isinstance(reply, RespError):
                    outcome.errors.append((key, str(reply)))
                else:
                    outcome.acknowledged.append(key)
            if replies is None:
                selector.unregister(lane.socket)
                alive.discard(lane)
        if on_progress:
            under_way = sum(len(lane.waiting) for lane in lanes)
            on_progress(len(outcome.acknowledged), under_way)
    for lane in lanes:
        outcome.unknown += lane.waiting
        lane.socket.close()
    selector.close()
    outcome.left = list(pending)
    outcome.complete = not outcome.unknown and not outcome.left and not outcome.errors
    return outcome
