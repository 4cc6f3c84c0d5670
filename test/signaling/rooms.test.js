// The real clients of both versions, over every transport, in a room.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, connect, serve, until, ways } from './support.js';

let server;
before(async () => { server = await serve(); });
after(() => server.close());

for (const way of ways) {
  test(`a room: ${way.name}`, async () => {
    const room = `room of ${way.name}`;
    const a = await connect(server, way, `a ${way.name}`);
    const b = await connect(server, way, `b ${way.name}`);
    const [aId, bId] = [`a ${way.name}`, `b ${way.name}`];
    assert.deepEqual(await ask(a, 'open-room', { sessionid: room, session: { audio: true }, extra: { n: 'A' }, identifier: way.name, password: 'pw' }), [true]);
    assert.deepEqual(await ask(b, 'check-presence', room), [true, room, { n: 'A', _room: { isFull: false, isPasswordProtected: true } }]);
    assert.deepEqual(await ask(b, 'join-room', { sessionid: room, extra: { n: 'B' }, password: 'no' }), [false, 'Invalid password']);
    assert.deepEqual(await ask(b, 'join-room', { sessionid: room, extra: { n: 'B' }, password: 'pw' }), [true]);

    b.emit('conf-demo', { remoteUserId: room, message: { newParticipationRequest: true }, sender: bId }, () => {});
    await until(() => a.seen.length === 1);
    a.emit('conf-demo', { remoteUserId: bId, message: { enableMedia: true }, sender: aId }, () => {});
    await until(() => b.seen.length === 2 && a.seen.length === 2);
    assert.deepEqual(a.seen, [
      ['conf-demo', { remoteUserId: aId, message: { newParticipationRequest: true }, sender: bId }],
      ['user-connected', bId],
    ]);
    assert.deepEqual(b.seen, [
      ['user-connected', aId],
      ['conf-demo', { remoteUserId: bId, message: { enableMedia: true }, sender: aId, extra: { n: 'A' } }],
    ]);

    // Bytes, several in one event, and text beyond ASCII.
    a.emit('RTCMultiConnection-Custom-Message', { one: Buffer.from([1, 2, 3]), deep: [{ two: Buffer.from('x'.repeat(5000)) }], text: 'Zoë 😀 \u001e "' });
    await until(() => b.seen.length === 3);
    const got = b.seen[2][1];
    assert.deepEqual([...Buffer.from(got.one)], [1, 2, 3]);
    assert.equal(Buffer.from(got.deep[0].two).toString(), 'x'.repeat(5000));
    assert.equal(got.text, 'Zoë 😀 \u001e "');

    // A long message and a burst of short ones arrive whole and in order.
    a.emit('conf-demo', { remoteUserId: bId, message: { sdp: 'é'.repeat(200_000) }, sender: aId });
    for (let i = 0; i < 100; i++) a.emit('conf-demo', { remoteUserId: bId, message: { i: i + 1 }, sender: aId });
    await until(() => b.seen.length === 104);
    assert.equal(b.seen[3][1].message.sdp.length, 200_000);
    assert.deepEqual(b.seen.slice(4).map((e) => e[1].message.i), Array.from({ length: 100 }, (_, i) => i + 1));

    a.close();
    await until(() => b.seen.length === 106);
    assert.deepEqual(b.seen.slice(104), [['user-disconnected', aId], ['set-isInitiator-true', room]]);
    b.close();
  });
}

test('closing the whole session reaches everybody', async () => {
  const [a, b] = [await connect(server, ways[0], 'owner'), await connect(server, ways[3], 'member')];
  await ask(a, 'open-room', { sessionid: 'closing', extra: { n: 1 } });
  await ask(b, 'join-room', { sessionid: 'closing' });
  assert.deepEqual(await ask(b, 'close-entire-session'), [false, 'Room permission denied']);
  assert.deepEqual(await ask(a, 'close-entire-session'), [true]);
  await until(() => b.seen.length === 1);
  assert.deepEqual(b.seen, [['closed-entire-session', 'closing', { n: 1 }]]);
  a.close();
  b.close();
});

test('a taken id: told at once, and not heard', async () => {
  const a = await connect(server, ways[1], 'taken');
  for (const way of ways) {
    const b = await connect(server, way, 'taken');
    await until(() => b.seen.length === 1);
    assert.deepEqual(b.seen[0].slice(0, 2), ['userid-already-taken', 'taken']);
    b.close();
  }
  a.close();
});

test('another namespace is refused in words', async () => {
  for (const way of [ways[1], ways[4]]) {
    const socket = way.io(`${server.url}/admin`, { forceNew: true, reconnection: false, ...way.options });
    const error = await new Promise((resolve, reject) => {
      socket.once('connect_error', resolve);
      socket.once('error', resolve);
      socket.once('connect', () => reject(new Error('connected')));
    });
    assert.equal(error.message ?? error, 'Invalid namespace');
    socket.close();
  }
});
