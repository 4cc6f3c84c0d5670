// The list of servers to test: one URL each, with its credentials.
import { isProblem, parseIceUrl, type UrlProblem } from './url';

export interface Server {
  id: string;
  url: string;
  username: string;
  credential: string;
  enabled: boolean;
  own: boolean; // came from the server that sent the page, with credentials that end
}

export type ServerFields = Omit<Server, 'id'>;

/** An entry that may be a new one: without an id it gets one of its own. */
export type Draft = ServerFields & { id?: string | undefined };

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The entries of an iceServers array, one for each URL. Anything that is not one is left out. */
export function fromIceServers(value: unknown, own = false): ServerFields[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((item) => {
    if (typeof item !== 'object' || item === null) return [];
    const { urls, url, username, credential } = item as Record<string, unknown>;
    const all: unknown[] = Array.isArray(urls) ? urls : [urls ?? url];
    return all.filter((u): u is string => typeof u === 'string' && u !== '').map((u) => {
      // STUN asks for no credentials, whatever stands beside its URL.
      const asks = !/^stun/i.test(u);
      return { url: u, username: asks ? text(username) : '', credential: asks ? text(credential) : '', enabled: true, own };
    });
  });
}

/**
 * What a person pasted as a URL: one URL, several with spaces or commas, or an
 * iceServers array, as JSON or as it stands in a page's script.
 */
export function fromPasted(pasted: string): ServerFields[] {
  const trimmed = pasted.trim();
  const start = trimmed.search(/[[{]\s*["'\w{[]/);
  if (start >= 0 && /urls?["']?\s*:/.test(trimmed)) {
    try {
      return fromIceServers(JSON.parse(toJson(trimmed.slice(start))));
    } catch {
      return [];
    }
  }
  return trimmed.split(/[\s,;]+/).filter((u) => u !== '')
    .map((url) => ({ url, username: '', credential: '', enabled: true, own: false }));
}

/** Turns an object literal of a script into JSON: quotes, bare names, commas at the end. */
function toJson(literal: string): string {
  const end = Math.max(literal.lastIndexOf(']'), literal.lastIndexOf('}'));
  return literal.slice(0, end + 1)
    .replace(/'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner))
    .replace(/([{,]\s*)([A-Za-z_]\w*)(\s*:)/g, '$1"$2"$3')
    .replace(/,(\s*[\]}])/g, '$1');
}

/** The same place: the server that sent the page and a link to it write it alike. */
const same = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase();

/** Gives entries without a password the one that is known for their address. */
export function fillIn(servers: readonly ServerFields[], known: readonly ServerFields[]): ServerFields[] {
  return servers.map((s) => {
    if (s.credential !== '') return s;
    const found = known.find((k) => same(k.url, s.url) && (s.username === '' || s.username === k.username));
    return found ? { ...found, enabled: s.enabled } : s;
  });
}

/** This server's own entries with the credentials that it gives now; the others as they are. */
export const renew = (servers: readonly Server[], own: readonly ServerFields[]): Server[] => servers.map((s) => {
  const now = s.own ? own.find((o) => same(o.url, s.url)) : undefined;
  return now ? { ...s, username: now.username, credential: now.credential } : s;
});

/** As a link without passwords has it: this server's own names end soon, so they are left out too. */
export const withoutSecrets = (s: ServerFields): ServerFields => ({ ...s, username: s.own ? '' : s.username, credential: '' });

/** What RTCPeerConnection takes. */
export function toIceServer(s: Pick<Server, 'url' | 'username' | 'credential'>): RTCIceServer {
  const url = s.url.trim();
  return /^turn/i.test(url) ? { urls: url, username: s.username, credential: s.credential } : { urls: url };
}

/** What would make the browser refuse the entry before it asks anybody. */
export function problemOf(s: Pick<Server, 'url' | 'username' | 'credential'>): UrlProblem | undefined {
  const url = parseIceUrl(s.url);
  if (isProblem(url)) return url;
  if (url.turn && s.username === '') return { problem: 'url.noUsername' };
  if (url.turn && s.credential === '') return { problem: 'url.noPassword' };
  return undefined;
}

/** The end of a time-limited username (1700000000, 1700000000:name, name:1700000000), or nothing. */
export function expiryOf(username: string): Date | undefined {
  const m = /^(?:(\d{10})(?::.*)?|.*:(\d{10}))$/.exec(username);
  const seconds = m?.[1] ?? m?.[2];
  return seconds === undefined ? undefined : new Date(Number(seconds) * 1000);
}

let last = 0;

/** An id that no other entry of this page has. */
export function newId(): string {
  last += 1;
  return `s${Date.now().toString(36)}${last.toString(36)}`;
}

/** An entry of the page; one that has an id keeps it, so that the page stays where it is. */
export const withId = ({ id, ...fields }: Draft): Server => ({ ...fields, id: id ?? newId() });
