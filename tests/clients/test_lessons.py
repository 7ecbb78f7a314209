#!/usr/bin/env python3
"""The lessons in a real browser: headless Chromium, driven by Selenium.

Run: python3 tests/clients/test_lessons.py
Where Chromium, its driver or Selenium is missing it is skipped, and said to be.

With LEASEBOX_PICTURES=DIRECTORY it also writes the pictures of the papers there.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

from browser import CONTRAST, PHONE, browser, show
from server import PATIENCE_S, Server, binary, main, needs_module, needs_program

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    pass

WIDE = (1280, 900)
# A run of each lesson in which much can be seen.
BUSY = ["race?moves=AAAAAABABA", "tree?size=256&moves=A64.B64.C64.D64.-1.-3.A100",
        "weather?protocol=RRA&promise=at-least-once&moves=0D120.3L", "headroom?moves=A:r2048.A:p2048.B:u2048.C:p3000",
        "message?moves=A:join.B:join.C:join.A:open:B.A:open:C.A:publish:news.1:copy.B:receive"]


class InBrowser(unittest.TestCase):
    """What all tests of pages need."""

    def until(self, condition):
        """Waits for what the page is to show."""
        WebDriverWait(self.browser, PATIENCE_S, 0.02).until(lambda _: condition())

    def text(self, name):
        return self.run_script("return document.getElementById(arguments[0]).textContent", name)

    def run_script(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def click(self, name):
        self.browser.find_element(By.ID, name).click()

    def press(self, *keys):
        self.browser.find_element(By.TAG_NAME, "body").send_keys(*keys)

    def no_complaints(self):
        self.assertEqual(self.browser.get_log("browser"), [])


@needs_module("selenium", "selenium")
@needs_program("chromium", "chromium")
@needs_program("chromedriver", "chromium-driver")
class Lessons(InBrowser):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser()
        cls.server = Server(verb="lesson")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.browser.quit()
        shutil.rmtree(cls.browser.profile, ignore_errors=True)

    def open(self, address, size=WIDE, scheme="light"):
        show(self.browser, size, scheme)
        self.browser.get_log("browser")
        self.browser.get(f"{self.server.url}/{address}")

    def open_race(self, moves=""):
        self.open(f"race?moves={moves}")
        self.until(lambda: f"{len(moves)} of 12 steps" in self.text("figures"))
        self.until(lambda: "counter.load()" in self.text("source"))

    def step(self, name):
        self.browser.find_element(By.CSS_SELECTOR, f'[data-client="{name}"]').click()

    # --- lesson 1 -----------------------------------------------------------------------------

    def test_the_race_by_clicks(self):
        self.open_race()
        self.step("A")
        self.until(lambda: "1 of 12" in self.text("figures"))
        self.assertEqual(self.text("said"), "Step 1: A loads 0. The counter is 0. ")
        lit = "return [...document.querySelectorAll('#source .lit')].map(e => e.textContent.trim().split(';')[0].replace(/^\\d+ +/, '') + e.querySelector('b').textContent)"
        self.assertEqual(self.run_script(lit), ["let first = counter.load()◀ B", "counter.store(end)◀ A"])
        self.step("B")
        why = "5 will come twice: B loaded 0 in step 2, while A had loaded 0 in step 1 and not yet stored"
        self.until(lambda: self.text("mistakes") == why)
        self.assertIn(why, self.text("said"))
        marked = "return [...document.querySelectorAll('#steps tr.why th')].map(e => e.textContent)"
        self.assertEqual(self.run_script(marked), ["1", "2"])
        self.assertTrue(self.browser.current_url.endswith("moves=AB"), self.browser.current_url)
        self.click("undo")
        self.until(lambda: self.text("mistakes") == "")
        # Where no number came twice there is no red.
        self.assertEqual(self.run_script("return document.getElementById('mistakes').offsetHeight"), 0)
        self.assertTrue(self.browser.current_url.endswith("moves=A"), self.browser.current_url)
        self.click("again")
        self.until(lambda: "0 of 12" in self.text("figures"))
        self.no_complaints()

    def test_the_race_by_keys_alone(self):
        self.open_race()
        for at, key in enumerate("abaabb", 1):
            self.press(key)
            self.until(lambda: f"{at} of 12" in self.text("figures"))
        self.assertEqual(self.text("counter"), "1")
        self.press(Keys.BACKSPACE)
        self.until(lambda: "5 of 12" in self.text("figures"))
        self.press(Keys.HOME)
        self.until(lambda: "0 of 12" in self.text("figures"))
        self.press(Keys.TAB)
        self.assertEqual(self.browser.switch_to.active_element.text, "Skip to the playground")
        self.no_complaints()

    def test_a_link_shows_the_same_run(self):
        self.open_race("AAAAABABAABB")
        self.assertIn("All steps are done.", self.text("figures"))
        cells = "return [...document.querySelectorAll('#clients tbody tr')].map(r => r.cells[2].innerText.trim())"
        self.assertEqual(self.run_script(cells), ["5 19 228! 665", "228! 7"])
        self.assertEqual(self.text("counter"), "5")

    def test_the_smallest_mistake_all_schedules_and_chance(self):
        self.open_race()
        self.click("all")
        self.until(lambda: "495 schedules" in self.text("figures") and "In 480" in self.text("figures"))
        self.click("smallest")
        self.until(lambda: "12 of 12" in self.text("figures"))
        self.assertIn("came twice", self.text("mistakes"))
        self.click("again")
        self.until(lambda: "0 of 12" in self.text("figures"))
        self.click("random")
        self.until(lambda: "12 of 12" in self.text("figures"))
        Select(self.browser.find_element(By.ID, "set-lock")).select_by_value("number")
        self.until(lambda: "lock(&self.state)" in self.text("source"))
        self.until(lambda: "0 of 6 steps" in self.text("figures"))
        self.click("smallest")
        self.until(lambda: self.text("figures") == "No schedule gives a number twice.")
        self.no_complaints()

    def test_predict_first_asks_before_it_shows_and_keeps_the_score(self):
        self.open_race()
        self.click("predict")
        for name, guess, verdict in (("A", "0", "Right. 1 of 1 right."), ("A", "5", "You said 5, it is 1. 1 of 2 right.")):
            self.step(name)
            self.until(lambda: self.browser.find_element(By.ID, "guess").is_displayed())
            steps = self.text("figures")
            self.assertIn("What will the counter be?", self.text("guess-text"))
            self.browser.switch_to.active_element.send_keys(guess, Keys.ENTER)
            self.until(lambda: self.text("score") == verdict)
            self.assertNotEqual(self.text("figures"), steps)
        self.no_complaints()

    def test_a_schedule_is_replayed_on_a_lab_server_with_two_connections(self):
        lab = Server("--lab", "--seed", "7")
        self.addCleanup(lab.stop)
        lesson = Server("--lab", f"127.0.0.1:{lab.port}", verb="lesson")
        self.addCleanup(lesson.stop)
        self.browser.get(f"{lesson.url}/race?clients=A:1,B:1&moves=AB")
        self.until(lambda: self.browser.find_element(By.ID, "replay").is_displayed())
        self.click("replay")
        self.until(lambda: "with a connection for each client" in self.text("figures"))
        numbers = [words.rsplit(" ", 1)[1] for words in self.text("figures").rstrip(".").split(": ", 1)[1].split("; ")]
        self.assertEqual(numbers[0], numbers[1])
        self.assertTrue(numbers[0].endswith("!"), numbers)

    # --- lessons 2 and 3 -------------------------------------------------------------------------

    def test_the_tree_by_clicks_and_by_keys(self):
        self.open("tree?size=1024")
        self.until(lambda: "the largest free block has 1024" in self.text("arenas"))
        self.press("l")
        self.until(lambda: "A gets 128 bytes from 0 on for 100." in self.text("arenas"))
        self.assertIn("best fit: A gets 128 bytes from 0 on for 100.", self.text("said"))
        changes = "return [...document.querySelectorAll('#arenas > div:first-child .changes button')].map(e => e.textContent)"
        self.assertEqual(self.run_script(changes), [
            "Before the move.", "1024 bytes from 0 on are split into two halves of 512.",
            "512 bytes from 0 on are split into two halves of 256.", "256 bytes from 0 on are split into two halves of 128.",
            "128 bytes from 0 on are taken."])
        shown = "return document.querySelector('#arenas svg.blocks').getAttribute('aria-label')"
        self.assertEqual(self.run_script(shown), "best fit: 128 of A, 128 free, 256 free, 512 free")
        self.press(Keys.ARROW_LEFT)
        self.until(lambda: self.run_script(shown) == "best fit: 128 free, 128 free, 256 free, 512 free")
        self.press(Keys.BACKSPACE)
        self.until(lambda: self.browser.current_url.endswith("size=1024"))
        self.click("pieces")
        self.until(lambda: "128 bytes are free, but in pieces" in self.text("arenas"))
        self.click("again")
        self.click("random")
        self.until(lambda: self.browser.current_url.count(".") > 10)
        self.no_complaints()

    def test_the_weather_by_clicks_and_by_keys(self):
        self.open("weather?promise=at-least-once")
        self.until(lambda: "executed once, and the client has its number" in self.text("outcome"))
        self.press("1")
        self.until(lambda: "executed 2 times" in self.text("outcome"))
        self.assertIn("1 numbers burnt", self.text("said"))
        Select(self.browser.find_element(By.ID, "set-promise")).select_by_value("at-most-once")
        self.until(lambda: "executed once" in self.text("outcome"))
        self.browser.find_element(By.CSS_SELECTOR, "#picture .datagram text").click()
        self.until(lambda: self.browser.current_url.endswith("moves=0L"))
        Select(self.browser.find_element(By.CSS_SELECTOR, '[data-number="0"]')).select_by_value("D100000")
        self.until(lambda: "100001 ms: the server" in self.text("datagrams"))
        self.click("undo")
        self.until(lambda: "100001 ms" not in self.text("datagrams"))
        self.browser.find_element(By.CSS_SELECTOR, "#all summary").click()
        self.until(lambda: "at most once" in self.text("table"))
        rows = self.run_script("return document.querySelectorAll('#table tbody tr').length")
        self.assertEqual(rows, 14)
        self.no_complaints()

    # --- lesson 4 ------------------------------------------------------------------------------

    def test_the_headroom_by_clicks_and_by_keys(self):
        self.open("headroom?processes=2")
        self.until(lambda: len(self.run_script("return [...document.querySelectorAll('#charts svg')]")) == 5)
        self.press("d")
        self.until(lambda: "A gets 1024 bytes from gp." in self.text("told"))
        path = "A asked for 1024 bytes, pause: gp by 800-801-802-812-900-906-912-914"
        self.assertEqual(self.text("path"), path)
        lit = "return [...document.querySelectorAll('#charts rect.lit')].length"
        self.assertEqual(self.run_script(lit), 8)
        self.assertIn("Boxes 800, 801, 802, 812, 900, 906, 912, 914.", self.text("said"))
        for at, box in ((1, "800"), (2, "801")):
            self.press(Keys.ARROW_RIGHT)
            self.until(lambda: self.run_script(lit) == at)
            self.assertEqual(self.text("said"), f"Box {box}")
        self.browser.find_element(By.CSS_SELECTOR, "#returns button").click()
        self.until(lambda: "A returns 1024 bytes: 1024 to gp." in self.text("told"))
        self.assertIn("by 1250-1252-1256-1260-1262-1264-1268", self.text("path"))
        Select(self.browser.find_element(By.ID, "who")).select_by_visible_text("B")
        Select(self.browser.find_element(By.ID, "what")).select_by_value("e")
        self.browser.find_element(By.CSS_SELECTOR, "#move button").click()
        self.until(lambda: "B waits for 1000 bytes (efficiency)." in self.text("told"))
        self.press(Keys.BACKSPACE)
        self.until(lambda: "B waits" not in self.text("told"))
        self.click("headline")
        self.until(lambda: "20x shared" in self.text("headline-said"))
        self.no_complaints()

    # --- lesson 5 ------------------------------------------------------------------------------

    def test_the_message_by_keys_and_by_clicks(self):
        self.open("message")
        self.until(lambda: "Nobody has joined." in self.text("blocks"))
        self.press("n")
        self.until(lambda: "A joins; its block has 256 bytes." in self.text("told"))
        steps = "return [...document.querySelectorAll('#steps b')].map(e => e.textContent)"
        self.assertEqual(self.run_script(steps), "402 404 406 410 412 414 416 418 420 422 424 426 428".split())
        for number, said in (("402", "begin, under no lock"), ("404", "attempt to access administrative memory, under no lock")):
            self.press(Keys.ARROW_RIGHT)
            self.until(lambda: self.run_script("return document.querySelector('#steps li.lit b').textContent") == number)
            self.assertEqual(self.text("said"), f"Step {number}: {said}.")
        for at in range(2, 11):
            self.press("n")
            self.until(lambda: self.browser.current_url.count(".") >= 3 + at - 1)
        self.until(lambda: 'C receives "hello".' in self.text("told"))
        self.assertFalse(self.browser.find_element(By.ID, "next").is_enabled())
        self.press(Keys.BACKSPACE)
        self.until(lambda: "copy 1" not in self.text("copies") and "Copy 2: C reads 5 bytes" in self.text("copies"))
        label = "return document.querySelector('#blocks svg').getAttribute('aria-label')"
        self.assertEqual(self.run_script(label), "The block of A: 5 bytes from 0 on, 1 reader")
        Select(self.browser.find_element(By.ID, "what")).select_by_value("kill")
        self.browser.find_element(By.CSS_SELECTOR, "#move button").click()
        self.until(lambda: "A is killed." in self.text("told"))
        self.assertIn("its process has ended", self.text("blocks"))
        self.browser.find_element(By.CSS_SELECTOR, "#copies button").click()
        self.until(lambda: "the message was lost" in self.text("told"))
        self.no_complaints()

    # --- all lessons ------------------------------------------------------------------------------

    def test_each_page_can_be_read_in_both_schemes_on_a_phone_and_on_paper(self):
        for address in ["", *BUSY]:
            for size in (WIDE, PHONE):
                for scheme in ("light", "dark"):
                    self.open(address, size, scheme)
                    if address:
                        self.until(lambda: "moves=" in self.browser.current_url and self.run_script("return document.querySelectorAll('main table tr, main svg').length") > 0)
                    wide = self.run_script("return [document.documentElement.scrollWidth, innerWidth]")
                    self.assertLessEqual(wide[0], wide[1], f"{address} {size} {scheme}: it can be scrolled sideways")
                    self.assertEqual(self.run_script(CONTRAST), [], f"{address} {size} {scheme}: below 4.5 to 1")
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
            shown = self.run_script("return [...document.querySelectorAll('.controls, nav')].filter(e => e.checkVisibility()).length")
            self.assertEqual(shown, 0, f"{address}: buttons on paper")
            self.assertEqual(self.run_script(CONTRAST), [], f"{address}: faint on paper")
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
            self.no_complaints()

    def test_each_page_is_for_screen_readers_and_asks_nobody_else(self):
        for address in ["", *BUSY]:
            self.open(address)
            unnamed = self.run_script("""
                const has = (e) => e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby'))?.textContent;
                return [...document.querySelectorAll('main section, [role=img], [role=region], [role=group], nav')].filter(e => !has(e)).length""")
            self.assertEqual(unnamed, 0, address)
            fields = self.run_script("return [...document.querySelectorAll('input, select')].filter(e => !e.labels?.length && !e.getAttribute('aria-label')).length")
            self.assertEqual(fields, 0, address)
            asked = self.run_script("return performance.getEntriesByType('resource').map(e => e.name)")
            self.assertTrue(asked and all(name.startswith(self.server.url) for name in asked), asked)

    def test_trouble_is_said_and_the_page_goes_on(self):
        self.open("race?clients=A:99")
        self.until(lambda: "give 1 to 5 clients" in self.text("trouble"))
        field = self.browser.find_element(By.ID, "set-clients")
        field.clear()
        field.send_keys("A:1,B:1", Keys.TAB)
        self.until(lambda: "0 of 4 steps" in self.text("figures"))
        self.assertEqual(self.text("trouble"), "")

    def test_the_static_pages_play_their_fixed_runs_without_a_server(self):
        folder = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run([binary(), "lesson", "--export", folder], check=True, capture_output=True, timeout=PATIENCE_S)
        show(self.browser, WIDE, "light")
        for lesson in ("race", "tree", "weather", "headroom", "message"):
            self.browser.get(f"file://{folder}/index.html")
            self.browser.find_element(By.CSS_SELECTOR, f'.lessons a[href="{lesson}.html"]').click()
            runs = self.run_script("return [...document.querySelectorAll('#runs a')].map(e => e.href)")
            self.assertGreaterEqual(len(runs), 3)
            for run in runs:
                self.browser.get(run)
                self.until(lambda: not self.browser.find_element(By.ID, "undo").get_attribute("disabled"))
                self.click("undo")
                self.assertEqual(self.text("trouble"), "", run)
        self.browser.get(f"file://{folder}/race.html")
        self.click("smallest")
        self.until(lambda: "12 of 12" in self.text("figures") or "fixed runs alone" in self.text("trouble"))
        self.no_complaints()

    @unittest.skipUnless(os.environ.get("LEASEBOX_PICTURES"), "pictures are written on request")
    def test_pictures(self):
        for address, name in zip(BUSY, ("race", "tree", "weather", "headroom", "message")):
            self.open(address)
            self.until(lambda: "moves=" in self.browser.current_url and self.run_script("return document.querySelectorAll('main table tr, main svg').length") > 0)
            self.run_script("document.getElementById('play').scrollIntoView()")
            section = self.browser.find_element(By.ID, "play")
            section.screenshot(os.path.join(os.environ["LEASEBOX_PICTURES"], f"lesson-{name}.png"))


if __name__ == "__main__":
    main()
