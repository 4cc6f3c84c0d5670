// The verdict on one URL: a sentence to act on, from what was gathered and measured.
import type { Attempt } from '../api';
import type { StringKey } from '../i18n/en';
import { addressKind, hostPort, isLocal, isUseless } from './address';
import type { Candidate } from './candidate';
import { tellingError, type ErrorCause, type IceError } from './errors';
import { expiryOf, problemOf } from './server';
import type { Quality } from './statistics';
import { browserBlocks, doorName, isProblem, parseIceUrl, type IceUrl } from './url';

export type Level = 'ok' | 'warn' | 'fail';

export interface Message { key: StringKey; params?: Record<string, string | number> }

export interface Verdict { level: Level; message: Message; notes: Message[] }

/** What the gathering for one URL brought. */
export interface Gathering {
  candidates: Candidate[];
  errors: IceError[];
  complete: boolean; // false: stopped after waiting waitedMs
  waitedMs: number;
  thrown?: string; // the browser did not even begin
}

/** Two peer connections of this page through the relay of one URL. */
export interface RelayResult {
  connected: boolean;
  failure?: 'connect' | 'data'; // always there when it did not connect
  path?: string; // the candidate pair in words
  quality?: Quality;
  up?: number; // bits per second, first to second
  down?: number;
}

/** Questions asked after a failure, to tell its causes apart. */
export interface Probes {
  resolves?: boolean; // the host's name has an address
  portOpen?: boolean; // something accepts TCP connections on the port
}

export interface Observation {
  url: string;
  username: string;
  credential: string;
  gathering?: Gathering;
  relay?: RelayResult;
  probes?: Probes;
  selfSigned?: boolean; // the server of this page said so of its own certificate
  expired?: boolean; // and this
  seen?: readonly Attempt[]; // the server's own view of the same time, if it tells
  pageHost?: string; // where this page came from, if the URL is one that its server gave
  stopped?: boolean;
  now?: number; // milliseconds since 1970
}

const LOSSY = 0.02;

function make(level: Level, key: StringKey, params?: Message['params'], notes: Message[] = []): Verdict {
  return { level, message: params ? { key, params } : { key }, notes };
}

/** The relayed and the mapped address of a gathering. */
export const ofType = (g: Gathering | undefined, type: string): Candidate[] => (g?.candidates ?? []).filter((c) => c.type === type);

export const place = (c: Candidate): string => hostPort(c.address, c.port);

export function verdictOf(o: Observation): Verdict {
  const wrong = problemOf(o);
  if (wrong) return make('fail', wrong.problem, wrong.params);
  const url = parseIceUrl(o.url);
  if (isProblem(url)) return make('fail', url.problem, url.params);
  if (o.gathering?.thrown !== undefined) return make('fail', 'verdict.thrown', { text: o.gathering.thrown });
  if (!o.gathering) return make('warn', 'verdict.stopped');
  return url.turn ? turnVerdict(url, o, o.gathering) : stunVerdict(url, o, o.gathering);
}

function stunVerdict(url: IceUrl, o: Observation, g: Gathering): Verdict {
  const [mapped] = ofType(g, 'srflx');
  if (mapped) return make('ok', 'verdict.stun', { address: place(mapped) });
  const failed = failure(url, o, g);
  if (failed) return failed;
  // No address of its own and no error: the answer was the address of the
  // machine itself, which browsers leave out as a duplicate.
  return make('ok', 'verdict.stunSame');
}

function turnVerdict(url: IceUrl, o: Observation, g: Gathering): Verdict {
  const [relayed] = ofType(g, 'relay');
  if (!relayed) return failure(url, o, g) ?? nothing(url);
  const notes: Message[] = g.errors.length > 0 ? [{ key: 'note.someErrors' }] : [];
  const address = place(relayed);
  if (!o.relay || o.stopped) return make('warn', 'verdict.notMeasured', { address }, notes);
  const bad = badRelay(url, relayed, o.relay);
  if (bad) return make(o.relay.failure ? 'fail' : 'warn', bad, { address, host: url.host }, notes);
  if (isLocal(addressKind(relayed.address))) notes.push({ key: 'note.localRelay', params: { address: relayed.address } });
  if (url.secure && o.selfSigned) return make('warn', 'verdict.selfSigned', undefined, notes);
  return measured(o.relay, address, notes);
}

