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


WAIT_MS = 5000  # for one answer; then it is asked again
PIECE = 12000  # bytes of a longer line that are sent at once: escaped, they fit a line of text


def call(server, other, text):
    """A call to another process: the example of the document's figure 3, in this language."""
    while not found(server, other):
        pass
    session = server.ask("open", other, escape(text))[1]
    return session


def found(server, other):
    """Whether there is such a process, or soon is."""
    try:
        return server.ask("lookup", other, WAIT_MS)
    except Refused as why:
        if not str(why).startswith("not-found"):
            raise


def escape(text):
    """Bytes as DATA, on one line of printable ASCII."""
    return text.decode("latin-1").encode("unicode_escape").decode()


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
        self.is_leaving = False
        if self.other:
            self.session = call(self.server, self.other, b"%s is here" % self.name.encode())
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
            try:
                signal = self.server.ask("wait", WAIT_MS)
            except Refused:
                if self.is_leaving:
                    return 0
                raise
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
                if signal[0] == "closed":
                    self.tell("%s has gone" % self.other)
                    self.is_leaving = True
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
        status = 0
        try:
            server = Server(*self.address)
            server.ask("attach", self.token)
            for line in sys.stdin.buffer:
                self.send(server, line.rstrip(b"\n"))
            # What was sent lies in this process's block: it stays until the other has it.
            while self.is_unheard(server):
                time.sleep(0.05)
            self.is_leaving = True
            server.ask("close", self.session)
            server.ask("leave")
        except (OSError, ValueError, Refused) as why:
            # The other one may have gone first.
            if not self.is_leaving and not str(why).startswith("not-found"):
                self.tell(str(why))
                status = 1
        finally:
            os._exit(status)

    def is_unheard(self, server):
        return any(entry.split(":")[3] != "0" for entry in server.ask("sessions")[1:])

    def send(self, server, line):
        """A line in pieces that a line of the protocol can hold."""
        for start in range(0, max(len(line), 1), PIECE):
            self.send_piece(server, escape(line[start : start + PIECE]))

    def send_piece(self, server, data):
        """A full block is no end: the other side will receive, and then there is room."""
        while True:
            self.room.clear()
            try:
                server.ask("send", self.session, data)
                return
            except Refused as why:
                if not str(why).startswith(("out-of-memory", "refused a process may hold")):
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
    except BrokenPipeError:
        # Whoever reads, head perhaps, has seen enough.
        return 0
    except OSError as why:
        print("chat.py: %s" % why, file=sys.stderr)
        return 2


def leave(status):
    """The typing thread still reads: Python would wait for it, or abort."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    os._exit(status)


if __name__ == "__main__":
    try:
        leave(main())
    except KeyboardInterrupt:
        leave(130)
