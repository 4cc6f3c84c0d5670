// What the page remembers: settings for good, passwords for this tab unless the
// person asked to keep them, results for this tab.
import { clampPool, type Config } from '../ice/fragment';
import type { Row } from '../ice/row';
import type { ServerFields } from '../ice/server';

export interface Saved extends Config {
  keepPasswords: boolean;
  microphone: boolean;
}

const SETTINGS = 'iceserver.test';
const PASSWORDS = 'iceserver.test.passwords';
const RESULTS = 'iceserver.test.results';

/** Storage can be switched off; the page then forgets and works. */
function read(store: () => Storage, key: string): unknown {
  try {
    return JSON.parse(store().getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function write(store: () => Storage, key: string, value: unknown): void {
  try {
    store().setItem(key, JSON.stringify(value));
  } catch { /* nothing to do about it */ }
}

const lasting = () => localStorage;
const ofTab = () => sessionStorage;
/** Says that there was a password, which is all that a verdict asks. */
const HIDDEN = '*';
const place = (s: Pick<ServerFields, 'url' | 'username'>) => `${s.url}\n${s.username}`;

const asServer = (value: unknown): ServerFields[] => {
  const v = (value ?? {}) as Partial<ServerFields>;
  if (typeof v.url !== 'string') return [];
  return [{ url: v.url, username: v.username ?? '', credential: v.credential ?? '', enabled: v.enabled !== false, own: false }];
};

/** What was saved, or nothing; this server's own entries are asked for anew each time. */
export function load(): Saved | undefined {
  const saved = read(lasting, SETTINGS) as Partial<Saved> | null;
  if (!saved || !Array.isArray(saved.servers)) return undefined;
  const passwords = (read(ofTab, PASSWORDS) ?? {}) as Record<string, string>;
  return {
    servers: saved.servers.flatMap(asServer).map((s) => ({ ...s, credential: s.credential || (passwords[place(s)] ?? '') })),
    policy: saved.policy === 'relay' ? 'relay' : 'all',
    pool: clampPool(saved.pool),
    throughput: saved.throughput !== false,
    keepPasswords: saved.keepPasswords === true,
    microphone: saved.microphone === true,
  };
}

export function save(s: Saved): void {
  const lastingServers = s.servers.filter((server) => !server.own);
  const bare = lastingServers.map((server) => (s.keepPasswords ? server : { ...server, credential: '' }));
  write(lasting, SETTINGS, { ...s, servers: bare });
  write(ofTab, PASSWORDS, Object.fromEntries(lastingServers.map((server) => [place(server), server.credential])));
}

/** When a run began and ended, in milliseconds since 1970; 0: it goes on. */
export interface Progress { began: number; ended: number; stopped: boolean }

export interface Results { rows: Row[]; progress?: Progress | undefined }

export function saveResults({ rows, progress }: Results): void {
  const bare = rows.filter((row) => row.stage === 'done').map((row) => ({ ...row, credential: row.credential === '' ? '' : HIDDEN }));
  write(ofTab, RESULTS, { rows: bare, progress });
}

/** Results of before a reload. A row that was under way is none, and its run was stopped. */
export function loadResults(): Results {
  const saved = read(ofTab, RESULTS) as Partial<Results> | null;
  const rows = Array.isArray(saved?.rows) ? saved.rows : [];
  const before = rows.length > 0 ? saved?.progress : undefined;
  if (before?.ended !== 0) return { rows, progress: before };
  return { rows, progress: { ...before, ended: Math.max(...rows.map((row) => row.ended)), stopped: true } };
}

export function forget(): void {
  for (const [store, key] of [[lasting, SETTINGS], [ofTab, PASSWORDS], [ofTab, RESULTS]] as const) {
    try {
      store().removeItem(key);
    } catch { /* nothing is kept then */ }
  }
}
