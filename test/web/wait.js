// Waiting for what a test looks at, never for a time.
import { setTimeout as sleep } from 'node:timers/promises';

const WITHIN = 60_000;
const LOOK_AGAIN = 100;

/**
 * Looks until what is seen is good and returns it; says what it waited for and
 * what it saw instead when the time, in milliseconds, is over.
 */
export async function until(what, look, good = Boolean, within = WITHIN) {
  const deadline = Date.now() + within;
  for (;;) {
    const seen = await look();
    if (good(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${within / 1000} s for ${what}, got ${JSON.stringify(seen, null, 1)}`);
    await sleep(LOOK_AGAIN);
  }
}
