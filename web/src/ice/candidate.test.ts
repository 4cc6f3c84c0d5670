import { expect, it } from 'vitest';
import { priorityParts, toCandidate } from './candidate';

// RFC 8445 section 5.1.2.1: (2^24)*type + (2^8)*local + (256 - component).
it.each([
  [2113937151, [126, 30, 255]],
  [50339839, [3, 31, 255]],
  [4294967295, [255, 65535, 255]],
  [0, [0, 0, 0]],
])('priority %d', (priority, parts) => expect(priorityParts(priority)).toEqual(parts));

it('reads the properties', () => {
  const c = toCandidate({ candidate: 'x', component: 'rtp', type: 'relay', foundation: 'f', protocol: 'udp', address: '1.2.3.4', port: 5, priority: 6, relatedAddress: '9.9.9.9', relatedPort: 8, relayProtocol: 'tls', url: 'turns:h', sdpMid: 'data', sdpMLineIndex: 0, usernameFragment: 'uF1' }, 12, 'other');
  expect(c).toEqual({ ms: 12, component: 'rtp', type: 'relay', foundation: 'f', protocol: 'udp', address: '1.2.3.4', port: 5, priority: 6, related: '9.9.9.9:8', relayProtocol: 'tls', url: 'turns:h', mid: 'data', mLineIndex: '0', ufrag: 'uF1' });
});

it('reads the line where a browser has no properties', () => {
  const c = toCandidate({ candidate: 'candidate:842163049 2 UDP 1677729535 203.0.113.5 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag aB+/ network-cost 999' }, 1, 'stun:h');
  expect(c).toMatchObject({ component: 'rtcp', type: 'srflx', foundation: '842163049', protocol: 'udp', address: '203.0.113.5', port: 46154, priority: 1677729535, url: 'stun:h', related: '', mid: '', mLineIndex: '', ufrag: 'aB+/' });
});
