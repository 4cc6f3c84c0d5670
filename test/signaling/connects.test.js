// Many connects, so that a race between the layers of the server would show: the
// first events of either side are the ones that get lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, connect, serve, times, until, ways } from './support.js';

const connects = Number(process.env.SIGNALING_CONNECTS ?? 10_000);
const atOnce = 50;

let server, holder;
before(async () => {
  server = await serve();
  holder = await connect(server, ways[1], 'taken');
});
after(async () => {
  holder.close();
  await server.close();
});

// Each second client has an id that is taken, so that the server's first event
// follows the connect at once; the others ask three things at once.
async function one(way, i, lost) {
  const taken = i % 2 === 1;
  const id = taken ? 'taken' : `${way.name} ${i}`;
  try {
    const socket = await connect(server, way, id, '', { reconnection: false, timeout: 45_000 });
    if (taken) {
      await until(() => socket.seen.length === 1, 45_000);
      assert.equal(socket.seen[0][0], 'userid-already-taken');
    } else {
      const answers = await Promise.all([1, 2, 3].map((n) => ask(socket, 'check-presence', `room ${n}`)));
      assert.deepEqual(answers.map((a) => a[1]), ['room 1', 'room 2', 'room 3']);
    }
    socket.close();
  } catch (error) {
    lost.push(`${id}: ${error.message}`);
  }
}

for (const way of [ways[1], ways[0], ways[4], ways[3]]) {
  // The old client has the same server below it: a tenth is enough.
  const n = way.name.startsWith('2') ? connects / 10 : connects;
  test(`${n} connects: ${way.name}`, { timeout: 900_000 }, async (t) => {
    const lost = [];
    const began = Date.now();
    await times(n, atOnce, (i) => one(way, i, lost));
    t.diagnostic(`${n} connects in ${((Date.now() - began) / 1000).toFixed(1)} s, ${lost.length} lost`);
    assert.deepEqual(lost, []);
    await until(async () => (await server.stats()).Sessions === 1);
  });
}
