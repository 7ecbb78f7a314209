#!/usr/bin/env python3
"""Two terminals talk through a leasebox server; a third sees neither.

    python3 chat.py HOST PORT alice          waits until somebody opens a session
    python3 chat.py HOST PORT bob alice      opens one with alice, as soon as she is there

A line typed here is printed there, as "bob: …"; the end of the input, Ctrl-D, closes the
session. It prints what the other says on standard output, and all else on standard error.

Exit 0 when the session was closed, 1 when it could not be had, 2 when there is no server.
"""

import argparse
import os
import sys
import threading
import time

from process import Refused, Server, name


def call(server, other, text):
    """A call to another process: the example of the document's figure 3, in this language."""
    server.ask("lookup", other, 3600 * 1000)
    session = server.ask("open", other, escape(text))[1]
    return session


def escape(text):
    """A text as DATA, on one line of printable ASCII."""
    return text.encode().decode("latin-1").encode("unicode_escape").decode()


def unescape(words):
    """DATA as a text; what is none is shown as well as can be."""
    data = " ".join(words).encode().decode("unicode_escape").encode("latin-1")
    return data.decode(errors="replace")


def printable(text):
    """Nothing that moves a cursor or ends a line comes from the other side."""
    return "".join(c if c.isprintable() else "?" for c in text)


class Chat:
    """One session: this thread listens, another reads what is typed."""

    def __init__(self, arguments):
        self.address = (arguments.host, arguments.port)
        self.server = Server(*self.address)
        self.name, self.other = arguments.name, arguments.other
        self.token = self.server.ask("join", self.name)[1]
        self.room = threading.Event()
        self.session = None
        if self.other:
            self.session = call(self.server, self.other, "%s is here" % self.name)
            self.tell("%s is called" % self.other)
        else:
            self.tell("waiting for a call")

    def tell(self, text):
        print("* %s" % printable(text), file=sys.stderr, flush=True)

    def run(self):
        """Does what it is told until the session ends; answers the exit status."""
        if self.session:
            self.start_typing()
        while True:
            signal = self.server.ask("wait", 3600 * 1000)
            if signal[0] == "opened" and self.session is None:
                self.session, self.other = signal[1], signal[2]
                self.tell("%s calls" % self.other)
                self.start_typing()
            elif signal[0] == "opened":
                # One at a time: who calls second hears that the session is closed.
                self.server.ask("close", signal[1])
            elif signal[0] == "message" and signal[1] == self.session:
                self.show()
            elif signal[0] == "unblocked":
                self.room.set()
            elif signal[0] in ("lost", "closed") and signal[1] == self.session:
                self.show()
                self.tell("%s has gone" % self.other)
                return 0

    def show(self):
        """Prints what there is to receive."""
        while True:
            try:
                reply = self.server.ask("receive", self.session)
            except Refused:
                return
            if reply[0] == "none":
                return
            print("%s: %s" % (self.other, printable(unescape(reply[2:]))), flush=True)

    def start_typing(self):
        threading.Thread(target=self.type, daemon=True).start()

    def type(self):
        """Sends each line that is typed, by a connection of its own; the last one ends all."""
        server = Server(*self.address)
        server.ask("attach", self.token)
        try:
            for line in sys.stdin:
                self.send(server, line.rstrip("\n"))
            # What was sent lies in this process's block: it stays until the other has it.
            while any(entry.split(":")[3] != "0" for entry in server.ask("sessions")[1:]):
                time.sleep(0.05)
            server.ask("close", self.session)
            server.ask("leave")
        except (OSError, Refused) as why:
            self.tell(str(why))
            os._exit(1)
        os._exit(0)

    def send(self, server, line):
        """A full block is no end: the other side will receive, and then there is room."""
        while True:
            self.room.clear()
            try:
                server.ask("send", self.session, escape(line))
                return
            except Refused as why:
                if not str(why).startswith("out-of-memory"):
                    raise
                self.room.wait(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("name", type=name, help="of this terminal")
    parser.add_argument("other", type=name, nargs="?", help="whom to call")
    arguments = parser.parse_args()
    try:
        return Chat(arguments).run()
    except Refused as why:
        print("chat.py: %s" % why, file=sys.stderr)
        return 1
    except OSError as why:
        print("chat.py: %s" % why, file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
