// The part that all lessons share: the address, the questions, the keys.
//
// A lesson decides nothing. Its address holds the settings and the moves; it asks the server for the view of
// that address, and draws the answer. A static page has the answers to some addresses beside it (ANSWERS).
"use strict";

const $ = (id) => document.getElementById(id);

/** An element with text or children; attributes as an object. */
function make(name, attributes = {}, ...children) {
  const isDrawn = ["svg", "g", "rect", "line", "circle", "path", "text", "polyline"].includes(name);
  const node = isDrawn ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return node;
}
// The name of SVG's elements; no address is loaded from there.
const SVG = "http://www.w3.org/2000/svg";

const fixedAnswers = typeof ANSWERS === "undefined" ? null : ANSWERS;

/** The lesson of this page; `begin` fills it in. */
let lesson = null;
/** The settings and the moves of the address. */
let settings = {};
let moves = [];

/** Writes a query as the server's export does: the settings in their order, none that is empty. */
function query(ofMoves) {
  const all = { ...settings, moves: ofMoves.join(lesson.between) };
  const plain = (value) => String(value).replace(/[^A-Za-z0-9:,.*@_-]/g, encodeURIComponent);
  const given = lesson.settings.filter((name) => all[name] !== undefined && all[name] !== "");
  return given.map((name) => `${name}=${plain(all[name])}`).join("&");
}

/** Answers a question about the address with these moves. Throws an error whose message is for the reader. */
async function ask(question, ofMoves = moves, method = "GET") {
  const path = `${lesson.name}/${question}?${query(ofMoves)}`;
  if (fixedAnswers) {
    if (!(path in fixedAnswers)) throw new Error("This page has fixed runs alone; leasebox lesson plays all others.");
    return fixedAnswers[path];
  }
  const answer = await fetch(path, { method, headers: { Accept: "application/json" }, cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.text);
  return body;
}

/** Whether this page can answer a question about these moves. */
const canAsk = (question, ofMoves) => !fixedAnswers || `${lesson.name}/${question}?${query(ofMoves)}` in fixedAnswers;

/** Says something to a screen reader. */
function say(text) {
  $("said").textContent = text;
}

/** Asks for the view after these moves, shows it, and puts them into the address. */
async function go(next) {
  const before = moves;
  try {
    moves = next;
    const view = await ask("view");
    history.replaceState(null, "", `?${query(moves)}${location.hash}`);
    $("trouble").textContent = "";
    lesson.show(view, before);
    $("undo").disabled = $("again").disabled = moves.length === 0;
  } catch (why) {
    moves = before;
    $("trouble").textContent = why.message;
  }
}

/** Takes the settings from the address, and those that it lacks from the page's fields. */
function readAddress() {
  // A page with fixed runs begins with the first of them.
  const search = location.search || (fixedAnswers ? `?${RUNS[0][1]}` : "");
  const given = new URLSearchParams(search);
  for (const name of lesson.settings) {
    const field = $(`set-${name}`);
    if (given.has(name) && field) field.value = given.get(name);
    if (name !== "moves") settings[name] = given.get(name) ?? field?.value ?? "";
  }
  const text = given.get("moves") ?? "";
  moves = text === "" ? [] : text.split(lesson.between);
}

/** Begins a lesson: `name`, `settings`, `between` moves, `show(view, before)`, `changed()`, `keys(key)`. */
function begin(what) {
  lesson = what;
  if (fixedAnswers) offerRuns();
  readAddress();
  for (const name of lesson.settings) {
    $(`set-${name}`)?.addEventListener("change", (event) => {
      settings[name] = event.target.value;
      lesson.changed?.();
      go([]);
    });
  }
  $("undo").addEventListener("click", () => go(moves.slice(0, -1)));
  $("again").addEventListener("click", () => go([]));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    if (event.key === "Backspace") go(moves.slice(0, -1));
    else if (event.key === "Home") go([]);
    else if (!lesson.keys?.(event.key)) return;
    event.preventDefault();
  });
  return go(moves);
}

/** On a static page: links to the runs whose answers it has. */
function offerRuns() {
  const link = ([title, address]) => make("li", {}, make("a", { href: `?${address}` }, title));
  $("runs").replaceChildren(make("p", {}, "This page has fixed runs; leasebox lesson plays all others:"), make("ul", {}, ...RUNS.map(link)));
}
