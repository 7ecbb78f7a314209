"""Fault: the one thread that serves everybody writes until everything is taken, so a
client that does not read stops the others."""

from one_thread import OneThread


class WaitsForItsReader(OneThread):
    def answer(self, words):
        if len(words) == 2 and words[1].isdecimal():
            return self.pieces(self.take(int(words[1])))
        return [b"say draw and a number\n"]


if __name__ == "__main__":
    WaitsForItsReader().run()
