"""No fault in its draws. It needs a second until it listens, prints 20 MB, ignores SIGTERM, and leaves
a child in a session of its own."""

import os
import signal
import sys
import time

from base import Server


class Rude(Server):
    def listen(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            while True:
                time.sleep(1)
        time.sleep(1)
        listener = super().listen()
        for _ in range(20):
            sys.stderr.write("x" * (1 << 20) + "\n")
        return listener


if __name__ == "__main__":
    Rude().run()
