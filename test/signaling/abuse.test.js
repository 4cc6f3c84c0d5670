// Clients that mean no good, against the memory and the patience of the server.
import assert from 'node:assert/strict';
import { connect as dial } from 'node:net';
import { after, before, test } from 'node:test';
import { ask, connect, serve, times, until, ways } from './support.js';

let server, good;
before(async () => {
  server = await serve();
  good = await connect(server, ways[1], 'good');
});
after(async () => {
  good.close();
  await server.close();
});

// well says that the server still serves others, at once and in little memory.
async function well(t, began, of = server, who = good) {
  const asked = Date.now();
  await ask(who, 'check-presence', 'x');
  const { RSS } = await of.stats();
  t.diagnostic(`${((asked - began) / 1000).toFixed(2)} s, then answered another in ${Date.now() - asked} ms; ${RSS} KiB`);
  assert.ok(RSS < 150 * 1024, `${RSS} KiB`);
}

async function session(of = server, more = '') {
  const text = await (await fetch(`${of.url}/socket.io/?EIO=4&transport=polling${more}`)).text();
  return `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(text.slice(1)).sid}`;
}

// post sends a long body and returns the status of the answer.
function post(path, head, chunk, bytes) {
  return new Promise((resolve, reject) => {
    const socket = dial(server.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => { answer += data; });
    socket.on('error', () => {}); // the server hangs up on us
    socket.on('close', () => (answer ? resolve(Number(answer.split(' ')[1])) : reject(new Error('no answer'))));
    socket.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${head}\r\n\r\n`);
    let left = bytes;
    (function more() {
      while (left > 0 && !socket.destroyed) {
        left -= chunk.length;
        if (!socket.write(chunk)) return socket.once('drain', more);
      }
    })();
  });
}

// W-S1
test('bodies of 100 MB', { timeout: 120_000 }, async (t) => {
  const size = 100 * 1024 * 1024;
  const chunk = Buffer.alloc(65536, '4');
  for (const head of [`Content-Length: ${size}`, 'Transfer-Encoding: chunked']) {
    const began = Date.now();
    const body = head.startsWith('T') ? Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]) : chunk;
    assert.equal(await post(await session(), head, body, size), 413);
    await well(t, began);
  }
});

// W-S1
test('packets by the million in one payload', { timeout: 120_000 }, async (t) => {
  const began = Date.now();
  for (const body of ['2\x1e'.repeat(499_999) + '2', '4\x1e'.repeat(499_999) + '4', 'b'.repeat(999_999)]) {
    const response = await fetch(server.url + await session(), { method: 'POST', body });
    assert.equal(response.status, 400);
    await response.text();
  }
  await well(t, began);
});

// H-18: a flood is slowed down, and the others are served.
test('a million packets on a WebSocket', { timeout: 120_000 }, async (t) => {
  const began = Date.now();
  const ws = new WebSocketOf();
  await ws.open();
  let sent = 0;
  while (sent < 1_000_000 && !ws.closed && Date.now() - began < 5000) {
    for (let i = 0; i < 1000; i++, sent++) ws.send('42["check-presence","x"]');
    while (ws.waiting() > 1 << 20 && Date.now() - began < 5000) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await well(t, began);
  const { Delayed, Messages } = await server.stats();
  t.diagnostic(`${sent} sent, ${Messages} handled, ${Delayed} of them held back`);
  assert.ok(Delayed > 0 && Messages < 2000, `${Messages} handled`);
  ws.terminate();
});

// W-S10
test('readers that are slow', { timeout: 120_000 }, async (t) => {
  const began = Date.now();
  // The kernel takes megabytes before anything waits: at the usual rate that lasts a minute.
  const fast = await serve('--message-rate=5000');
  t.after(() => fast.close());
  const owner = await connect(fast, ways[1], 'owner');
  t.after(() => owner.close());
  const members = [];
  await ask(owner, 'open-room', { sessionid: 'slow' });
  for (let i = 0; i < 20; i++) {
    const member = await connect(fast, ways[1], `slow ${i}`, '', { reconnection: false });
    await ask(member, 'join-room', { sessionid: 'slow' });
    member.io.engine.transport.ws._socket.pause();
    members.push(member);
  }
  const { Sessions } = await fast.stats();
  for (let i = 0; i < 400; i++) owner.emit('RTCMultiConnection-Custom-Message', 'x'.repeat(60_000));
  await until(async () => (await fast.stats()).Sessions === Sessions - members.length, 60_000);
  await well(t, began, fast, owner);
  for (const member of members) member.io.engine.transport.ws.terminate();
});

// W-S10, H-18: what waits for many is there once, and is bounded for all together.
test('memory while hundreds do not read', { timeout: 120_000 }, async (t) => {
  const fast = await serve('--message-rate=5000');
  t.after(() => fast.close());
  const owner = await connect(fast, ways[1], 'owner');
  t.after(() => owner.close());
  await ask(owner, 'open-room', { sessionid: 'held' });
  const members = 600;
  await times(members, 20, async (i) => {
    const where = await session(fast, `&userid=held${i}&socketCustomEvent=RTCMultiConnection-Custom-Message`);
    for (const body of ['40', '42["join-room",{"sessionid":"held"}]']) {
      const response = await fetch(fast.url + where, { method: 'POST', body });
      assert.equal(await response.text(), 'ok');
    }
  });
  const before = await fast.stats();
  assert.equal(before.Users, members + 1);
  let most = 0;
  for (let i = 0; i < 30; i++) {
    owner.emit('RTCMultiConnection-Custom-Message', 'x'.repeat(60_000));
    await ask(owner, 'check-presence', 'x');
    most = Math.max(most, (await fast.stats()).RSS);
  }
  const { Sessions, RSS } = await fast.stats();
  t.diagnostic(`1.8 MB waiting for each of ${members}, of whom ${Sessions - 1} are left: ${before.RSS} to ${Math.max(most, RSS)} KiB`);
  assert.ok(Sessions > 100, "nobody is left to hold anything");
  assert.ok(Math.max(most, RSS) < 150 * 1024, `${Math.max(most, RSS)} KiB`);
});

// WebSocketOf is a client without manners, on the WebSocket that the client
// library brings.
class WebSocketOf {
  async open() {
    const { WebSocket } = await import('ws');
    this.ws = new WebSocket(`ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket&userid=flood`);
    this.ws.on('error', () => {});
    this.ws.on('close', () => { this.closed = true; });
    await new Promise((resolve) => this.ws.once('message', resolve));
    this.send('40');
  }
  send(text) { this.ws.send(text); }
  waiting() { return this.ws.bufferedAmount; }
  terminate() { this.ws.terminate(); }
}
