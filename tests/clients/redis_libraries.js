// Draws four numbers by a client library of Redis, by its default settings but the port.
// Usage: node redis_libraries.js FOLDER LIBRARY PORT
const [folder, library, port] = process.argv.slice(2);
const load = (name) => require(`${folder}/node_modules/${name}`);
const fail = (error) => {
  console.log(String(error));
  process.exit(1);
};
setTimeout(() => fail(new Error("nothing came in 30 s")), 30000);

async function draw() {
  switch (library) {
    case "ioredis":
    case "iovalkey": {
      const module = load(library);
      const client = new (module.default || module)(+port);
      client.on("error", fail);
      return client.call("draw", "4");
    }
    case "redis3": {
      const client = load(library).createClient(+port);
      client.on("error", fail);
      const send = (done) => client.send_command("draw", ["4"], done);
      return require("util").promisify(send)();
    }
    default: {
      const client = load(library).createClient({ socket: { port: +port } });
      client.on("error", fail);
      await client.connect();
      return client.sendCommand(["draw", "4"]);
    }
  }
}

draw().then((numbers) => {
  console.log(numbers.join(" "));
  process.exit();
}, fail);
