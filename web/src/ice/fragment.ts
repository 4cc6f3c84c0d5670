// The configuration as the fragment of an address, to send to somebody. A
// fragment never leaves the browser: no server's log has it.
import type { ServerFields } from './server';

export interface Config {
  servers: ServerFields[];
  policy: RTCIceTransportPolicy;
  pool: number; // iceCandidatePoolSize
  throughput: boolean; // measure it
}

export const MAX_POOL = 10;

/**
 * Readable on purpose: #url=turn:a&user=x&url=stun:b&policy=relay. What follows
 * a url belongs to it. Passwords only when asked for.
 */
export function encodeFragment(c: Config, passwords: boolean): string {
  const parts: string[] = [];
  // Fragments may hold ":", "/", "?" and "@" as they are; a person reads better without %3A.
  const escape = (value: string) => encodeURIComponent(value).replace(/%(3A|2F|3F|40|2C|5B|5D)/g, (m) => decodeURIComponent(m));
  const add = (key: string, value: string) => parts.push(`${key}=${escape(value)}`);
  for (const s of c.servers) {
    add('url', s.url);
    if (s.username !== '') add('user', s.username);
    if (passwords && s.credential !== '') add('pass', s.credential);
    if (!s.enabled) add('off', '1');
  }
  if (c.policy !== 'all') add('policy', c.policy);
  if (c.pool !== 0) add('pool', String(c.pool));
  if (!c.throughput) add('throughput', '0');
  return parts.join('&');
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value; // a bare percent sign: as it stands
  }
}

/** The pairs of a fragment in their order, and none for what is not a pair. */
export function fragmentPairs(fragment: string): [string, string][] {
  return fragment.replace(/^#/, '').split('&').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at), decoded(pair.slice(at + 1))]] : [];
  });
}

/** Whole numbers from 0 to the limit; anything else is the nearest of them. */
export function clampPool(value: unknown): number {
  const n = Math.trunc(Number(value));
  return Number.isFinite(n) ? Math.min(Math.max(n, 0), MAX_POOL) : 0;
}

/** Reads a fragment; nothing when it says nothing of servers or settings. */
export function decodeFragment(fragment: string): Config | undefined {
  const config: Config = { servers: [], policy: 'all', pool: 0, throughput: true };
  let known = false;
  for (const [key, value] of fragmentPairs(fragment)) {
    const server = config.servers.at(-1);
    switch (key) {
      case 'url': config.servers.push({ url: value, username: '', credential: '', enabled: true, own: false }); break;
      case 'user': if (server) server.username = value; break;
      case 'pass': if (server) server.credential = value; break;
      case 'off': if (server) server.enabled = value !== '1'; break;
      case 'policy': config.policy = value === 'relay' ? 'relay' : 'all'; break;
      case 'pool': config.pool = clampPool(value); break;
      case 'throughput': config.throughput = value !== '0'; break;
      default: continue;
    }
    known = true;
  }
  return known ? config : undefined;
}
