"""Fault: the next client is served when the one before it is gone."""

from base import Server


class OneClientAtATime(Server):
    def serve_client(self, connection):
        self.handle(connection)


if __name__ == "__main__":
    OneClientAtATime().run()
