#!/usr/bin/env python3
"""The drawings of the papers: writes docs/drawings/*.svg.

Run: python3 tests/papers/drawings.py        after ./run.sh has built the program

Light and dark by the reader's scheme. The flow charts are those of lesson 4 (asked of the program),
the bars are the first table of docs/measurements.md: so neither can differ from what it shows.
test_papers.py compares the files with what is written here.
"""

import json
import re
import subprocess
import tempfile
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/leasebox"

STYLE = """
.ground{fill:#fff}.box{fill:#eef2f7;stroke:#55606e}.free{fill:#fff;stroke:#8894a3}.used{fill:#1f6feb;stroke:#1f6feb}
.wrong{fill:#b3261e;stroke:#b3261e}.line{stroke:#55606e;fill:none}.lane{stroke:#c3cbd5}.bad{stroke:#b3261e;fill:none}.tip{fill:#55606e}
text{fill:#17202a}.soft{fill:#55606e}.on{fill:#fff}.alarm{fill:#b3261e}.a{fill:#1a5fd0}.b{fill:#a34f00}
@media(prefers-color-scheme:dark){.ground{fill:#0f141a}.box{fill:#1e2833;stroke:#a3afbc}.free{fill:#0f141a;stroke:#7c8896}
.used{fill:#2f6fd6;stroke:#2f6fd6}.wrong{fill:#ffb4ab;stroke:#ffb4ab}.line{stroke:#a3afbc}.lane{stroke:#3a4653}.bad{stroke:#ffb4ab}.tip{fill:#a3afbc}
text{fill:#e6ebf1}.soft{fill:#a3afbc}.alarm{fill:#ffb4ab}.a{fill:#79b0ff}.b{fill:#ffb169}.wrong+.on{fill:#3b0a06}}
"""


