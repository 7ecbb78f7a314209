"""Fault: a word that is no number ends the one thread that serves everybody."""

from one_thread import OneThread


class DiesOnABadLine(OneThread):
    def answer(self, words):
        if words and words[0] == "draw":
            return self.pieces(self.take(int(words[1])))
        return []


if __name__ == "__main__":
    DiesOnABadLine().run()
