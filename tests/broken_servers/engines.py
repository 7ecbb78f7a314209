"""A draw server on each engine that Python offers, with its lock or without it.

    python3 engines.py --numbers 20000 --engine socketserver --lock no

| engine | who runs side by side |
| --- | --- |
| threading | a thread for each client |
| socketserver | the library's ThreadingTCPServer |
| executor | a pool of concurrent.futures |
| processes | a process for each client; the counter is in shared memory |
| asyncio | one thread, and a task for each client |
| selectors | one thread, the main one, and no task: there is nothing to lock |
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import mmap
import multiprocessing
import os
import random
import selectors
import signal
import socket
import socketserver
import struct
import threading

REFUSAL = "error: say draw and a number\n"


class Box:
    """The list, and a counter of the kind that the engine needs."""

    def __init__(self, count, lock, is_shared=False):
        self.numbers = list(range(1, count + 1))
        random.shuffle(self.numbers)
        self.lock = lock
        # Shared with the processes that are made later.
        self.memory = mmap.mmap(-1, 8) if is_shared else bytearray(8)

    def take(self, count):
        with self.lock:
            first = struct.unpack_from("q", self.memory)[0]
            last = min(first + count, len(self.numbers))
            struct.pack_into("q", self.memory, 0, last)
        return self.numbers[first:last]

    async def take_between_awaits(self, count):
        async with self.lock:
            first = struct.unpack_from("q", self.memory)[0]
            last = min(first + count, len(self.numbers))
            # As a server does that writes a log to a disk or asks a database.
            await asyncio.sleep(0)
            struct.pack_into("q", self.memory, 0, last)
        return self.numbers[first:last]


def count_in(line):
    words = line.decode(errors="replace").split()
    return int(words[1]) if len(words) == 2 and words[0] == "draw" and words[1].isdecimal() else None


def reply_to(numbers):
    return " ".join(map(str, numbers)) + "\n" if numbers else "no numbers left\n"


def answer(box, line):
    count = count_in(line)
    return (REFUSAL if count is None else reply_to(box.take(count))).encode()


def serve(box, client):
    with client, contextlib.suppress(OSError):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for line in client.makefile("rb"):
            client.sendall(answer(box, line))


def listener():
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def with_threads(box):
    with listener() as server:
        while True:
            threading.Thread(target=serve, args=(box, server.accept()[0]), daemon=True).start()


def with_socketserver(box):
    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self):
            with contextlib.suppress(OSError):
                for line in self.rfile:
                    self.wfile.write(answer(box, line))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 512

    with Server(("127.0.0.1", 0), Handler) as server:
        server.serve_forever()


def with_executor(box):
    with listener() as server, concurrent.futures.ThreadPoolExecutor(500) as pool:
        while True:
            pool.submit(serve, box, server.accept()[0])


def with_processes(box):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with listener() as server:
        while True:
            client = server.accept()[0]
            if os.fork() == 0:
                server.close()
                serve(box, client)
                os._exit(0)
            client.close()


def with_asyncio(box):
    async def handle(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                count = count_in(line)
                numbers = None if count is None else await box.take_between_awaits(count)
                writer.write((REFUSAL if numbers is None else reply_to(numbers)).encode())
                await writer.drain()
        writer.close()

    async def run():
        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=512)
        await server.serve_forever()

    asyncio.run(run())


def with_selectors(box):
    server = listener()
    ready = selectors.DefaultSelector()
    ready.register(server, selectors.EVENT_READ)
    unread = {}
    while True:
        for key, _ in ready.select():
            client = key.fileobj
            if client is server:
                client = server.accept()[0]
                unread[client] = b""
                ready.register(client, selectors.EVENT_READ)
                continue
            try:
                data = client.recv(4096)
                *lines, rest = (unread[client] + data).split(b"\n")
                unread[client] = rest[-65536:]
                for line in lines:
                    client.setblocking(True)
                    client.settimeout(0.5)
                    client.sendall(answer(box, line))
            except OSError:
                data = b""
            if not data:
                ready.unregister(client)
                del unread[client]
                client.close()


ENGINES = {
    "threading": (with_threads, threading.Lock),
    "socketserver": (with_socketserver, threading.Lock),
    "executor": (with_executor, threading.Lock),
    "processes": (with_processes, multiprocessing.Lock),
    "asyncio": (with_asyncio, asyncio.Lock),
    "selectors": (with_selectors, contextlib.nullcontext),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--engine", required=True, choices=ENGINES)
    parser.add_argument("--lock", default="yes", choices=["yes", "no"])
    arguments = parser.parse_args()
    run, lock = ENGINES[arguments.engine]
    without = contextlib.AsyncExitStack if arguments.engine == "asyncio" else contextlib.nullcontext
    held = lock() if arguments.lock == "yes" else without()
    run(Box(arguments.numbers, held, arguments.engine == "processes"))
