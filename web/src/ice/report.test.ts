import { expect, it } from 'vitest';
import { fill, languages } from '../i18n';
import { toCandidate } from './candidate';
import { report } from './report';
import { gatheredIn, newRow, seenDuring, type Row } from './row';

const row: Row = {
  ...newRow('1', 'turn:h:1', 'web', 'TOP-SECRET'), stage: 'done', started: 1000, ended: 2000,
  gathering: { complete: true, waitedMs: 100, candidates: [toCandidate({ type: 'relay', protocol: 'udp', address: '198.51.100.7', port: 9, priority: 50339839, foundation: '7' }, 48, '')], errors: [{ ms: 50, code: 701, text: 'timed out', url: 'turn:h:1', address: '' }] },
  relay: { connected: true, path: 'relay ↔ relay', quality: { rtt: 31, jitter: 1.2, loss: 0.01, sent: 100, received: 99 }, up: 84e6, down: 80e6 },
  seen: [{ time: '2030-01-01T00:00:00Z', method: 'Allocate', code: 401, cause: 'no-credentials', rule: '', peer: '', username: 'web' },
    { time: '2030-01-01T00:00:01Z', method: 'Allocate', code: 0, cause: 'ok', rule: '', peer: '', username: 'web' }],
};

it('says everything but secrets', () => {
  const text = report([row], {
    say: (m) => fill(languages.en[m.key], m.params), browser: 'A browser', page: 'https://host/test?x#pass=TOP-SECRET', when: new Date(0), policy: 'all', pool: 2,
  });
  expect(text).toBe(`ICE test 1970-01-01T00:00:00.000Z
https://host/test
A browser
policy all, candidate pool 2

OK turn:h:1 user web
  Works: relay 198.51.100.7:9, data went both ways.
  Some attempts failed while another worked; that is normal where a machine has several addresses, and harmless.
  gathered 48 ms, RTT 31 ms, jitter 1.2 ms, loss 1.0 % (99/100), up 84 Mbit/s, down 80 Mbit/s, relay ↔ relay
    0.048 s relay udp 198.51.100.7 9 3|31|255 7
    0.050 s error 701 timed out turn:h:1
  server:
    2030-01-01T00:00:00Z Allocate 401 no-credentials
    2030-01-01T00:00:01Z Allocate OK ok
`);
  expect(text).not.toContain('TOP-SECRET');
});

it('matches what the server saw to the row by time, with the clocks compared', () => {
  const at = (ms: number, username = 'web') => ({ time: new Date(ms).toISOString(), method: 'Allocate', code: 401, cause: '', rule: '', peer: '', username });
  const attempts = [at(500), at(1000), at(2200), at(2400)];
  expect(seenDuring(attempts, { started: 1000, ended: 2000, username: 'web' }, 0)).toEqual([attempts[1], attempts[2]]);
  expect(seenDuring(attempts, { started: 1000, ended: 2000, username: 'web' }, -500)).toEqual([attempts[0], attempts[1]]);
  expect(seenDuring(attempts, { started: 1000, ended: 0, username: 'web' }, 0)).toHaveLength(3);
  expect(seenDuring([at(1500, ''), at(1500, 'other'), at(1500)], { started: 1000, ended: 2000, username: 'web' }, 0)).toHaveLength(2);
  expect(seenDuring(attempts, { started: 0, ended: 0, username: '' }, 0)).toEqual([]);
});

// A server that refuses a user still tells the address that it sees: that is not
// what a TURN server was asked for, and no figure of it.
it.each([['turn:h', ['relay', 'srflx'], 10], ['turn:h', ['srflx'], undefined], ['stun:h', ['host', 'srflx'], 20], ['stun:h', ['host'], undefined], ['nonsense', ['relay'], undefined]])('%s that gave %j took %s ms', (url, types, ms) => {
  const candidates = types.map((type, i) => toCandidate({ type }, 10 * (i + 1), ''));
  expect(gatheredIn({ url, gathering: { candidates, errors: [], complete: true, waitedMs: 1 } })).toBe(ms);
});
