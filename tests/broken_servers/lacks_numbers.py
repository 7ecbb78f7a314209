"""Fault: the list lacks 200 numbers. It is drawn number by number and no further for a
client that is gone, so that nothing else is missing."""

import random

from base import Server

LACKING = 200


class LacksNumbers(Server):
    def make_list(self, count):
        numbers = list(range(1, count + 1))
        random.shuffle(numbers)
        return numbers[LACKING:]

    def take(self, count):
        """Taken while they are sent, so not all at once."""
        for _ in range(count):
            taken = super().take(1)
            yield taken
            if not taken:
                return

    def pieces(self, taken):
        for numbers in taken:
            yield from super().pieces(numbers)


if __name__ == "__main__":
    LacksNumbers().run()
