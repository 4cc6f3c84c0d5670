import { expect, it } from 'vitest';
import { cleanRoom, randomRoom, roomLink, roomOf, serverRoom } from './room';

it('makes names that nobody guesses', () => {
  const names = new Set(Array.from({ length: 200 }, () => randomRoom()));
  expect(names.size).toBe(200);
  for (const name of names) expect(name).toMatch(/^[a-z2-9]{10}$/);
});

it('leaves out the bytes that would favour some letters', () => {
  const bytes = [Uint8Array.from([255, 248, 250, 0, 30, 31]), Uint8Array.from([1, 1, 1, 1, 1, 1, 1, 1])];
  expect(randomRoom(() => bytes.shift() ?? new Uint8Array(10))).toBe('a9abbbbbbb');
});

it.each([['  My Room ', 'my-room'], ['Zoë/../x', 'zoë..x'], ['会议', '会议'], ['<b>&#', 'b'], ['x'.repeat(99), 'x'.repeat(64)]])('%s is %s', (typed, room) => expect(cleanRoom(typed)).toBe(room));

it('goes there and back', () => {
  const link = roomLink('https://h:1/demos/chat?x=1#room=old', 'zoë-1', 'k+/=');
  expect(link).toBe('https://h:1/demos/chat#room=zo%C3%AB-1&key=k%2B%2F%3D');
  expect(roomOf(new URL(link).hash)).toBe('zoë-1');
  expect(roomLink('https://h/a', 'r', '')).toBe('https://h/a#room=r');
  expect(roomOf('#key=a')).toBe('');
});

it('keeps the demos apart on the server', () => expect(serverRoom('chat', 'a')).not.toBe(serverRoom('screen', 'a')));
