#!/usr/bin/env python3
"""Draw numbers from a server: python3 client.py IP PORT > out.txt

Commands come from standard input, one a line, such as "draw 4". The numbers go to
standard output, one a line, and everything else to standard error, so that

    sort out-*.txt | uniq -d

prints every number that came twice. On a terminal there is a prompt; from a file or
a pipe there is none.

The server may answer a draw with spaces between the numbers or with one a line: the
reply ends when as many numbers have come as were asked for, with a line that begins
with "error", or after 200 ms of silence. A server that answers one number a message is
asked again until all have come. The exit status is 0 only if no command failed.
Python 3.8 or later, standard library only.
"""

import argparse
import os
import re
import socket
import sys

SILENCE_S = 0.2
"""After the first bytes of a reply, so much silence ends it."""

MESSAGE_SILENCE_S = 0.005
"""The same once it is known that a message is one number: it has come in one piece."""

PATIENCE_S = 30.0
"""How long a connect, or the first byte of a reply, may take."""

MAX_LINE = 1 << 25
"""More than this without a number or a line end is no reply."""

MAX_NOISE = 1 << 16
"""More than this without a number is no reply to a draw."""

DRAW = re.compile(rb"\s*draw\s+([0-9]{1,18})\s*", re.IGNORECASE)
NUMBER = re.compile(rb"(?<![\w.-])[0-9]+(?![\w-])")


class Vanished(Exception):
    """The server closed the connection, or does not answer."""


class Untrustworthy(Exception):
    """A reply went on after the silence that seemed to end it."""


class OutputLost(Exception):
    """Standard output cannot be written."""


class Replies:
    """What the server sends, cut into replies."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""
        """What came and belongs to no reply yet."""
        self.ends_lines = False
        """The server has ended a reply with a line end, so it always does."""
        self.guessed = False
        """The last reply was ended by silence and not by what it said."""
        self.silence = SILENCE_S
        """So much silence ends a started reply."""

    def _more(self, started):
        """Waits for more bytes; False after the silence that ends a started reply."""
        self.sock.settimeout(self.silence if started else PATIENCE_S)
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
        self.check_guess()
        self.sock.settimeout(PATIENCE_S)
        try:
            self.sock.sendall(request)
        except OSError as error:
            raise Vanished("the server is gone: %s" % (error.strerror or error)) from None

    def check_guess(self):
        """After a silence that was taken for a reply's end, nothing more may have come."""
        if not self.guessed:
            return
        self.sock.setblocking(False)
        try:
            late = self.sock.recv(65536, socket.MSG_PEEK)
        except OSError:
            return
        if late.strip():
            raise Untrustworthy("a reply went on after %d ms of silence" % (self.silence * 1000))

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
        self.guessed = False
        while found < count:
            if not found:
                self.pending = self.pending.lstrip()
            if self._is_error():
                yield [], self.line()
                return
            numbers = self._numbers(count - found, ended=False)
            if numbers:
                found += len(numbers)
                yield numbers, None
                continue
            if len(self.pending) > MAX_NOISE:
                raise Vanished("the server sends what is no number")
            closed = None
            # A number that may go on is waited for, from a server that ends its lines.
            whole = not self.ends_lines or self.pending[-1:] in (b"", b"\n")
            try:
                if self._more(started=whole and bool(found or self.pending)):
                    continue
            except Vanished as error:
                closed = error
            # Silence, or the server's end: what came last may have no delimiter.
            if closed is not None and self.ends_lines:
                raise closed
            self.guessed = True
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
            after = self.pending.lstrip(b" \t\r\n,;])")
            self.ends_lines |= b"\n" in self.pending[: len(self.pending) - len(after)]
            self.pending = after
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


def print_reply(replies, count):
    """Prints the numbers of one reply; returns how many, and the error line that came."""
    found = 0
    for numbers, error in replies.draw(count):
        if numbers:
            put(numbers)
            found += len(numbers)
        if error is not None:
            say(show(error))
            return found, error
    return found, b""


def draw(replies, count):
    """Prints the numbers of a draw; returns the error line, and whether the draw failed."""
    found, error = print_reply(replies, count)
    asks_again = found == 1 < count
    while asks_again and found < count and not error:
        # Either one number is left, or the server answers one number a message. Both answer
        # a draw of 1 rightly.
        replies.send(b"draw 1\n")
        more, error = print_reply(replies, 1)
        if more:
            replies.silence = MESSAGE_SILENCE_S
        elif not error:
            break
        found += more
    # Fewer numbers than were asked for are no failure, if the list is drained.
    return error, bool(error) and not (found and is_exhausted(error))


def is_exhausted(error):
    return error.lower().startswith(b"error exhausted")


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
    """Sends each command and prints its reply; returns whether one failed."""
    replies = Replies(sock)
    any_failed = False
    for command in commands(prompt):
        replies.send(command + b"\n")
        asked = DRAW.fullmatch(command)
        if asked and int(asked.group(1)) > 0:
            error, failed = draw(replies, int(asked.group(1)))
            if until_exhausted and is_exhausted(error):
                return any_failed
        else:
            line = replies.line()
            failed = line.lower().startswith(b"error")
            say(show(line))
        any_failed = any_failed or failed
        if command.strip().lower() == b"quit":
            return any_failed
    replies.check_guess()
    return any_failed


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
            return int(converse(sock, prompt, parsed.until_exhausted))
    except KeyboardInterrupt:
        say("client.py: interrupted")
    except OutputLost as error:
        say("client.py: numbers were drawn but standard output is lost: %s" % error)
    except Untrustworthy as error:
        say("client.py: %s: the numbers above are not to be trusted: %s" % (where, error))
    except Vanished as error:
        say("client.py: %s: %s" % (where, error))
    except UnicodeError:
        say("client.py: %s: that is no host's name" % where)
    except OSError as error:
        say("client.py: %s: %s" % (where, error.strerror or error))
    return 1


if __name__ == "__main__":
    # Not sys.exit: it would flush a broken standard output once more, and complain.
    os._exit(main())
