// Which way the media goes, from the statistics of a peer connection.
import { hostPort } from '../ice/address';
import { rate, showMs, showRate } from '../ice/statistics';

export interface End { type: string; protocol: string; address: string }

export interface Way {
  local: End;
  remote: End;
  rtt: number | undefined; // milliseconds
  received: number; // bytes since the connection began
  sent: number;
  frames: number; // decoded
  bits: number | undefined; // per second, both ways, since the way before
  at: number; // milliseconds
}

type Report = Record<string, unknown> & { type: string; id: string };

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

/**
 * How a relayed candidate reached its relay, which no other side can know; else
 * what it speaks itself.
 */
function endOf(report: Report | undefined): End {
  if (!report) return { type: '', protocol: '', address: '' };
  return {
    type: text(report.candidateType),
    protocol: (text(report.relayProtocol) || text(report.protocol)).toUpperCase(),
    address: hostPort(text(report.address) || text(report.ip), number(report.port)),
  };
}

/** The pair in use: named by the transport, or in older browsers by itself. */
function chosenPair(all: readonly Report[]): Report | undefined {
  const id = all.find((r) => r.type === 'transport' && text(r.selectedCandidatePairId) !== '')?.selectedCandidatePairId;
  const pairs = all.filter((r) => r.type === 'candidate-pair');
  return pairs.find((r) => r.id === id) ?? pairs.find((r) => r.selected === true)
    ?? pairs.find((r) => r.state === 'succeeded' && r.nominated === true);
}

/** Reads the way; nothing while there is none. before is the last reading, for the bit rate. */
export function wayOf(all: readonly Report[], at: number, before?: Way): Way | undefined {
  const pair = chosenPair(all);
  if (!pair) return undefined;
  const find = (id: unknown) => all.find((r) => r.id === id);
  const received = number(pair.bytesReceived);
  const sent = number(pair.bytesSent);
  const fresh = before !== undefined && received >= before.received && sent >= before.sent;
  return {
    local: endOf(find(pair.localCandidateId)),
    remote: endOf(find(pair.remoteCandidateId)),
    rtt: typeof pair.currentRoundTripTime === 'number' ? pair.currentRoundTripTime * 1000 : undefined,
    received, sent,
    frames: all.filter((r) => r.type === 'inbound-rtp').reduce((sum, r) => sum + number(r.framesDecoded), 0),
    bits: fresh ? rate(received + sent - before.received - before.sent, at - before.at) : undefined,
    at,
  };
}

/** Our own end is what the switch is about: the other side chooses for itself. */
export const isRelayed = (way: Way): boolean => way.local.type === 'relay';

/** relay · UDP · 31 ms · 1.2 Mbit/s */
export function badgeOf(way: Way): string {
  // A relay at either end is what the media goes through.
  const end = way.local.type !== 'relay' && way.remote.type === 'relay' ? way.remote : way.local;
  const parts = [end.type, end.protocol];
  if (way.rtt !== undefined) parts.push(showMs(way.rtt));
  if (way.bits !== undefined) parts.push(showRate(way.bits));
  return parts.filter((p) => p !== '').join(' · ');
}
