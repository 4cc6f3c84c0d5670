// WCAG 2.2 AA: text has a contrast of 4.5 to what is behind it, in both schemes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./styles/tokens.css', import.meta.url), 'utf8');
const [light = '', dark = ''] = css.split('prefers-color-scheme: dark');

function colours(text: string): Map<string, string> {
  return new Map([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const PAIRS: [text: string, behind: string][] = [
  ...['ground', 'surface', 'raised', 'accent-soft', 'ok-soft', 'warn-soft', 'fail-soft'].map((behind): [string, string] => ['ink', behind]),
  ...['ground', 'surface', 'raised', 'accent-soft'].map((behind): [string, string] => ['soft', behind]),
  ['accent', 'surface'], ['accent', 'ground'], ['accent', 'raised'], ['accent-ink', 'accent'],
  ['ok', 'ok-soft'], ['warn', 'warn-soft'], ['fail', 'fail-soft'], ['fail', 'surface'], ['stage-ink', 'stage'],
];

describe.each([['light', colours(light)], ['dark', new Map([...colours(light), ...colours(dark)])]])('%s', (_, scheme) => {
  it.each(PAIRS)('%s on %s', (text, behind) => {
    expect(contrast(scheme.get(text) ?? '', scheme.get(behind) ?? '')).toBeGreaterThanOrEqual(4.5);
  });
});

it('sees too little', () => expect(contrast('#777777', '#888888')).toBeLessThan(4.5));
