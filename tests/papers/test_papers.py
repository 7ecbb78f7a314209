#!/usr/bin/env python3
"""Pastes every console block of the papers into a shell, and compares what comes.

Run: python3 tests/papers/test_papers.py [PAPER …]      all papers when none is named

A paper is README.md, REPORT.md, or a page below docs. Its blocks are run in order, in one bash, in
the root of the project, as a reader would paste them:

    ```console            a line that begins with "$ " is a command, the lines below it its output
    ```rust mine/x.rs     a block with a file's name is saved there first (also python)
    <!-- needs: curl -->  stands above a block that wants a program, or a Python module, which may
                          be missing; then the block is left out, and that is said

The rule of the comparison:

- A line matches if it is equal once each UUID is `ID`, each number `N`, each letter that stands
  alone, such as thread A, `L`, and each run of spaces or of dashes one. Below `<!-- exact -->`
  numbers and letters count too.
- A line with … alone stands for any lines, also none; … within a line for any text.
- Lines of the server's log and of the shell's jobs are left out.
- A `sleep 1` lasts 5 s: a reader's machine is not as busy as one that runs all tests.

Where bwrap is installed, the shell has a loopback of its own: the ports of the papers are free there,
whatever else runs.

A block that cannot be run is ```text, and the sentence before it says so: it holds `not run`.
"""

import difflib
import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import drawings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300  # for one command; the first one builds
END = "\x04end of the command\x04"

# A server in the background may log while a command stands in the middle of its line.
LOG = re.compile(r"\[\d{4}-\d\d-\d\dT\S+ +(?:ERROR|WARN|INFO|DEBUG|TRACE) [^\n]*\n")
JOB = re.compile(r"^\[\d+\][-+ ]|^/\S+: line \d+: +\d+ (Terminated|Killed)|^bash: line \d+: +\d+ (Terminated|Killed)")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
DAY = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ [A-Z][a-z]{2} ")
NUMBER = re.compile(r"\d+(\.\d+)?")
LETTER = re.compile(r"\b[A-Z]\b")


class Block:
    """A fenced block: the word and the file's name after the fence, its lines, and what stands before."""

    def __init__(self, kind, name, lines, before):
        self.kind, self.name, self.lines, self.before = kind, name, lines, before

    def needs(self):
        return re.findall(r"<!-- needs: (.+?) -->", self.before)

    def is_exact(self):
        return "<!-- exact -->" in self.before

    def commands(self):
        """Pairs of a command and the lines of its output."""
        pairs = []
        for line in self.lines:
            if line.startswith("$ "):
                pairs.append((line[2:], []))
            elif pairs:
                pairs[-1][1].append(line)
            else:
                raise ValueError(f"output without a command: {line}")
        return pairs


def blocks(text):
    """The fenced blocks of a page. `before` is the text since the block before."""
    found, before, lines, fence = [], [], None, None
    for line in text.splitlines():
        opened = re.match(r"^( *)```(\w*) ?(.*)$", line)
        if lines is None and opened:
            fence, lines = opened, []
        elif lines is not None and line.strip() == "```":
            indent = len(fence.group(1))
            own = [own[indent:] if own[:indent].isspace() else own for own in lines]
            found.append(Block(fence.group(2), fence.group(3), own, "\n".join(before)))
            before, lines = [], None
        else:
            (before if lines is None else lines).append(line)
    return found


def plain(line, is_exact):
    line = UUID.sub("ID", line.rstrip())
    if not is_exact:
        line = NUMBER.sub("N", LETTER.sub("L", DAY.sub("DAY, N MONTH ", line)))
    return re.sub(r"-{3,}", "---", re.sub(r" +", " ", line))


def matches(line, pattern):
    parts = [re.escape(part) for part in pattern.split("…")]
    return re.fullmatch(".*".join(parts), line) is not None


def agree(came, shown):
    """Whether the lines that came are those that are shown; `…` alone stands for any lines."""
    if not shown:
        return not came
    if shown[0] == "…":
        return agree(came, shown[1:]) or (bool(came) and agree(came[1:], shown))
    return bool(came) and matches(came[0], shown[0]) and agree(came[1:], shown[1:])


def output(came):
    """The lines of a command's output, without those of the server's log and of the shell's jobs."""
    return [line for line in LOG.sub("", came).splitlines() if not JOB.match(line)]


OWN_NETWORK = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent"]


