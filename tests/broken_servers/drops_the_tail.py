"""Fault: a reply has a buffer of 1024 bytes, and what does not fit is lost."""

from base import Server

BUFFER = 1024


class DropsTheTail(Server):
    def pieces(self, numbers):
        return [piece[:BUFFER] for piece in super().pieces(numbers)]


if __name__ == "__main__":
    DropsTheTail().run()
