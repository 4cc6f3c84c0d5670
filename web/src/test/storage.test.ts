import { beforeEach, expect, it, vi } from 'vitest';
import { newRow, type Row } from '../ice/row';
import { loadResults, saveResults } from './storage';

class Memory {
  readonly all = new Map<string, string>();
  getItem(key: string) { return this.all.get(key) ?? null; }
  setItem(key: string, value: string) { this.all.set(key, value); }
}
let tab = new Memory();
beforeEach(() => {
  tab = new Memory();
  vi.stubGlobal('sessionStorage', tab);
});

const done: Row = { ...newRow('1', 'turn:h', 'u', 'TOP-SECRET'), stage: 'done', started: 10, ended: 70 };
const waiting = newRow('2', 'turn:i', 'u', 'p');

it('keeps what is done, without a password', () => {
  saveResults({ rows: [done, waiting], progress: { began: 5, ended: 80, stopped: false } });
  expect([...tab.all.values()].join()).not.toContain('TOP-SECRET');
  expect(loadResults()).toEqual({ rows: [{ ...done, credential: '*' }], progress: { began: 5, ended: 80, stopped: false } });
});

it('calls a run stopped that a reload has ended', () => {
  saveResults({ rows: [done, waiting], progress: { began: 5, ended: 0, stopped: false } });
  expect(loadResults().progress).toEqual({ began: 5, ended: 70, stopped: true });
  saveResults({ rows: [waiting], progress: { began: 5, ended: 0, stopped: false } });
  expect(loadResults()).toEqual({ rows: [], progress: undefined });
});

it.each(['', 'null', '7', '[]', '{"rows":3}', '{'])('begins anew with %j', (text) => {
  saveResults({ rows: [done] });
  for (const key of tab.all.keys()) tab.setItem(key, text);
  expect(loadResults()).toEqual({ rows: [], progress: undefined });
});
