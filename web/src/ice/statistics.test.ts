import { describe, expect, it } from 'vitest';
import { quality, rate, showBytes, showMs, showRate, showSeconds, showShare } from './statistics';

describe('quality', () => {
  it('is the median, the mean step and the share that is missing', () => {
    const q = quality(5, new Map([[3, 40], [0, 10], [1, 20], [2, 10]]));
    expect(q).toEqual({ rtt: 15, jitter: 50 / 3, loss: 1 - 4 / 5, sent: 5, received: 4 });
  });
  it('has no NaN without packets', () => expect(quality(0, new Map())).toEqual({ rtt: 0, jitter: 0, loss: 0, sent: 0, received: 0 }));
  it('loses everything', () => expect(quality(3, new Map()).loss).toBe(1));
  it('takes one packet', () => expect(quality(1, new Map([[0, 7]]))).toMatchObject({ rtt: 7, jitter: 0, loss: 0 }));
});

it('is bits per second', () => {
  expect(rate(1_000_000, 1000)).toBe(8_000_000);
  expect(rate(5, 0)).toBe(0);
});

it('has a unit and a sensible precision', () => {
  expect([0, 0.123, 1.26, 12.34, 48.4, 1234].map(showMs)).toEqual(['0 ms', '0.12 ms', '1.3 ms', '12.3 ms', '48 ms', '1234 ms']);
  expect([0, 950, 1.2e6, 84e6, 2.5e9].map(showRate)).toEqual(['0 kbit/s', '0.95 kbit/s', '1.2 Mbit/s', '84 Mbit/s', '2.5 Gbit/s']);
  expect([0, 0.015, 1].map(showShare)).toEqual(['0 %', '1.5 %', '100 %']);
  expect([0, 999, 1500, 3_000_001].map(showBytes)).toEqual(['0 B', '999 B', '1.5 kB', '3.0 MB']);
  expect(showSeconds(2149)).toBe('2.1 s');
});
