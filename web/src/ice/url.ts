// URLs of STUN and TURN servers: stun:host[:port], turn(s):host[:port][?transport=udp|tcp].
// They have no "//" and so no generic URL parser reads them.
import type { StringKey } from '../i18n/en';

export interface IceUrl {
  turn: boolean;
  secure: boolean;
  host: string; // an IPv6 address without its brackets
  port: number;
  transport: 'udp' | 'tcp';
}

/** Why a URL cannot be used, as the key of a sentence. */
export interface UrlProblem { problem: StringKey; params?: Record<string, string> }

const SHAPE = /^(stuns?|turns?):([^?]*)(?:\?(.*))?$/i;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\\@\s#]+))(?::(\d*))?$/i;

function transportOf(query: string | undefined, turn: boolean, secure: boolean): IceUrl['transport'] | UrlProblem {
  const usual = secure ? 'tcp' : 'udp';
  if (query === undefined) return usual;
  const m = /^transport=(.*)$/i.exec(query);
  const value = m?.[1]?.toLowerCase();
  if (value === undefined) return { problem: 'url.query', params: { query } };
  if (!turn) return { problem: 'url.stunQuery' };
  if (value === 'tls') return { problem: 'url.tlsTransport' };
  if (value !== 'udp' && value !== 'tcp') return { problem: 'url.transport', params: { value } };
  if (secure && value === 'udp') return { problem: 'url.dtls' };
  return value;
}

/** Mistakes that people make before the host's name begins. */
function shapeProblem(text: string, rest: string | undefined): UrlProblem | undefined {
  if (text === '') return { problem: 'url.empty' };
  if (rest === undefined) return { problem: /^[\w+.-]+:\/\//.test(text) ? 'url.web' : 'url.scheme' };
  if (rest.startsWith('//')) return { problem: 'url.slashes', params: { fixed: text.replace('//', '') } };
  // An IPv6 address without brackets has more than the one colon of a port.
  return rest.split(':').length > 2 && !rest.startsWith('[') ? { problem: 'url.brackets' } : undefined;
}

/** The port of a URL, or the usual one of its scheme; 0 is none. */
function portOf(digits: string | undefined, secure: boolean): number {
  if (digits === undefined) return secure ? 5349 : 3478;
  const port = Number(digits);
  return port <= 65535 ? port : 0;
}

/** Reads a URL, or says what is wrong with it. */
export function parseIceUrl(text: string): IceUrl | UrlProblem {
  const trimmed = text.trim();
  const [, scheme = '', rest, query] = SHAPE.exec(trimmed) ?? [];
  const wrong = shapeProblem(trimmed, rest);
  if (wrong) return wrong;
  const place = HOST.exec(rest ?? '');
  if (!place) return { problem: 'url.host' };
  const secure = /s$/i.test(scheme);
  const turn = /^turn/i.test(scheme);
  const port = portOf(place[3], secure);
  if (port === 0) return { problem: 'url.port' };
  const transport = transportOf(query, turn, secure);
  if (typeof transport === 'object') return transport;
  return { turn, secure, host: place[1] ?? place[2] ?? '', port, transport };
}

export const isProblem = (url: IceUrl | UrlProblem): url is UrlProblem => 'problem' in url;

/** The short name of the way a URL goes: "turn udp", "turns", "stun". */
export function shortName(url: IceUrl): string {
  if (!url.turn) return url.secure ? 'stuns' : 'stun';
  return url.secure ? 'turns' : `turn ${url.transport}`;
}

/** What a firewall has to let through, as people write it: "UDP 3478". */
export const doorName = (url: IceUrl): string => `${url.transport.toUpperCase()} ${url.port}`;

// Chromium speaks TURN to ports below 1024 only when they are one of these, and
// says nothing when it does not.
const LOW_PORTS = [53, 80, 443];

export const browserBlocks = (url: IceUrl): boolean => url.turn && url.port < 1024 && !LOW_PORTS.includes(url.port);

export const stunProbe = (url: IceUrl): string => `stun:${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`;

/** The same port without TLS, to learn whether it is the port or the certificate that refuses. */
export const plainProbe = (url: IceUrl): string => stunProbe(url).replace('stun:', 'turn:') + '?transport=tcp';
