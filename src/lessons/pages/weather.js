// Lesson 3: bad weather. The server says what each datagram did; this file draws it.
"use strict";

const [LEFT, RIGHT, ROW, TOP] = [96, 504, 34, 44];
let last = null;

/** The faults of one datagram, in the order in which clicks go through them. */
const faults = () => ["", "L", "R", ...last.delays.map((ms) => `D${ms}`), ...last.delays.map((ms) => `R${ms}`)];

/** The moves with another fault for this datagram: faults stand in the order of the datagrams. */
function withFault(number, fault) {
  const others = moves.filter((move) => Number.parseInt(move, 10) !== number);
  const all = fault ? [...others, `${number}${fault}`] : others;
  return all.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

const faultOf = (number) => (moves.find((move) => Number.parseInt(move, 10) === number) ?? "").replace(/^\d+/, "");

function nextFault(number) {
  const all = faults();
  return all[(all.indexOf(faultOf(number)) + 1) % all.length];
}

/** The space-time picture: time goes down, a row for each moment at which something happens. */
function picture(view) {
  const times = new Set(view.passages.flatMap((one) => [one.sent, ...one.arrivals.map((arrival) => arrival.ms)]));
  const rows = [...times].sort((a, b) => a - b);
  const y = (ms) => TOP + rows.indexOf(ms) * ROW;
  const height = TOP + rows.length * ROW + 8;
  const parts = [["client", LEFT], ["network", (LEFT + RIGHT) / 2], ["server", RIGHT]].map(([name, x]) =>
    make("text", { x, y: 20, "text-anchor": "middle", class: "head" }, name));
  for (const x of [LEFT, RIGHT]) parts.push(make("line", { x1: x, x2: x, y1: 30, y2: height, class: "life" }));
  parts.push(...rows.map((ms) => make("text", { x: 4, y: y(ms) + 4, class: "small" }, `${ms} ms`)));
  view.passages.forEach((one, number) => {
    const [from, to] = one.to_server ? [LEFT, RIGHT] : [RIGHT, LEFT];
    const ways = one.arrivals.map((arrival) => make("line", { x1: from, x2: to, y1: y(one.sent), y2: y(arrival.ms), class: one.fault ? "way faulty" : "way" }));
    const middle = (from + to) / 2;
    if (!ways.length) {
      ways.push(make("line", { x1: from, x2: middle, y1: y(one.sent), y2: y(one.sent) + 12, class: "way faulty" }));
      ways.push(make("text", { x: middle, y: y(one.sent) + 20, "text-anchor": "middle", class: "lost" }, "✕"));
    }
    const at = one.to_server ? from + 8 : from - 8;
    const words = `${number}: ${one.kind}${one.fault ? `, ${one.fault}` : ""}`;
    const label = make("text", { x: at, y: y(one.sent) - 4, "text-anchor": one.to_server ? "start" : "end", class: "label" }, words);
    const group = make("g", { class: "datagram" }, ...ways, label);
    group.addEventListener("click", () => choose(number, nextFault(number)));
    parts.push(group);
  });
  const label = `Space-time picture: ${view.passages.map((one, number) => `${number} ${one.kind} ${one.fault ?? ""}`).join(", ")}`;
  return make("svg", { class: "picture weather", viewBox: `0 0 600 ${height}`, role: "img", "aria-label": label }, ...parts);
}

const WORDS = (fault) => ({ "": "arrives", L: "is lost", R: "comes twice" })[fault] ??
  `${fault[0] === "D" ? "comes" : "comes again"} ${Number(fault.slice(1)).toLocaleString("en")} ms late`;

function row(one, number) {
  const options = faults().filter((fault) => fault === faultOf(number) || canAsk("view", withFault(number, fault)));
  const choice = make("select", { "aria-label": `What happens to datagram ${number}`, "data-number": number },
    ...options.map((fault) => make("option", { value: fault, selected: fault === faultOf(number) }, WORDS(fault))));
  choice.addEventListener("change", () => choose(number, choice.value));
  const who = one.to_server ? "server" : "client";
  const does = one.arrivals.map((arrival) => make("div", {}, `${arrival.ms} ms: the ${who} ${arrival.does}`));
  return make("tr", { class: one.fault ? "lit" : null }, make("th", { scope: "row" }, `${number}: ${one.kind}`), make("td", {}, one.sent),
    make("td", { class: "words" }, choice), make("td", { class: "words" }, ...does));
}

async function choose(number, fault) {
  const focused = document.activeElement?.dataset?.number;
  await go(withFault(number, fault));
  if (focused) $("datagrams").querySelector(`[data-number="${focused}"]`)?.focus();
}

function outcome(view) {
  const executed = `The request was executed ${["not at all", "once"][view.executed] ?? `${view.executed} times`}`;
  if (view.protocol === "R") return `${executed}. With R the client never knows.`;
  const client = view.answered ? "the client has its number" : "the client has no number, and does not know why";
  return `${executed}, and ${client}.`;
}

function show(view, before) {
  last = view;
  $("outcome").textContent = outcome(view);
  const figure = ([name, value]) => make("div", {}, make("b", {}, value), make("span", {}, name));
  $("figures").replaceChildren(...[["executed", view.executed], ["numbers burnt", view.burnt], ["datagrams", view.passages.length], ["replies kept in the history", view.kept]].map(figure));
  $("picture").replaceChildren(picture(view));
  const head = make("tr", {}, ...["datagram", "sent, ms", "what happens to it", "and what it does"].map((name) => make("th", { scope: "col", class: "words" }, name)));
  $("datagrams").replaceChildren(make("thead", {}, head), make("tbody", {}, ...view.passages.map(row)));
  if (moves.join() !== before.join()) say(`${outcome(view)} ${view.burnt} numbers burnt.`);
}

$("all").addEventListener("toggle", async () => {
  if (!$("all").open || $("table").rows.length) return;
  try {
    const { columns, rows } = await ask("table", []);
    const cells = (row) => row.map((cell, at) => (at < 1 ? make("th", { scope: "row" }, cell) : make("td", { class: at < 3 ? "words" : null }, cell)));
    $("table").replaceChildren(make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row)))));
  } catch (why) {
    $("trouble").textContent = why.message;
  }
});
begin({
  name: "weather",
  settings: ["protocol", "promise", "moves"],
  between: ".",
  show,
  keys: (key) => {
    if (!/^[0-9]$/.test(key) || Number(key) >= last.passages.length) return false;
    choose(Number(key), nextFault(Number(key)));
    return true;
  },
});
