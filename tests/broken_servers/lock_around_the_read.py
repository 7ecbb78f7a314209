"""Fault: the lock is let go before the counter is stored."""

from base import Server


class LockAroundTheRead(Server):
    def take(self, count):
        with self.lock:
            first = self.counter
        taken = self.numbers[first : first + count]
        for number in taken:
            self.log(number)
        with self.lock:
            self.counter = first + len(taken)
        return taken


if __name__ == "__main__":
    LockAroundTheRead().run()
