#!/usr/bin/env python3
"""Real clients, as people have them: curl, Python's own, redis-cli, redis-benchmark, redis-py, h11.

Run: python3 tests/clients/test_clients.py
What is missing is skipped, and said to be.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from server import PATIENCE_S, WithServer, main, needs_module, needs_program

try:
    import h11
except ImportError:
    h11 = None
try:
    import prometheus_client.parser
except ImportError:
    pass
try:
    import redis
except ImportError:
    redis = None

# The Accept field of Prometheus 3.
OF_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
FIRST_FOUR = "43948 46732 71936 29535"  # of --seed 7


@needs_program("curl", "curl")
class Curl(WithServer):
    def curl(self, path, *options, code=0):
        return self.run_program("curl", "-sS", *options, self.server.url + path, code=code)

    def test_it_draws_and_leases(self):
        self.assertEqual(self.curl("/draws?n=4", "-X", "POST"), FIRST_FOUR + "\n")
        lease = self.curl("/leases?size=64&duration=60000", "-X", "POST").split()[0]
        self.curl(f"/leases/{lease}", "-T", "-", "-H", "Expect:")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"Hello World")
            file.flush()
            # With a length, in chunks, and told to wait for the word to go on.
            for options in (["-T", file.name], ["-T", file.name, "-H", "Transfer-Encoding: chunked"],
                            ["-T", file.name, "-H", "Expect: 100-continue"]):
                self.curl(f"/leases/{lease}", *options)
                self.assertEqual(self.curl(f"/leases/{lease}"), "Hello World", options)
        self.assertEqual(self.curl(f"/leases/{lease}", "-r", "6-"), "World")
        self.assertIn("HTTP/1.1 200 OK", self.curl(f"/leases/{lease}", "-I"))
        self.curl(f"/leases/{lease}", "-X", "DELETE")
        self.curl(f"/leases/{lease}", "-f", code=22)

    def test_it_speaks_the_older_version(self):
        self.assertEqual(self.curl("/draws?n=4", "-X", "POST", "--http1.0"), FIRST_FOUR + "\n")

    def test_several_on_one_connection(self):
        url = self.server.url
        wrote = self.run_program(
            "curl", "-sS", "-w", "%{num_connects}\n", f"{url}/stats", f"{url}/tree", "-o", os.devnull, "-o", os.devnull)
        self.assertEqual(wrote, "1\n0\n", "the second one made no connection")


class OfPython(WithServer):
    """http.client and urllib."""

    def test_http_client_keeps_its_connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
        connection.request("POST", "/draws?n=4")
        self.assertEqual(connection.getresponse().read().decode(), FIRST_FOUR + "\n")
        socket_before = connection.sock
        connection.request("POST", "/leases?size=64&duration=60000")
        response = connection.getresponse()
        self.assertEqual(response.status, 201)
        response.read()
        path = urllib.parse.urljoin("/leases", response.headers["Location"])
        self.assertEqual(urllib.parse.urljoin("/box/leases", response.headers["Location"]), "/box" + path)
        connection.request("PUT", path, body=(piece for piece in [b"Hello ", b"World"]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        response = connection.getresponse()
        response.read()
        tag = response.headers["ETag"]
        connection.request("PUT", path, body=b"again", headers={"If-Match": tag})
        self.assertEqual(connection.getresponse().read().split()[1:], [b"5", b"2"])
        connection.request("PUT", path, body=b"lost", headers={"If-Match": tag})
        response = connection.getresponse()
        self.assertEqual(response.status, 412)
        response.read()
        connection.request("GET", path, headers={"Accept": "application/json"})
        lease = json.loads(connection.getresponse().read())
        self.assertEqual(base64.b64decode(lease["base64"]), b"again")
        connection.request("HEAD", path)
        response = connection.getresponse()
        self.assertEqual((response.read(), response.headers["Content-Length"]), (b"", "5"))
        self.assertIs(connection.sock, socket_before)
        connection.close()

    def test_all_there_is_reads_as_json_and_as_xml(self):
        from xml.etree import ElementTree

        for path in ("stats", "tree", "pools", "processes", "sessions", "leases", "connections", "table"):
            for form, read in (("json", json.loads), ("xml", ElementTree.fromstring)):
                request = urllib.request.Request(f"{self.server.url}/{path}", headers={"Accept": f"application/{form}"})
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                    read(response.read())

    def test_eight_draw_at_once_and_no_number_comes_twice(self):
        drawn, start = [], threading.Barrier(8)

        def draw():
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
            start.wait()
            for _ in range(100):
                connection.request("POST", "/draws?n=7")
                drawn.extend(connection.getresponse().read().split())
            connection.close()

        threads = [threading.Thread(target=draw) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(drawn), len(set(drawn))), (5600, 5600))


class Guarded(WithServer):
    """A server with a user."""

    def setUp(self):
        self.password = tempfile.NamedTemporaryFile()
        self.addCleanup(self.password.close)
        self.password.write("wörd\n".encode())
        self.password.flush()
        self.ARGUMENTS = ["--seed", "7", "--user", "ada", "--password-file", self.password.name]
        super().setUp()

    def test_urllib_logs_on_when_it_is_asked_to(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(self.server.url + "/stats", timeout=PATIENCE_S)
        self.assertEqual(caught.exception.code, 401)
        caught.exception.close()
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        # urllib writes what is not ASCII as UTF-8.
        passwords.add_password(None, self.server.url, "ada", "wörd")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(self.server.url + "/stats", timeout=PATIENCE_S) as response:
            self.assertTrue(response.read().startswith(b"numbers="))

    @needs_program("curl", "curl")
    def test_curl_logs_on(self):
        self.assertIn("401", self.run_program("curl", "-sSI", self.server.url + "/stats"))
        self.assertIn("200", self.run_program("curl", "-sSI", "-u", "ada:wörd", self.server.url + "/stats"))

    @needs_module("redis", "redis")
    def test_redis_py_logs_on(self):
        options = dict(host="127.0.0.1", port=self.server.port, socket_timeout=PATIENCE_S)
        with self.assertRaises(redis.exceptions.AuthenticationError):
            redis.Redis(username="ada", password="x", **options).execute_command("draw", 1)
        client = redis.Redis(username="ada", password="wörd", **options)
        self.assertEqual(client.execute_command("draw", 4), [int(n) for n in FIRST_FOUR.split()])
        client.close()


@needs_module("h11", "h11")
class StrictPeer(WithServer):
    """h11 raises on any response that is not exactly as RFC 9112 has it."""

    def ask(self, peer, sock, *events):
        for event in events:
            sock.sendall(peer.send(event))
        response, body = None, b""
        while True:
            event = peer.next_event()
            if event is h11.NEED_DATA:
                peer.receive_data(sock.recv(65536))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return response, body
            elif not isinstance(event, h11.InformationalResponse):
                self.fail(f"{event}")

    def test_every_response_is_as_the_rfc_has_it(self):
        sock = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S)
        peer = h11.Connection(h11.CLIENT)
        host = ("Host", "localhost")

        def ask(method, target, body=b"", *fields):
            fields = [host, *fields]
            if body:
                fields.append(("Content-Length", str(len(body))))
            events = [h11.Request(method=method, target=target, headers=fields)]
            events += [h11.Data(data=body)] if body else []
            answer = self.ask(peer, sock, *events, h11.EndOfMessage())
            peer.start_next_cycle()
            return answer

        target = "/leases?size=64&duration=60000"
        response, body = ask("POST", target)
        # Relative, so that it holds below a proxy's path.
        path = urllib.parse.urljoin(target, dict(response.headers)[b"location"].decode())
        asked = [
            ("PUT", path, b"Hello World", 200),
            ("GET", path, b"", 200),
            ("HEAD", path, b"", 200),
            ("GET", "/", b"", 200),
            ("HEAD", "/", b"", 200),
            ("GET", "/nothing", b"", 404),
            ("HEAD", "/nothing", b"", 404),
            ("GET", "/draws", b"", 405),
            ("PATCH", path, b"", 501),
            ("POST", "/draws?n=4", b"", 200),
            ("POST", "/draws?n=4", b"draw 4\n", 400),
            ("OPTIONS", "*", b"", 200),
            ("TRACE", "/stats", b"", 200),
            ("DELETE", path, b"", 200),
            ("GET", path, b"", 404),
        ]
        for method, target, body, status in asked:
            response, _ = ask(method, target, body)
            self.assertEqual(response.status_code, status, (method, target))
        response, _ = ask("GET", "/page.js")
        tag = dict(response.headers)[b"etag"]
        response, body = ask("GET", "/page.js", b"", ("If-None-Match", tag))
        self.assertEqual((response.status_code, body), (304, b""))
        sock.close()

    def test_who_waits_for_the_word_to_go_on_hears_it(self):
        sock = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S)
        peer = h11.Connection(h11.CLIENT)
        fields = [("Host", "localhost"), ("Content-Length", "2"), ("Expect", "100-continue")]
        sock.sendall(peer.send(h11.Request(method="PUT", target="/leases/7", headers=fields)))
        while (event := peer.next_event()) is h11.NEED_DATA:
            peer.receive_data(sock.recv(65536))
        self.assertEqual(event.status_code, 100)
        response, body = self.ask(peer, sock, h11.Data(data=b"hi"), h11.EndOfMessage())
        self.assertEqual((response.status_code, body.split()[1]), (404, b"not-found"))
        sock.close()


@needs_program("redis-cli", "redis-tools")
class RedisCli(WithServer):
    def cli(self, *words, code=0):
        return self.run_program("redis-cli", "-p", str(self.server.port), *words, code=code)

    def test_it_draws_and_leases(self):
        self.assertEqual(self.cli("draw", "4").split(), FIRST_FOUR.split())
        lease = self.cli("LEASE", "1024", "60000").split()[1]
        self.assertEqual(self.cli("SET", lease, "a b\nc"), f"set {lease} 5\n")
        self.assertEqual(self.cli("GET", lease), "a b\nc\n")
        self.assertEqual(self.cli("GET", "7"), "\n", "nil")
        self.assertEqual(self.cli("PING"), "PONG\n")
        self.assertIn("ERR bad-request", self.cli("draw", "x", code=0))
        self.assertIn("ERR unknown-command", self.cli("FLUSHALL"))

    def test_the_third_version_says_nil_its_way(self):
        self.assertEqual(self.cli("-3", "draw", "4").split(), FIRST_FOUR.split())
        self.assertEqual(self.cli("-3", "GET", "7"), "\n")

    def test_commands_from_a_file(self):
        lines = "draw 2\ndraw 2\nselect 0\n"
        said = self.run_program("redis-cli", "-p", str(self.server.port), input=lines.encode())
        self.assertEqual(said.split(), [*FIRST_FOUR.split(), "OK"])


@needs_program("redis-benchmark", "redis-tools")
class RedisBenchmark(WithServer):
    def test_it_runs_to_its_end_and_no_number_is_lost(self):
        said = self.run_program(
            "redis-benchmark", "-p", str(self.server.port), "-n", "20000", "-c", "16", "-P", "16", "-q", "draw", "1")
        self.assertIn("requests per second", said)
        self.assertNotIn("WARNING", said)
        with urllib.request.urlopen(self.server.url + "/stats", timeout=PATIENCE_S) as response:
            self.assertIn(b"drawn=20000", response.read().split())


@needs_module("prometheus_client", "prometheus-client")
class Prometheus(WithServer):
    def test_its_parser_reads_the_metrics(self):
        with urllib.request.urlopen(self.server.url + "/draws?n=4", b"") as drawn:
            self.assertEqual(len(drawn.read().split()), 4)
        request = urllib.request.Request(self.server.url + "/metrics", headers={"Accept": OF_PROMETHEUS})
        with urllib.request.urlopen(request) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        families = list(prometheus_client.parser.text_string_to_metric_families(text))
        self.assertNotIn("unknown", {family.type for family in families})
        samples = {sample.name: sample for family in families for sample in family.samples}
        self.assertEqual(samples["leasebox_drawn_total"].value, 4)
        self.assertEqual(samples["leasebox_memory_bytes"].value, 64 << 20)
        self.assertEqual(samples["leasebox_info"].labels, {"lock": "request"})


@needs_module("redis", "redis")
class RedisPy(WithServer):
    def test_it_draws_leases_and_sends_ahead(self):
        for protocol in (2, 3):
            client = redis.Redis(host="127.0.0.1", port=self.server.port, protocol=protocol, socket_timeout=PATIENCE_S)
            self.assertTrue(client.ping())
            lease = client.execute_command("lease", 64, 60000).split()[1]
            data = bytes(range(60))
            client.execute_command("set", lease, data)
            self.assertEqual(client.get(lease), data)
            self.assertIsNone(client.get("7"))
            with self.assertRaises(redis.exceptions.ResponseError):
                client.execute_command("draw", "x")
            pipeline = client.pipeline(transaction=False)
            for _ in range(100):
                pipeline.execute_command("draw", 3)
            drawn = [number for numbers in pipeline.execute() for number in numbers]
            self.assertEqual((len(drawn), len(set(drawn))), (300, 300))
            client.close()


if __name__ == "__main__":
    main()
