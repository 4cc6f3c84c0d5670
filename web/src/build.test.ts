// What the built pages weigh, and that nothing in them needs anybody else or
// breaks the policy of the server that sends them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages } from '../pages';
import { languages } from './i18n';

const HEAVIEST_TEST_PAGE = 60 * 1024; // gzipped, all files of the page
const web = new URL('..', import.meta.url).pathname;
let dist = '';

beforeAll(async () => {
  dist = mkdtempSync(join(tmpdir(), 'pages-'));
  await build({ root: web, configFile: join(web, 'vite.config.ts'), logLevel: 'silent', build: { outDir: dist, emptyOutDir: true } });
}, 60_000);
afterAll(() => { rmSync(dist, { recursive: true }); });

const read = (file: string) => readFileSync(join(dist, file), 'utf8');

/** A page and everything of ours that it loads, however deep. */
function filesOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = read(file);
  const named = [...text.matchAll(/["'(/]((?:\.\/|\/?assets\/)[\w.-]+\.(?:js|css)|\/(?:icon\.svg|favicon\.ico))["')]/g)].map((m) => m[1] ?? '');
  for (const name of named) filesOf(name.startsWith('./') ? `assets/${name.slice(2)}` : name.replace(/^\//, ''), seen);
  return seen;
}

const all = (): string[] => readdirSync(dist, { recursive: true }).map(String).filter((f) => /\.(html|js|css|svg)$/.test(f));

it.each(pages)('has $file, which says why it is empty without scripts', (page) => {
  const text = read(page.file);
  expect(text).toContain('<div id="app">');
  for (const strings of Object.values(languages)) expect(/<noscript>(.*)<\/noscript>/s.exec(text)?.[1]).toContain(strings['site.noScript']);
  // The library is a script of the page, so it is there before the page's own runs.
  expect(text.includes('src="/dist/RTCMultiConnection.min.js" defer')).toBe(page.call === true);
});

it('has icons for every browser', () => {
  const ico = readFileSync(join(dist, 'favicon.ico'));
  expect([ico.readUInt16LE(0), ico.readUInt16LE(2)]).toEqual([0, 1]);
  const sizes = Array.from({ length: ico.readUInt16LE(4) }, (_, i) => ico[6 + 16 * i]);
  expect(sizes).toEqual([16, 32, 48]);
});

it('keeps the test page small', () => {
  const files = [...filesOf('test.html')];
  const weight = files.reduce((sum, f) => sum + gzipSync(readFileSync(join(dist, f)), { level: 9 }).length, 0);
  console.log(`test page: ${files.length} files, ${(weight / 1024).toFixed(1)} KiB gzipped`);
  expect(files.length).toBeGreaterThan(4); // html, script, style, icons: otherwise they were not found
  expect(weight).toBeLessThanOrEqual(HEAVIEST_TEST_PAGE);
});

// H-10: the policy lets neither a script nor a style stand in a page.
describe('the policy is kept', () => {
  const broken = (html: string): boolean => /<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:/i.test(html);
  it('in every page', () => {
    for (const file of all().filter((f) => f.endsWith('.html'))) expect(broken(read(file)), file).toBe(false);
  });
  it('in every component', () => {
    const sources = readdirSync(join(web, 'src'), { recursive: true }).map(String).filter((f) => f.endsWith('.tsx'));
    for (const file of sources) expect(/\sstyle=|dangerouslySetInnerHTML|innerHTML/.test(readFileSync(join(web, 'src', file), 'utf8')), file).toBe(false);
  });
  it('and a break would be seen', () => {
    for (const bad of ['<script>x</script>', '<p style="a">', '<style>', '<b onclick="x">']) expect(broken(bad)).toBe(true);
  });
});

it('needs nobody else', () => {
  // Names of XML and of examples are no addresses that a browser would open.
  const known = /^https?:\/\/(www\.w3\.org|example\.org)\b/;
  for (const file of all()) {
    const outside = (read(file).match(/https?:\/\/[a-z0-9][a-z0-9.-]*/gi) ?? []).filter((u) => !known.test(u));
    expect(outside, file).toEqual([]);
  }
});

describe('styles', () => {
  const folder = join(web, 'src/styles');
  const components = readdirSync(folder).filter((f) => f !== 'tokens.css').map((f) => [f, readFileSync(join(folder, f), 'utf8')] as const);
  // Sizes of hidden things and of media queries are no part of the look.
  const stray = (css: string) => css.replace(/@media[^{]*\{/g, '').replace(/(width|height|margin): -?1px/g, '')
    .match(/#[0-9a-f]{3,8}\b(?=[^{]*[;}])|\brgba?\(|\bhsla?\(|[^-\w.]\d*\.?\d+(px|rem|em)\b|font-family/gi) ?? [];
  it.each(components)('%s has only tokens', (_, css) => expect(stray(css)).toEqual([]));
  it('and others would be seen', () => expect(stray('a { color: #fff; width: 3px; font-family: x }')).toHaveLength(3));
});

it('has a lock without the names of registries', () => {
  expect(readFileSync(join(web, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});
