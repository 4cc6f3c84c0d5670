import { Script } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { en } from '../i18n/en';
import { health, isStarting } from './health';
import { snippets } from './snippets';

vi.stubGlobal('location', { origin: 'https://h:5349' });

const status = { name: 'iceserver', version: '1', stun: 'ok', turn: 'ok', tls: { status: 'ok', days: 81 }, host: 'h' };

describe('health', () => {
  it.each([
    [{ status: 'ok', days: 81 }, 'ok', 'home.certificate'], [{ status: 'ok', days: 13 }, 'warn', 'home.certificateSoon'], [{ status: 'expired' }, 'fail', 'home.certificateOver'],
    // The server leaves out a zero: its certificate ends today.
    [{ status: 'ok' }, 'warn', 'home.certificateSoon'], [{ status: 'self-signed', days: 300 }, 'warn', 'home.selfSigned'], [{ status: 'off' }, 'warn', 'home.noTls'], [{ status: 'broken' }, 'fail', 'home.broken'],
  ])('%j', (tls, level, key) => expect(health({ ...status, tls })[2]).toMatchObject({ name: 'home.tls', level, message: { key } }));
  it.each([
    ['ok', 'ok', 'home.works'], ['failed', 'fail', 'home.failed'], ['off', undefined, 'home.off'], ['starting', undefined, 'home.starting'],
  ])('a part that is %s', (stun, level, key) => {
    const [line] = health({ ...status, stun });
    expect([line?.level, line?.message.key]).toEqual([level, key]);
    expect(isStarting({ ...status, stun })).toBe(stun === 'starting');
  });
  it('names what does not work', () => {
    expect(health({ ...status, turn: 'no port left' })[1]).toEqual({ name: 'home.turn', level: 'fail', message: { key: 'home.broken', params: { text: 'no port left' } } });
  });
});

describe('snippets', () => {
  const servers = [{ urls: ['turn:h?transport=udp', 'turns:h'], username: '17:a"b\\', credential: "p'</script>" }, { urls: 'stun:h' }];
  it.each(snippets.map((s) => [s.name, s.code] as const))('%s has every URL and the credentials', (_, code) => {
    const text = code(servers);
    for (const part of ['"turn:h?transport=udp"', '"turns:h"', '"stun:h"', '"17:a\\"b\\\\"', '"p\'</script>"']) expect(text).toContain(part);
  });
  it('are programs, where this one can tell', () => {
    for (const s of snippets.slice(0, 4)) expect(() => new Script(s.code(servers)), en[s.name]).not.toThrow();
  });
  it('run', () => {
    const made: unknown[] = [];
    // A function takes the place of the class: new calls it all the same.
    const RTCPeerConnection = function (config: unknown) { made.push(config); };
    new Script(snippets[0]?.code(servers) ?? '').runInNewContext({ RTCPeerConnection });
    expect(JSON.stringify(made)).toBe(JSON.stringify([{ iceServers: servers }]));
  });
});
