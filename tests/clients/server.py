"""A real server for the tests of real clients, and what they need that may be missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 60


def binary():
    """The server that was built last."""
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    built = [os.path.join(target, kind, "leasebox") for kind in ("debug", "release")]
    built = [path for path in built if os.path.exists(path)]
    if not built:
        sys.exit("no server was built yet; run cargo build first")
    return max(built, key=os.path.getmtime)


class Server:
    """A running server on a free port."""

    def __init__(self, *arguments, port=0, verb="serve"):
        self.log = tempfile.TemporaryFile()
        command = [binary(), verb, "--port", str(port), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        self.port = int(line.rsplit(":", 1)[1].strip().rstrip("/"))
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.log.close()


class WithServer(unittest.TestCase):
    """A test with a server of its own, started with ARGUMENTS."""

    ARGUMENTS = ["--seed", "7"]

    def setUp(self):
        self.server = Server(*self.ARGUMENTS)
        self.addCleanup(self.server.stop)

    def run_program(self, *command, code=0, **options):
        """Runs a program; what it printed."""
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, **options)
        self.assertEqual(done.returncode, code, done.stderr.decode() + done.stdout.decode())
        return done.stdout.decode()


def needs_program(name, package):
    """Skips a test where a program is missing."""
    return unittest.skipUnless(shutil.which(name), f"{name} is missing; apt-get install {package}")


def needs_module(name, package):
    """Skips a test where a module is missing."""
    found = importlib.util.find_spec(name)
    return unittest.skipUnless(found, f"{name} is missing; pip install {package}")


def main():
    """Runs the tests of the program that is run, and says what was skipped and why."""
    result = unittest.main(exit=False).result
    for reason in sorted({reason for _, reason in result.skipped}):
        print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(not result.wasSuccessful())
