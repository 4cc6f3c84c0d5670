// One line of the results: what is known of one URL so far.
import type { Attempt } from '../api';
import type { Observation } from './verdict';

export type Stage = 'waiting' | 'gathering' | 'probing' | 'connecting' | 'pinging' | 'sending' | 'done';

export interface TimelineEvent { ms: number; text: string }

export interface Row extends Observation {
  id: string;
  stage: Stage;
  started: number; // milliseconds since 1970, by this machine's clock
  ended: number;
  timeline: TimelineEvent[];
  seen: Attempt[]; // the server's own view of the same time
}

export function newRow(id: string, url: string, username: string, credential: string): Row {
  return { id, url, username, credential, stage: 'waiting', started: 0, ended: 0, timeline: [], seen: [] };
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
