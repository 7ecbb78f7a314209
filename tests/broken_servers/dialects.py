"""No fault. A lock around the counter, and one of the many ways in which students' servers speak.

    python3 dialects.py --numbers 20000 --say one_each
"""

import json
import random
import socket
import struct
import threading
import time

from base import Server

GONE = b"no numbers left\n"


def joined(numbers, separator=" "):
    return separator.join(map(str, numbers)).encode()


class Dialects(Server):
    def __init__(self):
        super().__init__()
        self.clients = 0
        self.own = threading.local()

    def add_arguments(self, parser):
        parser.add_argument("--say", required=True, choices=sorted(SAYINGS))

    def greet(self, connection):
        with self.lock:
            self.clients += 1
            self.own.name, self.own.requests = self.clients, 0
        if self.arguments.say == "slow_banner":
            time.sleep(0.6)
            connection.sendall(b"Welcome, you are welcome\n")

    def requests(self, connection):
        say = self.arguments.say
        if say == "nul_record_close":
            yield from self.until(connection, b"\0")
        elif say == "after_shutdown":
            yield from self.until(connection, b"")
        elif say in MESSAGES:
            # A message is a command: whatever one recv brings is one.
            while True:
                data = connection.recv(1024)
                if not data:
                    return
                words = data.decode(errors="replace").strip("\0\r\n ").split()
                if len(words) == 2 and words[0] == "draw" and words[1].isdecimal():
                    yield 1 if say.startswith("one_each") else int(words[1])
                else:
                    connection.sendall(b"say draw and a number\n")
        else:
            for count in super().requests(connection):
                yield 1 if say.startswith("one_each") else count

    def until(self, connection, end):
        """One command a connection, up to its end."""
        data = b""
        while not (end and end in data):
            more = connection.recv(1024)
            if not more:
                break
            data += more
        words = data.decode(errors="replace").strip("\0\r\n ").split()
        if len(words) == 2 and words[0] == "draw" and words[1].isdecimal():
            yield int(words[1])

    def pieces(self, numbers):
        self.own.requests += 1
        return SAYINGS[self.arguments.say](self, numbers)


def one(end):
    return lambda server, numbers: [joined(numbers[:1]) + end if numbers else GONE]


def prefixed(form):
    def say(server, numbers):
        body = joined(numbers) if numbers else GONE
        return [struct.pack(form, len(body)) + body]
    return say


def text(form):
    """A line with the numbers, and whatever else the form has."""
    def say(server, numbers):
        began = time.perf_counter()
        if not numbers:
            return [GONE]
        now = time.localtime()
        return [form.format(
            numbers=joined(numbers).decode(), count=len(numbers), name=server.own.name,
            left=len(server.numbers) - server.counter, request=server.own.requests,
            clock="%02d:%02d:%02d" % now[3:6], date="%d/%d/%d" % (now[1], now[2], now[0]),
            seconds=int(time.time()), took=int((time.perf_counter() - began) * 1e6), length=len(joined(numbers)),
            grouped=" ".join(format(number, ",") for number in numbers),
        ).encode()]
    return say


def each(form):
    return lambda server, numbers: [
        "".join(form.format(number=number, at=at) for at, number in enumerate(numbers, 1)).encode()
    ] if numbers else [GONE]


def records(width, pad):
    return lambda server, numbers: [
        b"".join(joined([number]).ljust(width, pad) for number in numbers)
    ] if numbers else [b"no number left".ljust(width, pad)]


def slowly(server, numbers):
    """A pause of half a second in the middle of some replies."""
    if not numbers:
        return [GONE]
    if random.random() < 0.001:
        return paused(joined(numbers) + b"\n")
    return [joined(numbers) + b"\n"]


def paused(reply):
    yield reply[: len(reply) // 2]
    time.sleep(0.5)
    yield reply[len(reply) // 2 :]


SAYINGS = {
    "one_each": one(b""),
    "one_each_line": one(b"\n"),
    "one_each_nul": one(b"\0"),
    "one_each_words": lambda server, numbers: [b"You drew %d" % numbers[0] if numbers else GONE],
    "nul_record_close": records(64, b"\0"),
    "records_of_nuls": records(64, b"\0"),
    "records_of_spaces": records(32, b" "),
    "padded": lambda server, numbers: [(joined(numbers) if numbers else GONE).ljust(1024, b"\0")],
    "length_big": prefixed(">I"),
    "length_little": prefixed("<I"),
    "length_short": prefixed(">H"),
    "length_in_text": text("{length}\n{numbers}\n"),
    "after_shutdown": text("{numbers}\n"),
    "grouped": text("{grouped}\n"),
    "clock": text("[{date} {clock}] {numbers}\n"),
    "seconds": text("{seconds} {numbers}\n"),
    "name": text("client {name} drew {numbers}\n"),
    "name_and_left": text("thread {name} = {numbers}; {left} left\n"),
    "request": text("#{request} -> {numbers}\n"),
    "took": text("{numbers} (took {took} us)\n"),
    "count": text("{count} numbers = {numbers}\n"),
    "json": lambda server, numbers: [
        json.dumps({"numbers": numbers, "left": len(server.numbers) - server.counter}).encode() + b"\n"
    ],
    "indexed": each("{at}) {number}\n"),
    "each_in_words": each("Draw result is {number}\n"),
    "semicolons": lambda server, numbers: [joined(numbers, ";") + b";" if numbers else GONE],
    "slow_banner": text("{numbers}\n"),
    "slow_replies": slowly,
    "two_line_ends": text("{numbers}\r\n\r\n"),
}

MESSAGES = ("one_each", "one_each_nul", "one_each_words", "records_of_spaces", "length_little")

if __name__ == "__main__":
    Dialects().run()
