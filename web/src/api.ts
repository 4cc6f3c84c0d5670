// The API of the server that sent the page, and the key of a link to it.
import { fragmentPairs } from './ice/fragment';

/** Why the server answered something other than success. */
export interface Attempt {
  time: string;
  method: string;
  code: number;
  cause: string;
  rule: string;
  peer: string;
  username: string;
}

export interface Status {
  name: string;
  version: string;
  stun: string;
  turn: string;
  tls: { status: string; days?: number };
  host: string;
  stunUrls?: string[];
  /** The original demos are served. */
  demos?: boolean;
  /** There are credentials for those without a key too. */
  anonymousCredentials?: boolean;
  /** What it takes to get into a room; nothing if it is not there. */
  signalingAuth?: 'token';
}

export type Credentials =
  | { state: 'ok'; iceServers: RTCIceServer[]; ttl: number }
  | { state: 'refused' | 'absent' | 'throttled' | 'offline' };

/** The key of the link that the page was opened with. */
export const linkKey = (): string => secretOf('key');

/** The token of an application, with which the signaling lets somebody into rooms. */
export const roomToken = (): string => secretOf('token');

/**
 * A secret, taken out of the address bar into the tab's memory: an address bar is
 * photographed, shared and kept; a tab's memory is not.
 */
function secretOf(name: 'key' | 'token'): string {
  const secret = fragmentPairs(location.hash).find(([other]) => other === name)?.[1];
  if (secret === undefined) return stored(name);
  try {
    sessionStorage.setItem(`iceserver.${name}`, secret);
  } catch { /* storage is off: it lives as long as the page */ }
  const rest = location.hash.slice(1).split('&').filter((pair) => !pair.startsWith(`${name}=`)).join('&');
  history.replaceState(history.state, '', rest === '' ? location.pathname + location.search : `#${rest}`);
  return secret;
}

function stored(name: 'key' | 'token'): string {
  try {
    return sessionStorage.getItem(`iceserver.${name}`) ?? '';
  } catch {
    return '';
  }
}

const authorized = (key: string): Record<string, string> => (key === '' ? {} : { Authorization: `Bearer ${key}` });

/**
 * Asks for credentials of this server, good for so many seconds if the link
 * allows that; never throws, since the pages work without.
 */
export async function fetchCredentials(key: string, label: string, ttl?: number): Promise<Credentials> {
  try {
    const response = await fetch('/api/v1/credentials', {
      method: 'POST', cache: 'no-store',
      headers: { 'Content-Type': 'application/json', ...authorized(key) },
      body: JSON.stringify({ label, ttl }), // one that is undefined is left out
    });
    // Without a key nothing was refused that anybody had asked for.
    if (response.status === 401 || response.status === 403) return { state: key === '' ? 'absent' : 'refused' };
    if (response.status === 429) return { state: 'throttled' };
    if (!response.ok) return { state: 'absent' };
    const body = await response.json() as { iceServers?: unknown; ttl?: unknown };
    if (!Array.isArray(body.iceServers)) return { state: 'absent' };
    return { state: 'ok', iceServers: body.iceServers as RTCIceServer[], ttl: Number(body.ttl) || 0 };
  } catch {
    return { state: 'offline' };
  }
}

async function askStatus(): Promise<Status | 'throttled' | 'offline'> {
  try {
    const response = await fetch('/api/v1/status', { cache: 'no-store' });
    if (response.status === 429) return 'throttled';
    return response.ok ? await response.json() as Status : 'offline';
  } catch {
    return 'offline';
  }
}

export async function fetchStatus(): Promise<Status | undefined> {
  const answer = await askStatus();
  return typeof answer === 'string' ? undefined : answer;
}

export interface Answer { status: Status | undefined; credentials: Credentials }

/**
 * How the server is, and credentials of it. Without a key it is asked for those
 * only where it gives some: a browser writes every refusal down as an error.
 */
export async function askServer(key: string, label: string, ttl?: number): Promise<Answer> {
  if (key !== '') {
    const [status, credentials] = await Promise.all([fetchStatus(), fetchCredentials(key, label, ttl)]);
    return { status, credentials };
  }
  const status = await askStatus();
  if (typeof status === 'string') return { status: undefined, credentials: { state: status } };
  return { status, credentials: status.anonymousCredentials ? await fetchCredentials('', label, ttl) : { state: 'absent' } };
}

/** What the server saw of this key's credentials, and its clock minus ours; nothing when it does not tell. */
export async function fetchAttempts(key: string): Promise<{ attempts: Attempt[]; skew: number } | undefined> {
  if (key === '') return undefined;
  try {
    const response = await fetch('/api/v1/attempts', { cache: 'no-store', headers: authorized(key) });
    if (!response.ok) return undefined;
    const body = await response.json() as { attempts?: Attempt[] };
    const date = Date.parse(response.headers.get('Date') ?? '');
    // The header has whole seconds; a smaller difference is no difference.
    const skew = Number.isNaN(date) || Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
    return { attempts: body.attempts ?? [], skew };
  } catch {
    return undefined;
  }
}

/** Addresses of STUN at this server, for those without a key. */
export function stunUrls(status: Status | undefined): string[] {
  if (status?.stunUrls) return status.stunUrls;
  const host = status?.host ?? location.hostname;
  return host === '' ? [] : [`stun:${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}`];
}
