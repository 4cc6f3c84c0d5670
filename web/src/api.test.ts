import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askServer, fetchAttempts, fetchCredentials, fetchStatus, linkKey, stunUrls } from './api';

class Memory {
  private readonly all = new Map<string, string>();
  getItem(key: string) { return this.all.get(key) ?? null; }
  setItem(key: string, value: string) { this.all.set(key, value); }
}

const place = { hash: '', pathname: '/test', search: '', hostname: 'h' };
const asked: [string, RequestInit][] = [];
let shown = '';

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push([url, init]);
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers }));
  });
}

beforeEach(() => {
  vi.stubGlobal('sessionStorage', new Memory());
  vi.stubGlobal('location', place);
  vi.stubGlobal('history', { state: null, replaceState: (_: unknown, __: string, to: string) => { shown = to; } });
  asked.length = 0;
});
afterEach(() => vi.unstubAllGlobals());

it('takes the key out of the address bar and keeps it for the tab', () => {
  place.hash = '#room=a&key=k%2B1&x=y';
  expect(linkKey()).toBe('k+1');
  expect(shown).toBe('#room=a&x=y');
  place.hash = '';
  expect(linkKey()).toBe('k+1');
  place.hash = '#key=other';
  expect(linkKey()).toBe('other');
  expect(shown).toBe('/test');
});

it('works without storage', () => {
  vi.stubGlobal('sessionStorage', undefined);
  place.hash = '#key=k';
  expect(linkKey()).toBe('k');
  place.hash = '';
  expect(linkKey()).toBe('');
});

describe('credentials', () => {
  it('are asked for with the key in a header, never in the URL', async () => {
    answer(200, { iceServers: [{ urls: 'turn:h' }], ttl: 3600 });
    expect(await fetchCredentials('k', 'test page')).toEqual({ state: 'ok', iceServers: [{ urls: 'turn:h' }], ttl: 3600 });
    expect(asked[0]?.[0]).toBe('/api/v1/credentials');
    expect(asked[0]?.[1]).toMatchObject({ method: 'POST', headers: { 'Content-Type': 'application/json', 'Authorization': 'Bearer k' }, body: '{"label":"test page"}' });
  });
  it('are asked for as long a time as they are needed', async () => {
    answer(200, { iceServers: [], ttl: 7200 });
    await fetchCredentials('k', 'demo conference', 86_400);
    expect(asked[0]?.[1]).toMatchObject({ body: '{"label":"demo conference","ttl":86400}' });
  });
  it.each([[401, 'k', 'refused'], [403, 'k', 'refused'], [401, '', 'absent'], [429, 'k', 'throttled'], [404, 'k', 'absent'], [500, 'k', 'absent']])('%d with key %j: %s', async (status, key, state) => {
    answer(status, {});
    expect(await fetchCredentials(key, '')).toEqual({ state });
  });
  it('do not come from an answer that is something else', async () => {
    answer(200, { hello: 1 });
    expect(await fetchCredentials('k', '')).toEqual({ state: 'absent' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
    expect(await fetchCredentials('k', '')).toEqual({ state: 'offline' });
  });
});

describe('without a key', () => {
  const paths = () => asked.map(([url]) => url);
  it('nothing is asked for that would be refused', async () => {
    answer(200, { name: 'iceserver' });
    expect((await askServer('', 'l')).credentials).toEqual({ state: 'absent' });
    expect(paths()).toEqual(['/api/v1/status']);
  });
  it('credentials are asked for where there are some', async () => {
    answer(200, { anonymousCredentials: true, iceServers: [], ttl: 600 });
    expect(await askServer('', 'l')).toMatchObject({ status: { anonymousCredentials: true }, credentials: { state: 'ok', ttl: 600 } });
    expect(paths()).toEqual(['/api/v1/status', '/api/v1/credentials']);
  });
  it.each([[429, 'throttled'], [500, 'offline']])('%d is %s', async (status, state) => {
    answer(status, {});
    expect(await askServer('', 'l')).toEqual({ status: undefined, credentials: { state } });
  });
  it('and with one both are asked for at once', async () => {
    answer(200, { iceServers: [], ttl: 1 });
    expect((await askServer('k', 'l')).credentials.state).toBe('ok');
    expect(paths().sort()).toEqual(['/api/v1/credentials', '/api/v1/status']);
  });
});

describe('the server about itself', () => {
  it('may say nothing', async () => {
    answer(404, {});
    expect(await fetchStatus()).toBeUndefined();
    expect(await fetchAttempts('k')).toBeUndefined();
    expect(await fetchAttempts('')).toBeUndefined();
  });
  it('has a clock of its own', async () => {
    answer(200, { attempts: [] }, { Date: new Date(Date.now() + 60_000).toUTCString() });
    expect((await fetchAttempts('k'))?.skew).toBeGreaterThan(50_000);
    answer(200, {}, { Date: new Date().toUTCString() });
    expect(await fetchAttempts('k')).toEqual({ attempts: [], skew: 0 });
  });
  it('answers STUN where it says, or where it is', () => {
    const status = { name: '', version: '', stun: 'ok', turn: 'ok', tls: { status: 'ok' }, host: '::1' };
    expect(stunUrls({ ...status, stunUrls: ['stun:x:1'] })).toEqual(['stun:x:1']);
    expect(stunUrls(status)).toEqual(['stun:[::1]']);
    expect(stunUrls(undefined)).toEqual(['stun:h']);
  });
});
