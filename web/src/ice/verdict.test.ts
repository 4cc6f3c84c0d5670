import { describe, expect, it } from 'vitest';
import type { Attempt } from '../api';
import { toCandidate } from './candidate';
import { verdictOf, type Gathering, type Observation, type RelayResult } from './verdict';

const relay = (address = '8.8.4.4') => toCandidate({ type: 'relay', address, port: 50000, protocol: 'udp' }, 40, '');
const srflx = toCandidate({ type: 'srflx', address: '8.8.8.8', port: 4 }, 20, '');
const gathered = (over: Partial<Gathering>): Gathering => ({ candidates: [], errors: [], complete: true, waitedMs: 5000, ...over });
const failed = (code: number, text = '', over: Partial<Gathering> = {}) => gathered({ errors: [{ ms: 5, code, text, url: '', address: '' }], ...over });
const works: RelayResult = { connected: true, quality: { rtt: 30, jitter: 1, loss: 0, sent: 100, received: 100 }, up: 1e6, down: 1e6 };
const attempt = (cause: string): Attempt => ({ time: '2023-11-14T22:13:21Z', method: 'Allocate', code: 401, cause, rule: '', peer: '', username: '1700000000:web' });
const see = (over: Partial<Observation>) => {
  const v = verdictOf({ url: 'turn:turn.example.org', username: 'u', credential: 'p', ...over });
  return [v.level, v.message.key, ...v.notes.map((n) => n.key)];
};

describe('before anything is asked', () => {
  it.each<[Partial<Observation>, string]>([
    [{ url: 'turn://x' }, 'url.slashes'], [{ username: '' }, 'url.noUsername'], [{ credential: '' }, 'url.noPassword'],
    [{ gathering: gathered({ thrown: 'SyntaxError' }) }, 'verdict.thrown'],
  ])('%j', (over, key) => expect(see(over)).toEqual(['fail', key]));
  it('was stopped', () => expect(see({ stopped: true })).toEqual(['warn', 'verdict.stopped']));
});

describe('a relay that works', () => {
  const g = gathered({ candidates: [relay()] });
  it('is OK', () => expect(see({ gathering: g, relay: works })).toEqual(['ok', 'verdict.works']));
  it('notes attempts that failed', () => expect(see({ gathering: { ...g, errors: failed(701).errors }, relay: works })).toEqual(['ok', 'verdict.works', 'note.someErrors']));
  it('loses packets', () => expect(see({ gathering: g, relay: { ...works, quality: { ...works.quality!, loss: 0.05 } } })).toEqual(['warn', 'verdict.lossy']));
  it('was not measured', () => {
    expect(see({ gathering: g })).toEqual(['warn', 'verdict.notMeasured']);
    expect(see({ gathering: g, relay: works, stopped: true })).toEqual(['warn', 'verdict.notMeasured']);
  });
  it('has a certificate of its own', () => expect(see({ url: 'turns:h.example', gathering: g, relay: works, selfSigned: true })).toEqual(['warn', 'verdict.selfSigned']));
  it('is private behind a public name', () => expect(see({ gathering: gathered({ candidates: [relay('192.168.1.9')] }), relay: works })).toEqual(['warn', 'verdict.relayPrivate']));
  it.each([
    ['turn:8.8.8.1', '8.8.4.4', ['warn', 'verdict.relayOther']], ['turn:8.8.4.4', '8.8.4.4', ['ok', 'verdict.works']],
    ['turn:[2a00::1]', '8.8.4.4', ['ok', 'verdict.works']], ['turn:[2A00::1]', '2a00::1', ['ok', 'verdict.works']], ['turn:[2a00::2]', '2a00::1', ['warn', 'verdict.relayOther']],
    ['turn:10.0.0.1', '8.8.4.4', ['ok', 'verdict.works']],
  ])('of %s at %s', (url, address, says) => expect(see({ url, gathering: gathered({ candidates: [relay(address)] }), relay: works })).toEqual(says));
  it('is private in a private network', () => expect(see({ url: 'turn:192.168.1.2', gathering: gathered({ candidates: [relay('192.168.1.9')] }), relay: works })).toEqual(['ok', 'verdict.works', 'note.localRelay']));
  it('is of no use', () => expect(see({ gathering: gathered({ candidates: [relay('0.0.0.0')] }), relay: works })).toEqual(['warn', 'verdict.relayUseless']));
});

describe('a relay through which nothing comes', () => {
  const nothing: RelayResult = { connected: false, failure: 'connect' };
  it.each([
    ['8.8.4.4', 'verdict.noData'], ['10.0.0.4', 'verdict.relayPrivateFails'], ['100.64.0.4', 'verdict.relayPrivateFails'], ['127.0.0.1', 'verdict.relayUseless'], ['198.51.100.7', 'verdict.relayUseless'],
  ])('%s', (address, key) => expect(see({ gathering: gathered({ candidates: [relay(address)] }), relay: nothing })).toEqual(['fail', key]));
  it('is elsewhere', () => expect(see({ url: 'turn:8.8.8.1', gathering: gathered({ candidates: [relay()] }), relay: nothing })).toEqual(['fail', 'verdict.relayOther']));
  it('connects and is silent', () => expect(see({ gathering: gathered({ candidates: [relay()] }), relay: { connected: true, failure: 'data' } })).toEqual(['fail', 'verdict.noData']));
});

