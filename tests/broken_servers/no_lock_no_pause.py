"""Fault: no lock, and nothing between reading the counter and storing it that would let
another thread run. Python's threads take turns, every 5 ms: only a long draw is cut."""

from no_lock import NoLock

WORK = 5000


class NoLockNoPause(NoLock):
    def log(self, number):
        for _ in range(WORK):
            pass


if __name__ == "__main__":
    NoLockNoPause().run()
