// A representative conversation of npm's redis (node-redis) with a server.
// Arguments: host port protocol(2|3) [password]. Ends with 0 and prints `done` if all replies fit.
import assert from "node:assert/strict";

import { RESP_TYPES, createClient } from "redis";

const [host, port, protocol, password] = process.argv.slice(2);
const client = createClient({
  socket: { host, port: Number(port), reconnectStrategy: false },
  RESP: Number(protocol),
  password,
});
client.on("error", (error) => console.error("connection:", error.message));
await client.connect();

await client.flushAll();
assert.equal(await client.ping(), "PONG");
assert.equal(await client.set("greeting", "hello"), "OK");
assert.equal(await client.get("greeting"), "hello");
assert.equal(await client.get("absent"), null);
const condition = { expiration: { type: "EX", value: 100 }, condition: "NX" };
assert.equal(await client.set("greeting", "again", condition), null);
assert.equal(await client.set("lease", "mine", condition), "OK");
assert.ok((await client.ttl("lease")) > 90);
assert.equal(await client.getEx("lease", { type: "PX", value: 5000 }), "mine");
assert.ok((await client.pTTL("lease")) <= 5000);

const binary = Buffer.from([0, 13, 10, 255, 128]);
const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
await buffers.set("binary", binary);
assert.deepEqual(await buffers.get("binary"), binary);

assert.equal(await client.incrBy("counter", 41), 41);
assert.equal(await client.incr("counter"), 42);
assert.equal(Number(await client.incrByFloat("float", 10.5)), 10.5);
await assert.rejects(client.incr("greeting"), /not an integer or out of range/);
assert.equal(await client.mSet({ a: "1", b: "2", c: "3" }), "OK");
assert.deepEqual(await client.mGet(["a", "b", "none", "c"]), ["1", "2", null, "3"]);

// Commands of one turn are pipelined.
const replies = await Promise.all(
  Array.from({ length: 1000 }, (_, i) => client.set(`pipelined:${i}`, String(i))));
assert.ok(replies.every((reply) => reply === "OK"));

assert.deepEqual(await client.multi().set("tx", "1").incr("tx").get("tx").exec(), ["OK", 2, "2"]);
const other = await client.duplicate().connect();
await client.watch("tx");
await other.set("tx", "changed");
await assert.rejects(client.multi().set("tx", "lost").exec(), { name: "Error" });
assert.equal(await client.get("tx"), "changed");
await other.close();

const seen = new Set();
for await (const keys of client.scanIterator({ MATCH: "pipelined:*", COUNT: 100 })) {
  for (const key of keys) seen.add(key);
}
assert.equal(seen.size, 1000);

assert.equal(await client.del(["a", "b", "none"]), 2);
assert.equal(await client.expire("c", 50), 1);
assert.equal(await client.persist("c"), 1);
assert.equal(await client.ttl("c"), -1);
assert.equal(await client.exists(["c", "none"]), 1);
assert.equal(await client.copy("c", "d"), 1);
assert.equal(await client.append("d", "45"), 3);
assert.equal(await client.getRange("d", 1, 2), "45");
assert.match(await client.info("server"), /redis_version:7\./);
assert.ok((await client.dbSize()) >= 1000);
assert.equal(typeof (await client.clientId()), "number");
await assert.rejects(client.sendCommand(["NOSUCH"]), /unknown command/);

await client.close();
console.log("done");
