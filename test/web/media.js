// What flows in the calls of visitors, told by the counters of their browsers.
import assert from 'node:assert/strict';
import { until } from './wait.js';

const MORE_FRAMES = 10;
const MORE_PACKETS = 20;

const callsOf = ({ page }) => page.evaluate(() => window.recorder.open());

const sums = (calls, counter) => new Map(calls.map((c) => [c.n, c[counter]]));

/** The visitor has so many connections, and counter grows on all of them. */
async function flows(visitor, connections, counter, more) {
  const connected = (calls) => calls.length === connections && calls.every((c) => c.state === 'connected' && c[counter] > 0);
  const begun = await until(`${visitor.name} to be connected to ${connections}`, () => callsOf(visitor), connected);
  const before = sums(begun, counter);
  await until(`more ${counter} at ${visitor.name}`, () => callsOf(visitor),
    (calls) => connected(calls) && calls.every((c) => c[counter] >= (before.get(c.n) ?? 0) + more));
}

async function everybody(visitors, counter, more) {
  for (const visitor of visitors) await flows(visitor, visitors.length - 1, counter, more);
}

/** Waits until a visitor decodes the pictures of n others. */
export const watches = (visitor, n) => flows(visitor, n, 'frames', MORE_FRAMES);

/** Waits until everybody decodes the pictures of everybody else. */
export const seeEachOther = (visitors) => everybody(visitors, 'frames', MORE_FRAMES);

/** Waits until the sound of everybody reaches everybody else. */
export const hear = (visitors) => everybody(visitors, 'sound', MORE_PACKETS);

/** All connections have the relay at both ends, and could have nothing else. */
export function relayed(calls) {
  for (const call of calls) {
    assert.equal(call.policy, 'relay');
    assert.deepEqual([call.local, call.remote], ['relay', 'relay']);
  }
}
