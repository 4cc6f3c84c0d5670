// @vitest-environment node
// The two files of strings have to say the same things, and nothing visible may
// bypass them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { fill, firstLanguage, languages, relative, type StringKey } from '.';
import { en } from './en';
import { zh } from './zh-CN';

const root = new URL('..', import.meta.url).pathname;

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    if (e.isDirectory()) return sources(path);
    return /\.tsx?$/.test(e.name) && !e.name.includes('.test.') ? [path] : [];
  });
}

const parse = (name: string, text: string) => ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TSX);
const walk = (node: ts.Node, visit: (node: ts.Node) => void): void => { visit(node); node.forEachChild((child) => walk(child, visit)); };
const LETTER = /\p{L}/u;
const SPOKEN = new Set(['title', 'alt', 'placeholder', 'label', 'aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'content']);
// Names of languages are written in themselves, whatever the page speaks.
const NAMES = new Set(['中文', 'EN']);

/** Text between tags, and attributes that are read out, when they have letters. */
function bypasses(name: string, text: string): string[] {
  const found: string[] = [];
  const complain = (node: ts.Node, what: string) => {
    if (LETTER.test(what) && !NAMES.has(what.trim()) && !(what in en)) found.push(`${name}:${node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what.trim()}`);
  };
  walk(parse(name, text), (node) => {
    if (ts.isJsxText(node)) complain(node, node.text);
    if (ts.isJsxExpression(node) && node.expression && ts.isStringLiteralLike(node.expression) && !ts.isJsxAttribute(node.parent)) complain(node, node.expression.text);
    if (ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText())) {
      const value = node.initializer && ts.isJsxExpression(node.initializer) ? node.initializer.expression : node.initializer;
      if (value && ts.isStringLiteralLike(value)) complain(node, value.text);
    }
    // Characters of Chinese have no business outside of their file.
    if (ts.isStringLiteralLike(node) && /\p{Script=Han}/u.test(node.text)) complain(node, node.text);
  });
  return found;
}

describe('strings', () => {
  it('have the same keys in both languages', () => expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort()));
  it('have the same places to fill in', () => {
    const places = (s: string) => [...new Set(s.match(/\{\w+\}/g) ?? [])].sort();
    for (const key of Object.keys(en) as StringKey[]) expect(places(zh[key]), key).toEqual(places(en[key]));
  });
  it('are none of them empty', () => {
    for (const strings of Object.values(languages)) for (const [key, s] of Object.entries(strings)) expect(s.trim(), key).not.toBe('');
  });
  it('have the punctuation of Chinese beside Chinese', () => {
    for (const [key, s] of Object.entries(zh)) expect(s, key).not.toMatch(/\p{Script=Han}[,;?(]|[,;)]\p{Script=Han}/u);
  });
  it('are all used', () => {
    const code = [...sources(root).filter((f) => !f.includes('/i18n/')), join(root, '../shell.ts')].map((f) => readFileSync(f, 'utf8')).join('\n');
    // Keys that are put together in the code, by their beginning.
    const built = [...code.matchAll(/`([a-zA-Z]+\.)\$\{/g)].map((m) => m[1] ?? '');
    const unused = Object.keys(en).filter((key) => !code.includes(`'${key}'`) && !built.some((b) => b !== 'test.' && key.startsWith(b)));
    // "test.throughputHint" and its like are made of the name of a setting.
    expect(unused.filter((key) => !/^test\.(throughput|microphone|keepPasswords)(Hint)?$/.test(key))).toEqual([]);
  });
});

describe('nothing bypasses the strings', () => {
  it.each(sources(root).filter((f) => !f.endsWith('i18n/en.ts') && !f.endsWith('i18n/zh-CN.ts')))('%s', (file) => {
    expect(bypasses(file, readFileSync(file, 'utf8'))).toEqual([]);
  });
  it.each([
    '<p>Hello</p>', '<p>{"Hello"}</p>', '<img alt="A cat" />', '<b title={`Hello`}>1</b>', 'const x = "你好";',
  ])('sees %s', (bad) => expect(bypasses('x.tsx', bad)).toHaveLength(1));
  it.each(['<p>{t("a")} · 3</p>', '<p class="soft" title={t("a")}>–</p>', '<button>中文</button>'])('lets %s pass', (good) => expect(bypasses('x.tsx', good)).toEqual([]));
});

it('fills in, and leaves what it does not know to be seen', () => expect(fill('{a} and {b}', { a: 1 })).toBe('1 and {b}'));

it.each([
  [null, ['zh-TW', 'en'], 'zh-CN'], [null, ['de', 'zh'], 'zh-CN'], [null, ['de-AT'], 'en'], [null, ['de', 'en-GB', 'zh'], 'en'], [null, [], 'en'],
  ['en', ['zh'], 'en'], ['zh-CN', ['en'], 'zh-CN'], ['xx', ['zh-Hans'], 'zh-CN'],
] as const)('with %s stored and %j preferred it is %s', (stored, preferred, want) => expect(firstLanguage(stored, preferred)).toBe(want));

it('tells times as people do', () => {
  const now = new Date(1e12);
  expect([5, 300, -7200, 86400 * 3].map((s) => relative(new Date(1e12 + s * 1000), now))).toEqual(['in 5 seconds', 'in 5 minutes', '2 hours ago', 'in 3 days']);
});