class Drawing:
    """An SVG that grows part by part. Coordinates are pixels from the top left."""

    def __init__(self, width, height, title):
        self.size, self.title, self.parts = (width, height), title, []

    def add(self, part):
        self.parts.append(part)

    def text(self, x, y, text, kind="", anchor="start", size=14):
        self.add(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>')

    def box(self, x, y, width, height, *lines, kind="box", size=13):
        self.add(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" class="{kind}"/>')
        on = "on" if kind in ("used", "wrong") else ""
        first = y + height / 2 + 5 - 8.5 * (len(lines) - 1)
        for at, line in enumerate(lines):
            self.text(x + width / 2, round(first + 17 * at, 1), line, on, "middle", size)

    def line(self, *points, kind="line", arrow=True, width=1.5, dashed=False):
        path = " ".join(f"{x},{y}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.add(f'<polyline points="{path}" class="{kind}" stroke-width="{width}"{dashes}/>')
        if arrow:
            (x0, y0), (x, y) = points[-2:]
            length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5 or 1
            dx, dy = (x - x0) / length, (y - y0) / length
            left, right = (x - 9 * dx - 4 * dy, y - 9 * dy + 4 * dx), (x - 9 * dx + 4 * dy, y - 9 * dy - 4 * dx)
            tip = " ".join(f"{a:.1f},{b:.1f}" for a, b in ((x, y), left, right))
            self.add(f'<polygon points="{tip}" class="{"wrong" if kind == "bad" else "tip"}"/>')

    def cross(self, x, y):
        for dy in (-7, 7):
            self.line((x - 7, y - dy), (x + 7, y + dy), kind="bad", arrow=False, width=3)

    def svg(self):
        width, height = self.size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" font-family="system-ui, sans-serif">'
        title = f"<title>{escape(self.title)}</title><style>{STYLE}</style>"
        ground = f'<rect width="{width}" height="{height}" class="ground"/>'
        return "\n".join([head, title, ground, *self.parts, "</svg>", ""])


def race():
    d = Drawing(760, 400, "The race: A and B both load 2 before either stores 3, so 228 goes out twice")
    x_a, x_c, x_b = 190, 380, 570
    for x, name, kind in ((x_a, "thread A", "a"), (x_c, "counter", "soft"), (x_b, "thread B", "b")):
        d.text(x, 26, name, kind, "middle", 15)
        d.line((x, 38), (x, 372), kind="lane", arrow=False)
    steps = [
        ("A", "load", 0, ""), ("A", "store", 1, "has 5"), ("A", "load", 1, ""), ("A", "store", 2, "has 19"),
        ("A", "load", 2, "loads 2"), ("B", "load", 2, "loads 2 as well"), ("A", "store", 3, "has 228"), ("B", "store", 3, "has 228, too"),
    ]
    for at, (who, what, value, said) in enumerate(steps):
        y = 62 + 40 * at
        x, is_wrong = (x_a if who == "A" else x_b), at >= 4
        start, end = (x_c, x) if what == "load" else (x, x_c)
        gap = 26 if start < end else -26
        points = ((start + (gap if what == "load" else 0), y), (end - (0 if what == "load" else gap), y))
        d.line(*points, kind="bad" if is_wrong else "line")
        d.box(x_c - 22, y - 13, 44, 26, str(value), kind="wrong" if at in (4, 5) else "box")
        kind = "alarm" if at in (6, 7) else who.lower()
        words = said or f"loads {value}"
        if what == "store":
            words = f"stores {value}, {said}"
        d.text(x - 10 if who == "A" else x + 10, y + 5, words, kind, "end" if who == "A" else "start")
    d.text(380, 394, "time runs downwards; B's load stands between A's load and A's store", "soft", "middle", 13)
    return d


def buddy():
    d = Drawing(760, 330, "A split and a join, in four frames: a lease of 64 bytes out of a free block of 1024, and its release")
    frames = [
        ("1  one free block", [(1024, "free")]),
        ("2  lease 64: the block is halved until it just fits", [(64, "used"), (64, "free"), (128, "free"), (256, "free"), (512, "free")]),
        ("3  release 64: its buddy of 64 is free, they join to 128", [(128, "free"), (128, "free"), (256, "free"), (512, "free")]),
        ("4  and so on, up to the root", [(1024, "free")]),
    ]
    for at, (name, blocks) in enumerate(frames):
        y, x = 34 + 78 * at, 30
        d.text(30, y - 9, name, "soft")
        for size, kind in blocks:
            width = 700 * size / 1024
            d.box(round(x, 1), y, round(width, 1), 36, str(size), kind="used" if kind == "used" else "free")
            x += width
    d.text(30, 322, "blue is leased; the buddy of block (order, i) is (order, i xor 1), its parent (order + 1, i / 2)", "soft", size=13)
    return d


def client():
    d = Drawing(760, 300, "A client's life as a time line, with the stop")
    lanes = [("accept", 60), ("client-1", 130), ("client-2", 200), ("main", 260)]
    for name, y in lanes:
        d.text(14, y + 5, name, "soft")
        d.line((90, y), (750, y), kind="lane", arrow=False)
    d.box(100, 46, 66, 28, "accept")
    d.line((133, 74), (133, 116))
    d.text(139, 100, "spawn", "soft", size=12)
    d.line((233, 74), (233, 186), dashed=True)
    for x, words in ((110, "read"), (180, "answer"), (250, "write"), (330, "read"), (400, "answer"), (470, "write")):
        d.box(x, 116, 62, 28, words)
    d.box(200, 46, 66, 28, "accept")
    d.box(205, 186, 260, 28, "read: silent, asleep")
    d.line((480, 20), (480, 285), kind="bad", arrow=False)
    d.text(486, 32, "SIGTERM: the stop begins", "alarm", size=13)
    d.box(484, 248, 120, 28, "wake all who wait")
    d.line((520, 248), (520, 150))
    d.line((560, 248), (560, 218))
    d.box(536, 116, 106, 28, "answer what came", size=11)
    d.box(648, 116, 50, 28, "close")
    d.box(540, 186, 50, 28, "close")
    d.line((698, 130), (725, 130), (725, 246))
    d.line((590, 200), (715, 200), (715, 246))
    d.box(690, 248, 60, 28, "exit 0")
    d.text(612, 292, "within 2 s of the signal", "soft", size=12)
    return d


def locks():
    d = Drawing(760, 300, "The locks, what each guards, and which threads take it")
    rows = [
        ("the draw's lock", "counter, record of who drew what", "clients, udp"),
        ("the tables' lock", "leases, processes, sessions, where messages lie", "clients, udp, reap"),
        ("a block's lock, one each", "the block's bytes, their length, 'released'", "clients, udp, reap"),
        ("the clients' lock", "who is connected", "accept, clients, the stop"),
    ]
    d.text(30, 26, "which threads take it", "soft")
    d.text(250, 26, "the lock", "soft")
    d.text(460, 26, "what it guards", "soft")
    for at, (lock, data, threads) in enumerate(rows):
        y = 40 + 54 * at
        d.box(20, y, 180, 38, threads)
        d.line((200, y + 19), (236, y + 19))
        d.box(240, y, 175, 38, lock, kind="used")
        d.line((415, y + 19), (446, y + 19))
        d.box(450, y, 300, 38, data, kind="free", size=12)
    d.text(20, 276, "No thread holds two at once. None is held while a socket is read or written.", "", size=14)
    d.text(20, 295, "The list of numbers needs no lock: it never changes. reap ends leases whose time is over; udp serves datagrams.", "soft", size=13)
    return d


def frame():
    d = Drawing(760, 190, "The 20 bytes of draw 4 as a leasebox frame, little-endian")
    parts = [
        ("89 4c 42 58", "magic", 4), ("02", "version", 1), ("01", "flags", 1), ("01", "kind", 1), ("00", "status", 1),
        ("01 00 00 00", "request id 1", 4), ("04 00 00 00", "length 4", 4), ("04 00 00 00", "count 4", 4),
    ]
    x, offset = 20, 0
    for at, (data, name, size) in enumerate(parts):
        width = 36 * size
        d.box(x, 50, width, 40, data, kind="used" if at == 7 else "box")
        d.text(x + width / 2, 40 if size > 1 or at % 2 else 112, name, "soft", "middle", 12)
        d.text(x + 2, 128 if size > 1 else 128, str(offset), "soft", size=11)
        x, offset = x + width, offset + size
    d.text(20, 152, "flags bit 0: the rest is little-endian. A big-endian machine sends 00 and turns the last three round;", "", size=13)
    d.text(20, 172, "the receiver makes it right. Primitives are aligned to their size from the start of the frame (CORBA's CDR).", "soft", size=13)
    return d


def weather():
    d = Drawing(760, 330, "R, RR and RRA, each with the loss of one datagram")
    panels = [
        ("R: maybe", "executed 0 or 1 times; nobody knows", [("request", 60, True)]),
        ("RR: at most once", "the same reply again, executed once", [("request 7", 60, False), ("reply 7", 110, True), ("request 7 again", 170, False), ("reply 7, kept", 220, False)]),
        ("RRA: and then forgotten", "the acknowledgement drops the reply", [("request 7", 60, True), ("request 7 again", 115, False), ("reply 7", 165, False), ("acknowledge 7", 215, False)]),
    ]
    for at, (name, result, messages) in enumerate(panels):
        left, right = 40 + 250 * at, 210 + 250 * at
        d.text((left + right) / 2, 22, name, "", "middle", 15)
        for x, who in ((left, "client"), (right, "server")):
            d.text(x, 44, who, "soft", "middle", 12)
            d.line((x, 50), (x, 275), kind="lane", arrow=False)
        for words, y, is_lost in messages:
            is_reply = words.startswith("reply")
            start, end = (right, left) if is_reply else (left, right)
            stop = (start + end) / 2 + (20 if end > start else -20) if is_lost else end
            d.line((start, y), (stop, y + (18 if not is_lost else 12)), kind="bad" if is_lost else "line", arrow=not is_lost)
            if is_lost:
                d.cross(stop, y + 12)
            d.text((left + right) / 2, y - 3, words, "alarm" if is_lost else "", "middle", 12)
        d.text((left + right) / 2, 300, result, "soft", "middle", 12)
    return d


def message():
    d = Drawing(760, 300, "A message's way: only its location moves, until who receives it copies it once")
    d.box(20, 40, 200, 150, kind="free")
    d.text(120, 32, "A's block, with its own lock", "soft", "middle", 13)
    d.box(40, 110, 160, 40, "sub-block: the bytes", kind="used")
    d.text(40, 70, "504 a sub-block is found", size=12)
    d.text(40, 92, "512 it is filled", size=12)
    d.box(290, 40, 190, 150, kind="free")
    d.text(385, 32, "administrative memory", "soft", "middle", 13)
    d.box(305, 84, 160, 52, "where it lies:", "block, address, length")
    d.box(550, 40, 190, 150, kind="free")
    d.text(645, 32, "B", "soft", "middle", 13)
    d.box(570, 110, 150, 40, "its reply")
    d.line((200, 120), (303, 112))
    d.text(228, 104, "514", size=12)
    d.line((465, 100), (566, 100))
    d.text(492, 94, "516 signal", size=12)
    d.text(570, 70, "518 the location is read,", size=12)
    d.text(570, 88, "520 and found in the arena", size=12)
    d.line((120, 150), (120, 226), (645, 226), (645, 152))
    d.text(385, 220, "522 the only copy, under the block's lock; 524 the sub-block is free", "", "middle", 13)
    d.text(20, 262, "forward: B gives the location to C (518, 514, 516), and no byte moves.", "", size=14)
    d.text(20, 284, "Numbers are the steps of the document's figure 5. At most two contend for the block's lock: A, and the engine for one other.", "soft", size=12)
    return d


def explorer():
    d = Drawing(760, 250, "The explorer: real threads run the server's take, and park before each step until the schedule names them")
    d.box(20, 40, 150, 60, "thread A", "runs take")
    d.box(20, 150, 150, 60, "thread B", "runs take")
    for y, word in ((70, "parked before load"), (180, "parked before store")):
        d.line((170, y), (300, y))
        d.line((310, y - 22), (310, y + 22), kind="bad", arrow=False, width=4)
        d.text(176, y - 8, word, "soft", size=12)
        d.line((322, y), (440, 125), dashed=True)
    d.box(444, 95, 110, 60, "the counter", "load, store")
    d.text(310, 30, "a gate before each step", "alarm", "middle", 13)
    d.box(600, 40, 140, 170, kind="free")
    d.text(670, 62, "the schedule", "", "middle")
    for at, letter in enumerate("AABABB"):
        d.box(612 + 20 * at, 80, 18, 26, letter, kind="used" if at == 2 else "box")
    d.text(670, 136, "opens one gate,", "soft", "middle", 13)
    d.text(670, 154, "waits for the thread", "soft", "middle", 13)
    d.text(670, 172, "at its next gate,", "soft", "middle", 13)
    d.text(670, 190, "and goes on", "soft", "middle", 13)
    d.line((600, 93), (580, 93), (580, 225), (310, 225), (310, 206))
    d.text(20, 240, "One step is under way at a time, so a schedule has the same outcome each time.", "", size=13)
    return d


def person():
    d = Drawing(760, 270, "Smith in three external data representations")
    rows = [
        ("XDR", "length 5, big-endian; padding to a multiple of 4", ["00 00 00 05", "S m i t", "h . . ."]),
        ("CORBA's CDR", "length 6: its NUL counts; either byte order", ["06 00 00 00", "S m i t", "h 0 . ."]),
        ("Java's writeUTF", "length 5 in two bytes; no padding, no NUL", ["00 05", "S m i t h"]),
        ("XML", "text, and the length is where the tag ends", ["<name>Smith</name>"]),
    ]
    for at, (name, said, parts) in enumerate(rows):
        y, x = 20 + 58 * at, 190
        d.text(20, y + 22, name, "", size=15)
        for part_at, part in enumerate(parts):
            width = 24 + 9 * len(part)
            d.box(x, y, width, 34, part, kind="used" if part_at == 0 and at < 3 else "box")
            x += width
        d.text(190, y + 50, said, "soft", size=12)
    d.text(20, 262, "blue: the length. A dot is padding, and 0 the NUL.", "soft", size=13)
    return d


def figures():
    """Figures 8 to 12, as lesson 4 has them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, "lesson", "--export", folder], check=True, capture_output=True)
        answers = (Path(folder) / "headroom-answers.js").read_text(encoding="utf-8")
    charts = next(json.loads(line.strip().rstrip(",").split(": ", 1)[1]) for line in answers.splitlines() if '"headroom/charts' in line)
    return {f"figure-{8 + at}": flow_chart(chart) for at, chart in enumerate(charts["charts"])}


def flow_chart(chart):
    width, height, right, down = 168, 42, 214, 72
    place = {box["name"]: box for box in chart["boxes"]}
    columns, rows = (max(box[key] for box in chart["boxes"]) for key in ("column", "row"))
    d = Drawing(max(columns * right + width + 20, 480), rows * down + height + 76, chart["title"])
    d.text(10, 24, chart["title"], "", size=15)
    d.text(10, rows * down + height + 64, "GL, GP: granted leak, granted pause · LE, LP: loaned efficiency, loaned pause", "soft", size=12)
    x = {name: 10 + box["column"] * right for name, box in place.items()}
    y = {name: 36 + box["row"] * down for name, box in place.items()}
    for arrow in chart["arrows"]:
        a, b = arrow["from"], arrow["to"]
        label = (x[a] + width / 2 + 6, y[a] + height + 15)
        if place[a]["column"] == place[b]["column"]:
            points = [(x[a] + width / 2, y[a] + height), (x[a] + width / 2, y[b])]
        elif place[b]["column"] > place[a]["column"]:
            gap = x[b] - 12 - 9 * (list(place).index(a) % 3)
            middle_a, middle_b = y[a] + height / 2, y[b] + height / 2
            points = [(x[a] + width, middle_a), (x[b], middle_b)]
            if middle_a != middle_b:
                points[1:1] = [(gap, middle_a), (gap, middle_b)]
            label = (x[a] + width + 4, middle_a - 4)
        else:
            # Between the rows, and into the box from above.
            into, above = x[b] + 0.75 * width, y[b] - 10
            points = [(x[a] + width / 2, y[a] + height), (x[a] + width / 2, above), (into, above), (into, y[b])]
        d.line(*points)
        d.text(*label, arrow["answer"], "soft", size=12)
    for name in place:
        d.box(x[name], y[name], width, height, name, place[name]["words"], size=12)
    return d


def measurements():
    """The first table of docs/measurements.md: the median as a bar, the least and the greatest as a line."""
    table = (ROOT / "docs/measurements.md").read_text(encoding="utf-8").split("| requests over sockets |")[1].split("\n\n")[0]
    rows = []
    for line in table.splitlines()[2:]:
        name, aim, measured = (cell.strip() for cell in line.strip("|").split("|"))
        found = re.findall(r"\**([\d.]+)\** \(([\d.]+) to ([\d.]+)\)", measured)
        for of_one, each in zip(names(name.replace("`", ""), len(found)), found):
            rows.append((of_one, aim, *map(float, each)))
    near, far = [row for row in rows if row[4] <= 1.4], [row for row in rows if row[4] > 1.4]
    d = Drawing(760, 120 + 26 * len(rows), "Ratios over sockets: the median as a bar, the least and the greatest as a line")
    y = bars(d, 34, near, 1.4, 0.2)
    bars(d, y + 50, far, 7, 1)
    return d


def names(name, count):
    """The name of each figure of a row: `a / b, c` has two, `a, 1 and 8 connections` too."""
    if count <= 1:
        return [name]
    if name.endswith(", 1 and 8 connections"):
        return [name.replace(", 1 and 8 connections", f", {each}") for each in ("1 connection", "8 connections")]
    what, others = name.split(" / ")
    return [f"{what} / {other}" for other in others.split(", ")]


def bars(d, y, rows, most, step):
    left, scale = 330, 400 / most
    bottom = y + 26 * len(rows)
    for at in range(round(most / step) + 1):
        x = round(left + at * step * scale, 1)
        d.line((x, y - 8), (x, bottom), kind="lane", arrow=False)
        d.text(x, bottom + 16, f"{at * step:g}", "soft", "middle", 12)
    for at, (name, _, median, least, greatest) in enumerate(rows):
        top = y + 26 * at
        d.text(left - 10, top + 13, name, "", "end", 12)
        d.add(f'<rect x="{left}" y="{top}" width="{median * scale:.1f}" height="16" class="used"/>')
        ends = [round(left + value * scale, 1) for value in (least, greatest)]
        d.line((ends[0], top + 8), (ends[1], top + 8), kind="bad", arrow=False, width=2.5)
        for x in ends:
            d.line((x, top + 2), (x, top + 14), kind="bad", arrow=False, width=2.5)
        d.text(ends[1] + 6, top + 13, f"{median:g}", "soft", size=11)
    return bottom


def all_drawings():
    """The text of each file, by its name."""
    drawn = {
        "race": race(), "buddy": buddy(), "client": client(), "locks": locks(), "frame": frame(), "weather": weather(),
        "message": message(), "measurements": measurements(), "explorer": explorer(), "person": person(), **figures(),
    }
    return {f"{name}.svg": drawing.svg() for name, drawing in drawn.items()}


if __name__ == "__main__":
    for name, text in all_drawings().items():
        (ROOT / "docs/drawings" / name).write_text(text, encoding="utf-8")
