// A client that loses its connection comes back, and nobody in the room notices.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, connect, serve, until, ways } from './support.js';

let server;
before(async () => { server = await serve('-grace=3s'); });
after(() => server.close());

// drop breaks the connection below the client, without a good-bye.
function drop(socket) {
  const { transport } = socket.io.engine;
  if (transport.ws) transport.ws.terminate();
  else socket.io.engine.onClose?.('transport close');
}

async function call(way, name) {
  const a = await connect(server, way, `${name}-a`, '', { reconnectionDelay: 200, reconnectionDelayMax: 300 });
  const b = await connect(server, ways[1], `${name}-b`);
  await until(() => a.io.engine.transport.name === 'websocket');
  await ask(a, 'open-room', { sessionid: name });
  await ask(b, 'join-room', { sessionid: name });
  a.emit('conf-demo', { remoteUserId: `${name}-b`, message: { enableMedia: true }, sender: `${name}-a` });
  await until(() => b.seen.length === 2);
  return { a, b };
}

test('a dropped WebSocket: the other hears nothing, and what was said meanwhile arrives', async () => {
  const { a, b } = await call(ways[0], 'drop');
  const id = a.id;
  drop(a);
  await until(() => !a.connected);
  b.emit('conf-demo', { remoteUserId: 'drop-a', message: { candidate: 'meanwhile' }, sender: 'drop-b' });
  await until(() => a.connected);
  await until(() => a.seen.length === 2);
  assert.equal(a.id, id);
  assert.equal(a.recovered, true);
  assert.deepEqual(a.seen[1], ['conf-demo', { remoteUserId: 'drop-a', message: { candidate: 'meanwhile' }, sender: 'drop-b', extra: {} }]);
  assert.deepEqual(await ask(a, 'set-password', 'still the owner'), [true, 'drop', null]);
  assert.deepEqual(b.seen.map((e) => e[0]), ['user-connected', 'conf-demo']);
  a.close();
  await until(() => b.seen.length === 4);
  assert.deepEqual(b.seen.slice(2), [['user-disconnected', 'drop-a'], ['set-isInitiator-true', 'drop']]);
  b.close();
});

for (const way of [ways[1], ways[0], ways[2]]) {
  test(`a network that is gone before anybody knows: nothing is lost and nothing comes twice (${way.name})`, async () => {
    const name = `silent ${way.name}`;
    const a = await connect(server, ways[1], `${name} a`);
    const b = await connect(server, way, `${name} b`, '', { reconnectionDelay: 200, reconnectionDelayMax: 300 });
    if (way !== ways[2]) await until(() => b.io.engine.transport.name === 'websocket');
    await ask(a, 'open-room', { sessionid: name });
    await ask(b, 'join-room', { sessionid: name });
    const say = (what) => a.emit('RTCMultiConnection-Custom-Message', what);
    say('before');
    await until(() => b.seen.length === 1);
    // From here on the client hears nothing; for the server all is well.
    const { transport } = b.io.engine;
    transport.onPacket = () => {};
    transport.ws?._socket.pause();
    say({ newcomer: 1 });
    say('text');
    say({ bytes: Buffer.from([7]) });
    await ask(a, 'check-presence', 'x');
    transport.ws?._socket.removeAllListeners('data');
    b.io.engine._onClose('transport close'); // what the client does at the event "offline"
    await until(() => !b.connected);
    say('meanwhile');
    await until(() => b.connected);
    assert.equal(b.recovered, true);
    say('after');
    await until(() => b.seen.at(-1)[1] === 'after');
    // Each has the arguments that it always had.
    assert.deepEqual(b.seen.map(([, ...args]) => JSON.stringify(args.map((v) => (v.bytes ? { bytes: [...v.bytes] } : v)))),
      ['["before"]', '[{"newcomer":1}]', '["text"]', '[{"bytes":[7]}]', '["meanwhile"]', '["after"]']);
    await ask(a, 'check-presence', name); // after whatever else there was to hear
    assert.equal(a.seen.length, 0, 'the others noticed');
    a.close();
    b.close();
  });
}

test('the client closes its own transport (no network): the same', async () => {
  const { a, b } = await call(ways[1], 'offline');
  a.io.engine.close();
  await until(() => !a.connected);
  a.connect();
  await until(() => a.connected);
  assert.deepEqual(await ask(a, 'set-password', 'x'), [true, 'offline', null]);
  assert.equal(b.seen.length, 2);
  a.close();
  b.close();
});

test('who does not come back is gone after the grace period, said once', async () => {
  const { a, b } = await call(ways[1], 'gone');
  a.io.reconnection(false);
  const began = Date.now();
  drop(a);
  await until(() => b.seen.length === 4);
  assert.ok(Date.now() - began >= 2500, 'too early');
  assert.deepEqual(b.seen.slice(2), [['user-disconnected', 'gone-a'], ['set-isInitiator-true', 'gone']]);
  b.close();
});

test('a stranger with the id, but without the pid, is no resume', async () => {
  const { a, b } = await call(ways[1], 'thief');
  a.io.reconnection(false);
  drop(a);
  await until(async () => (await server.stats()).Away === 1);
  const thief = await connect(server, ways[1], 'thief-a', '', { auth: { pid: 'guess' } });
  await until(() => thief.seen.length === 1);
  assert.equal(thief.seen[0][0], 'userid-already-taken');
  assert.equal(b.seen.length, 2);
  thief.close();
  b.close();
});

test('a client of version 2 cannot prove itself: told at once, as the original does', async () => {
  const { a, b } = await call(ways[4], 'old');
  a.io.reconnection(false);
  drop(a);
  await until(() => b.seen.length === 4);
  assert.deepEqual(b.seen[2], ['user-disconnected', 'old-a']);
  b.close();
});
