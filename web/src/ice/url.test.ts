import { describe, expect, it } from 'vitest';
import { browserBlocks, doorName, isProblem, parseIceUrl, plainProbe, shortName, stunProbe, type IceUrl } from './url';

const parsed = (text: string): IceUrl => {
  const url = parseIceUrl(text);
  if (isProblem(url)) throw new Error(`${text}: ${url.problem}`);
  return url;
};

describe('parseIceUrl', () => {
  // R-7065-3-a (RFC 7065, 3): scheme, host, port and transport, and no other part.
  it.each<[string, IceUrl]>([
    ['stun:h', { turn: false, secure: false, host: 'h', port: 3478, transport: 'udp' }],
    ['stuns:h', { turn: false, secure: true, host: 'h', port: 5349, transport: 'tcp' }],
    ['turn:h:99', { turn: true, secure: false, host: 'h', port: 99, transport: 'udp' }],
    ['TURN:h?transport=TCP', { turn: true, secure: false, host: 'h', port: 3478, transport: 'tcp' }],
    ['turns:h', { turn: true, secure: true, host: 'h', port: 5349, transport: 'tcp' }],
    ['turns:h:443?transport=tcp', { turn: true, secure: true, host: 'h', port: 443, transport: 'tcp' }],
    ['turn:[2001:db8::1]:7', { turn: true, secure: false, host: '2001:db8::1', port: 7, transport: 'udp' }],
    ['  turn:[::1]  ', { turn: true, secure: false, host: '::1', port: 3478, transport: 'udp' }],
  ])('%s', (text, want) => expect(parseIceUrl(text)).toEqual(want));

  it.each([
    ['', 'url.empty'], ['https://h', 'url.web'], ['h:3478', 'url.scheme'], ['turn', 'url.scheme'], ['turn://h:1', 'url.slashes'],
    ['turn:2001:db8::1', 'url.brackets'], ['turn:', 'url.host'], ['turn:a b', 'url.host'], ['turn:u@h', 'url.host'], ['turn:h/x', 'url.host'],
    ['turn:h:0', 'url.port'], ['turn:h:65536', 'url.port'], ['turn:h:', 'url.port'], ['turn:h?x=1', 'url.query'],
    ['stun:h?transport=udp', 'url.stunQuery'], ['turn:h?transport=tls', 'url.tlsTransport'], ['turn:h?transport=sctp', 'url.transport'],
    ['turns:h?transport=udp', 'url.dtls'],
  ])('%j: %s', (text, problem) => expect(parseIceUrl(text)).toMatchObject({ problem }));

  it('says how to write a URL with slashes', () => {
    expect(parseIceUrl('turn://h:1')).toEqual({ problem: 'url.slashes', params: { fixed: 'turn:h:1' } });
  });
});

it('names the way and the door', () => {
  expect(['stun:h', 'stuns:h', 'turn:h', 'turn:h?transport=tcp', 'turns:h'].map((u) => shortName(parsed(u)))).toEqual(['stun', 'stuns', 'turn udp', 'turn tcp', 'turns']);
  expect(doorName(parsed('turns:h'))).toBe('TCP 5349');
});

it('knows the ports that browsers refuse', () => {
  expect(['turn:h:853', 'turn:h:25'].every((u) => browserBlocks(parsed(u)))).toBe(true);
  expect(['turn:h:53', 'turn:h:80', 'turns:h:443', 'turn:h:1024', 'stun:h:19'].some((u) => browserBlocks(parsed(u)))).toBe(false);
});

it('makes the questions that tell causes apart', () => {
  const url = parsed('turns:[::1]:5349');
  expect(stunProbe(url)).toBe('stun:[::1]:5349');
  expect(plainProbe(url)).toBe('turn:[::1]:5349?transport=tcp');
});
