"""Fault: a list that is drained is dealt out once more."""

from base import Server


class StartsAgain(Server):
    def take(self, count):
        with self.lock:
            if self.counter >= len(self.numbers):
                self.counter = 0
            first = self.counter
            self.counter = min(first + count, len(self.numbers))
            return self.numbers[first : self.counter]


if __name__ == "__main__":
    StartsAgain().run()
