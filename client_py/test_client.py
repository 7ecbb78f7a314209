#!/usr/bin/env python3
"""Tests of client.py against servers that answer in every way a course's server might.

Run: python3 client_py/test_client.py
"""

import ast
import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")
PATIENCE_S = 30


class Server:
    """Answers the first client: each request line with the next list of pieces, which
    are sent one by one, a float between them being a pause. Then it closes."""

    def __init__(self, *replies):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests = []
        self.thread = threading.Thread(target=self._serve, args=(replies,), daemon=True)
        self.thread.start()

    def _serve(self, replies):
        sock, _ = self.listener.accept()
        self.listener.close()
        with contextlib.suppress(ConnectionError), sock, sock.makefile("rb") as lines:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pieces in replies:
                self.requests.append(lines.readline())
                for piece in pieces:
                    if isinstance(piece, float):
                        time.sleep(piece)
                    else:
                        sock.sendall(piece)

    def run(self, commands, *options):
        """Runs the client with these commands; (stdout, stderr, exit code)."""
        command = [sys.executable, CLIENT, "127.0.0.1", str(self.port), *options]
        done = subprocess.run(command, input=commands, capture_output=True, timeout=PATIENCE_S)
        return done.stdout, done.stderr, done.returncode


class Replies(unittest.TestCase):
    def prints(self, commands, replies, stdout, stderr=b"", code=0):
        got = Server(*replies).run(commands)
        self.assertEqual(got, (stdout, stderr, code))

    def test_numbers_with_spaces_become_one_a_line(self):
        self.prints(b"draw 4\n", [[b"5 19 228 665\n"]], b"5\n19\n228\n665\n")

    def test_numbers_one_a_line_stay_so(self):
        self.prints(b"draw 3\n", [[b"5\n19\n228\n"]], b"5\n19\n228\n")

    def test_numbers_cut_anywhere_are_whole(self):
        pieces = [b"5 1", 0.02, b"9 22", 0.02, b"8 ", 0.02, b"665", 0.02, b"\n"]
        self.prints(b"draw 4\n", [pieces], b"5\n19\n228\n665\n")

    def test_brackets_commas_and_words_are_no_numbers(self):
        self.prints(b"draw 3\n", [[b"client7 drew: [5, 19, 228]\n"]], b"5\n19\n228\n")

    def test_a_reply_without_a_line_end_ends_with_its_last_number_or_a_silence(self):
        replies = [[b"5 19"], [b"228 665"]]
        self.prints(b"draw 2\ndraw 2\n", replies, b"5\n19\n228\n665\n")

    def test_fewer_numbers_than_asked_for_end_with_a_silence(self):
        replies = [[b"5 19\n"], [b"error exhausted nothing is left\n"]]
        self.prints(b"draw 9\ndraw 1\n", replies, b"5\n19\n", b"error exhausted nothing is left\n", 1)

    def test_an_error_in_pieces_is_an_error(self):
        self.prints(b"draw 9\n", [[b"Er", 0.02, b"ror busy\n"]], b"", b"Error busy\n", 1)

    def test_other_replies_go_to_standard_error(self):
        replies = [[b"stats remaining=5\n"], [b"7\n"], [b"bye\n"]]
        out = (b"stats\ndraw 1\nquit\n", replies, b"7\n", b"stats remaining=5\nbye\n")
        self.prints(*out)

    def test_bytes_that_are_not_printable_do_not_reach_the_terminal(self):
        self.prints(b"help\n", [[b"\x1b[2J\xff\n"]], b"", "\\x1b[2J\ufffd\n".encode())

    def test_late_line_ends_belong_to_the_reply_before(self):
        replies = [[b"5 ", 0.02, b"\r\n"], [0.02, b"19\r\n"]]
        self.prints(b"draw 1\ndraw 1\n", replies, b"5\n19\n")

    def test_empty_lines_send_nothing_and_a_last_line_needs_no_end(self):
        server = Server([b"5\n"])
        self.assertEqual(server.run(b"\n  \ndraw 1"), (b"5\n", b"", 0))
        self.assertEqual(server.requests, [b"draw 1\n"])

    def test_many_numbers_in_one_reply(self):
        numbers = [b"%d" % number for number in range(1, 100001)]
        self.prints(b"draw 100000\n", [[b" ".join(numbers) + b"\n"]], b"\n".join(numbers) + b"\n")

    def test_a_pause_within_a_number_of_a_server_that_ends_its_lines_is_waited_for(self):
        replies = [[b"5\n"], [b"19 22", 0.5, b"8 665\n"]]
        self.prints(b"draw 1\ndraw 3\n", replies, b"5\n19\n228\n665\n")

    def test_a_reply_that_goes_on_after_a_silence_is_not_trusted(self):
        server = Server([b"5 19 22", 0.5, b"8 665\n", 0.5], [b"1\n"])
        commands = b"draw 9\n"
        command = [sys.executable, CLIENT, "127.0.0.1", str(server.port)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **pipes) as child:
            child.stdin.write(commands)
            child.stdin.flush()
            time.sleep(0.9)
            stdout, stderr = child.communicate(b"draw 1\n", timeout=PATIENCE_S)
        self.assertEqual(child.returncode, 1)
        self.assertIn(b"not to be trusted", stderr)

    def test_words_behind_fewer_numbers_end_with_a_silence(self):
        replies = [[b"5\n"], [b"19 228 and no more\n", 1.0]]
        started = time.monotonic()
        self.prints(b"draw 1\ndraw 9\n", replies, b"5\n19\n228\n")
        self.assertLess(time.monotonic() - started, 10)

    def test_a_late_line_end_starts_no_reply(self):
        replies = [[b"5 ", 0.05, b"\r\n"], [0.5, b"19\r\n"]]
        self.prints(b"draw 1\ndraw 1\n", replies, b"5\n19\n")

    def test_a_server_of_one_number_a_message_is_asked_until_all_have_come(self):
        for end in (b"", b"\n", b"\0"):
            server = Server(*[[b"%d" % number + end] for number in (5, 19, 228, 665, 7)])
            self.assertEqual(server.run(b"draw 4\ndraw 1\n"), (b"5\n19\n228\n665\n7\n", b"", 0))
            self.assertEqual(server.requests, [b"draw 4\n"] + [b"draw 1\n"] * 4)

    def test_the_last_number_of_a_list_is_no_failure(self):
        replies = [[b"5\n"], [b"error exhausted nothing is left\n"]]
        self.prints(b"draw 9\n", replies, b"5\n", b"error exhausted nothing is left\n")

    def test_one_failed_command_is_seen_in_the_exit_status(self):
        replies = [[b"error unknown-command no\n"], [b"5\n"]]
        self.prints(b"drew 1\ndraw 1\n", replies, b"5\n", b"error unknown-command no\n", 1)

    def test_until_exhausted_ends_at_the_first_such_error(self):
        server = Server([b"5\n"], [b"error exhausted\n"])
        got = server.run(b"draw 1\n" * 1000, "--until-exhausted")
        self.assertEqual(got, (b"5\n", b"error exhausted\n", 0))


