// Rooms: their names, and the links to them.
import { fragmentPairs } from '../ice/fragment';

export type Kind = 'conference' | 'one-to-one' | 'screen' | 'chat';

const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'; // none that look alike
const LENGTH = 10;

/** A name that nobody guesses: 31 to the 10th is about 2 to the 49th. */
export function randomRoom(random: (n: number) => Uint8Array = (n) => crypto.getRandomValues(new Uint8Array(n))): string {
  let name = '';
  while (name.length < LENGTH) {
    for (const byte of random(LENGTH)) {
      // Bytes above the last whole round would make the first letters likelier.
      if (byte < 248 && name.length < LENGTH) name += LETTERS[byte % LETTERS.length] ?? '';
    }
  }
  return name;
}

/** What a person typed, as a name that is the same for everybody: no spaces, no case. */
export function cleanRoom(typed: string): string {
  return typed.trim().toLowerCase().replace(/\s+/g, '-').replace(/[^\p{L}\p{N}._-]/gu, '').slice(0, 64);
}

export function roomOf(fragment: string): string {
  return cleanRoom(fragmentPairs(fragment).find(([name]) => name === 'room')?.[1] ?? '');
}

/** The link to a room; with a key, its holder gets credentials for the relay too. */
export function roomLink(page: string, room: string, key: string): string {
  const base = page.replace(/[#?].*$/, '');
  return `${base}#room=${encodeURIComponent(room)}${key === '' ? '' : `&key=${encodeURIComponent(key)}`}`;
}

/** Rooms of all demos share one list on the server. */
export const serverRoom = (kind: Kind, room: string): string => `${kind}-${room}`;
