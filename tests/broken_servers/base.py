"""A correct draw server, and the hooks that the others in this directory get wrong.

    python3 correct.py --numbers 20000 --shape lines

Its first line on standard output is `listening on PORT`. With `--list FILE` it writes
its list there, in its order.
"""

import argparse
import os
import random
import socket
import threading


class Server:
    """A list, a counter, a lock, and a thread for each client."""

    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--numbers", type=int, default=100_000)
        parser.add_argument("--list")
        self.add_arguments(parser)
        self.arguments = parser.parse_args()
        self.counter = 0
        self.lock = threading.Lock()
        self.numbers = self.make_list(self.arguments.numbers)
        self.log_file = os.open(os.devnull, os.O_WRONLY)
        if self.arguments.list:
            with open(self.arguments.list, "w") as file:
                file.writelines("%d\n" % number for number in self.numbers)

    def add_arguments(self, parser):
        pass

    def make_list(self, count):
        numbers = list(range(1, count + 1))
        random.shuffle(numbers)
        return numbers

    def take(self, count):
        """The critical section."""
        with self.lock:
            first = self.counter
            self.counter = min(first + count, len(self.numbers))
            return self.numbers[first : self.counter]

    def log(self, number):
        """As servers do; other threads run meanwhile."""
        os.write(self.log_file, b"%d was drawn\n" % number)

    def pieces(self, numbers):
        """A reply, as it is written piece by piece."""
        if not numbers:
            return [b"no numbers left\n"]
        return [" ".join(map(str, numbers)).encode() + b"\n"]

    def greet(self, connection):
        pass

    def requests(self, connection):
        """The counts that a client asks for, until it is gone."""
        while True:
            data = connection.recv(1024)
            if not data:
                return
            yield from self.counts(connection, data)

    def counts(self, connection, data):
        for line in data.decode(errors="replace").splitlines():
            words = line.split()
            count = None
            if len(words) == 2 and words[0] == "draw":
                count = self.count(words[1])
            if count is None:
                connection.sendall(b"error: say draw and a number\n")
            else:
                yield count

    def count(self, word):
        return int(word) if word.isdecimal() else None

    def handle(self, connection):
        with connection:
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.greet(connection)
                for count in self.requests(connection):
                    for piece in self.pieces(self.take(count)):
                        connection.sendall(piece)
            except OSError:
                # The client is gone.
                pass

    def serve_client(self, connection):
        threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def listen(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        print("listening on %d" % listener.getsockname()[1], flush=True)
        return listener

    def run(self):
        listener = self.listen()
        while True:
            self.serve_client(listener.accept()[0])
