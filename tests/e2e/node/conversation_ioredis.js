// A representative conversation of npm's ioredis with a server.
// Arguments: host port protocol(2|3) [password]. Ends with 0 and prints `done` if all replies fit.
import assert from "node:assert/strict";

import { Redis } from "ioredis";

const [host, port, protocol, password] = process.argv.slice(2);
const client = new Redis({
  host,
  port: Number(port),
  protocol: Number(protocol),
  password,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
});
client.on("error", (error) => console.error("connection:", error.message));

await client.flushall();
assert.equal(await client.ping(), "PONG");
assert.equal(await client.set("greeting", "hello"), "OK");
assert.equal(await client.get("greeting"), "hello");
assert.equal(await client.get("absent"), null);
assert.equal(await client.set("greeting", "again", "EX", 100, "NX"), null);
assert.equal(await client.set("lease", "mine", "PX", 100000, "NX"), "OK");
const left = await client.pttl("lease");
assert.ok(left > 90000 && left <= 100000);

const binary = Buffer.from([0, 13, 10, 255, 128]);
await client.set(binary, binary);
assert.deepEqual(await client.getBuffer(binary), binary);

assert.equal(await client.incrby("counter", 41), 41);
assert.equal(await client.incr("counter"), 42);
assert.equal(await client.incrbyfloat("float", 10.5), "10.5");
await assert.rejects(client.incr("greeting"), /not an integer or out of range/);
assert.equal(await client.mset({ a: "1", b: "2", c: "3" }), "OK");
assert.deepEqual(await client.mget("a", "b", "none", "c"), ["1", "2", null, "3"]);

const pipeline = client.pipeline();
for (let i = 0; i < 1000; ++i) pipeline.set(`pipelined:${i}`, i);
pipeline.get("pipelined:999");
const replies = await pipeline.exec();
assert.equal(replies.length, 1001);
assert.deepEqual(replies.at(-1), [null, "999"]);
assert.ok(replies.slice(0, -1).every(([error, reply]) => !error && reply === "OK"));

assert.deepEqual(await client.multi().set("tx", 1).incr("tx").get("tx").exec(),
  [[null, "OK"], [null, 2], [null, "2"]]);
const other = client.duplicate();
await client.watch("tx");
await other.set("tx", "changed");
assert.equal(await client.multi().set("tx", "lost").exec(), null);
assert.equal(await client.get("tx"), "changed");
other.disconnect();

const seen = new Set();
for await (const keys of client.scanStream({ match: "pipelined:*", count: 100 })) {
  for (const key of keys) seen.add(key);
}
assert.equal(seen.size, 1000);

assert.equal(await client.del("a", "b", "none"), 2);
assert.equal(await client.expire("c", 50), 1);
assert.equal(await client.persist("c"), 1);
assert.equal(await client.ttl("c"), -1);
assert.equal(await client.type("c"), "string");
assert.equal(await client.rename("c", "d"), "OK");
assert.equal(await client.append("d", "45"), 3);
assert.equal(await client.getrange("d", 1, 2), "45");
assert.match(await client.info("server"), /redis_version:7\./);
assert.ok((await client.dbsize()) >= 1000);
assert.equal((await client.role())[0], "master");
await assert.rejects(client.call("NOSUCH"), /unknown command/);

await client.quit();
console.log("done");