class Ends(unittest.TestCase):
    def one_line(self, got, *parts):
        stdout, stderr, code = got
        self.assertEqual(code, 1, got)
        self.assertEqual(stderr.count(b"\n"), 1, got)
        for part in parts:
            self.assertIn(part, stderr)
        return stdout

    def test_a_server_that_vanishes_within_a_reply(self):
        out = self.one_line(Server([b"5 19 22"]).run(b"draw 9\n"), b"closed the connection")
        self.assertEqual(out, b"5\n19\n22\n")

    def test_a_server_that_vanishes_between_replies(self):
        out = self.one_line(Server([b"5\n"]).run(b"draw 1\ndraw 1\n"), b"127.0.0.1 port")
        self.assertEqual(out, b"5\n")

    def test_no_server(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        command = [sys.executable, CLIENT, "127.0.0.1", str(port)]
        done = subprocess.run(command, input=b"draw 1\n", capture_output=True, timeout=PATIENCE_S)
        self.one_line((done.stdout, done.stderr, done.returncode), b"refused")

    def test_an_unknown_host(self):
        command = [sys.executable, CLIENT, "no.such.host.invalid", "4120"]
        done = subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE_S)
        self.one_line((done.stdout, done.stderr, done.returncode), b"no.such.host.invalid")

    def test_what_is_no_host(self):
        for host in (".example", "a" * 64 + ".invalid"):
            command = [sys.executable, CLIENT, host, "4120"]
            done = subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE_S)
            self.one_line((done.stdout, done.stderr, done.returncode), host[:20].encode())

    def test_a_huge_number_of_draws_is_the_servers_to_refuse(self):
        got = Server([b"error bad-request no\n"]).run(b"draw " + b"9" * 5000 + b"\n")
        self.assertEqual(got, (b"", b"error bad-request no\n", 1))

    def test_wrong_arguments(self):
        for words in ([], ["127.0.0.1"], ["127.0.0.1", "x"], ["127.0.0.1", "70000"]):
            done = subprocess.run([sys.executable, CLIENT, *words], capture_output=True, timeout=PATIENCE_S)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)

    def test_ctrl_c(self):
        server = Server([5.0])
        command = [sys.executable, CLIENT, "127.0.0.1", str(server.port)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        # A shell's background jobs ignore Ctrl-C, and their children with them.
        heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        with subprocess.Popen(command, **pipes, **heed) as child:
            child.stdin.write(b"draw 1\n")
            child.stdin.flush()
            while not server.requests:
                time.sleep(0.01)
            child.send_signal(signal.SIGINT)
            stdout, stderr = child.communicate(timeout=PATIENCE_S)
        self.one_line((stdout, stderr, child.returncode), b"interrupted")

    def test_a_full_disk(self):
        server = Server([b"5\n"], [b"19\n"])
        command = [sys.executable, CLIENT, "127.0.0.1", str(server.port)]
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                command, input=b"draw 1\ndraw 1\n", stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_S
            )
        self.one_line((b"", done.stderr, done.returncode), b"standard output is lost", b"No space left")

    def test_a_closed_standard_output(self):
        server = Server([b"5\n"])
        shell = '"$0" "$1" 127.0.0.1 "$2" >&-'
        command = ["sh", "-c", shell, sys.executable, CLIENT, str(server.port)]
        done = subprocess.run(command, input=b"draw 1\n", stderr=subprocess.PIPE, timeout=PATIENCE_S)
        self.one_line((b"", done.stderr, done.returncode), b"closed")


class Terminal(unittest.TestCase):
    def test_a_prompt_on_a_terminal_goes_to_standard_error(self):
        server = Server([b"5 19\n"])
        master, slave = pty.openpty()
        command = [sys.executable, CLIENT, "127.0.0.1", str(server.port)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, stdin=slave, **pipes) as child:
            os.close(slave)
            os.write(master, b"draw 2\n\x04")
            stdout, stderr = child.communicate(timeout=PATIENCE_S)
        os.close(master)
        self.assertEqual((stdout, stderr, child.returncode), (b"5\n19\n", b"> > ", 0))


class Source(unittest.TestCase):
    def test_it_is_python_3_8(self):
        with open(CLIENT, encoding="utf-8") as file:
            ast.parse(file.read(), feature_version=(3, 8))


if __name__ == "__main__":
    unittest.main()