describe('no relay', () => {
  it.each<[string, number, string, Partial<Observation>, string]>([
    ['turn:h', 401, 'Unauthorized.', {}, 'verdict.password'],
    ['turn:h', 401, '', { username: '1700000000:web', now: 1.8e12 }, 'verdict.expired'],
    ['turn:h', 401, '', { username: '1700000000:web', now: 1.6e12 }, 'verdict.passwordTimed'],
    ['turn:h', 401, '', { username: '1700000000:web', now: 1.6e12, seen: [attempt('no-credentials'), attempt('expired-credential')] }, 'verdict.expiredSeen'],
    ['turn:h', 401, '', { username: '1700000000|web', now: 1.8e12, seen: [attempt('expired-credential')] }, 'verdict.expiredSeen'],
    ['turn:h', 401, '', { username: '1700000000:web', now: 1.6e12, seen: [attempt('wrong-password')] }, 'verdict.passwordTimed'],
    ['turn:h', 403, '', {}, 'verdict.forbidden'], ['turn:h', 486, '', {}, 'verdict.quota'], ['turn:h', 508, '', {}, 'verdict.capacity'],
    ['turn:h', 300, '', {}, 'verdict.redirect'], ['turn:h', 400, '', {}, 'verdict.request'], ['turn:h', 438, '', {}, 'verdict.stale'], ['turn:h', 500, '', {}, 'verdict.server'],
    ['turn:h', 701, 'TURN host lookup received error.', {}, 'verdict.name'],
    ['turn:h?transport=tcp', 701, 'Failed to establish connection', { probes: { resolves: false } }, 'verdict.name'],
    ['turn:h?transport=tcp', 701, 'Failed to establish connection', { probes: { resolves: true } }, 'verdict.tcpClosed'],
    ['turns:h', 701, 'Failed to establish connection', { probes: { resolves: true, portOpen: true } }, 'verdict.tlsRefused'],
    ['turns:h', 701, 'Failed to establish connection', { probes: { resolves: true, portOpen: false } }, 'verdict.tlsClosed'],
    ['turns:h', 701, 'Failed to establish connection', { selfSigned: true }, 'verdict.tlsSelfSigned'],
    ['turns:h', 701, 'Failed to establish connection', { selfSigned: true, probes: { portOpen: true } }, 'verdict.tlsSelfSigned'],
    ['turns:h', 701, 'Failed to establish connection', { selfSigned: true, probes: { portOpen: false } }, 'verdict.tlsClosed'],
    ['turns:h', 701, 'Failed to establish connection', { expired: true }, 'verdict.tlsExpired'],
    ['turns:h', 701, 'Failed to establish connection', { expired: true, probes: { portOpen: false } }, 'verdict.tlsClosed'],
    ['turn:h', 701, 'TURN allocate request timed out.', {}, 'verdict.udpSilent'],
    ['turn:8.8.4.4', 701, 'TURN allocate request timed out.', { pageHost: '8.8.8.8' }, 'verdict.wrongAddress'],
    ['turns:8.8.4.4', 701, 'Failed to establish connection', { pageHost: '8.8.8.8', probes: { portOpen: false } }, 'verdict.wrongAddress'],
    ['turn:8.8.8.8', 701, 'TURN allocate request timed out.', { pageHost: '8.8.8.8' }, 'verdict.udpSilent'],
    ['turn:8.8.8.8', 701, 'TURN allocate request timed out.', { pageHost: 'localhost' }, 'verdict.udpSilent'],
    ['turn:8.8.8.8', 701, 'TURN allocate request timed out.', { pageHost: '127.0.0.1' }, 'verdict.udpSilent'],
    ['turn:h:853', 701, '', {}, 'verdict.blockedPort'],
  ])('%s %d %s', (url, code, text, over, key) => expect(see({ url, gathering: failed(code, text), ...over })).toEqual(['fail', key]));

  it.each([['turn:h', 'verdict.udpSilent'], ['turn:h?transport=tcp', 'verdict.tcpSilent'], ['turns:h', 'verdict.tcpSilent'], ['turn:h:853', 'verdict.blockedPort']])('silence of %s', (url, key) => {
    expect(see({ url, gathering: gathered({ complete: false }) })).toEqual(['fail', key]);
  });
  it('is finished without a word', () => expect(see({ gathering: gathered({ candidates: [srflx] }) })).toEqual(['fail', 'verdict.nothing']));
  it('carries the door and the seconds', () => {
    const { message } = verdictOf({ url: 'turn:h:3478', username: 'u', credential: 'p', gathering: gathered({ complete: false, waitedMs: 5004 }) });
    expect(message.params).toMatchObject({ door: 'UDP 3478', seconds: 5, host: 'h' });
  });
});

describe('STUN', () => {
  const stun = { url: 'stun:h', username: '', credential: '' };
  it('shows the address', () => expect(see({ ...stun, gathering: gathered({ candidates: [srflx] }) })).toEqual(['ok', 'verdict.stun']));
  it('has an address although another attempt failed', () => expect(see({ ...stun, gathering: failed(701, '', { candidates: [srflx] }) })).toEqual(['ok', 'verdict.stun']));
  it('is the same as the host', () => expect(see({ ...stun, gathering: gathered({}) })).toEqual(['ok', 'verdict.stunSame']));
  it('is silent', () => expect(see({ ...stun, gathering: gathered({ complete: false }) })).toEqual(['fail', 'verdict.udpSilent']));
  it('has no name', () => expect(see({ ...stun, gathering: failed(701, 'STUN host lookup received error.') })).toEqual(['fail', 'verdict.name']));
});
