"""Makes the socket of a server, and starts the server on it.

    python3 client_py/serve.py target/release/leasebox [--bind 0.0.0.0] [--port 4120] [ARGS of serve]

A program in Rust's standard library gets a backlog of 128: in a burst of connects, the clients that
do not fit try again after a second. And it cannot ask for keep-alive, by which the system notices a
client whose machine has lost its power. Python can, and hands the socket over as standard input.
"""

import argparse
import os
import socket
import sys

BACKLOG = 4096
# Seconds of silence before the first question, between two, and how many without an answer.
IDLE, INTERVAL, PROBES = 60, 10, 6


def listen(bind, port):
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    # Rust's own server on all IPv6 addresses takes IPv4 clients too.
    both = bind == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server((bind, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Linux has these; other systems have times of their own.
    for option, value in (("TCP_KEEPIDLE", IDLE), ("TCP_KEEPINTVL", INTERVAL), ("TCP_KEEPCNT", PROBES)):
        if hasattr(socket, option):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return listener


def main():
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("server")
    parser.add_argument("--bind", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=4120)
    known, more = parser.parse_known_args()
    command = [known.server, "serve", "--socket-on-stdin", *more]
    if "--help" in more or "-h" in more:
        os.execv(known.server, command)
    try:
        listener = listen(known.bind, known.port)
    except (OSError, OverflowError) as error:
        sys.exit(f"serve.py: cannot listen on {known.bind} port {known.port} ({error}); give another --bind or --port")
    os.dup2(listener.fileno(), 0, inheritable=True)
    os.execv(known.server, command)


main()
