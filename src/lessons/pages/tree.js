// Lesson 2: the buddy tree. The server says what each tree is; this file draws it.
"use strict";

const [WIDTH, ROW] = [600, 26];
let last = null;
let frame = -1; // of the last move; -1 is its end

/** Draws the blocks: a row for each size, and a bar with the blocks that are whole. */
function picture(frameOf, size, name) {
  const parts = [];
  let rows = 0;
  function block(node, depth) {
    rows = Math.max(rows, depth + 1);
    const [x, width] = [(node.offset / size) * WIDTH, (node.size / size) * WIDTH];
    const hue = node.owner ? `owner-${(node.owner.charCodeAt(0) - 65) % 6}` : node.halves ? "split" : "free";
    const box = (y) => make("rect", { x: x + 0.75, y: y + 1, width: Math.max(0.5, width - 1.5), height: ROW - 2, rx: 3, class: hue });
    const label = (y) => {
      const words = node.owner ? `${node.owner} ${node.size}` : `${node.size}`;
      const fits = width > 9 * words.length ? words : node.owner && width > 10 ? node.owner : "";
      return make("text", { x: x + width / 2, y: y + 18, "text-anchor": "middle", class: `on-${hue}` }, fits);
    };
    parts.push(box((depth + 2) * ROW), label((depth + 2) * ROW));
    if (node.halves) node.halves.forEach((half) => block(half, depth + 1));
    else parts.push(box(0), label(0));
  }
  frameOf.roots.forEach((root) => block(root, 0));
  const leaves = said(frameOf.roots);
  const viewBox = `0 0 ${WIDTH} ${(rows + 2) * ROW}`;
  return make("svg", { class: "picture blocks", viewBox, role: "img", "aria-label": `${name}: ${leaves}` }, ...parts);
}

/** The blocks from left to right, for a screen reader. */
function said(roots) {
  const one = (node) => (node.halves ? node.halves.flatMap(one) : [`${node.size} ${node.owner ? `of ${node.owner}` : "free"}`]);
  return roots.flatMap(one).join(", ");
}

/** The waste after each move as two lines; the figures stand beside it. */
function lines(waste, name) {
  const [width, height] = [WIDTH, 90];
  const x = (at) => 34 + (at * (width - 44)) / Math.max(1, waste.length - 1);
  const y = (percent) => 6 + ((100 - percent) * (height - 12)) / 100;
  const line = (which) => waste.map((one, at) => `${x(at)},${y(one[which])}`).join(" ");
  const grid = [0, 50, 100].flatMap((percent) => [
    make("line", { x1: 34, x2: width - 10, y1: y(percent), y2: y(percent), class: "grid" }),
    make("text", { x: 30, y: y(percent) + 5, "text-anchor": "end", class: "small" }, percent),
  ]);
  return make("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name}: waste after each move, in percent` },
    ...grid, make("polyline", { points: line(0), class: "internal" }), make("polyline", { points: line(1), class: "external" }));
}

function arena(one, size) {
  const at = frame < 0 ? one.frames.length - 1 : Math.min(frame, one.frames.length - 1);
  const change = (shown, index) => {
    const button = make("button", { type: "button", "aria-pressed": String(index === at) }, shown.words || "Before the move.");
    button.addEventListener("click", () => { frame = index; draw(); });
    return make("li", {}, button);
  };
  return make("div", {},
    make("h3", {}, one.name === "best fit" ? "Best fit, as the server has it" : "First fit, on the same moves"),
    make("p", { class: one.told.includes("refused") ? "trouble" : "told" }, one.told),
    picture(one.frames[at], size, one.name),
    make("p", { class: "note" }, `${one.used} bytes used, ${one.free} free, the largest free block has ${one.largest_free}.`),
    make("p", { class: "note" }, make("span", { class: "key internal" }), ` ${one.internal} % of the used bytes were not asked for (internal). `,
      make("span", { class: "key external" }), ` ${one.external} % of the free bytes are not in the largest block (external).`),
    lines(one.waste, one.name),
    make("details", { open: one.frames.length > 1 && one.frames.length < 9 }, make("summary", {}, "The last move, split by split and join by join"), make("ol", { class: "changes" }, ...one.frames.map(change))));
}

function draw() {
  $("arenas").replaceChildren(...last.arenas.map((one) => arena(one, last.size)));
}

function show(view, before) {
  [last, frame] = [view, -1];
  draw();
  const all = new Map(view.arenas.flatMap((one) => one.leases).map((lease) => [lease.number, lease]));
  const release = (lease) => {
    const next = [...moves, `-${lease.number}`];
    const button = make("button", { type: "button", disabled: !canAsk("view", next) }, `${lease.owner} gives ${lease.asked} back`);
    button.addEventListener("click", () => go(next));
    return button;
  };
  $("releases").replaceChildren(...[...all.values()].sort((a, b) => a.number - b.number).map(release));
  if (moves.length > before.length) say(view.arenas.map((one) => `${one.name}: ${one.told}`).join(" "));
}

$("lease").addEventListener("submit", (event) => {
  event.preventDefault();
  go([...moves, `${$("owner").value}${$("bytes").value}`]);
});
$("random").addEventListener("click", async () => {
  try {
    settings.seed = Math.floor(Math.random() * 1e6);
    const found = await ask("random");
    settings.seed = "";
    await go(found.moves.split("."));
  } catch (why) {
    settings.seed = "";
    $("trouble").textContent = why.message;
  }
});
$("pieces").addEventListener("click", () => {
  settings.size = $("set-size").value = "256";
  go(["A64", "B64", "C64", "D64", "-1", "-3", "A100"]);
});
begin({
  name: "tree",
  settings: ["size", "seed", "moves"],
  between: ".",
  show,
  keys: (key) => {
    const most = Math.max(...last.arenas.map((one) => one.frames.length)) - 1;
    if (key === "l" || key === "L") $("lease").requestSubmit();
    else if (key === "ArrowLeft") { frame = Math.max(0, (frame < 0 ? most : frame) - 1); draw(); }
    else if (key === "ArrowRight") { frame = Math.min(most, (frame < 0 ? most : frame) + 1); draw(); }
    else return false;
    return true;
  },
});
