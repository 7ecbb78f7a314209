"""Servers with one fault each, by what students forget.

    python3 faults.py --numbers 20000 --fault check_then_act
"""

import os
import random
import socket
import threading
import time

from base import Server


def quiet_bump(server, count):
    """Load and store next to each other, and no system call between: the interpreter does not
    change threads there by itself."""
    first = server.counter
    server.counter = min(first + count, len(server.numbers))
    return server.numbers[first : server.counter]


class Faults(Server):
    def __init__(self):
        super().__init__()
        self.clients = self.draws = 0
        self.drawn_ahead = self.numbers[:]
        self.shared = []
        self.own = threading.local()

    def add_arguments(self, parser):
        parser.add_argument("--fault", required=True, choices=sorted(FAULTS))

    def make_list(self, count):
        numbers = super().make_list(count)
        fault = self.arguments.fault
        if fault == "last_never":
            return numbers[:-1]
        if fault == "first_never":
            numbers.remove(1)
        if fault == "fifty_never":
            return numbers[50:]
        if fault == "last_twice":
            return numbers + numbers[-1:]
        if fault == "larger_range":
            numbers = list(range(1, 2 * count + 1))
            random.shuffle(numbers)
        if fault == "from_zero":
            return [number - 1 for number in numbers]
        return numbers

    def take(self, count):
        return FAULTS[self.arguments.fault](self, count)

    def serve_client(self, connection):
        self.clients += 1
        if self.arguments.fault == "dies_at_its_200th" and self.clients >= 200:
            os._exit(1)
        super().serve_client(connection)

    def requests(self, connection):
        for at, count in enumerate(super().requests(connection), 1):
            if self.arguments.fault == "closes_after_1000" and at > 1000:
                return
            yield count

    def pieces(self, numbers):
        fault = self.arguments.fault
        if fault == "a_number_too_many" and numbers:
            # The next one, which comes again with the next draw.
            more = self.numbers[min(self.counter, len(self.numbers) - 1)]
            return super().pieces(numbers + [more])
        if fault == "one_too_few" and len(numbers) > 1:
            return super().pieces(numbers[1:])
        if fault == "shared_buffer" and numbers:
            # One buffer for all threads: another may have filled it meanwhile.
            self.shared = numbers
            self.log(numbers[0])
            return super().pieces(self.shared)
        if fault == "ends_with_its_list" and not numbers:
            os._exit(0)
        if fault == "lock_kept_by_a_vanished_client":
            return self.under_the_lock(numbers)
        return super().pieces(numbers)

    def under_the_lock(self, numbers):
        self.lock.acquire()
        for number in numbers:
            yield b"%d " % number
            self.log(number)
        yield b"\n" if numbers else b"no numbers left\n"
        # Where a send fails, nobody comes here.
        self.lock.release()


def right(server, count):
    return Server.take(server, count)


def lock_released_before_the_index_is_used(server, count):
    with server.lock:
        server.counter += count
    server.log(0)
    end = min(server.counter, len(server.numbers))
    return server.numbers[max(0, end - count) : end]


def a_lock_for_each_client(server, count):
    lock = server.own.__dict__.setdefault("lock", threading.Lock())
    with lock:
        first = server.counter
        server.log(first)
        server.counter = min(first + count, len(server.numbers))
        return server.numbers[first : server.counter]


def check_then_act(server, count):
    """Looks for what is left without the lock: at the end of the list two find the last ones."""
    left = len(server.numbers) - server.counter
    if left <= 0:
        return []
    server.log(left)
    with server.lock:
        first = server.counter
        server.counter = first + min(count, left)
        taken = server.numbers[first : server.counter]
    # Beyond the end it begins again.
    return taken or server.numbers[-min(count, left) :]


def wrong_at_the_end(server, count):
    """More than is left, and the list's end comes twice."""
    with server.lock:
        left = len(server.numbers) - server.counter
        if 0 < left < count:
            server.counter = len(server.numbers)
            return server.numbers[-count:]
        return quiet_bump(server, count)


def pop_and_catch(server, count):
    """Not removed until it was sent."""
    taken = server.drawn_ahead[:count]
    server.log(0)
    del server.drawn_ahead[:count]
    return taken


def choice_without_removal(server, count):
    with server.lock:
        return random.choices(server.numbers, k=count)


def dies_under_load(server, count):
    with server.lock:
        if threading.active_count() > 6 and server.counter > 2000:
            os._exit(3)
        return quiet_bump(server, count)


def race_that_spoils_replies(server, count):
    """With many clients, what a race can do: a third of the draws gives numbers again, a fourth none."""
    with server.lock:
        server.draws += 1
        if threading.active_count() > 6 and server.draws % 3 == 0:
            return server.numbers[:count]
        if threading.active_count() > 6 and server.draws % 4 == 0:
            return []
        return quiet_bump(server, count)


FAULTS = {
    "no_lock_and_quiet": quiet_bump,
    "lock_released_before_the_index_is_used": lock_released_before_the_index_is_used,
    "a_lock_for_each_client": a_lock_for_each_client,
    "check_then_act": check_then_act,
    "wrong_at_the_end": wrong_at_the_end,
    "pop_and_catch": pop_and_catch,
    "choice_without_removal": choice_without_removal,
    "dies_under_load": dies_under_load,
    "race_that_spoils_replies": race_that_spoils_replies,
    "last_never": right,
    "first_never": right,
    "fifty_never": right,
    "last_twice": right,
    "larger_range": right,
    "from_zero": right,
    "dies_at_its_200th": right,
    "closes_after_1000": right,
    "a_number_too_many": right,
    "one_too_few": right,
    "shared_buffer": right,
    "lock_kept_by_a_vanished_client": right,
    "ends_with_its_list": right,
}

if __name__ == "__main__":
    Faults().run()
