#!/usr/bin/env python3
"""A small garbage-collected process that shares memory with others, to play with.

    python3 process.py HOST PORT NAME [--rate BYTES] [--live BYTES] [--seconds N]

It joins a leasebox server, allocates objects in blocks that it is granted, lets most of them
die, and collects when its blocks are full or when it is told to. What a collection frees it
returns, what it got for a pause first, and then it asks anew. One line on standard output for each thing
that happens; standard output ends with a summary.

    heap   | block from lp         | block from le         | block from gp         |
           | live | garbage | free | live | garbage         | live | free           |

The survivors of a collection are written into the blocks that are kept (set), and read again
before the next (get): memory that another process could touch would show.

Exit 0 when its time is over, 1 when it ran out of memory, 2 when there is no server.
"""

import argparse
import math
import os
import random
import socket
import sys

CHUNK = 64 * 1024  # what it asks for at once, in bytes
TICK_MS = 20  # how long it listens for signals between two rounds of work
PAUSE_MS = 500  # how long it waits for memory before it gives up a request


class Refused(Exception):
    """The server said no."""


class Server:
    """One line asked, one line answered."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=30)
        self.lines = self.socket.makefile("rwb")

    def ask(self, *words):
        self.lines.write(" ".join(map(str, words)).encode() + b"\n")
        self.lines.flush()
        line = self.lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server closed the connection")
        reply = line.decode().rstrip("\n").split(" ")
        if reply[0] == "error":
            raise Refused(" ".join(reply[1:]))
        return reply


class Block:
    """Memory that was granted: how much of it is live, garbage and free, in bytes."""

    def __init__(self, id, size, pool, reason):
        self.id, self.size, self.pool, self.reason = id, size, pool, reason
        self.live = self.garbage = 0
        self.written = b""

    @property
    def free(self):
        return self.size - self.live - self.garbage

    @property
    def is_first_to_go(self):
        """Memory that came in answer to a pause is repaid first, whichever pool gave it."""
        return self.reason == "pause" or self.pool == "lp"


class Process:
    def __init__(self, server, name, most_live, chance):
        self.server, self.name, self.most_live, self.chance = server, name, most_live, chance
        self.blocks = []
        self.counts = {"granted": 0, "refused": 0, "collected": 0, "returned": 0}
        self.token = server.ask("join", name, 0)[1]
        self.say("joined")

    def say(self, *words):
        try:
            print(self.name, *words, flush=True)
        except BrokenPipeError:
            # Whoever reads, head perhaps, has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0)

    @property
    def live(self):
        return sum(block.live for block in self.blocks)

    @property
    def garbage(self):
        return sum(block.garbage for block in self.blocks)

    def request(self, reason, *more):
        """Reports its garbage and asks for a block in one step; False when that is refused."""
        try:
            reply = self.server.ask(
                "request", CHUNK, reason, "freeable=%d" % self.garbage, *more
            )
        except Refused as why:
            self.counts["refused"] += 1
            self.say("refused", reason, "-", why)
            return False
        self.take(reason, *reply[1:4])
        return True

    def take(self, reason, id, size, pool):
        self.blocks.append(Block(id, int(size), pool, reason))
        self.counts["granted"] += 1
        self.say("granted", size, pool)

    def allocate(self, size):
        """One object: it dies young, or it is kept while there is room for the living."""
        block = next((block for block in self.blocks if block.free >= size), None)
        if block is None:
            if not self.find_memory():
                return False
            return self.allocate(size)
        if self.live + size <= self.most_live and self.chance.random() < 0.3:
            block.live += size
        else:
            block.garbage += size
        return True

    def find_memory(self):
        """More memory for efficiency; else a collection; else it would pause; else it ends."""
        # Garbage is collateral; without any only a pause is a reason.
        if self.garbage > 0 and self.request("efficiency"):
            return True
        if self.garbage >= CHUNK:
            self.collect()
            return True
        return self.request("pause", "wait=%d" % PAUSE_MS) or self.request("out-of-memory")

    def collect(self):
        """Frees all garbage, moves the living together, and returns what is free as a whole."""
        self.check_survivors()
        examined, freed = self.live + self.garbage, self.garbage
        self.counts["collected"] += 1
        living = self.live
        # The blocks that are to be repaid first are emptied before the others.
        self.blocks.sort(key=lambda block: block.is_first_to_go)
        for block in self.blocks:
            block.garbage, block.live = 0, min(living, block.size)
            living -= block.live
        kept = [block for block in self.blocks if block.live > 0]
        empty = [block for block in self.blocks if block.live == 0]
        for block in sorted(empty, key=lambda block: not block.is_first_to_go):
            self.give_back(block)
        self.blocks = kept
        for block in kept:
            block.written = (self.name.encode() * block.live)[: min(block.live, 1024)]
            self.server.ask("set", block.id, block.written.decode())
        efficiency = freed * 100 // max(examined, 1)
        self.say("collected", freed, "efficiency", efficiency, "live", self.live)
        self.server.ask("report", 0, efficiency)

    def give_back(self, block):
        """The server decides which loan it repays: figure 12."""
        reply = self.server.ask("return", block.id)
        self.counts["returned"] += 1
        self.say(*reply)

    def check_survivors(self):
        for block in self.blocks:
            if block.written:
                data = self.server.ask("get", block.id)[2]
                if data.encode() != block.written:
                    raise SystemExit("%s: the survivors of the last collection changed" % self.name)

    def listen(self):
        """Waits a little for signals, and does what they say."""
        signal = self.server.ask("wait", TICK_MS)
        while signal[0] != "none":
            self.say("told", *signal)
            if signal[0] == "collect" and self.garbage > 0:
                self.collect()
            elif signal[0] in ("collect", "status"):
                self.server.ask("report", self.garbage)
            elif signal[0] == "granted":
                self.take("efficiency", *signal[1:4])
            signal = self.server.ask("wait", 0)


def name(text):
    if not text or any(not (c.isalnum() or c in "-_.") for c in text):
        raise argparse.ArgumentTypeError("letters, digits, hyphens, underscores and dots")
    return text


def seconds(text):
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError("give a number of seconds")
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("name", type=name)
    parser.add_argument("--rate", type=int, default=1 << 20, help="bytes it allocates in a second")
    parser.add_argument("--live", type=int, default=64 * 1024, help="bytes that are alive at most")
    parser.add_argument("--seconds", type=seconds, default=10.0, help="how long it runs")
    parser.add_argument("--seed", type=int, default=1, help="which objects live")
    arguments = parser.parse_args()
    try:
        server = Server(arguments.host, arguments.port)
        process = Process(server, arguments.name, arguments.live, random.Random(arguments.seed))
    except (OSError, Refused) as why:
        print("process.py: %s" % why, file=sys.stderr)
        return 2
    rounds = int(arguments.seconds * 1000 / TICK_MS)
    status = 0
    try:
        for _ in range(rounds):
            due = arguments.rate * TICK_MS // 1000
            while due > 0 and status == 0:
                size = min(due, 4096)
                due -= size
                if not process.allocate(size):
                    status = 1
            if status:
                process.say("ran out of memory")
                break
            process.listen()
        server.ask("leave")
    except (OSError, Refused) as why:
        print("process.py: %s" % why, file=sys.stderr)
        return 2
    process.say("done", *("%s=%d" % item for item in process.counts.items()))
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