@functools.cache
def has_own_network():
    try:
        return subprocess.run([*OWN_NETWORK, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


class Shell:
    """One bash, which is told one command after the other."""

    def __init__(self):
        own = OWN_NETWORK if has_own_network() else []
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
        # All crates are there: the tests in Rust came before.
        environment = {**os.environ, "CARGO_NET_OFFLINE": "true", "PATH": path}
        self.bash = subprocess.Popen(
            [*own, "bash", "--noprofile", "--norc"], cwd=ROOT, env=environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            encoding="utf-8", errors="replace",
        )
        # Jobs, as in the shell of a reader; and python writes what it prints at once.
        self.tell("set -m; export PYTHONUNBUFFERED=1; sleep() { command sleep $(($1 == 1 ? 5 : $1)); }")

    def tell(self, command):
        """Runs a command; returns the lines that came until it was over."""

        def too_late(*_):
            raise AssertionError(f"not over after {PATIENCE_S} s: {command}")

        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(PATIENCE_S)
        quoted = command.replace("'", "'\\''")
        self.bash.stdin.write(f"eval '{quoted}' </dev/null\nprintf '%s\\n' '{END}'\n")
        came = ""
        for line in self.bash.stdout:
            came += line
            if line.endswith(END + "\n"):
                signal.alarm(0)
                return output(came[: -len(END) - 1])
        raise AssertionError(f"the shell ended at: {command}")

    def close(self):
        # What the paper left running, and the shell itself: they are the processes of one session.
        signal.alarm(0)
        for process in session(self.bash.pid):
            try:
                os.kill(process, signal.SIGKILL if process == self.bash.pid else signal.SIGTERM)
            except ProcessLookupError:
                pass
        self.bash.wait()
        self.bash.stdin.close()
        self.bash.stdout.close()


def session(leader):
    """The processes of a session, from /proc; where there is no /proc, its leader alone."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent, group, session.
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                found.append(int(stat.parent.name))
        except (OSError, ValueError, IndexError):
            pass
    return found or [leader]


def is_there(need):
    return shutil.which(need) is not None or (ROOT / ".venv/bin" / need).exists() or find_module(need)


def find_module(name):
    python = ROOT / ".venv/bin/python"
    if python.exists():
        return subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode == 0
    return name.isidentifier() and importlib.util.find_spec(name) is not None


def run(paper):
    """Runs a paper; returns how many commands it has, and in words each output that differs."""
    shell, count, differ, kept = Shell(), 0, [], set(os.listdir(ROOT))
    try:
        for block in blocks(paper.read_text(encoding="utf-8")):
            missing = [need for need in block.needs() if not is_there(need)]
            if missing:
                print(f"skipped: {', '.join(missing)} is missing; a block of {paper.name} was left out", file=sys.stderr)
            elif block.kind in ("rust", "python") and block.name:
                file = ROOT / block.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("\n".join(block.lines) + "\n", encoding="utf-8")
            elif block.kind == "console":
                for command, shown in block.commands():
                    came = [plain(line, block.is_exact()) for line in shell.tell(command)]
                    shown = [plain(line, block.is_exact()) for line in shown]
                    if not agree(came, shown):
                        wrong = "\n".join(difflib.unified_diff(shown, came, "the paper", "what came", lineterm=""))
                        differ.append(f"$ {command}\n{wrong}")
                    count += 1
    finally:
        shell.close()
        for name in set(os.listdir(ROOT)) - kept - {"target"}:
            path = ROOT / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return count, differ


def links(text):
    """The links of a page to files of the project and to its own headings."""
    without_code = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", without_code))
    return [link for link in found if "://" not in link]


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    without_code = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^#+ (.*)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def papers():
    return [ROOT / "README.md", ROOT / "REPORT.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Papers(unittest.TestCase):
    def test_each_block_does_what_it_shows(self):
        commands = 0
        for paper in papers():
            with self.subTest(paper=str(paper.relative_to(ROOT))):
                count, differ = run(paper)
                commands += count
                self.assertEqual(differ, [], "\n\n".join([f"{len(differ)} of {count} differ", *differ]))
        self.assertGreater(commands, 60, "the papers have lost their blocks")

    def test_a_block_that_is_not_run_says_so(self):
        for paper in papers():
            for block in blocks(paper.read_text(encoding="utf-8")):
                if block.kind == "text" and any(line.startswith("$ ") for line in block.lines):
                    said = block.before.strip().split("\n\n")[-1]
                    self.assertIn("not run", said, f"{paper.name}: {block.lines[0]}")


    def test_each_link_leads_somewhere(self):
        for paper in papers():
            for link in links(paper.read_text(encoding="utf-8")):
                with self.subTest(paper=paper.name, link=link):
                    path, _, anchor = link.partition("#")
                    target = (paper.parent / path).resolve() if path else paper
                    self.assertTrue(target.exists(), f"{paper.name} leads to {link}, which is not there")
                    if anchor:
                        self.assertIn(anchor, anchors(target.read_text(encoding="utf-8")))

    def test_the_drawings_are_those_that_are_written(self):
        # The flow charts are asked of the program.
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        for name, text in drawings.all_drawings().items():
            stands = (ROOT / "docs/drawings" / name).read_text(encoding="utf-8")
            self.assertEqual(stands, text, f"{name} is old; python3 tests/papers/drawings.py writes it")

    def test_every_page_is_reached_from_the_readme(self):
        reached, open_ones = set(), [ROOT / "README.md"]
        while open_ones:
            paper = open_ones.pop()
            if paper in reached or paper.suffix != ".md" or not paper.exists():
                continue
            reached.add(paper)
            found = links(paper.read_text(encoding="utf-8"))
            open_ones += [(paper.parent / link.partition("#")[0]).resolve() for link in found if link[0] != "#"]
        self.assertEqual(set(papers()) - reached, set())


class Rule(unittest.TestCase):
    """The rule of the comparison itself."""

    def test_numbers_ids_and_spaces_may_differ_and_words_may_not(self):
        for shown, came, is_equal in [
            ("672 numbers", "9,670 numbers", False),
            ("672 numbers", "9670 numbers", True),
            ("p = 0.2", "p = 0.228690", True),
            ("leased 8a6edd7e-b1f9-4dc2-b153-701186f303ff 64", "leased 00000000-b1f9-4dc2-b153-701186f303f0 65", True),
            ("Counter   0   1", "Counter 10 11", True),
            ("Thread A A B", "Thread B A A", True),
            ("Thread A", "Threads A", False),
            ("a … z", "a b c z", True),
            ("a … z", "a b c", False),
        ]:
            self.assertEqual(matches(plain(came, False), plain(shown, False)), is_equal, f"{shown} / {came}")
        self.assertFalse(matches(plain("43949", True), plain("43948", True)))

    def test_dots_alone_stand_for_any_lines(self):
        self.assertTrue(agree(["a", "b", "c"], ["a", "…", "c"]))
        self.assertTrue(agree(["a", "c"], ["a", "…", "c"]))
        self.assertFalse(agree(["a", "b"], ["a", "…", "c"]))
        self.assertFalse(agree(["a", "b"], ["a"]))
        self.assertFalse(agree([], ["a"]))

    def test_a_line_of_the_log_is_left_out_wherever_it_begins(self):
        log = "[2026-11-30T09:08:07Z INFO leasebox::server::clients] client-3 connects from 127.0.0.1:4120\n"
        for came in ["{}\nb\n", log + "{}\nb\n", "{}" + log + "\nb\n", "{}\nb\n" + log, "{}\nb" + log]:
            self.assertEqual(output(came), ["{}", "b"], came)
        self.assertEqual(output("{}\n[note] INFO b\n"), ["{}", "[note] INFO b"])

    def test_a_page_is_cut_into_commands(self):
        page = "x\n<!-- exact -->\n```console\n$ a\none\n$ b & c\n```\n\n  ```text\n  $ no\n  ```\n"
        first, second = blocks(page)
        self.assertEqual(first.commands(), [("a", ["one"]), ("b & c", [])])
        self.assertTrue(first.is_exact())
        self.assertEqual((second.kind, second.lines, second.is_exact()), ("text", ["$ no"], False))

    def test_a_shell_keeps_its_jobs_and_its_variables(self):
        shell = Shell()
        try:
            self.assertEqual(shell.tell("sleep 60 & x='a b'"), [])
            self.assertEqual(shell.tell('echo "$x"; printf no-line-end'), ["a b", "no-line-end"])
            self.assertEqual(shell.tell("cat; kill %%; wait; echo over"), ["over"])
        finally:
            shell.close()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        failed = False
        for name in sys.argv[1:]:
            count, differ = run(Path(name).resolve())
            print("\n\n".join([f"{name}: {len(differ)} of {count} commands differ", *differ]))
            failed = failed or bool(differ)
        sys.exit(failed)
    else:
        unittest.main()
