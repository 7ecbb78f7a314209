// Lesson 4: who gets the headroom. The server says what the manager did; this file draws it.
"use strict";

const POOLS = { committed: "committed", gl: "GL, granted leak", gp: "GP, granted pause", le: "LE, loaned efficiency", lp: "LP, loaned pause" };
const ORDER = ["committed", "gl", "gp", "le", "lp"];
let [last, charts, lit] = [null, [], -1]; // how many boxes of the path are lit; -1 is all

const boxes = () => last.paths.flatMap((path) => path.boxes);

/** One figure as a flow chart: the boxes of the path are lit, in their order. */
function chart(one, path) {
  const [width, height, right, down] = [164, 40, 210, 68];
  const place = new Map(one.boxes.map((box) => [box.name, box]));
  const x = (box) => 8 + box.column * right;
  const y = (box) => 8 + box.row * down;
  const steps = path.slice(1).map((to, at) => `${path[at]}>${to}`);
  const parts = [];
  for (const { from, to, answer } of one.arrows) {
    const [a, b] = [place.get(from), place.get(to)];
    const [middleA, middleB] = [y(a) + height / 2, y(b) + height / 2];
    let points;
    let label = [x(a) + width / 2 + 6, y(a) + height + 14];
    if (a.column === b.column) points = [[x(a) + width / 2, y(a) + height], [x(a) + width / 2, y(b)]];
    else if (b.column > a.column) {
      const gap = x(b) - 12 - 9 * (one.boxes.indexOf(a) % 3);
      points = a.row === b.row ? [[x(a) + width, middleA], [x(b), middleB]] : [[x(a) + width, middleA], [gap, middleA], [gap, middleB], [x(b), middleB]];
      label = [x(a) + width + 4, middleA - 4];
    } else {
      // Between the rows, and into the box from above.
      const [into, above] = [x(b) + 0.75 * width, y(b) - 10];
      points = [[x(a) + width / 2, y(a) + height], [x(a) + width / 2, above], [into, above], [into, y(b)]];
    }
    const isGone = steps.includes(`${from}>${to}`);
    parts.push(make("polyline", { points: points.join(" "), class: isGone ? "arrow gone" : "arrow" }));
    const [tip, before] = [points.at(-1), points.at(-2)];
    const turn = (Math.atan2(tip[1] - before[1], tip[0] - before[0]) * 180) / Math.PI;
    parts.push(make("path", { d: "M0,0 L-8,-4 L-8,4 Z", transform: `translate(${tip}) rotate(${turn})`, class: isGone ? "tip gone" : "tip" }));
    parts.push(make("text", { x: label[0], y: label[1], class: "small" }, answer));
  }
  for (const box of one.boxes) {
    const isLit = path.includes(box.name);
    parts.push(make("rect", { x: x(box), y: y(box), width, height, rx: 5, class: isLit ? "box lit" : "box" }));
    parts.push(make("text", { x: x(box) + 6, y: y(box) + 15, class: isLit ? "on number" : "number" }, box.name));
    parts.push(make("text", { x: x(box) + 6, y: y(box) + 32, class: isLit ? "on words" : "words" }, box.words));
  }
  const [columns, rows] = [Math.max(...one.boxes.map((box) => box.column)), Math.max(...one.boxes.map((box) => box.row))];
  const viewBox = `0 0 ${columns * right + width + 16} ${rows * down + height + 16}`;
  const passed = one.boxes.filter((box) => path.includes(box.name)).map((box) => `${box.name} ${box.words}`);
  const label = `${one.title}: ${passed.length ? passed.join(", ") : "no box was passed"}`;
  const picture = make("svg", { class: "picture chart", viewBox, role: "img", "aria-label": label }, ...parts);
  picture.style.maxWidth = `${columns * right + width + 16}px`;
  return make("details", { open: passed.length > 0 }, make("summary", {}, one.title), picture);
}

function showPath() {
  const all = boxes();
  const path = lit < 0 ? all : all.slice(0, lit);
  $("path").textContent = last.paths.map((one) => one.said).join("; ") || "No decision yet.";
  const open = [...$("charts").querySelectorAll("details")].map((one) => one.open);
  $("charts").replaceChildren(...charts.map((one) => chart(one, path)));
  // A figure that the reader has opened stays open while a path is gone through.
  if (lit >= 0) [...$("charts").children].forEach((one, at) => (one.open ||= open[at]));
}

function bar(name, parts, whole, said) {
  const meter = make("div", { class: "meter" }, ...parts.map(([kind, bytes]) => {
    const part = make("div", { class: kind });
    part.style.width = `${(100 * bytes) / whole}%`;
    return part;
  }));
  return make("div", { class: "pool" }, make("span", {}, name), meter, make("small", {}, said));
}

