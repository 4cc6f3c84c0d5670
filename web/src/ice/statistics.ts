// Figures from a burst of numbered packets that came back.

export interface Quality {
  rtt: number; // median, milliseconds
  jitter: number; // mean difference of neighbours, milliseconds
  loss: number; // share of what was sent, 0 to 1
  sent: number;
  received: number;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2;
}

/** The quality of a path from the round trips by packet number; what is missing is lost. */
export function quality(sent: number, trips: ReadonlyMap<number, number>): Quality {
  const ordered = [...trips.entries()].sort(([a], [b]) => a - b).map(([, ms]) => ms);
  // The difference of two round trips is what RFC 3550 calls the difference in
  // transit, without its clock of the other side.
  const steps = ordered.slice(1).map((ms, i) => Math.abs(ms - (ordered[i] ?? ms)));
  return {
    rtt: median(ordered),
    jitter: steps.length === 0 ? 0 : steps.reduce((sum, step) => sum + step, 0) / steps.length,
    loss: sent === 0 ? 0 : 1 - trips.size / sent,
    sent,
    received: trips.size,
  };
}

/** Bits per second from bytes in a time; 0 when no time went by. */
export const rate = (bytes: number, ms: number): number => (ms > 0 ? (bytes * 8000) / ms : 0);

/** Significant digits as an instrument shows them: 0.84, 8.4, 84, 840. */
function digits(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(value < 20 ? 1 : 0);
  return value.toFixed(value < 1 ? 2 : 1);
}

export const showMs = (ms: number): string => `${digits(ms)} ms`;

export const showSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function showRate(bits: number): string {
  if (bits >= 1e9) return `${digits(bits / 1e9)} Gbit/s`;
  if (bits >= 1e6) return `${digits(bits / 1e6)} Mbit/s`;
  return `${digits(bits / 1e3)} kbit/s`;
}

/** A share as a percentage: whole when it is 0 or 100, with one place between. */
export function showShare(share: number): string {
  const percent = share * 100;
  return `${percent === 0 || percent === 100 ? percent : percent.toFixed(1)} %`;
}

export function showBytes(bytes: number): string {
  if (bytes >= 1e6) return `${digits(bytes / 1e6)} MB`;
  if (bytes >= 1e3) return `${digits(bytes / 1e3)} kB`;
  return `${bytes} B`;
}
