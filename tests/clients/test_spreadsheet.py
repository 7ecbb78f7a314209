#!/usr/bin/env python3
"""The table of a folder of submissions, opened by LibreOffice Calc and by Python's csv.

Run: python3 tests/clients/test_spreadsheet.py
Where LibreOffice is missing it is skipped, and said to be.
"""

import csv
import os
import subprocess
import tempfile
import unittest
from xml.etree import ElementTree

from server import binary, main, needs_program

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"

# Quotes, a comma, letters beyond ASCII, and what a spreadsheet would run.
NAMES = ['a, "b"; c', "müller, 学生", "=1+2", "+3", "-4", "@SUM(A1)"]

# Comma, quotation mark, UTF-8, from the first line on.
IMPORT = "CSV:44,34,76,1"


def plain(text):
    """A number in one form, 0.0 for 0; any other text as it is."""
    try:
        return str(float(text))
    except ValueError:
        return text


def cells(row):
    """The text of each cell of a row."""
    found = []
    for cell in row.iter(TABLE + "table-cell"):
        text = "\n".join("".join(line.itertext()) for line in cell.iter(TEXT + "p"))
        # One element can stand for several equal cells.
        found += [plain(text)] * int(cell.get(TABLE + "number-columns-repeated", 1))
    return found


class Spreadsheet(unittest.TestCase):
    @needs_program("soffice", "libreoffice-calc")
    def test_each_cell_is_the_same_text_and_none_is_a_formula(self):
        with tempfile.TemporaryDirectory() as home:
            folder, grades = os.path.join(home, "handed in"), os.path.join(home, "grades")
            for name in NAMES:
                os.makedirs(os.path.join(folder, name))
                # It does not start, so it is graded at once.
                with open(os.path.join(folder, name, "run.txt"), "w", encoding="utf-8") as run:
                    run.write('echo "=7, \'ß\'"; exit 3\n')
            subprocess.run([binary(), "grade", "--folder", folder, "--out", grades],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            table = os.path.join(grades, "grades.csv")
            with open(table, newline="", encoding="utf-8") as file:
                expected = list(csv.reader(file))
            profile = "-env:UserInstallation=file://" + os.path.join(home, "profile")
            subprocess.run(["soffice", profile, "--headless", f"--infilter={IMPORT}", "--convert-to", "fods",
                            "--outdir", home, table], check=True, timeout=120,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            sheet = ElementTree.parse(os.path.join(home, "grades.fods"))
        # What a spreadsheet would run stands behind an apostrophe.
        self.assertEqual({row[0].lstrip("'") for row in expected[1:]}, set(NAMES))
        rows = [cells(row)[: len(expected[0])] for row in sheet.iter(TABLE + "table-row")]
        self.assertEqual(rows[: len(expected)], [[plain(cell) for cell in row] for row in expected])
        formulas = [cell.get(TABLE + "formula") for cell in sheet.iter(TABLE + "table-cell")]
        self.assertEqual([formula for formula in formulas if formula], [])


if __name__ == "__main__":
    main()