function show(view, before) {
  [last, lit] = [view, -1];
  const who = $("who").value;
  $("who").replaceChildren(...view.processes.map((one) => make("option", { selected: one.name === who }, one.name)));
  $("told").replaceChildren(...view.told.map((line) => make("li", {}, line)), ...view.waiting.map((line) => make("li", { class: "note" }, `Still: ${line}.`)));
  $("pools").replaceChildren(...view.pools.map((pool) => {
    const given = pool.size - pool.free;
    return bar(POOLS[pool.name], [["given", given]], pool.size, `${given} of ${pool.size} given, ${pool.freeable} would come back`);
  }));
  const most = Math.max(1, ...view.processes.map((one) => one.owes.reduce((sum, bytes) => sum + bytes, 0)));
  $("debts").replaceChildren(...view.processes.map((one) => {
    const parts = ORDER.map((pool, at) => [`debt-${pool}`, one.owes[at]]);
    const owes = ORDER.map((pool, at) => [pool, one.owes[at]]).filter(([, bytes]) => bytes > 0).map(([pool, bytes]) => `${bytes} ${pool}`);
    return bar(one.name, parts, most, `owes ${owes.join(", ") || "nothing"}; ${one.freeable} freeable, ${one.secured} of it secures loans`);
  }));
  $("returns").replaceChildren(...view.blocks.map((block) => {
    const next = [...moves, `${block.name}:-${block.number}`];
    const button = make("button", { type: "button", disabled: !canAsk("view", next) }, `${block.name} returns ${block.size} (${block.pool})`);
    button.addEventListener("click", () => go(next));
    return button;
  }));
  showPath();
  if (moves.length > before.length) say(`${view.told.join(" ")} ${view.paths.map((one) => `Boxes ${one.boxes.join(", ")}.`).join(" ")}`);
}

$("move").addEventListener("submit", (event) => {
  event.preventDefault();
  go([...moves, `${$("who").value}:${$("what").value}${$("bytes").value}`]);
});

/** The pauses of all processes together as they grow; `until` is how far the drawing is. */
function plot(found, until) {
  const [width, height, left] = [640, 260, 64];
  const points = found.curves[0].paused.length;
  const highest = Math.max(1, ...found.curves.map((curve) => curve.paused_ms));
  const x = (at) => left + (at * (width - left - 10)) / Math.max(1, points - 1);
  const y = (ms) => 10 + ((highest - ms) * (height - 46)) / highest;
  const grid = [0, 0.5, 1].flatMap((part) => [
    make("line", { x1: left, x2: width - 10, y1: y(part * highest), y2: y(part * highest), class: "grid" }),
    make("text", { x: left - 6, y: y(part * highest) + 4, "text-anchor": "end", class: "small" }, `${Math.round(part * highest)} ms`)]);
  const seconds = (points * found.every_ms) / 1000;
  const feet = [0, 0.5, 1].map((part) => make("text", { x: x(part * (points - 1)), y: height - 18, "text-anchor": part === 1 ? "end" : "start", class: "small" }, `${Math.round(part * seconds)} s`));
  const lines = found.curves.map((curve, at) => make("polyline", { points: curve.paused.slice(0, until).map((ms, i) => `${x(i)},${y(ms)}`).join(" "), class: `curve-${at}` }));
  const keys = found.curves.map((curve, at) => make("text", { x: left + 12 + at * 200, y: height - 2, class: `curve-${at}` }, curve.name));
  const label = found.curves.map((curve) => `${curve.name}: ${curve.paused_ms} ms in ${curve.pauses} pauses`).join(", ");
  return make("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...grid, ...feet, ...lines, ...keys);
}

$("headline").addEventListener("click", async () => {
  try {
    const found = await ask("headline", []);
    const points = found.curves[0].paused.length;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const grow = (until) => {
      $("plot").replaceChildren(plot(found, until));
      if (until < points) setTimeout(() => grow(until + 1), 30);
      else $("headline-said").textContent = `${found.curves.map((curve) => `${curve.name}: ${curve.pauses} pauses, ${curve.paused_ms} ms`).join("; ")}.`;
    };
    grow(isStill ? points : 1);
  } catch (why) {
    $("trouble").textContent = why.message;
  }
});
begin({
  name: "headroom",
  settings: ["processes", "seed", "moves"],
  between: ".",
  show,
  keys: (key) => {
    const all = boxes().length;
    if (key === "d" || key === "D") $("move").requestSubmit();
    else if (key === "ArrowLeft") lit = Math.max(0, (lit < 0 ? all : lit) - 1);
    else if (key === "ArrowRight") lit = Math.min(all, (lit < 0 ? 0 : lit) + 1);
    else return false;
    if (key.startsWith("Arrow")) {
      showPath();
      if (lit > 0) say(`Box ${boxes()[lit - 1]}`);
    }
    return true;
  },
}).then(async () => {
  charts = (await ask("charts", [])).charts;
  if (last) showPath();
});
