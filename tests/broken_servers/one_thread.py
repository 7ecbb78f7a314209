"""One thread that serves everybody in turn: what two of the broken servers are made of."""

import selectors

from base import Server


class OneThread(Server):
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
            for line in data.decode(errors="replace").splitlines():
                connection.sendall(b"".join(self.answer(line.split())))
            return bool(data)
        except OSError:
            return False
