// A draw server in JavaScript: node loot.js 8888. The argument is its port. KIND is one of
//
//   right      one thread, and no await between load and store
//   json       the same; a reply is an array in JSON
//   awaits     it awaits a log between load and store, and other clients run meanwhile
//   choice     a number is chosen at random, and not taken out
//   dies       an error in one client's line ends it for all

const net = require("net");
const NUMBERS = 100000;
const KIND = "right";

const numbers = Array.from({ length: NUMBERS }, (_, at) => at + 1);
for (let at = NUMBERS - 1; at > 0; at -= 1) {
  const other = Math.floor(Math.random() * (at + 1));
  [numbers[at], numbers[other]] = [numbers[other], numbers[at]];
}
let counter = 0;

const log = () => new Promise((done) => setImmediate(done));

async function take(wanted) {
  if (KIND === "choice") {
    return Array.from({ length: wanted }, () => numbers[Math.floor(Math.random() * NUMBERS)]);
  }
  const first = counter;
  if (KIND === "awaits") await log();
  counter = Math.min(first + wanted, NUMBERS);
  return numbers.slice(first, counter);
}

async function answer(line) {
  const found = /^draw ([1-9]\d{0,8})\s*$/.exec(line);
  if (!found && KIND === "dies") throw new Error("what is " + line);
  if (!found) return "error say draw and a number\n";
  const drawn = await take(Number(found[1]));
  if (KIND === "json") return JSON.stringify(drawn) + "\n";
  return (drawn.length ? drawn.join(" ") : "no numbers left") + "\n";
}

const server = net.createServer((client) => {
  client.setNoDelay(true);
  client.on("error", () => client.destroy());
  let unread = "";
  let last = Promise.resolve();
  client.on("data", (data) => {
    unread += data.toString("latin1");
    const lines = unread.split("\n");
    unread = lines.pop().slice(-65536);
    for (const line of lines) {
      last = last.then(async () => client.write(await answer(line)));
      if (KIND === "dies") last.catch((error) => { throw error; });
    }
  });
});
server.listen({ port: Number(process.argv[2] || 0), host: "127.0.0.1", backlog: 512 });
