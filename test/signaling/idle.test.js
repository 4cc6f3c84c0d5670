// What an idle client costs the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, program, serve, times, until, ways } from './support.js';

const clients = 2000;
const most = 20; // KiB of resident memory each

for (const way of [ways[1], ways[0]]) {
  test(`${clients} idle clients: ${way.name}`, { timeout: 300_000 }, async (t) => {
    const server = await serve();
    t.after(() => server.close());
    // What the server needs once, for its first clients, is not theirs.
    const first = await Promise.all(Array.from({ length: 50 }, (_, i) => connect(server, way, `first ${i}`)));
    for (const socket of first) socket.close();
    await until(async () => (await server.stats()).Sessions === 0);
    const before = await server.stats();
    const all = [];
    await times(clients, 50, async (i) => {
      const socket = await connect(server, way, `idle ${way.name} ${i}`);
      await until(() => socket.io.engine.transport.name === 'websocket');
      all.push(socket);
    });
    const now = await server.stats();
    assert.equal(now.Users, clients);
    const each = (now.RSS - before.RSS) / clients;
    t.diagnostic(`${each.toFixed(1)} KiB each (${before.RSS} to ${now.RSS} KiB), ${now.Goroutines} goroutines`);
    assert.ok(each <= most, `${each} KiB each`);
    for (const socket of all) socket.close();
    await until(async () => (await server.stats()).Sessions === 0);
  });
}

// What the whole server takes, in KiB each. Pages of other machines come over TLS,
// whose keys, buffers and deeper stack cost as much again as half of the rest.
for (const [name, most] of [['plain', 20], ['secure', 34]]) {
  test(`${clients} idle clients of the whole server: ${name}`, { timeout: 300_000 }, async (t) => {
    const server = await program();
    t.after(() => server.close());
    const url = server[name];
    // One address may not have so many.
    const join = (i) => connect({ url }, ways[1], `idle ${name} ${i}`, '', { localAddress: `127.0.0.${2 + (i % 10)}`, rejectUnauthorized: false });
    for (const socket of await Promise.all(Array.from({ length: 50 }, (_, i) => join(i)))) socket.close();
    const before = server.rss();
    const all = [];
    await times(clients, 50, async (i) => { all.push(await join(1000 + i)); });
    assert.ok(all.every((socket) => socket.connected));
    const each = (server.rss() - before) / clients;
    t.diagnostic(`${each.toFixed(1)} KiB each (from ${before} KiB)`);
    assert.ok(each <= most, `${each} KiB each`);
    for (const socket of all) socket.close();
  });
}
