// What the browser says when a server refuses or does not answer, and what it means.
import type { StringKey } from '../i18n/en';

export interface IceError {
  ms: number;
  code: number;
  text: string;
  url: string;
  address: string; // the local one that asked; browsers hide digits of it
}

/** A cause that a person can act on. */
export type ErrorCause =
  | 'password' | 'forbidden' | 'quota' | 'capacity' | 'stale' | 'redirect' | 'request' | 'server' | 'name' | 'refused' | 'silent';

const BY_CODE: Record<number, ErrorCause> = {
  300: 'redirect', 400: 'request', 401: 'password', 403: 'forbidden', 420: 'request', 437: 'request', 438: 'stale',
  440: 'request', 441: 'password', 442: 'request', 443: 'request', 486: 'quota', 500: 'server', 508: 'capacity',
};

/**
 * The cause of one error. 701 is the browser's own number for "could not ask at
 * all"; only its text tells a name that does not resolve from a port that is
 * closed, and for TCP and TLS not even that.
 */
export function causeOf(e: Pick<IceError, 'code' | 'text'>): ErrorCause {
  const known = BY_CODE[e.code];
  if (known) return known;
  if (/host lookup/i.test(e.text)) return 'name';
  return /failed to establish|refused|closed/i.test(e.text) ? 'refused' : 'silent';
}

/** The most telling of several: an answer of the server says more than a silence. */
const ORDER: ErrorCause[] = [
  'password', 'quota', 'capacity', 'forbidden', 'redirect', 'request', 'stale', 'server', 'name', 'refused', 'silent',
];

export function tellingError(errors: readonly IceError[]): { cause: ErrorCause; error: IceError } | undefined {
  const all = errors.map((error) => ({ cause: causeOf(error), error }));
  return all.sort((a, b) => ORDER.indexOf(a.cause) - ORDER.indexOf(b.cause))[0];
}

/** The sentence for an error in the list of events. */
export function explainError(e: Pick<IceError, 'code' | 'text'>): StringKey {
  return `error.${causeOf(e)}`;
}
