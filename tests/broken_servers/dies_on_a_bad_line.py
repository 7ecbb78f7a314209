"""Fault: one thread serves everybody in turn, and a word that is no number ends it."""

import selectors

from base import Server


class DiesOnABadLine(Server):
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
        try:
            data = connection.recv(1024)
        except OSError:
            return False
        for line in data.decode(errors="replace").splitlines():
            words = line.split()
            if words and words[0] == "draw":
                reply = b"".join(self.pieces(self.take(int(words[1]))))
                try:
                    connection.sendall(reply)
                except OSError:
                    return False
        return bool(data)


if __name__ == "__main__":
    DiesOnABadLine().run()
