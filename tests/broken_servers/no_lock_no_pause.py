"""Fault: no lock, and nothing between reading the counter and storing it that would let
another thread run. Python's threads take turns, every 5 ms: only a long draw is cut."""

from base import Server

WORK = 5000


class NoLockNoPause(Server):
    def take(self, count):
        taken = []
        for _ in range(count):
            index = self.counter
            if index >= len(self.numbers):
                break
            taken.append(self.numbers[index])
            for _ in range(WORK):
                pass
            self.counter = index + 1
        return taken


if __name__ == "__main__":
    NoLockNoPause().run()
