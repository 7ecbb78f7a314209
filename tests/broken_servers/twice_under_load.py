"""Fault: whoever waits too long for the lock goes on without it. Two or three clients
never do; eight at once do."""

import time

from base import Server

PATIENCE_S = 0.004
WORK_S = 0.001


class TwiceUnderLoad(Server):
    def take(self, count):
        held = self.lock.acquire(timeout=PATIENCE_S)
        try:
            first = self.counter
            taken = self.numbers[first : first + count]
            # Such as a database.
            time.sleep(WORK_S)
            self.counter = first + len(taken)
            return taken
        finally:
            if held:
                self.lock.release()


if __name__ == "__main__":
    TwiceUnderLoad().run()
