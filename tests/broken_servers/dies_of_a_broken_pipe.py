"""Fault: writing to a client that is gone ends the whole server, as SIGPIPE does in C."""

import signal

from base import Server


class DiesOfABrokenPipe(Server):
    def __init__(self):
        super().__init__()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    def pieces(self, numbers):
        """A write for each number: the first one that fails is the last."""
        if not numbers:
            return super().pieces(numbers)
        return [b"%d\n" % number for number in numbers]


if __name__ == "__main__":
    DiesOfABrokenPipe().run()
