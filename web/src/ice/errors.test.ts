import { expect, it } from 'vitest';
import { causeOf, explainError, tellingError } from './errors';

const error = (code: number, text = '') => ({ ms: 0, code, text, url: '', address: '' });

// The texts are those of Chromium.
it.each([
  [401, 'Unauthorized.', 'password'], [441, '', 'password'], [403, '', 'forbidden'], [486, '', 'quota'], [508, '', 'capacity'], [438, '', 'stale'], [300, '', 'redirect'], [400, '', 'request'], [500, '', 'server'],
  [701, 'TURN host lookup received error.', 'name'], [701, 'STUN host lookup received error.', 'name'],
  [701, 'Failed to establish connection', 'refused'], [701, 'TURN allocate request timed out.', 'silent'], [701, '', 'silent'], [600, 'x', 'silent'],
])('%d %s is %s', (code, text, cause) => expect(causeOf({ code, text })).toBe(cause));

it('prefers an answer to a silence', () => {
  expect(tellingError([error(701, 'timed out'), error(401)])?.cause).toBe('password');
  expect(tellingError([error(701, 'Failed to establish connection'), error(701, 'host lookup')])?.cause).toBe('name');
  expect(tellingError([])).toBeUndefined();
});

it('explains in a sentence', () => expect(explainError(error(486))).toBe('error.quota'));
