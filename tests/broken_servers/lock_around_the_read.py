"""Fault: the lock is let go before the counter is stored.

So that it shows for certain, a draw that has read the counter waits until another one has read it
too, for a while at most: a server on a busy machine is as wrong as one on an idle machine."""

import threading

from base import Server

PATIENCE = 0.05


class LockAroundTheRead(Server):
    def __init__(self):
        super().__init__()
        self.pair = threading.Barrier(2)
        self.has_met = False

    def take(self, count):
        with self.lock:
            first = self.counter
        taken = self.numbers[first : first + count]
        self.meet()
        with self.lock:
            self.counter = first + len(taken)
        return taken

    def meet(self):
        while not self.has_met:
            try:
                self.pair.wait(PATIENCE)
                self.has_met = True
            except threading.BrokenBarrierError:
                # Nobody came in time, or somebody came as that was found out.
                self.pair.reset()
                return


if __name__ == "__main__":
    LockAroundTheRead().run()
