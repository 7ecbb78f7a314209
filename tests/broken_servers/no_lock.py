"""Fault: nobody is kept out between reading the counter and storing it."""

from base import Server


class NoLock(Server):
    def take(self, count):
        taken = []
        for _ in range(count):
            index = self.counter
            if index >= len(self.numbers):
                break
            taken.append(self.numbers[index])
            self.log(self.numbers[index])
            self.counter = index + 1
        return taken


if __name__ == "__main__":
    NoLock().run()
