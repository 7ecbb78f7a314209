"""Fault: the list is in order."""

from base import Server


class NotShuffled(Server):
    def make_list(self, count):
        return list(range(1, count + 1))


if __name__ == "__main__":
    NotShuffled().run()
