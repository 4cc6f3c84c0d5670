import { expect, it } from 'vitest';
import { badgeOf, isRelayed, wayOf } from './way';

const local = { id: 'L', type: 'local-candidate', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls', address: '198.51.100.7', port: 5 };
const remote = { id: 'R', type: 'remote-candidate', candidateType: 'srflx', protocol: 'udp', address: '2001:db8::1', port: 6 };
const pair = { id: 'P', type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.031, bytesReceived: 100_000, bytesSent: 50_000 };
const other = { id: 'Q', type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'R', remoteCandidateId: 'L' };
const transport = { id: 'T', type: 'transport', selectedCandidatePairId: 'P' };
const video = { id: 'V', type: 'inbound-rtp', framesDecoded: 40 };

it('reads the pair that the transport names', () => {
  const way = wayOf([other, pair, transport, local, remote, video], 1000);
  expect(way).toEqual({
    local: { type: 'relay', protocol: 'TLS', address: '198.51.100.7:5' }, remote: { type: 'srflx', protocol: 'UDP', address: '[2001:db8::1]:6' },
    rtt: 31, received: 100_000, sent: 50_000, frames: 40, bits: undefined, at: 1000,
  });
});

it('has a bit rate from the second reading on', () => {
  const first = wayOf([pair, local, remote], 1000);
  const second = wayOf([{ ...pair, bytesReceived: 225_000, bytesSent: 75_000 }, local, remote], 2000, first);
  expect(second?.bits).toBe(1_200_000);
  // Counters that went back belong to another pair.
  expect(wayOf([{ ...pair, bytesReceived: 0 }, local, remote], 3000, second)?.bits).toBeUndefined();
});

it('finds the pair where no transport names it', () => {
  expect(wayOf([{ ...pair, nominated: false, selected: true }, local, remote], 0)?.rtt).toBe(31);
  expect(wayOf([{ ...pair, state: 'in-progress' }], 0)).toBeUndefined();
  expect(wayOf([], 0)).toBeUndefined();
});

it('writes the badge', () => {
  const way = wayOf([pair, transport, local, remote], 0)!;
  expect(badgeOf({ ...way, bits: 1.2e6 })).toBe('relay · TLS · 31 ms · 1.2 Mbit/s');
  expect(badgeOf({ ...way, rtt: undefined, bits: 0 })).toBe('relay · TLS · 0 kbit/s');
  // The first second has no rate yet, and 0 would be a lie.
  expect(badgeOf(way)).toBe('relay · TLS · 31 ms');
  // A relay at the other end is what the media goes through as well.
  const theirs = { ...way, local: way.remote, remote: way.local };
  expect(badgeOf(theirs)).toBe('relay · TLS · 31 ms');
  expect([isRelayed(way), isRelayed(theirs)]).toEqual([true, false]);
});
