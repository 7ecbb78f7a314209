#!/usr/bin/env python3
"""XDR and CDR beside libraries that nobody here wrote: Python's xdrlib, and pycdr2.

Run: python3 tests/clients/test_marshal.py
Each library is skipped where it is missing (see .ci/run), and said to be.
"""

import importlib
import random
import subprocess
import unittest
import warnings
from dataclasses import dataclass

from server import binary, main, needs_module

# One value of each type in an order in which every alignment of CDR comes, and two sequences.
TYPES = ["boolean", "float", "char", "double", "string", "long[]", "boolean", "string[]"]
ROUNDS = 20


def some_values():
    """Random values of TYPES. A float is one that 32 bits hold."""
    text = lambda: "".join(random.choices("abcé€ ", k=random.randrange(6)))
    return [
        random.random() < 0.5,
        random.randrange(-1000, 1000) / 8,
        random.choice("Sé~"),
        random.uniform(-1e9, 1e9),
        text(),
        [random.randrange(-(2**31), 2**31) for _ in range(random.randrange(4))],
        random.random() < 0.5,
        # The words of the command line have no sequence of one empty string.
        ["x" + text() for _ in range(random.randrange(4))],
    ]


def word(value):
    """A value as the command line has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(word(element) for element in value)
    return value if isinstance(value, str) else repr(value)


def words(values):
    return [f"{of}:{word(value)}" for of, value in zip(TYPES, values)]


def leasebox(*arguments, stdin=b""):
    """What leasebox prints."""
    done = subprocess.run([binary(), *arguments], input=stdin, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return done.stdout


def ours(form, values):
    return leasebox("marshal", "--as", form, "--raw", "--values", *words(values))


def read_by_us(form, encoded):
    types = ",".join(TYPES)
    shown = leasebox("unmarshal", "--as", form, "--types", types, "-", stdin=encoded).decode()
    return shown.splitlines()


PERSON = ["Smith", "London", "1934"]
TELEPHONES = ["7946-0123", "", "é"]
SHOWN = """Person Name: Smith
Person Place: London
Person Year: 1934
Person Telephone: 7946-0123
Person Telephone: 
Person Telephone: é
"""


def person_by_us(form):
    numbers = [argument for number in TELEPHONES for argument in ("--telephone", number)]
    return leasebox("marshal", "--as", form, "--raw", *numbers, *PERSON)


def number(line):
    """A line `float:-0.1` with its number in Python's form, so that two of them compare."""
    of, _, value = line.partition(":")
    return (of, float(value)) if of in ("float", "double") else (of, value)


def without_warning(name):
    """Imports a module that Python will drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(name)


class InBothDirections(unittest.TestCase):
    def check(self, form, encoded, values):
        self.assertEqual(ours(form, values), encoded, values)
        shown = [number(line) for line in read_by_us(form, encoded)]
        self.assertEqual(shown, [number(line) for line in words(values)])


class Xdr(InBothDirections):
    @needs_module("xdrlib", "standard-xdrlib")
    def test_xdrlib_writes_what_we_write_and_we_read_it(self):
        xdrlib = without_warning("xdrlib")
        for _ in range(ROUNDS):
            values = some_values()
            packer = xdrlib.Packer()
            boolean, real, char, double, text, longs, another, texts = values
            packer.pack_bool(boolean)
            packer.pack_float(real)
            packer.pack_int(ord(char))
            packer.pack_double(double)
            packer.pack_string(text.encode())
            packer.pack_array(longs, packer.pack_int)
            packer.pack_bool(another)
            packer.pack_array([t.encode() for t in texts], packer.pack_string)
            self.check("xdr", packer.get_buffer(), values)

    @needs_module("xdrlib", "standard-xdrlib")
    def test_a_person_with_telephone_numbers(self):
        packer = without_warning("xdrlib").Packer()
        for text in PERSON[:2]:
            packer.pack_string(text.encode())
        packer.pack_int(int(PERSON[2]))
        packer.pack_array([text.encode() for text in TELEPHONES], packer.pack_string)
        encoded = packer.get_buffer()
        self.assertEqual(person_by_us("xdr"), encoded)
        self.assertEqual(leasebox("unmarshal", "--as", "xdr", "-", stdin=encoded).decode(), SHOWN)


class Cdr(InBothDirections):
    def both_orders(self, message):
        """What pycdr2 writes, without the header of four bytes that names the order."""
        from pycdr2 import Endianness

        for form, order in (("cdr-be", Endianness.Big), ("cdr-le", Endianness.Little)):
            yield form, message.serialize(endianness=order)[4:]

    @needs_module("pycdr2", "pycdr2")
    def test_pycdr2_writes_what_we_write_and_we_read_it(self):
        from pycdr2 import IdlStruct
        from pycdr2.types import char, float32, float64, int32, sequence

        @dataclass
        class Values(IdlStruct, typename="Values"):
            boolean: bool
            real: float32
            letter: char
            double: float64
            text: str
            longs: sequence[int32]
            another: bool
            texts: sequence[str]

        for _ in range(ROUNDS):
            values = some_values()
            # pycdr2 writes a char as UTF-8, and ours is ISO 8859-1: the same for ASCII.
            values[2] = "S"
            for form, encoded in self.both_orders(Values(*values)):
                self.check(form, encoded, values)

    @needs_module("pycdr2", "pycdr2")
    def test_a_person_with_telephone_numbers(self):
        from pycdr2 import IdlStruct
        from pycdr2.types import int32, sequence

        @dataclass
        class Person(IdlStruct, typename="Person"):
            name: str
            place: str
            year: int32
            telephones: sequence[str]

        person = Person(PERSON[0], PERSON[1], int(PERSON[2]), TELEPHONES)
        for form, encoded in self.both_orders(person):
            self.assertEqual(person_by_us(form), encoded)
            shown = leasebox("unmarshal", "--as", form, "-", stdin=encoded).decode()
            self.assertEqual(shown, SHOWN)


if __name__ == "__main__":
    main()
