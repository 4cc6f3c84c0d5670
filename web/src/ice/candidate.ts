// A candidate as the table shows it.
import { hostPort } from './address';

export interface Candidate {
  ms: number; // since the gathering started
  component: string;
  type: string;
  foundation: string;
  protocol: string;
  address: string;
  port: number;
  priority: number;
  url: string;
  relayProtocol: string;
  related: string;
  mid: string;
  mLineIndex: string;
  ufrag: string; // the username fragment
}

/** The parts of RTCIceCandidate that are read: some browsers leave some out. */
export type RawCandidate = { [K in
  'candidate' | 'component' | 'type' | 'foundation' | 'protocol' | 'address' | 'port' | 'priority' | 'relatedAddress' | 'relatedPort' | 'relayProtocol' | 'url'
  | 'sdpMid' | 'sdpMLineIndex' | 'usernameFragment'
]?: RTCIceCandidate[K & keyof RTCIceCandidate] | string | number | null };

/** RFC 8445 section 5.1.2.1: preference of the type, of the address, and 256 - component. */
export function priorityParts(priority: number): [type: number, local: number, component: number] {
  return [Math.floor(priority / 2 ** 24) & 0xff, (priority >>> 8) & 0xffff, priority & 0xff];
}

const word = (value: unknown): string => (typeof value === 'string' ? value : '');

const count = (value: unknown): string => (typeof value === 'number' ? String(value) : '');

/** What stands behind a name in a candidate's line. */
function extension(line: readonly string[], name: string): string {
  const at = line.indexOf(name);
  return at < 0 ? '' : (line[at + 1] ?? '');
}

/** A row from a candidate; what the browser does not offer as a property is read from its line. */
export function toCandidate(raw: RawCandidate, ms: number, eventUrl: string): Candidate {
  const line = word(raw.candidate).replace(/^candidate:/, '').split(' ');
  const number = (value: unknown, at: number): number => (typeof value === 'number' ? value : Number(line[at] ?? 0));
  const related = word(raw.relatedAddress);
  return {
    ms,
    component: word(raw.component) || (line[1] === '2' ? 'rtcp' : 'rtp'),
    type: word(raw.type) || (line[7] ?? ''),
    foundation: word(raw.foundation) || (line[0] ?? ''),
    protocol: word(raw.protocol) || (line[2] ?? '').toLowerCase(),
    address: word(raw.address) || (line[4] ?? ''),
    port: number(raw.port, 5),
    priority: number(raw.priority, 3),
    url: word(raw.url) || eventUrl,
    relayProtocol: word(raw.relayProtocol),
    related: related === '' ? '' : hostPort(related, raw.relatedPort ?? 0),
    mid: word(raw.sdpMid),
    mLineIndex: count(raw.sdpMLineIndex),
    ufrag: word(raw.usernameFragment) || extension(line, 'ufrag'),
  };
}
