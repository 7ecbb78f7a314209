"""No fault. Seven of the shapes in which students reply."""

import time

from base import Server


class Correct(Server):
    def add_arguments(self, parser):
        parser.add_argument("--shape", required=True,
                            choices=["lines", "list", "bare", "words", "shell", "close", "strict"])
        parser.add_argument("--delay-ms", type=int, default=0)

    def take(self, count):
        time.sleep(self.arguments.delay_ms / 1000)
        return super().take(count)

    def greet(self, connection):
        if self.arguments.shape == "shell":
            connection.sendall(b"Welcome to the box of %d!\n> " % len(self.numbers))

    def requests(self, connection):
        if self.arguments.shape == "strict":
            yield from self.strict_requests(connection)
            return
        for count in super().requests(connection):
            yield count
            if self.arguments.shape == "close":
                return

    def strict_requests(self, connection):
        """A command is what one recv brings, and has no line end."""
        while True:
            data = connection.recv(1024).decode(errors="replace")
            if not data:
                return
            word, _, count = data.partition(" ")
            if word == "draw" and count.isdecimal():
                yield int(count)
            else:
                connection.sendall(b"unknown command: %s" % data.encode())

    def pieces(self, numbers):
        shape = self.arguments.shape
        if shape == "list":
            # No line end, and nothing but brackets when none is left.
            return [str(numbers).encode()]
        if shape in ("lines", "words") and not numbers:
            return [b"Sorry, all %d numbers are gone\n" % len(self.numbers)]
        if shape == "close" or not numbers:
            return super().pieces(numbers)
        if shape == "bare":
            # Where the last number ends, nobody says.
            return [" ".join(map(str, numbers)).encode()]
        if shape == "lines":
            # A write for each number.
            return [b"%d\n" % number for number in numbers]
        if shape == "words":
            drawn = ", ".join(map(str, numbers))
            left = len(self.numbers) - self.counter
            return [b"You drew %d: " % len(numbers), b"%s. %d are left\n" % (drawn.encode(), left)]
        return [b"".join(b"Result %d\n" % number for number in numbers) + b"> "]


if __name__ == "__main__":
    Correct().run()