/** What is wrong with the relayed address, or with what came through it. */
function badRelay(url: IceUrl, relayed: Candidate, relay: RelayResult): StringKey | undefined {
  const kind = addressKind(relayed.address);
  const localOnly = isLocal(kind) && serverKind(url) === 'public';
  if (isUseless(kind) && serverKind(url) === 'public') return 'verdict.relayUseless';
  if (relay.failure && kind === 'reserved') return 'verdict.relayUseless';
  if (localOnly) return relay.failure ? 'verdict.relayPrivateFails' : 'verdict.relayPrivate';
  // What a server relays to itself comes through whatever its address is.
  if (elsewhere(relayed.address, url.host)) return 'verdict.relayOther';
  return relay.failure ? 'verdict.noData' : undefined;
}

/** Two addresses of one family that differ, neither of a private network, where a server has many. */
function elsewhere(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => text.replace(/^\[|\]$/g, '').toLowerCase()) as [string, string];
  const global = [a, b].every((text) => ['public', 'reserved'].includes(addressKind(text)));
  return global && a.includes(':') === b.includes(':') && a !== b;
}

function measured(relay: RelayResult, address: string, notes: Message[]): Verdict {
  const loss = relay.quality?.loss ?? 0;
  if (loss > LOSSY) return make('warn', 'verdict.lossy', { loss: `${(loss * 100).toFixed(1)} %` }, notes);
  return make('ok', 'verdict.works', { address }, notes);
}

/** A name counts as public: nobody outside of a home names private machines. */
function serverKind(url: IceUrl): 'public' | 'local' {
  const kind = addressKind(url.host);
  return isLocal(kind) || kind === 'hidden' ? 'local' : 'public';
}

/** Everything was gathered, nothing was refused, and there is no relay. */
function nothing(url: IceUrl): Verdict {
  return browserBlocks(url) ? make('fail', 'verdict.blockedPort', { port: url.port }) : make('fail', 'verdict.nothing');
}

const PLAIN: Partial<Record<ErrorCause, StringKey>> = {
  forbidden: 'verdict.forbidden', quota: 'verdict.quota', capacity: 'verdict.capacity', redirect: 'verdict.redirect',
  request: 'verdict.request', stale: 'verdict.stale', server: 'verdict.server',
};

function failure(url: IceUrl, o: Observation, g: Gathering): Verdict | undefined {
  const telling = tellingError(g.errors);
  if (!telling && g.complete) return undefined;
  const code = telling?.error.code ?? 0;
  const params = { host: url.host, port: url.port, door: doorName(url), code, text: telling?.error.text ?? '' };
  const cause = telling?.cause ?? 'silent';
  const plain = PLAIN[cause];
  if (plain) return make('fail', plain, params);
  if (cause === 'password') return refusedPassword(o, params);
  if (cause === 'name' || o.probes?.resolves === false) return make('fail', 'verdict.name', params);
  return unreachable(url, o, g, cause, params);
}

function refusedPassword(o: Observation, params: Message['params']): Verdict {
  const ends = expiryOf(o.username);
  if (ends && ends.getTime() < (o.now ?? Date.now())) {
    return make('fail', 'verdict.expired', { ...params, when: ends.toISOString().slice(0, 16).replace('T', ' ') });
  }
  // The server's clock counts, not the one of this machine.
  if (o.seen?.some((a) => a.cause === 'expired-credential')) return make('fail', 'verdict.expiredSeen', params);
  return make('fail', ends ? 'verdict.passwordTimed' : 'verdict.password', params);
}

function unreachable(url: IceUrl, o: Observation, g: Gathering, cause: ErrorCause, params: Message['params']): Verdict {
  if (browserBlocks(url)) return make('fail', 'verdict.blockedPort', params);
  if (o.pageHost !== undefined && elsewhere(url.host, o.pageHost)) return make('fail', 'verdict.wrongAddress', { ...params, page: o.pageHost });
  if (url.transport === 'udp') return make('fail', 'verdict.udpSilent', { ...params, seconds: Math.round(g.waitedMs / 1000) });
  // A port that is known to be shut has no certificate to speak of.
  if (url.secure && (o.probes?.portOpen ?? (o.selfSigned || o.expired))) {
    if (o.expired) return make('fail', 'verdict.tlsExpired', params);
    return make('fail', o.selfSigned ? 'verdict.tlsSelfSigned' : 'verdict.tlsRefused', params);
  }
  if (cause === 'refused') return make('fail', url.secure ? 'verdict.tlsClosed' : 'verdict.tcpClosed', params);
  return make('fail', 'verdict.tcpSilent', { ...params, seconds: Math.round(g.waitedMs / 1000) });
}
