import { describe, expect, it } from 'vitest';
import { expiryOf, fillIn, fromIceServers, fromPasted, newId, problemOf, renew, toIceServer, withId, withoutSecrets, type ServerFields } from './server';

const entry = (over: Partial<ServerFields>): ServerFields => ({ url: 'turn:h', username: 'u', credential: 'p', enabled: true, own: false, ...over });

it('takes an iceServers array apart, one entry for each URL', () => {
  const all = fromIceServers([{ urls: ['turn:a', 'turns:a', 'stun:a'], username: 'u', credential: 'p' }, { urls: 'stun:b' }, { url: 'stun:old' }, null, 7, { urls: [1] }], true);
  expect(all.map((s) => [s.url, s.username, s.credential, s.own])).toEqual([['turn:a', 'u', 'p', true], ['turns:a', 'u', 'p', true], ['stun:a', '', '', true], ['stun:b', '', '', true], ['stun:old', '', '', true]]);
});

describe('fromPasted', () => {
  it.each([
    ['turn:a', ['turn:a']],
    ['turn:a, turn:b\n stun:c', ['turn:a', 'turn:b', 'stun:c']],
    ['[{"urls":["turn:a","turn:b"],"username":"u","credential":"p"}]', ['turn:a', 'turn:b']],
    ["const iceServers = [{ urls: 'turn:a', username: 'it\\'s', credential: \"p\", },];", ['turn:a']],
    ['{urls: "stun:a"}', ['stun:a']],
    ['[{"urls": broken', []],
  ])('%s', (text, urls) => expect(fromPasted(text).map((s) => s.url)).toEqual(urls));
  it('keeps the credentials of an array', () => expect(fromPasted('[{urls:"turn:a",username:"u",credential:"p"}]')[0]).toMatchObject({ username: 'u', credential: 'p' }));
});

it('gives the browser credentials only where they mean something', () => {
  expect(toIceServer(entry({ url: 'stun:a' }))).toEqual({ urls: 'stun:a' });
  expect(toIceServer(entry({ url: ' turns:a ' }))).toEqual({ urls: 'turns:a', username: 'u', credential: 'p' });
});

it('sees what the browser would refuse', () => {
  expect(problemOf(entry({}))).toBeUndefined();
  expect(problemOf(entry({ url: 'stun:a', username: '', credential: '' }))).toBeUndefined();
  expect(problemOf(entry({ username: '' }))?.problem).toBe('url.noUsername');
  expect(problemOf(entry({ credential: '' }))?.problem).toBe('url.noPassword');
  expect(problemOf(entry({ url: 'x' }))?.problem).toBe('url.scheme');
});

it.each([['1700000000', 1.7e12], ['1700000000:web', 1.7e12], ['web:1700000000', 1.7e12], ['web', undefined], ['170:web', undefined], ['a1700000000', undefined]])('%s ends at %s', (name, at) => {
  expect(expiryOf(name)?.getTime()).toBe(at);
});

it('fills in the password that is known for an address', () => {
  const known = [entry({ url: 'TURN:a', username: 'me', credential: 'secret', own: true })];
  expect(fillIn([entry({ url: 'turn:a', username: '', credential: '', enabled: false })], known)).toEqual([{ ...known[0], enabled: false }]);
  expect(fillIn([entry({ url: 'turn:a', username: 'other', credential: '' })], known)[0]?.credential).toBe('');
  expect(fillIn([entry({ url: 'turn:a', credential: 'mine' })], known)[0]?.credential).toBe('mine');
  expect(fillIn([entry({ url: 'turn:b', username: '', credential: '' })], known)[0]?.credential).toBe('');
});

it('leaves secrets out of links', () => {
  expect(withoutSecrets(entry({}))).toMatchObject({ username: 'u', credential: '' });
  expect(withoutSecrets(entry({ own: true }))).toMatchObject({ username: '', credential: '' });
});

it('never gives an id twice', () => expect(new Set(Array.from({ length: 100 }, newId)).size).toBe(100));

it('gives this server\'s own entries the credentials of today, and no others', () => {
  const list = [entry({ own: true, username: 'old' }), entry({}), entry({ url: 'turn:gone', own: true })].map(withId);
  const fresh = renew(list, [entry({ username: 'new', credential: 'q', own: true })]);
  expect(fresh.map((s) => [s.id, s.username, s.credential])).toEqual([[list[0]?.id, 'new', 'q'], [list[1]?.id, 'u', 'p'], [list[2]?.id, 'u', 'p']]);
});

it('gives an entry an id once', () => {
  const one = withId(entry({}));
  expect(withId({ ...one, enabled: false })).toEqual({ ...one, enabled: false });
  expect(withId({ ...one, id: undefined }).id).not.toBe(one.id);
});
