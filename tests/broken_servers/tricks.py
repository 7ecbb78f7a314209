"""No fault in their draws: submissions that are hard to start, to watch or to end.

    python3 tricks.py --numbers 20000 --trick forks
"""

import os
import shutil
import signal
import socket
import sys
import time

from base import Server

HERE = os.path.dirname(os.path.abspath(__file__))


def forks():
    """The process that was started ends; its child serves."""
    if os.fork() != 0:
        os._exit(0)


def ignores_sigterm():
    """And it leaves a child in a session of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        while True:
            time.sleep(1)


def prints_100_mb():
    for _ in range(100):
        sys.stderr.write("x" * (1 << 20) + "\n")


def needs_3_seconds():
    time.sleep(3)


def deletes_its_folder():
    shutil.rmtree(HERE)


def kills_its_parent():
    os.kill(os.getppid(), signal.SIGKILL)


def uses_much_memory():
    """In a child, and not at once."""
    if os.fork() == 0:
        kept = bytearray(300 << 20)
        kept[:: 1 << 12] = bytes(len(kept[:: 1 << 12]))
        while True:
            time.sleep(1)


def has_many_processes():
    for _ in range(40):
        if os.fork() == 0:
            while True:
                time.sleep(1)


def writes_a_long_file():
    with open("log.txt", "wb") as log:
        for _ in range(100):
            log.write(b"x" * (1 << 20))


def writes_beside():
    """Into the folder that it was started from, if it may."""
    with open(os.environ["HOME"] + "/leasebox-was-here", "w") as file:
        file.write("here")


TRICKS = {
    trick.__name__: trick
    for trick in [forks, ignores_sigterm, prints_100_mb, needs_3_seconds, deletes_its_folder,
                  kills_its_parent, uses_much_memory, has_many_processes, writes_a_long_file,
                  writes_beside]
}
OTHERS = ["binds_8888", "reads_its_list"]


class Tricky(Server):
    def add_arguments(self, parser):
        parser.add_argument("--trick", required=True, choices=sorted([*TRICKS, *OTHERS]))

    def make_list(self, count):
        if self.arguments.trick == "reads_its_list":
            with open("list.txt") as file:
                return [int(line) for line in file]
        return super().make_list(count)

    def listen(self):
        if self.arguments.trick == "binds_8888":
            return socket.create_server(("127.0.0.1", 8888), backlog=128)
        TRICKS.get(self.arguments.trick, lambda: None)()
        return super().listen()


if __name__ == "__main__":
    Tricky().run()
