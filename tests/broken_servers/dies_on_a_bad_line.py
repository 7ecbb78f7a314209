"""Fault: a word that is no number ends the whole server, as an exception that nobody
catches does in most languages."""

import os
import threading

from base import Server


class DiesOnABadLine(Server):
    def __init__(self):
        super().__init__()
        threading.excepthook = lambda _: os._exit(1)

    def count(self, word):
        return int(word)


if __name__ == "__main__":
    DiesOnABadLine().run()
