#!/usr/bin/env python3
"""The live page in a real browser: headless Chromium, driven by Selenium.

Run: python3 tests/clients/test_page.py
Where Chromium, its driver or Selenium is missing it is skipped, and said to be.

With LEASEBOX_PICTURES=DIRECTORY it also writes the pictures of the papers there.
"""

import os
import shutil
import socket
import threading
import time
import unittest

from browser import CONTRAST, PHONE, WIDE, browser, show
from server import PATIENCE_S, Server, main, needs_module, needs_program

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    pass

MEMORY = ["--memory", "1MiB", "--pools", "gl=5%,gp=10%,le=25%,lp=10%"]
ARGUMENTS = ["--seed", "7", *MEMORY]


class Line:
    """A client that speaks lines."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.lines = self.sock.makefile("rw", newline="\n")

    def ask(self, line):
        self.lines.write(line + "\n")
        self.lines.flush()
        return self.lines.readline().rstrip("\n")

    def close(self):
        self.lines.close()
        self.sock.close()


@needs_module("selenium", "selenium")
@needs_program("chromium", "chromium")
@needs_program("chromedriver", "chromium-driver")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        shutil.rmtree(cls.browser.profile, ignore_errors=True)

    def setUp(self):
        self.server = Server(*ARGUMENTS)
        self.is_up = True
        self.addCleanup(self.stop)
        self.clients = []
        self.addCleanup(lambda: [client.close() for client in self.clients])
        self.show(WIDE, "light")

    def stop(self):
        if self.is_up:
            self.is_up = False
            self.server.stop()

    def client(self):
        self.clients.append(Line(self.server.port))
        return self.clients[-1]

    def show(self, size, scheme, height=None):
        show(self.browser, size, scheme, height)

    def open(self):
        self.browser.get_log("browser")
        self.browser.get(f"{self.server.url}/")
        self.until(lambda: "asked at" in self.text("state"))

    def until(self, condition):
        """Waits for what the page is to show."""
        WebDriverWait(self.browser, PATIENCE_S, 0.05).until(lambda _: condition())

    def text(self, name):
        return self.browser.execute_script("return document.getElementById(arguments[0]).textContent", name)

    def run_script(self, script):
        return self.browser.execute_script(script)

    def no_complaints(self):
        self.assertEqual(self.browser.get_log("browser"), [])

    def test_draws_show_as_they_happen(self):
        self.open()
        self.assertIn("Nothing was drawn yet", self.text("table"))
        one, two = self.client(), self.client()
        first, second = one.ask("draw 2"), two.ask("draw 1")
        numbers = first.split() + second.split()
        self.until(lambda: self.text("table").endswith("Result" + "".join(numbers)))
        cells = self.run_script("return [...document.querySelectorAll('#table tr')].map(r => [...r.cells].map(c => c.innerText))")
        self.assertEqual(cells, [["Counter", "0", "1", "2"], ["Thread", "A", "A", "B"], ["Result", *numbers]])
        self.assertIn("A is client ", self.text("legend"))
        self.assertIn("99,997", self.text("draw-figures"))
        self.no_complaints()

    def test_an_empty_server_says_what_to_try(self):
        self.open()
        self.assertTrue(self.browser.find_element(By.ID, "try").is_displayed())
        self.assertEqual(self.run_script(CONTRAST), [])
        self.assertEqual(self.text("try-draw"), f"leasebox client 127.0.0.1 {self.server.port} draw 4")
        self.client().ask("draw 4")
        self.until(lambda: not self.browser.find_element(By.ID, "try").is_displayed())

    def test_connections_by_http_are_one_row_and_accounts_fit(self):
        self.show((1280, 900), "light")
        alice = self.client()
        alice.ask("join alice 4096")
        alice.ask("report 2048")
        alice.ask("request 1000 pause")
        self.open()
        self.until(lambda: "alice" in self.text("accounts"))
        rows = self.run_script("return [...document.querySelectorAll('#connections tbody tr')].map(r => [...r.cells].map(c => c.innerText))")
        self.assertEqual(sorted(row[1] for row in rows), ["http", "text"])
        self.assertIn("in all", [row for row in rows if row[1] == "http"][0][0])
        wide = self.run_script("const e = document.getElementById('accounts').parentElement; return [e.scrollWidth, e.clientWidth]")
        self.assertLessEqual(wide[0], wide[1], "the accounts are wider than their place")
        self.assertIn("lent against a pause, for garbage as collateral", self.text("pools"))
        self.no_complaints()

    def test_a_block_has_the_colour_of_its_owner(self):
        alice, bob = self.client(), self.client()
        alice.ask("join alice 4096")
        alice.ask("report 2048")
        alice.ask("request 1000 pause")
        bob.ask("join bob 8192")
        bob.ask("lease 2000 3600000")
        self.open()
        self.until(lambda: "bob" in self.text("owners"))
        shown = self.run_script("""return [...document.querySelectorAll('#tree .used')].map(e =>
            [...e.children].map(c => c.innerText).concat(getComputedStyle(e).backgroundColor, e.title))""")
        self.assertEqual(
            sorted((size, owner) for size, owner, _, _ in shown),
            [("1 KiB", "alice"), ("2 KiB", "60 min"), ("4 KiB", "alice"), ("8 KiB", "bob")],
        )
        colours = {}
        for _, owner, colour, _ in shown:
            colours.setdefault(owner, set()).add(colour)
        self.assertEqual([len(of_one) for of_one in colours.values()], [1, 1, 1], "one colour for each owner")
        self.assertEqual(len(set.union(*colours.values())), 3, "and each its own")
        said = [title for _, _, _, title in shown]
        self.assertEqual(sum("a block of alice from pool lp" in title for title in said), 1)
        self.assertEqual(self.run_script(CONTRAST), [])
        bob.ask("leave")
        self.until(lambda: "bob" not in self.text("owners"))
        self.no_complaints()

    def test_the_key_of_owners_is_bounded(self):
        for number in range(45):
            self.client().ask(f"join p{number} 64")
        self.open()
        self.until(lambda: "and 5 more" in self.text("owners"))
        keys = self.run_script("return document.querySelectorAll('#owners .key').length")
        self.assertEqual(keys, 1 + 40, "leases, and forty processes")
        self.no_complaints()

    def test_memory_is_drawn_as_nested_blocks_with_the_time_that_is_left(self):
        client = self.client()
        lease = client.ask("lease 1000 3600000").split()[1]
        client.ask("lease 200000 7200000")
        self.open()
        self.until(lambda: "60 min" in self.text("tree") and "2 h" in self.text("tree"))
        used = self.run_script("return [...document.querySelectorAll('#tree .used')].map(e => e.innerText)")
        self.assertEqual(sorted(text.split("\n")[0] for text in used), ["1 KiB", "256 KiB"])
        self.assertIn("The buddy tree: 257 KiB of 1 MiB used by 2 blocks", self.run_script(
            "return document.getElementById('tree').getAttribute('aria-label')"))
        self.browser.find_element(By.CSS_SELECTOR, "#lease-details summary").click()
        self.until(lambda: "1000" in self.text("leases"))
        self.assertIn(lease[:3] + "…", self.text("leases"))
        whole = self.run_script("return document.documentElement.outerHTML")
        self.assertNotIn(lease, whole, "an id is a secret")
        client.ask(f"release {lease}")
        self.until(lambda: "60 min" not in self.text("tree"))
        self.no_complaints()

    def test_processes_sessions_and_connections_show(self):
        alice, bob = self.client(), self.client()
        alice.ask("join alice 4096")
        bob.ask("join bob 4096")
        session = alice.ask("open bob").split()[1]
        alice.ask(f"send {session} hello")
        alice.ask("report 2048")
        alice.ask("request 2000 pause")
        self.open()
        self.until(lambda: "alice" in self.text("graph") and "bob" in self.text("graph"))
        self.assertEqual(self.run_script("return document.querySelectorAll('#graph line.waiting').length"), 1)
        self.assertIn("alicebob01both", self.text("sessions"))
        self.assertIn("alice2 KiB", self.text("accounts"))
        self.assertIn("2 KiB of 102.4 KiB given out", self.text("pools"))
        self.assertIn("http", self.text("connections"))
        rows = self.run_script("return [...document.querySelectorAll('#connections tbody tr')].map(r => [...r.cells].map(c => c.innerText))")
        named = [row for row in rows if row[5] == "alice"]
        self.assertEqual([row[1:4] for row in named], [["text", "listening", "5"]])
        self.assertNotIn(session, self.run_script("return document.documentElement.outerHTML"))
        alice.close()
        self.clients.remove(alice)
        self.until(lambda: "alice" not in self.text("graph"))
        self.no_complaints()

    def test_it_says_when_the_server_is_gone_and_when_it_is_back(self):
        self.open()
        port = self.server.port
        self.assertFalse(self.browser.find_element(By.ID, "gone").is_displayed())
        self.stop()
        self.until(lambda: self.browser.find_element(By.ID, "gone").is_displayed())
        self.assertIn("The server does not answer since", self.text("gone"))
        self.assertEqual(self.run_script("return document.getElementById('gone').getAttribute('role')"), "alert")
        self.server = Server(*ARGUMENTS, port=port)
        self.is_up = True
        self.until(lambda: not self.browser.find_element(By.ID, "gone").is_displayed())
        self.assertEqual(self.text("said"), "The server answers again.")

    def test_what_is_said_aloud_does_not_change_each_second(self):
        self.open()
        self.run_script("""
            window.said = 0;
            const seen = new MutationObserver(() => window.said++);
            for (const e of document.querySelectorAll('[role=status], [role=alert], [aria-live]'))
              seen.observe(e, {childList: true, characterData: true, subtree: true, attributes: true});""")
        state = self.text("state")
        self.until(lambda: self.text("state") != state)
        state = self.text("state")
        self.until(lambda: self.text("state") != state)
        self.assertEqual(self.run_script("return window.said"), 0)

    def test_a_number_that_came_twice_stands_out_and_the_page_says_why(self):
        self.stop()
        self.server = Server("--no-lock", "--race-window", "2ms", "--numbers", "1000000")
        self.is_up = True
        clients = [self.client() for _ in range(8)]
        self.open()
        self.assertIn("without its lock", self.browser.find_element(By.ID, "broken").text)

        def twice():
            threads = [threading.Thread(target=client.ask, args=("draw 3",)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return self.run_script("return document.querySelectorAll('#table td.twice').length") >= 2

        self.until(twice)
        self.until(lambda: "The first was " in self.text("twice"))
        first = self.text("twice-first")
        count = int(self.text("twice-count").rstrip(".").rsplit(" ", 1)[1].replace(",", ""))
        self.assertGreaterEqual(count, 1)
        # The first pair stays, and stays in sight, however far the reader has scrolled.
        self.until(lambda: twice() and self.text("twice-count") != f"Came twice: {count}.")
        self.assertEqual(self.text("twice-first"), first)
        self.run_script("window.scrollTo(0, document.documentElement.scrollHeight)")
        top = self.run_script("return document.getElementById('twice').getBoundingClientRect().top")
        self.assertLess(abs(top), 1)
        self.assertEqual(self.run_script(CONTRAST), [])

    def test_it_is_for_keyboards_and_screen_readers(self):
        self.open()
        body = self.browser.find_element(By.TAG_NAME, "body")
        body.send_keys(Keys.TAB)
        focused = self.browser.switch_to.active_element
        self.assertEqual(focused.text, "Skip to the draws")
        focused.send_keys(Keys.TAB)
        button = self.browser.switch_to.active_element
        self.assertEqual(button.get_attribute("id"), "pause")
        button.send_keys(Keys.SPACE)
        self.assertEqual(button.get_attribute("aria-pressed"), "true")
        state = self.text("state")
        self.client().ask("draw 1")
        time.sleep(1.5)  # paused: more than one round, in which nothing may be asked
        self.assertEqual(self.text("state"), state)
        button.send_keys(Keys.SPACE)
        self.until(lambda: self.text("state") != state)
        # Every part has a heading, every picture a name, every table heads.
        unnamed = self.run_script("""
            const has = (e) => e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby'))?.textContent;
            return [...document.querySelectorAll('section, [role=img], [role=region]')].filter(e => !has(e)).length""")
        self.assertEqual(unnamed, 0)
        self.assertEqual(self.run_script("return document.documentElement.lang"), "en")
        self.no_complaints()

    def test_words_can_be_read_in_both_schemes_and_on_a_phone(self):
        self.client().ask("draw 30")
        self.client().ask("lease 1000 60000")
        for size in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                self.show(size, scheme)
                self.open()
                self.until(lambda: "1 KiB" in self.text("tree"))
                wide = self.run_script("return [document.documentElement.scrollWidth, innerWidth]")
                self.assertLessEqual(wide[0], wide[1], f"{size} {scheme}: it can be scrolled sideways")
                faint = self.run_script(CONTRAST)
                self.assertEqual(faint, [], f"{size} {scheme}: below 4.5 to 1")
        self.no_complaints()

    def test_a_list_that_is_full_of_leases_is_drawn_all_the_same(self):
        client = self.client()
        for _ in range(3000):
            client.ask("lease 100 3600000")
        self.open()
        self.until(lambda: "blocks" in self.text("tree"))
        boxes = self.run_script("return document.querySelectorAll('#tree div').length")
        self.assertLess(boxes, 600)
        self.no_complaints()

    @unittest.skipUnless(os.environ.get("LEASEBOX_PICTURES"), "pictures are written on request")
    def test_pictures(self):
        scene = Scene(self.server.port)
        self.addCleanup(scene.end)
        for name, size, scheme in (("wide-light", WIDE, "light"), ("wide-dark", WIDE, "dark"),
                                   ("phone-light", PHONE, "light"), ("phone-dark", PHONE, "dark")):
            self.show(size, scheme)
            self.open()
            time.sleep(2.2)  # two rounds, so that there is a rate
            height = self.run_script("return document.documentElement.scrollHeight")
            self.show(size, scheme, height)
            self.browser.save_screenshot(os.path.join(os.environ["LEASEBOX_PICTURES"], f"page-{name}.png"))


class Scene:
    """Something of everything, for the pictures."""

    def __init__(self, port):
        self.clients = [Line(port) for _ in range(4)]
        keeper = Line(port)
        for size, ms in ((200000, 600000), (64000, 300000), (5000, 90000), (3000, 240000), (60000, 7200000)):
            keeper.ask(f"lease {size} {ms}")
        names = ("alice", "bob", "carol", "dave")
        of = {name: Line(port) for name in names}
        for name in names:
            of[name].ask(f"join {name} 16384")
        of["alice"].ask("report 16384 60")
        of["alice"].ask("request 8000 pause")
        of["bob"].ask("report 65536 80")
        of["bob"].ask("request 30000 efficiency")
        session = {}
        for pair in (("alice", "bob"), ("bob", "carol"), ("carol", "dave"), ("dave", "alice"), ("alice", "carol")):
            session[pair] = of[pair[0]].ask(f"open {pair[1]}").split()[1]
        for number in range(3):
            of["bob"].ask(f"send {session['bob', 'carol']} message {number}")
        of["dave"].ask(f"send {session['dave', 'alice']} hello")
        self.others = [keeper, *of.values()]
        self.is_over = False
        self.thread = threading.Thread(target=self.draw)
        self.thread.start()

    def draw(self):
        turn = 0
        while not self.is_over:
            turn += 1
            self.clients[turn * turn % 7 % 4].ask(f"draw {1 + turn % 3}")
            time.sleep(0.01)

    def end(self):
        self.is_over = True
        self.thread.join()
        for client in self.clients + self.others:
            client.close()


if __name__ == "__main__":
    main()
