#!/usr/bin/env python3
"""A client that behaves as the course's own does; the words are ours.

Run: python3 client.py IP PORT, with commands such as "draw 4" on standard input.

It sends "draw N" without a line end N times. After each it receives once, at most 2048
bytes, and prints what came as one line. The servers written for it answer one number a
message; `leasebox serve --course` does so too.
"""

import socket
import sys


def main():
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as sock:
        for line in sys.stdin:
            command = line.strip()
            if not command:
                continue
            for _ in range(int(command.split()[1])):
                sock.sendall(command.encode())
                message = sock.recv(2048)
                if not message or message.startswith(b"error"):
                    return
                print(message.decode())


main()
