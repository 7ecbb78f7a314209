"""Tests of process.py against a server that only takes notes."""

import random
import unittest

import process


class Notes:
    """A server that grants from one pool after the other, and notes what is returned."""

    def __init__(self, pools):
        self.pools, self.granted, self.returned = iter(pools), 0, []

    def ask(self, *words):
        if words[0] == "request":
            self.granted += 1
            return ["granted", str(self.granted), str(process.CHUNK), next(self.pools)]
        if words[0] == "return":
            self.returned.append(words[1])
        return [words[0], "token"]


class Quiet(process.Process):
    def say(self, *words):
        pass


class Repaying(unittest.TestCase):
    def test_what_came_for_a_pause_is_repaid_first_whichever_pool_gave_it(self):
        notes = Notes(["le", "gp", "committed", "lp", "le"])
        one = Quiet(notes, "one", 0, random.Random(1))
        for reason in ["efficiency", "pause", "committed", "efficiency", "pause"]:
            one.request(reason)
        for block in one.blocks:
            block.garbage = block.size
        one.collect()
        self.assertEqual(notes.returned, ["2", "4", "5", "1", "3"])

    def test_the_living_move_out_of_the_blocks_that_are_repaid_first(self):
        notes = Notes(["gp", "le"])
        one = Quiet(notes, "one", process.CHUNK, random.Random(1))
        one.request("pause")
        one.request("efficiency")
        one.blocks[0].live = 1000
        one.collect()
        self.assertEqual([(block.id, block.live) for block in one.blocks], [("2", 1000)])
        self.assertEqual(notes.returned, ["1"])


if __name__ == "__main__":
    unittest.main()
