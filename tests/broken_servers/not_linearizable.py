"""Fault: each client's thread takes a handful of indices in advance and deals them out
later. No number comes twice, but a later draw may get an index that the counter had
passed before. Seen only where the list is known: `--list FILE`."""

import threading

from base import Server

HANDFUL = 16


class NotLinearizable(Server):
    def __init__(self):
        super().__init__()
        self.own = threading.local()
        self.given_back = []

    def take(self, count):
        hand = self.own.__dict__.setdefault("hand", [])
        while len(hand) < count:
            more = self.refill()
            if not more:
                break
            hand.extend(more)
        taken, hand[:count] = hand[:count], []
        return taken

    def refill(self):
        with self.lock:
            if self.given_back:
                back, self.given_back = self.given_back, []
                return back
        return super().take(HANDFUL)

    def handle(self, connection):
        super().handle(connection)
        with self.lock:
            self.given_back.extend(self.own.__dict__.get("hand", []))


if __name__ == "__main__":
    NotLinearizable().run()
