"""Chaos: lets Python change threads between any two bytecodes of the submission.

Python runs one thread at a time, and changes it every 5 ms or at a system call. Between the load and
the store of `counter += 1` it never does, so a server without a lock passes every test from outside.
Nothing in the language promises that: the program is wrong, and another interpreter shows it.

The interpreter imports a file of this name at its start, if its folder is on PYTHONPATH. This one
traces each bytecode of the files below the folders of CHAOS_ROOT, in every thread, and now and then sleeps there:
another thread runs meanwhile. Where a lock is held, the others wait for it, and nothing changes but
the time.

    thread A   LOAD counter 2 ─ sleeps ──────────────────── STORE 3     → number 228
    thread B                    LOAD counter 2 ─ STORE 3                → number 228

CHAOS_SEED repeats the choice of the bytecodes, though not the system's choice of threads. Python 3.8
or later, standard library only.
"""

import os
import random
import sys
import _thread
import threading
import time

FOLDERS = os.environ.get("CHAOS_ROOT", os.getcwd()).split(os.pathsep)
ROOTS = tuple(os.path.join(os.path.realpath(folder), "") for folder in FOLDERS)
SHARES = 7 * [0.0] + 6 * [0.002] + 6 * [0.05] + [0.5]
"""The parts of the bytecodes at which a thread sleeps, one of them for each call."""

FOLDER = os.path.dirname(os.path.abspath(__file__))
PAUSE_S = 0.0005
RANDOM = random.Random(int(os.environ.get("CHAOS_SEED", "1")))


OVER = False


def is_over():
    """Whether the grader has made the file `over`: all draws are judged, and what comes then is no
    test of the lock, so a server need not be slow any more."""
    global OVER
    OVER = OVER or os.path.exists(os.path.join(FOLDER, "over"))
    return OVER


def tracer(share):
    """A function that is called before each bytecode of a traced function."""

    def at_bytecode(frame, event, argument):
        if event == "opcode" and RANDOM.random() < share and not is_over():
            # Zero lets another thread run if one is ready; more lets one become ready.
            time.sleep(0 if RANDOM.random() < 0.5 else PAUSE_S)
        return at_bytecode

    return at_bytecode


TRACERS = [tracer(share) for share in SHARES]
IS_OWN = {}
"""Whether a file is the submission's own, by its name: to find out takes longer than a call."""


def at_call(frame, event, argument):
    """Called at each call: chooses the functions that stand in the submission's own files. Some
    calls run as ever, some are cut to pieces, and one in twenty takes very long: a window is found
    where one thread is slow in it and the others are not."""
    if OVER:
        return None
    name = frame.f_code.co_filename
    if name not in IS_OWN:
        IS_OWN[name] = os.path.realpath(name).startswith(ROOTS)
    if IS_OWN[name]:
        frame.f_trace_opcodes = True
        return RANDOM.choice(TRACERS)
    return None


def start_new_thread(function, *arguments):
    """A thread of the old module `_thread`, which `threading.settrace` does not reach."""

    def traced(*words, **named):
        sys.settrace(at_call)
        return function(*words, **named)

    return START(traced, *arguments)


START = _thread.start_new_thread
_thread.start_new_thread = _thread.start_new = start_new_thread
with open(os.path.join(FOLDER, "loaded"), "w"):
    # The grader says "chaos: on" only if this file is there.
    pass
# Python 3.12 asks only once, in settrace, whether any function has this.
sys._getframe().f_trace_opcodes = True
sys.setswitchinterval(1e-5)
threading.settrace(at_call)
sys.settrace(at_call)
