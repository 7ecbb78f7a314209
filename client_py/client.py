#!/usr/bin/env python3
"""Draw numbers from a server: python3 client.py IP PORT > out.txt

Commands come from standard input, one a line, such as "draw 4". The numbers go to
standard output, one a line, and everything else to standard error, so that

    sort out-*.txt | uniq -d

prints every number that came twice. On a terminal there is a prompt; from a file or
a pipe there is none.

The server may answer a draw with spaces between the numbers or with one a line: the
reply ends when as many numbers have come as were asked for, with a line that begins
with "error", or after 200 ms of silence. Python 3.8 or later, standard library only.
"""

import argparse
import os
import re
import socket
import sys

SILENCE_S = 0.2
"""After the first bytes of a reply, so much silence ends it."""

PATIENCE_S = 30.0
"""How long a connect, or the first byte of a reply, may take."""

MAX_LINE = 1 << 25
"""More than this without a number or a line end is no reply."""

DRAW = re.compile(rb"\s*draw\s+([0-9]+)\s*", re.IGNORECASE)
NUMBER = re.compile(rb"(?<![\w.-])[0-9]+(?![\w-])")


class Vanished(Exception):
    """The server closed the connection, or does not answer."""


class OutputLost(Exception):
    """Standard output cannot be written."""


class Replies:
    """What the server sends, cut into replies."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""
        """What came and belongs to no reply yet."""

    def _more(self, started):
        """Waits for more bytes; False after the silence that ends a started reply."""
        self.sock.settimeout(SILENCE_S if started else PATIENCE_S)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            if started:
                return False
            raise Vanished("no answer within %d seconds" % PATIENCE_S) from None
        except OSError as error:
            raise Vanished("the server is gone: %s" % (error.strerror or error)) from None
        if not data:
            raise Vanished("the server closed the connection")
        self.pending += data
        if len(self.pending) > MAX_LINE:
            raise Vanished("the server sends what is no reply")
        return True

    def send(self, request):
        """Sends a request, however long that takes within the patience."""
        self.sock.settimeout(PATIENCE_S)
        try:
            self.sock.sendall(request)
        except OSError as error:
            raise Vanished("the server is gone: %s" % (error.strerror or error)) from None

    def line(self):
        """One line, or what came before a silence."""
        self.pending = self.pending.lstrip()
        while b"\n" not in self.pending:
            if not self._more(started=bool(self.pending)):
                break
        line, _, self.pending = self.pending.partition(b"\n")
        return line.strip()

    def draw(self, count):
        """Yields (numbers, error line or None) until the reply to a draw has ended."""
        found = 0
        self.pending = self.pending.lstrip()
        while found < count:
            if self._is_error():
                yield [], self.line()
                return
            numbers = self._numbers(count - found, ended=False)
            if numbers:
                found += len(numbers)
                yield numbers, None
                continue
            closed = None
            try:
                if self._more(started=bool(found or self.pending)):
                    continue
            except Vanished as error:
                closed = error
            # Silence, or the server's end: what came last has no delimiter.
            numbers = self._numbers(count - found, ended=True)
            yield numbers, None
            if closed is not None and found + len(numbers) < count:
                raise closed
            return

    def _is_error(self):
        """Whether the next line is, or may become, an error; waits until that is clear."""
        word = b"error"
        while True:
            start = self.pending.lstrip()[: len(word)].lower()
            if start == word:
                return True
            if not start or not word.startswith(start):
                return False
            if not self._more(started=True):
                return False

    def _numbers(self, most, ended):
        """Takes up to `most` whole numbers off the front. A number at the very end of
        what came may go on, unless the reply has ended."""
        numbers, used = [], 0
        for match in NUMBER.finditer(self.pending):
            if len(numbers) == most or (match.end() == len(self.pending) and not ended):
                break
            numbers.append(match.group())
            used = match.end()
        self.pending = self.pending[used:]
        if numbers:
            self.pending = self.pending.lstrip(b" \t\r\n,;])")
        return numbers


def say(text, end="\n"):
    """One line on standard error; a closed one is no reason to stop drawing."""
    try:
        sys.stderr.write(text + end)
        sys.stderr.flush()
    except (AttributeError, OSError):
        pass


def show(raw):
    """Bytes from the network as printable text."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in raw.decode("utf-8", "replace"))


def put(numbers):
    """Numbers on standard output, one a line, flushed."""
    try:
        sys.stdout.write(b"\n".join(numbers).decode("ascii") + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise OutputLost(error.strerror or str(error)) from None


def draw(replies, count):
    """Prints the numbers of one reply; returns the error line, if that is what came."""
    for numbers, error in replies.draw(count):
        if numbers:
            put(numbers)
        if error is not None:
            say(show(error))
            return error
    return b""


def commands(prompt):
    """The lines of standard input that are not empty."""
    while True:
        if prompt:
            say("> ", end="")
        line = sys.stdin.buffer.readline()
        if not line:
            return
        if line.strip():
            yield line.rstrip(b"\r\n")


def converse(sock, prompt, until_exhausted):
    """Sends each command and prints its reply."""
    replies = Replies(sock)
    for command in commands(prompt):
        replies.send(command + b"\n")
        asked = DRAW.fullmatch(command)
        if asked and int(asked.group(1)) > 0:
            error = draw(replies, int(asked.group(1)))
            if until_exhausted and error.lower().startswith(b"error exhausted"):
                return
        else:
            say(show(replies.line()))
        if command.strip().lower() == b"quit":
            return


def arguments():
    parser = argparse.ArgumentParser(
        description="Draw numbers from a server: one number a line on standard output, "
        "everything else on standard error.",
        epilog="Example: echo draw 4 | python3 client.py 127.0.0.1 4120 > out.txt",
    )
    parser.add_argument("ip", metavar="IP", help="address or name of the server")
    parser.add_argument("port", metavar="PORT", type=int, help="its port")
    parser.add_argument(
        "--until-exhausted",
        action="store_true",
        help='end at the first "error exhausted", whatever commands follow',
    )
    parsed = parser.parse_args()
    if not 0 < parsed.port < 65536:
        parser.error("PORT is a number from 1 to 65535")
    return parsed


def main():
    parsed = arguments()
    where = "%s port %d" % (parsed.ip, parsed.port)
    if sys.stdin is None or sys.stdout is None:
        say("client.py: standard input or output is closed; open both")
        return 1
    prompt = sys.stdin.isatty()
    try:
        with socket.create_connection((parsed.ip, parsed.port), PATIENCE_S) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            converse(sock, prompt, parsed.until_exhausted)
        return 0
    except KeyboardInterrupt:
        say("client.py: interrupted")
    except OutputLost as error:
        say("client.py: numbers were drawn but standard output is lost: %s" % error)
    except Vanished as error:
        say("client.py: %s: %s" % (where, error))
    except OSError as error:
        say("client.py: %s: %s" % (where, error.strerror or error))
    return 1


if __name__ == "__main__":
    # Not sys.exit: it would flush a broken standard output once more, and complain.
    os._exit(main())
