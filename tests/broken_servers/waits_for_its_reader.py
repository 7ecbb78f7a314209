"""Fault: one thread serves everybody in turn and writes until everything is taken, so a
client that does not read stops the others."""

import selectors

from base import Server


class WaitsForItsReader(Server):
    def run(self):
        listener = self.listen()
        ready = selectors.DefaultSelector()
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    ready.register(listener.accept()[0], selectors.EVENT_READ)
                elif not self.serve_once(key.fileobj):
                    ready.unregister(key.fileobj)
                    key.fileobj.close()

    def serve_once(self, connection):
        """Answers what has come; false when the client is gone."""
        try:
            data = connection.recv(4096)
            for count in self.counts(connection, data):
                connection.sendall(b"".join(self.pieces(self.take(count))))
            return bool(data)
        except OSError:
            return False


if __name__ == "__main__":
    WaitsForItsReader().run()
