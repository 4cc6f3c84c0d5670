import { expect, it } from 'vitest';
import { sorted } from './sort';

const rows = [['host', 9], ['relay', 10], ['', 3], ['host', 1]] as const;

it('sorts numbers as numbers, up and down', () => {
  expect(sorted(rows, (r) => r[1], false).map((r) => r[1])).toEqual([1, 3, 9, 10]);
  expect(sorted(rows, (r) => r[1], true).map((r) => r[1])).toEqual([10, 9, 3, 1]);
});

it('keeps the order of equals, and what is empty at the end', () => {
  expect(sorted(rows, (r) => r[0], false).map((r) => r[1])).toEqual([9, 1, 10, 3]);
  expect(sorted(rows, (r) => r[0], true).map((r) => r[1])).toEqual([10, 9, 1, 3]);
});

it('sorts addresses by their numbers, and leaves the list alone', () => {
  const list = ['10.0.0.1', '9.0.0.10', '9.0.0.9'];
  expect(sorted(list, (a) => a, false)).toEqual(['9.0.0.9', '9.0.0.10', '10.0.0.1']);
  expect(list[0]).toBe('10.0.0.1');
});
