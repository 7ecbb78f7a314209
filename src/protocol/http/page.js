// The live page: asks for each resource once a second, and draws what came.
//
// Whatever comes from the server is put into the page as text (textContent), never as markup: the name
// of a process or of a pool cannot become part of the page. An id stands nowhere here: the server's lists show
// its first digits alone.
"use strict";

const EVERY_MS = 1000; // between two rounds
const PATIENCE_MS = 5000; // a round that takes longer is one of a server that is gone
const ROWS = 24; // of the table of draws: two of the homework's
const MOST_LEAVES = 160; // blocks that are drawn one by one
const MOST_NODES = 40; // processes in the graph, and in the key of the blocks

const $ = (id) => document.getElementById(id);

/** An element with text or children; attributes as an object. */
function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

/** The same in a drawing, of the kind that the page has one of. */
function draw(name, attributes, ...children) {
  const node = document.createElementNS($("drawing").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const grouped = (number) => Number(number).toLocaleString("en");

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (count >= 1024 && at < units.length - 1) [count, at] = [count / 1024, at + 1];
  return `${Number.isInteger(count) ? count : count.toFixed(1)} ${units[at]}`;
}

function time(ms) {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function figures(id, pairs) {
  $(id).replaceChildren(
    ...pairs.map(([name, value]) => make("div", {}, make("b", {}, value), make("span", {}, name))),
  );
}

/** Replaces a table's head and rows; the first column names the row. */
function fill(id, columns, rows, none) {
  const isName = (at) => at === 0 || typeof rows[0]?.[at] === "string";
  const title = (name, at) => make("th", { scope: "col", class: isName(at) ? "name" : "number" }, name);
  const head = make("thead", {}, make("tr", {}, ...columns.map(title)));
  const cell = (value, at) =>
    at === 0 ? make("th", { scope: "row" }, value) : make("td", typeof value === "string" ? { class: "name" } : {}, value);
  const body = rows.length
    ? rows.map((row) => make("tr", {}, ...row.map(cell)))
    : [make("tr", {}, make("td", { class: "name", colspan: columns.length }, none))];
  $(id).replaceChildren(head, make("tbody", {}, ...body));
}

// --- draws -----------------------------------------------------------------------------

/** Clients by letters, as the homework names its threads: A is the first that was seen. */
const letters = new Map();
const MOST_LETTERS = 1000; // then they begin anew: a page may stay open for days

function letter(client) {
  if (letters.size >= MOST_LETTERS) letters.clear();
  if (!letters.has(client)) letters.set(client, letters.size);
  let [number, word] = [letters.get(client), ""];
  do {
    word = String.fromCharCode(65 + (number % 26)) + word;
    number = Math.floor(number / 26) - 1;
  } while (number >= 0);
  return word;
}

let before = null; // what was drawn a round ago, and when

function showDraws(stats, table) {
  const now = performance.now();
  const rate = before ? ((stats.drawn - before.drawn) * 1000) / (now - before.at) : 0;
  before = { drawn: stats.drawn, at: now };
  figures("draw-figures", [
    ["drawn", grouped(stats.drawn)],
    ["remaining", grouped(stats.remaining)],
    ["a second", grouped(Math.max(0, Math.round(rate)))],
    ["undelivered", grouped(stats.undelivered)],
    ["lock for each", stats.lock],
  ]);
  showTwice(stats);
  $("drawn-bar").style.width = `${(100 * stats.drawn) / stats.numbers}%`;
  const line = (name, cells) => make("tr", {}, make("th", { scope: "row" }, name), ...cells);
  const twice = new Set(table.rows.map((r) => r.counter).filter((c, at, all) => all.indexOf(c) !== at));
  const mark = (row) => (twice.has(row.counter) ? { class: "twice" } : {});
  const hue = (row) => ({ class: `hue-${(letter(row.client), letters.get(row.client) % 6)}` });
  const rows = table.rows.length
    ? [
        line("Counter", table.rows.map((row) => make("td", {}, row.counter))),
        line("Thread", table.rows.map((row) => make("td", hue(row), letter(row.client)))),
        line("Result", table.rows.map((row) => make("td", mark(row), row.result))),
      ]
    : [make("tr", {}, make("td", { class: "name" }, "Nothing was drawn yet."))];
  $("table").replaceChildren(make("tbody", {}, ...rows));
  const shown = [...new Set(table.rows.map((row) => row.client))];
  $("legend").textContent = shown.map((client) => `${letter(client)} is client ${client}`).sort().join(", ");
  const scroll = $("table").parentElement;
  if (!scroll.matches(":hover, :focus")) scroll.scrollLeft = scroll.scrollWidth;
}

let firstTwice = null; // the first number that came twice; it stays the first

/** Without the lock: how many numbers came again, and the first of them with its two clients. */
async function showTwice(stats) {
  $("broken").hidden = stats.lock !== "none";
  $("twice").hidden = !stats.came_twice;
  if (!stats.came_twice) return;
  $("twice-count").textContent = `Came twice: ${grouped(stats.came_twice)}.`;
  if (firstTwice) return;
  try {
    const { rows } = await ask(`table?rows=${ROWS}&which=twice`);
    const again = rows.find((row, at) => rows.findIndex((other) => other.counter === row.counter) < at);
    const first = again && rows.find((row) => row.counter === again.counter);
    if (!first) return;
    firstTwice = again;
    const who = first.client === again.client ? `client ${again.client} both times` : `client ${first.client} and client ${again.client}`;
    $("twice-first").textContent = ` The first was ${again.result}: place ${again.counter} of the list went to ${who}.`;
  } catch {
    // The next round asks again, and says it if the server is gone.
  }
}

// --- the buddy tree --------------------------------------------------------------------

/** Reads the server's picture, `(1024 512-used (512 …))`, into nested blocks with their offsets. */
function readTree(picture) {
  const words = picture.match(/[()]|[^()\s]+/g) || [];
  let at = 0;
  function block(offset) {
    const word = words[at++];
    if (word === undefined || word === "…") return null;
    if (word !== "(") {
      const [size, what] = word.split("-");
      return { offset, size: Number(size), what, leaves: 1 };
    }
    const node = { offset, size: Number(words[at++]), what: "split", halves: [], leaves: 0 };
    let next = offset;
    while (at < words.length && words[at] !== ")") {
      const half = block(next);
      if (!half) break;
      next += half.size;
      node.halves.push(half);
      node.leaves += half.leaves;
    }
    at++;
    return node;
  }
  const roots = [];
  let offset = 0;
  while (at < words.length) {
    const root = block(offset);
    if (!root) break;
    offset += root.size;
    if (root.what !== "unused") roots.push(root);
  }
  return { roots, isCut: picture.includes("…") };
}

const COLOURS = 5; // of processes; leases have one more
const colours = new Map(); // a process keeps its colour as long as it is there

function colourAll(names) {
  const there = new Set(names);
  for (const name of colours.keys()) if (!there.has(name)) colours.delete(name);
  const taken = new Set(colours.values());
  let free = 0;
  for (const name of names) {
    if (colours.has(name)) continue;
    while (taken.has(free)) free++;
    colours.set(name, free++);
  }
}

const colour = (name) => (colours.has(name) ? `owner-${colours.get(name) % COLOURS}` : "");

/** A block: a lease with its time, a block of a process with its name, or a free one. */
function leaf(node, lease, held) {
  const owner = held ? colour(held.process) : "";
  const word = lease ? time(lease.left_ms) : held ? held.process : "";
  const state = lease
    ? `lease ${lease.id}, ${time(lease.left_ms)} left`
    : held
      ? `a block of ${held.process} from pool ${held.pool}`
      : node.what;
  const kind = `leaf ${node.what === "used" ? "used" : ""} ${owner}`.trim();
  const said = `${node.size} bytes from ${node.offset} on, ${state}`;
  return make("div", { class: kind, title: said }, make("span", {}, bytes(node.size)), make("span", {}, word));
}

function showOwners(blocks) {
  const names = [...new Set(blocks.blocks.map((block) => block.process))].filter((name) => colours.has(name));
  const key = (kind, name) => make("span", { class: `key ${kind}` }, name);
  const keys = names.slice(0, MOST_NODES).map((name) => key(`used ${colour(name)}`, name));
  const more = names.length > MOST_NODES ? `and ${names.length - MOST_NODES} more` : "";
  $("owners").replaceChildren(key("used", "leases"), ...keys, more);
}

function showMemory(stats, tree, leases, blocks) {
  figures("memory-figures", [
    ["of memory", bytes(stats.memory)],
    ["used", bytes(stats.used)],
    ["leases", grouped(stats.leases)],
    ["lost within blocks", stats.internal_fragmentation],
    ["largest free", bytes(stats.largest_free)],
  ]);
  const { roots, isCut } = readTree(tree.picture);
  const byOffset = (rows) => new Map(rows.map((row) => [row.offset, row]));
  const [leased, held] = [byOffset(leases.leases), byOffset(blocks.blocks)];
  let drawn = 0;
  function box(node, depth) {
    let shown;
    if (node.what !== "split") {
      drawn += 1;
      const isUsed = node.what === "used";
      shown = leaf(node, isUsed ? leased.get(node.offset) : null, isUsed ? held.get(node.offset) : null);
    } else if (drawn + node.leaves > MOST_LEAVES && node.leaves <= MOST_LEAVES) {
      drawn += 1;
      const said = `${node.leaves} blocks within ${node.size} bytes from ${node.offset} on`;
      shown = make("div", { class: "leaf more", title: said }, make("span", {}, `${node.leaves} blocks`));
      shown.style.flexGrow = 1;
      return shown;
    } else {
      shown = make("div", { class: depth % 2 ? "split down" : "split" });
      shown.append(...node.halves.map((half) => box(half, depth + 1)));
    }
    shown.style.flexGrow = Math.max(1, Math.sqrt(node.leaves));
    shown.style.flexBasis = "0";
    return shown;
  }
  $("tree").replaceChildren(...roots.map((root) => box(root, 0)));
  showOwners(blocks);
  const soonest = leases.leases.length ? `, the first lease ends in ${time(leases.leases[0].left_ms)}` : "";
  const said = `The buddy tree: ${bytes(stats.used)} of ${bytes(stats.memory)} used by ${stats.leases} blocks`;
  $("tree").setAttribute("aria-label", said + soonest);
  const untimed = leases.total > leases.leases.length ? "Only those that end first show their time. " : "";
  $("tree-cut").textContent = untimed + (isCut ? "Only the beginning of the tree is drawn." : "");
  if ($("lease-details").open) {
    sayCut("leases", leases);
    const rows = leases.leases.map((l) => [l.id, l.offset, l.block, l.size, time(l.left_ms)]);
    fill("leases", ["lease", "offset", "block", "bytes", "left"], rows, "There are no leases.");
  }
}

// --- pools, processes, sessions, connections ----------------------------------------------

/** What each pool is for. */
const POOLS = {
  committed: "what each process has of its own, and plain leases",
  gl: "granted to a process that would end without memory",
  gp: "granted against a pause, also without garbage",
  le: "lent to collect less often, for garbage as collateral; the last reserve against a pause",
  lp: "lent against a pause, for garbage as collateral",
};

function showPools(statement, accounts) {
  const pools = statement.pools.filter((pool) => pool.size > 0);
  $("pools").replaceChildren(
    ...pools.map((pool) => {
      const given = pool.size - pool.free;
      const part = (name, count) => {
        const bar = make("div", { class: name });
        bar.style.width = `${(100 * count) / pool.size}%`;
        return bar;
      };
      const freeable = Math.min(pool.freeable, given);
      const meter = make("div", { class: "meter" }, part("given", given - freeable), part("freeable", freeable));
      const said = `${bytes(given)} of ${bytes(pool.size)} given out, ${bytes(pool.freeable)} freeable: ${POOLS[pool.name] ?? ""}`;
      return make("div", { class: "pool" }, make("span", {}, pool.name), meter, make("small", {}, said));
    }),
  );
  const { some10, all10 } = statement.pressure;
  $("pressure").textContent = `In the last 10 s some process waited for memory ${some10} % of the time, all did ${all10} %.`;
  const names = accounts.processes.length ? accounts.processes[0].pools.map((pool) => pool.name) : [];
  const rows = accounts.processes.map((process) => [
    process.name,
    bytes(process.freeable),
    ...process.pools.map((pool) => `${bytes(pool.holds)} / ${bytes(pool.owes)}`),
    `${process.obeyed} of ${process.asked}`,
  ]);
  const columns = ["process", "freeable", ...names.map((name) => `${name}: holds / owes`), "obeyed"];
  fill("accounts", columns, rows, "There are no processes.");
}

function showSessions(accounts, sessions) {
  const names = new Set(accounts.processes.map((process) => process.name));
  sessions.sessions.forEach((session) => [session.opener, session.other].forEach((name) => names.add(name)));
  const nodes = [...names].filter((name) => name !== "").sort().slice(0, MOST_NODES);
  const [width, height] = [480, nodes.length > 1 ? 300 : 80];
  const places = new Map(
    nodes.map((name, at) => {
      const angle = (2 * Math.PI * at) / nodes.length - Math.PI / 2;
      const spread = nodes.length > 1 ? 1 : 0;
      return [name, [width / 2 + spread * 165 * Math.cos(angle), height / 2 + spread * 110 * Math.sin(angle)]];
    }),
  );
  const viewBox = nodes.length ? `0 0 ${width} ${height}` : "0 0 1 0";
  const svg = draw("svg", { id: "drawing", viewBox, "aria-hidden": "true" });
  for (const session of sessions.sessions) {
    const [from, to] = [places.get(session.opener), places.get(session.other)];
    if (!from || !to) continue;
    const waiting = session.opener_waiting + session.other_waiting;
    const isClosing = session.opener_end === "closed" || session.other_end === "closed";
    const kind = [waiting ? "waiting" : "", isClosing ? "closing" : ""].join(" ").trim();
    svg.append(draw("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], class: kind }));
    if (waiting) {
      const [x, y] = [(from[0] + to[0]) / 2 + 6, (from[1] + to[1]) / 2 - 4];
      svg.append(draw("text", { x, y, class: "count" }, String(waiting)));
    }
  }
  for (const [name, [x, y]] of places) {
    svg.append(draw("circle", { cx: x, cy: y, r: 9, class: colour(name) }));
    const isLeft = x < width / 2 - 1;
    const anchor = nodes.length < 2 || Math.abs(x - width / 2) < 1 ? "middle" : isLeft ? "end" : "start";
    const [dx, dy] = anchor === "middle" ? [0, y < height / 2 ? -16 : 26] : [isLeft ? -15 : 15, 4];
    svg.append(draw("text", { x: x + dx, y: y + dy, "text-anchor": anchor }, name));
  }
  $("drawing").replaceWith(svg);
  $("nobody").hidden = nodes.length > 0;
  $("graph").setAttribute("aria-label", `${names.size} processes, ${sessions.total} sessions; the table has them`);
  const rows = sessions.sessions.map((s) => [s.opener, s.other, s.opener_waiting, s.other_waiting, ends(s)]);
  const columns = ["opener", "other", "opener has waiting", "other has waiting", "open"];
  fill("sessions", columns, rows, "There are no sessions.");
  sayCut("sessions", sessions);
}

/** Says how many of a list are shown, where that is not all of it. */
function sayCut(name, list) {
  const shown = list[name].length;
  $(`${name}-cut`).textContent = shown < list.total ? `${shown} of ${grouped(list.total)} are shown.` : "";
}

function ends(session) {
  if (session.opener_end === session.other_end) return session.opener_end === "open" ? "both" : "none";
  return session.opener_end === "open" ? session.opener : session.other;
}

function showConnections(connections) {
  // A browser keeps some connections for this page, and opens some before it needs them. They, and
  // all that speak HTTP or have said nothing yet, are one row.
  const isOne = (connection) => !["http", "nothing"].includes(connection.speaks) || connection.process !== "-";
  const others = connections.connections.filter((connection) => !isOne(connection));
  const rows = connections.connections.filter(isOne).map((connection) => [
    connection.client,
    connection.speaks,
    connection.does,
    connection.requests,
    time(connection.connected_ms),
    connection.process,
  ]);
  if (others.length) {
    const requests = others.reduce((sum, connection) => sum + connection.requests, 0);
    const longest = Math.max(...others.map((connection) => connection.connected_ms));
    rows.push([`${others.length} in all`, "http", "this page, and others", requests, time(longest), ""]);
  }
  const columns = ["client", "speaks", "does", "requests", "connected", "process"];
  fill("connections", columns, rows, "Nobody is connected.");
  sayCut("connections", connections);
}

/** What to try on a server on which nothing has happened yet. */
function showTry(stats, processes) {
  $("try").hidden = stats.drawn > 0 || stats.leases > 0 || processes.processes.length > 0;
  const place = `${location.hostname} ${location.port || 80}`;
  $("try-draw").textContent = `leasebox client ${place} draw 4`;
  $("try-lease").textContent = `leasebox client ${place} lease 1024 60000`;
}

// --- once a second ------------------------------------------------------------------------

async function ask(path, signal) {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, signal, cache: "no-store" });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

const RESOURCES = [
  "stats", `table?rows=${ROWS}&which=last`, "tree", "leases", "pools", "processes", "sessions", "connections", "blocks",
];

let isPaused = false;
let goneSince = null;

/** What every resource says, or null when one does not answer. */
async function askAll() {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    return await Promise.all(RESOURCES.map((path) => ask(path, patience.signal)));
  } catch (why) {
    sayGone(why);
    return null;
  } finally {
    clearTimeout(timer);
    patience.abort(); // what was not answered in time is not waited for
  }
}

function sayGone(why) {
  if (goneSince) return;
  goneSince = new Date();
  const since = goneSince.toLocaleTimeString("en-GB");
  const what = `The server does not answer since ${since} (${why.message}).`;
  $("gone").textContent = `${what} What stands here is old; the server is asked again each second.`;
  $("gone").hidden = false;
  document.querySelector("main").classList.add("stale");
  $("state").textContent = "No answer";
  $("said").textContent = "";
}

async function round() {
  const came = await askAll();
  if (!came) return;
  const [stats, table, tree, leases, pools, processes, sessions, connections, blocks] = came;
  if (goneSince) {
    // Said aloud once, not each second.
    $("said").textContent = "The server answers again.";
    $("gone").hidden = true;
    document.querySelector("main").classList.remove("stale");
    goneSince = null;
  }
  const clients = stats.clients === 1 ? "1 connection" : `${stats.clients} connections`;
  $("state").textContent = `${clients}, asked at ${new Date().toLocaleTimeString("en-GB")}`;
  showTry(stats, processes);
  showDraws(stats, table);
  colourAll(processes.processes.map((process) => process.name));
  showMemory(stats, tree, leases, blocks);
  showPools(pools, processes);
  showSessions(processes, sessions);
  showConnections(connections);
}

async function forever() {
  if (!isPaused && !document.hidden) await round();
  setTimeout(forever, EVERY_MS);
}

$("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  $("pause").setAttribute("aria-pressed", String(isPaused));
  $("pause").textContent = isPaused ? "Go on" : "Pause";
});
forever();
