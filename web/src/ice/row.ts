// One line of the results: what is known of one URL so far.
import type { Attempt } from '../api';
import { isProblem, parseIceUrl } from './url';
import { ofType, type Observation } from './verdict';

export type Stage = 'waiting' | 'gathering' | 'probing' | 'connecting' | 'pinging' | 'sending' | 'done';

export interface TimelineEvent { ms: number; text: string }

export interface Row extends Observation {
  id: string;
  stage: Stage;
  started: number; // milliseconds since 1970, by this machine's clock
  ended: number;
  timeline: TimelineEvent[];
}

export function newRow(id: string, url: string, username: string, credential: string): Row {
  return { id, url, username, credential, stage: 'waiting', started: 0, ended: 0, timeline: [] };
}

/** When what was asked for came: the relay of a TURN server, the address that a STUN server sees; milliseconds. */
export function gatheredIn(row: Pick<Row, 'url' | 'gathering'>): number | undefined {
  const url = parseIceUrl(row.url);
  if (isProblem(url)) return undefined;
  return ofType(row.gathering, url.turn ? 'relay' : 'srflx')[0]?.ms;
}

/** Slack for the way of a request, in milliseconds. */
const SLACK = 300;

/**
 * The server's attempts that fall into a row's time. skew is the server's clock
 * minus this machine's.
 */
export function seenDuring(attempts: readonly Attempt[], row: Pick<Row, 'started' | 'ended' | 'username'>, skew: number): Attempt[] {
  const end = row.ended === 0 ? Infinity : row.ended;
  return attempts.filter((a) => {
    // The first request of every client has no name yet.
    if (row.username === '' || (a.username !== '' && a.username !== row.username)) return false;
    const at = Date.parse(a.time) - skew;
    return at >= row.started - SLACK && at <= end + SLACK;
  });
}
