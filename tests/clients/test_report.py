#!/usr/bin/env python3
"""The page of a grading, and the page over many, in headless Chromium.

Run: python3 tests/clients/test_report.py
Where Chromium, its driver or Selenium is missing it is skipped, and said to be.
"""

import base64
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

from browser import CONTRAST, PHONE, WIDE, browser, show
from server import ROOT, Server, binary, main, needs_module, needs_program

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    pass

LARGEST = 300_000
NEEDED = (needs_module("selenium", "selenium"), needs_program("chromium", "chromium"),
          needs_program("chromedriver", "chromium-driver"))


def needed(test):
    for need in NEEDED:
        test = need(test)
    return test


def grade(page, server, *more):
    """Grades a server and writes the page; the text of the same report."""
    command = [binary(), "grade", "127.0.0.1", str(server.port), "--format", "html", "--out", page, *more]
    return subprocess.run(command, capture_output=True, text=True).stdout


@needed
class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser()
        cls.folder = tempfile.mkdtemp()
        racy = Server("--no-lock", "--race-window", "50us", "--numbers", "20000")
        cls.page = os.path.join(cls.folder, "racy.html")
        cls.words = grade(cls.page, racy, "--numbers", "20000", "--timeout", "20s")
        racy.stop()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        shutil.rmtree(cls.browser.profile, ignore_errors=True)
        shutil.rmtree(cls.folder)

    def setUp(self):
        show(self.browser, WIDE, "light")
        self.open(self.page)

    def open(self, page):
        self.browser.get_log("browser")
        self.browser.get(f"file://{page}")

    def run_script(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def no_complaints(self):
        self.assertEqual(self.browser.get_log("browser"), [])

    def test_its_words_are_those_of_the_text_report(self):
        shown = " ".join(self.browser.find_element(By.TAG_NAME, "main").text.split())
        for line in self.words.splitlines():
            # The text's columns are another thing than the table's.
            words = [word for word in line.split() if "/" not in word and word != "-"]
            self.assertIn(" ".join(words), shown)
        self.no_complaints()

    def test_the_two_requests_that_got_the_same_number_are_lit(self):
        lit = self.run_script("return [...document.querySelectorAll('.lit title')].map(e => e.textContent)")
        titles = self.run_script("return [...document.querySelectorAll('section > h2')].map(e => e.textContent)")
        twice = [title for title in titles if "came twice" in title]
        self.assertTrue(twice, titles)
        number = twice[0].split()[0]
        # One request is lit alone if it got the number twice itself: another had set the counter back.
        self.assertIn(sum(f"; {number} came twice" in bar for bar in lit), (1, 2), lit)

    def test_every_bar_is_reached_by_keyboard_and_says_its_words(self):
        bars = self.run_script("return document.querySelectorAll('svg.scene .bar').length")
        self.run_script("document.querySelector('svg.scene .bar[tabindex=\"0\"]').focus()")
        seen = set()
        script = """
            const at = document.activeElement;
            return [[...document.querySelectorAll('.bar')].indexOf(at), at.querySelector('title').textContent,
                    at.closest('section').querySelector('output').textContent]"""
        scene = "return [...document.activeElement.closest('svg').querySelectorAll('.bar')].length"
        first = self.run_script(scene)

        def see():
            place, title, said = self.run_script(script)
            self.assertEqual(said, title)
            seen.add(place)

        def press(key):
            self.browser.switch_to.active_element.send_keys(key)
            see()

        # To the first lane, and then along each lane from its first bar to its last.
        lanes = self.run_script("return new Set([...document.activeElement.closest('svg')"
                                ".querySelectorAll('.bar')].map(e => e.dataset.lane)).size")
        for _ in range(lanes):
            press(Keys.ARROW_UP)
        for _ in range(lanes):
            for key in (Keys.ARROW_LEFT, Keys.ARROW_RIGHT):
                count = None
                while count != len(seen) or self.run_script("return window.moved"):
                    count = len(seen)
                    before = self.run_script(script)[0]
                    press(key)
                    self.run_script("window.moved = arguments[0]", self.run_script(script)[0] != before)
            press(Keys.ARROW_DOWN)
        self.assertEqual(len(seen), first)
        # Each further picture has one stop of Tab.
        stops = self.run_script("return document.querySelectorAll('.bar[tabindex=\"0\"]').length")
        self.assertEqual(stops, self.run_script("return document.querySelectorAll('svg.scene').length"))
        self.assertGreater(bars, first)
        self.no_complaints()

    def test_words_can_be_read_in_both_schemes_and_on_a_phone(self):
        for size in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                show(self.browser, size, scheme)
                self.open(self.page)
                wide = self.run_script("return [document.documentElement.scrollWidth, innerWidth]")
                self.assertLessEqual(wide[0], wide[1], f"{size} {scheme}: it can be scrolled sideways")
                self.assertEqual(self.run_script(CONTRAST), [], f"{size} {scheme}: below 4.5 to 1")
        self.no_complaints()

    def test_it_can_be_printed(self):
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        pdf = self.browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
        pages = base64.b64decode(pdf["data"]).count(b"/Type /Page\n")
        self.assertTrue(0 < pages < 12, pages)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        hidden = self.run_script("return [...document.querySelectorAll('.keys, output')]"
                                 ".every(e => getComputedStyle(e).display === 'none')")
        bars = self.run_script("return [...document.querySelectorAll('svg.scene')]"
                               ".every(e => e.getBoundingClientRect().width <= innerWidth)")
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        self.assertTrue(hidden and bars)

    def test_100_000_numbers_and_their_instants_are_a_small_page(self):
        server = Server("--seed", "7")
        page = os.path.join(self.folder, "whole.html")
        words = grade(page, server, "--seed", "7")
        server.stop()
        self.assertIn("score 100 of 100", words)
        self.assertLessEqual(os.path.getsize(page), LARGEST)
        self.open(page)
        shown = self.browser.find_element(By.TAG_NAME, "main").text
        self.assertRegex(shown, r"\d+ requests were made in [\d.]+ s; shown below are \d+ of them")
        self.assertRegex(shown, r"one counter could have given all \d+ numbers, each at its mark")
        points = self.run_script("return document.querySelectorAll('svg.scene .point').length")
        bars = self.run_script("return document.querySelectorAll('svg.scene .bar').length")
        self.assertEqual(points, bars)
        self.no_complaints()

    def test_the_page_over_many_leads_to_each(self):
        submissions = os.path.join(self.folder, "handed in")
        for name in ("<b>ali", "bo #1%"):
            os.makedirs(os.path.join(submissions, name))
            for file in ("base.py", "correct.py"):
                shutil.copy(os.path.join(ROOT, "tests/broken_servers", file), os.path.join(submissions, name))
            with open(os.path.join(submissions, name, "run.txt"), "w") as run:
                run.write("python3 correct.py --shape lines --numbers 5000\n")
        out = os.path.join(self.folder, "grades")
        subprocess.run([binary(), "grade", "--folder", submissions, "--out", out, "--numbers", "5000",
                        "--repeat", "1", "--timeout", "20s", "--chaos", "off"], capture_output=True, check=True)
        index = os.path.join(out, "index.html")
        for place in range(2):
            self.open(index)
            link = self.browser.find_elements(By.CSS_SELECTOR, "td a")[place]
            name = link.text
            link.click()
            self.assertIn(name, urllib.parse.unquote(self.browser.current_url))
            # A machine that is busy shows less than 100 of a right server.
            self.assertRegex(self.browser.find_element(By.TAG_NAME, "main").text, r"score [\d.]+ of 100", name)
        for size in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                show(self.browser, size, scheme)
                self.open(index)
                wide = self.run_script("return [document.documentElement.scrollWidth, innerWidth]")
                self.assertLessEqual(wide[0], wide[1])
                self.assertEqual(self.run_script(CONTRAST), [])
        self.no_complaints()


if __name__ == "__main__":
    main()
