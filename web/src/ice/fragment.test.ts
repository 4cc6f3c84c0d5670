import { describe, expect, it } from 'vitest';
import { clampPool, decodeFragment, encodeFragment, fragmentPairs, type Config } from './fragment';

const config: Config = {
  servers: [
    { url: 'turn:[::1]:3478?transport=tcp', username: '17:we b&=#%', credential: 'p+ä"<', enabled: true, own: false },
    { url: 'stun:h', username: '', credential: '', enabled: false, own: false },
  ],
  policy: 'relay', pool: 3, throughput: false,
};

describe('fragment', () => {
  it('comes back as it went, passwords only when asked for', () => {
    expect(decodeFragment(`#${encodeFragment(config, true)}`)).toEqual(config);
    const without = encodeFragment(config, false);
    expect(without).not.toContain('pass');
    expect(decodeFragment(without)?.servers[0]).toMatchObject({ username: '17:we b&=#%', credential: '' });
  });
  it('can be read by people', () => {
    expect(encodeFragment({ ...config, servers: [{ ...config.servers[0]!, url: 'turn:h:3478?transport=udp', username: 'web', credential: 'x' }], policy: 'all', pool: 0, throughput: true }, false)).toBe('url=turn:h:3478?transport%3Dudp&user=web');
  });
  it('says nothing when nothing is set', () => {
    expect(encodeFragment({ servers: [], policy: 'all', pool: 0, throughput: true }, true)).toBe('');
    expect(decodeFragment('')).toBeUndefined();
    expect(decodeFragment('#use')).toBeUndefined();
    expect(decodeFragment('#key=abc')).toBeUndefined();
  });
  it.each(['user=lost&pass=lost', '&&==&', 'url=%', 'pool=999&policy=x', 'url=turn:a&off=2', `url=${'a'.repeat(10_000)}`])('survives %.30s', (text) => {
    expect(() => decodeFragment(text)).not.toThrow();
  });
  it('keeps what is bad within bounds', () => {
    expect(decodeFragment('pool=999&policy=none')).toMatchObject({ pool: 10, policy: 'all' });
    expect(decodeFragment('url=%')?.servers[0]?.url).toBe('%');
    expect([-1, 2.7, 'x', null, 11].map(clampPool)).toEqual([0, 2, 0, 0, 10]);
  });
});

it('has pairs in order', () => expect(fragmentPairs('#a=1&b=2=3&c&=4&a=%20+')).toEqual([['a', '1'], ['b', '2=3'], ['a', '  ']]));
