"""Client libraries of Redis, each by its default settings but the port: they connect and draw.

What a library asks before it serves its program is its own business; a server that does not answer
it is no server for that library. `.ci/run` installs them all.
"""

import asyncio
import os
import unittest
from server import PATIENCE_S, ROOT, WithServer, main, needs_module, needs_program

try:
    import redis
except ImportError:
    pass
try:
    import valkey
except ImportError:
    pass
try:
    import glide
except ImportError:
    pass

FIRST_FOUR = [43948, 46732, 71936, 29535]  # of --seed 7
NODE = os.path.join(ROOT, ".js")


def needs_library(name):
    """Skips a test where a library of JavaScript is missing."""
    found = os.path.isdir(os.path.join(NODE, "node_modules", name))
    return unittest.skipUnless(found, f"{name} is missing; npm install --prefix .js {name}")


@needs_program("node", "nodejs")
class JavaScript(WithServer):
    def draws(self, library):
        script = os.path.join(ROOT, "tests", "clients", "redis_libraries.js")
        said = self.run_program("node", script, NODE, library, str(self.server.port))
        self.assertEqual([int(word) for word in said.split()], FIRST_FOUR)

    @needs_library("ioredis")
    def test_ioredis_draws(self):
        self.draws("ioredis")

    @needs_library("iovalkey")
    def test_iovalkey_draws(self):
        self.draws("iovalkey")

    @needs_library("redis")
    def test_node_redis_draws(self):
        self.draws("redis")

    @needs_library("redis3")
    def test_node_redis_of_the_third_edition_draws(self):
        self.draws("redis3")


class Python(WithServer):
    @needs_module("redis", "redis")
    def test_redis_py_draws(self):
        with redis.Redis(port=self.server.port) as client:
            self.assertEqual(client.execute_command("draw", 4), FIRST_FOUR)
            self.assertEqual(client.info("replication")["role"], "master")
            client.client_setname("ada")
            self.assertEqual(client.client_getname(), "ada")

    @needs_module("valkey", "valkey")
    def test_valkey_py_draws(self):
        with valkey.Valkey(port=self.server.port) as client:
            self.assertEqual(client.execute_command("draw", 4), FIRST_FOUR)

    @needs_module("glide", "valkey-glide")
    def test_valkey_glide_draws(self):
        async def draw():
            address = glide.NodeAddress("127.0.0.1", self.server.port)
            client = await glide.GlideClient.create(glide.GlideClientConfiguration([address]))
            numbers = await client.custom_command(["draw", "4"])
            await client.close()
            return numbers

        self.assertEqual(asyncio.run(asyncio.wait_for(draw(), PATIENCE_S)), FIRST_FOUR)


@needs_program("redis-benchmark", "redis-tools")
class RedisBenchmark(WithServer):
    def test_it_pings_in_both_ways(self):
        port = str(self.server.port)
        said = self.run_program("redis-benchmark", "-p", port, "-t", "ping", "-n", "1000", "-q")
        self.assertIn("PING_INLINE", said)
        self.assertIn("PING_MBULK", said)


if __name__ == "__main__":
    main()
