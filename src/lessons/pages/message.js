// Lesson 5: a message by its location. The server says what the engine did; this file draws it.
"use strict";

const STORY = ["A:join", "B:join", "C:join", "A:open:B", "B:open:C", "A:send:B:hello", "1:copy", "B:forward:C", "C:receive", "2:copy"];
const [WIDTH, PER_ROW] = [640, 64];
let last = null;
let lit = -1; // the step that is looked at; -1 is none

/** A block as rows of bytes: the places of its messages are coloured. */
function block(one) {
  const cell = WIDTH / PER_ROW;
  const rows = Math.ceil(one.size / PER_ROW);
  const at = (address) => [(address % PER_ROW) * cell, Math.floor(address / PER_ROW) * 24];
  const parts = [];
  for (let row = 0; row < rows; row++) parts.push(make("rect", { x: 0, y: row * 24, width: WIDTH, height: 22, class: "free" }));
  one.messages.forEach((message, index) => {
    // A place is shown in each row that it touches.
    for (let address = message.address; address < message.address + message.length; ) {
      const end = Math.min(message.address + message.length, (Math.floor(address / PER_ROW) + 1) * PER_ROW);
      const [x, y] = at(address);
      parts.push(make("rect", { x, y, width: (end - address) * cell, height: 22, class: `owner-${index % 6}` }));
      address = end;
    }
  });
  [...one.letters].forEach((letter, address) => {
    if (letter === ".") return;
    const [x, y] = at(address);
    const isUsed = one.messages.some((message) => address >= message.address && address < message.address + message.length);
    parts.push(make("text", { x: x + cell / 2, y: y + 15, "text-anchor": "middle", class: isUsed ? "on-owner small-letter" : "small-letter" }, letter));
  });
  const readers = (count) => `${count} ${count === 1 ? "reader" : "readers"}`;
  const places = one.messages.map((message) => `${message.length} bytes from ${message.address} on, ${readers(message.readers)}`);
  const label = `The block of ${one.name}: ${places.join("; ") || "no messages"}`;
  const seat = (name, copies) => make("span", {}, `${name}: ${copies.length ? copies.map((copy, index) => (index ? `copy ${copy} waits` : `copy ${copy}`)).join(", ") : "free"}`);
  return make("div", { class: "message-block" },
    make("h3", {}, `${one.name}'s block, bytes ${one.extents.map(([offset, size]) => `${offset} to ${offset + size - 1}`).join(" and ")} of the arena${one.has_ended ? "; its process has ended" : ""}`),
    make("svg", { class: "picture blocks", viewBox: `0 0 ${WIDTH} ${rows * 24}`, role: "img", "aria-label": label }, ...parts),
    make("p", { class: "note seats" }, places.join("; ") || "No messages.", make("br"), "Seats. ", seat(`${one.name} itself`, one.seats[0]), " · ", seat("all others", one.seats[1])));
}

function show(view, before) {
  last = view;
  $("told").replaceChildren(...view.told.map((line) => make("li", { class: line.startsWith("Refused") ? "trouble" : null }, line)));
  $("blocks").replaceChildren(...(view.blocks.length ? view.blocks.map(block) : [make("p", { class: "note" }, "Nobody has joined.")]));
  const used = make("div", { class: "given" });
  used.style.width = `${(100 * view.admin_used) / view.admin}%`;
  $("admin").replaceChildren(make("div", { class: "meter" }, used), make("p", { class: "note" }, `${view.admin_used} of ${view.admin} bytes: entries of processes, sessions, locations`));
  const head = make("tr", {}, ...["session", "waits for the first", "waits for the second"].map((name) => make("th", { scope: "col" }, name)));
  const row = (one) => make("tr", {}, make("th", { scope: "row" }, one.names.map((name, at) => (one.open[at] ? name : `${name || "?"} (closed)`)).join(" – ")), ...one.waiting.map((count) => make("td", {}, count)));
  $("sessions").replaceChildren(make("thead", {}, head), make("tbody", {}, ...view.sessions.map(row)));
  lit = -1;
  showSteps();
  $("copies").replaceChildren(...view.copies.map((copy) => {
    const next = [...moves, `${copy.number}:copy`];
    const button = make("button", { type: "button", class: "go", disabled: !canAsk("view", next) }, `Copy ${copy.number}: ${copy.name} ${copy.reads ? "reads" : "fills"} ${copy.length} bytes`);
    button.addEventListener("click", () => go(next));
    return button;
  }));
  const following = nextOfStory();
  $("next").disabled = !following || !canAsk("view", [...moves, following]);
  if (moves.length > before.length) say(`${view.told.join(" ")} Steps ${view.steps.map((step) => step.number).join(", ") || "none"}.`);
}

/** The steps of the last move; the one that is looked at is lit. */
function showSteps() {
  const line = (step, at) => make("li", { class: at === lit ? "lit" : null }, make("b", {}, step.number), ` ${step.words} `, make("span", { class: "note" }, `(${step.lock})`));
  $("steps").replaceChildren(...last.steps.map(line));
}

/** The next move of the story, if the moves so far are its beginning. */
function nextOfStory() {
  const story = fixedAnswers ? ((RUNS.map(([, address]) => address.replace("moves=", "").split(".")).find((run) => moves.every((move, at) => run[at] === move) && run.length > moves.length)) ?? []) : STORY;
  return moves.every((move, at) => story[at] === move) ? story[moves.length] : undefined;
}

$("move").addEventListener("submit", (event) => {
  event.preventDefault();
  const what = $("what").value;
  const parts = [$("who").value, what];
  if (["open", "send", "forward"].includes(what)) parts.push($("other").value);
  if (["send", "publish"].includes(what)) parts.push($("data").value || "hello");
  go([...moves, parts.join(":")]);
});
$("next").addEventListener("click", () => nextOfStory() && go([...moves, nextOfStory()]));
begin({
  name: "message",
  settings: ["moves"],
  between: ".",
  show,
  keys: (key) => {
    if (key === "n" || key === "N") $("next").click();
    else if (key === "d" || key === "D") $("move").requestSubmit();
    else if (key === "ArrowRight" || key === "ArrowLeft") {
      lit = Math.max(0, Math.min(last.steps.length - 1, lit + (key === "ArrowRight" ? 1 : -1)));
      showSteps();
      const step = last.steps[lit];
      if (step) say(`Step ${step.number}: ${step.words}, under ${step.lock}.`);
    } else return false;
    return true;
  },
});
