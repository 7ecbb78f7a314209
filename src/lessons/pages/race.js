// Lesson 1: the race. The server says what each step did; this file draws it.
"use strict";

const WORDS = { load: "load the counter", store: "store the counter", take: "take under the lock" };
let score = { right: 0, asked: 0 };
let last = null;

function showTurns(view) {
  const turn = (client) => {
    const canDo = client.next && canAsk("view", [...moves, client.name]);
    const text = client.next ? `${client.name}: ${WORDS[client.next]}` : `${client.name} is done`;
    const button = make("button", { type: "button", class: "go", disabled: !canDo, "data-client": client.name }, text);
    button.addEventListener("click", () => step(client.name));
    return button;
  };
  const focused = document.activeElement?.dataset?.client;
  $("turns").replaceChildren(...view.clients.map(turn));
  if (focused) $("turns").querySelector(`[data-client="${focused}"]:not(:disabled)`)?.focus();
}

function showClients(view) {
  const again = new Set(view.twice.map((one) => one.number));
  const numbers = (client) =>
    client.has.flatMap((number) => [make("span", { class: again.has(number) ? "again" : null }, again.has(number) ? `${number}!` : number), " "]);
  const row = (client, at) =>
    make("tr", {}, make("th", { scope: "row", class: `hue-${at % 6}` }, client.name),
      make("td", {}, client.loaded ?? "–"), make("td", { class: "words" }, ...numbers(client)));
  const head = make("tr", {}, ...["client", "has loaded", "has received"].map((name) => make("th", { scope: "col" }, name)));
  $("clients").replaceChildren(make("thead", {}, head), make("tbody", {}, ...view.clients.map(row)));
}

function showSteps(view) {
  const pairs = view.twice.flatMap((one) => one.steps);
  const row = (step, at) => {
    const cells = view.clients.map((_, client) =>
      make("td", { class: client === step.client ? `words hue-${client % 6}` : "words" }, client === step.client ? step.words : ""));
    const isLast = at === view.steps.length - 1;
    const what = pairs.includes(at + 1) ? "why" : isLast ? "lit" : null;
    return make("tr", { class: what }, make("th", { scope: "row" }, at + 1), make("td", {}, step.counter), ...cells);
  };
  const names = ["step", "counter", ...view.clients.map((client) => client.name)];
  const head = make("tr", {}, ...names.map((name, at) => make("th", { scope: "col", class: at > 1 ? "words" : null }, name)));
  $("steps").replaceChildren(make("thead", {}, head), make("tbody", {}, ...view.steps.map(row)));
  const scroll = $("steps").parentElement;
  scroll.scrollTop = scroll.scrollHeight;
}

function showSource(view) {
  for (const line of $("source").children) {
    const who = view.clients.filter((client) => client.next && client.next === line.dataset.step);
    line.classList.toggle("lit", who.length > 0);
    line.querySelector("b").replaceChildren(who.map((client) => `◀ ${client.name}`).join(" "));
  }
}

function show(view, before) {
  last = view;
  $("counter").textContent = view.counter;
  showTurns(view);
  showClients(view);
  showSteps(view);
  showSource(view);
  $("mistakes").replaceChildren(...view.twice.map((one) => make("p", { class: "trouble" }, one.why)));
  const end = view.is_over ? (view.twice.length ? " All steps are done." : " All steps are done, and no number came twice.") : "";
  $("figures").textContent = `${moves.length} of ${view.length} steps; there are ${view.schedules} schedules.${end}`;
  const done = view.steps.at(-1);
  if (done && moves.length > before.length) {
    const name = view.clients[done.client].name;
    const news = view.twice.find((one) => one.steps[1] === view.steps.length);
    say(`Step ${view.steps.length}: ${name} ${done.words}. The counter is ${view.counter}. ${news ? news.why : ""}`);
  }
}

/** Does the next step of a client, after the reader's guess if that is wished for. */
async function step(name) {
  const client = last?.clients.find((one) => one.name === name);
  if (!client?.next) return;
  if (!$("predict").checked) return go([...moves, name]);
  $("guess").hidden = false;
  $("guess-text").textContent = `${name} will ${WORDS[client.next]}. What will the counter be?`;
  $("guess").dataset.client = name;
  $("guessed").value = "";
  $("guessed").focus();
}

$("guess").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("guess").hidden = true;
  const guess = $("guessed").value;
  const name = $("guess").dataset.client;
  await go([...moves, name]);
  const isRight = Number(guess) === last.counter;
  score = { right: score.right + Number(isRight), asked: score.asked + 1 };
  const verdict = isRight ? "Right" : `You said ${guess}, it is ${last.counter}`;
  $("score").textContent = `${verdict}. ${score.right} of ${score.asked} right.`;
  $("turns").querySelector(`[data-client="${name}"]:not(:disabled)`)?.focus();
});

/** Runs what a button asks for, and shows its trouble. */
const does = (id, what) => $(id).addEventListener("click", async () => {
  try {
    await what();
  } catch (why) {
    $("trouble").textContent = why.message;
  }
});

const all = () => ask("all", []);
does("smallest", async () => {
  const found = await all();
  if (found.smallest) await go([...found.smallest]);
  else $("figures").textContent = "No schedule gives a number twice.";
});
does("all", async () => {
  const found = await all();
  const tried = found.is_all ? `all ${found.tried} schedules` : `${found.tried} of ${found.count} schedules, those with the fewest switches`;
  const wrong = found.racy ? `In ${found.racy} a number came twice, at most ${found.most} numbers in one.` : "In none a number came twice.";
  $("figures").textContent = `Of ${tried}: ${wrong} ${found.outcomes} different results.`;
});
does("random", async () => {
  settings.seed = Math.floor(Math.random() * 1e6);
  const found = await ask("random", moves);
  settings.seed = "";
  await go([...found.moves]);
});
does("replay", async () => {
  const done = await ask("replay", moves, "POST");
  const row = (client) => `${client.name} received ${client.received.map((n) => (client.twice.includes(n) ? `${n}!` : n)).join(" ")}`;
  $("figures").textContent = `On ${done.server}, with a connection for each client: ${done.clients.map(row).join("; ")}.`;
});

async function showLines() {
  const { file, lines } = await ask("source", []);
  const line = (one) => make("li", { "data-step": one.step || null }, `${String(one.number).padStart(4)}  ${one.text}`, make("b", {}));
  $("source").replaceChildren(...lines.map(line));
  const increment = settings.lock === "increment" ? " Here the store raises the counter by one, whatever it was, in one step." : "";
  const one = settings.lock === "request" ? "" : " It is asked for one number at a time: count is 1, so end is first plus one.";
  $("source-note").textContent = `${file}, as the server has it.${one}${increment}`;
  if (last) showSource(last);
}

begin({
  name: "race",
  settings: ["clients", "lock", "seed", "moves"],
  between: "",
  show,
  changed: showLines,
  keys: (key) => {
    const name = key.length === 1 ? key.toUpperCase() : "";
    if (!last?.clients.some((client) => client.name === name)) return false;
    step(name);
    return true;
  },
}).then(showLines);
if (!fixedAnswers) fetch("lab").then((answer) => answer.text()).then((lab) => ($("replay").hidden = !lab)).catch(() => {});
