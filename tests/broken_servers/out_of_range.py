"""Fault: the list is 0 to 99,999."""

import random

from base import Server


class OutOfRange(Server):
    def make_list(self, count):
        numbers = list(range(count))
        random.shuffle(numbers)
        return numbers


if __name__ == "__main__":
    OutOfRange().run()
