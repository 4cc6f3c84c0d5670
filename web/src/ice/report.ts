// The whole test as plain text, to paste into an issue or a message. It has no
// password and no key in it.
import { priorityParts } from './candidate';
import { showMs, showRate, showShare } from './statistics';
import { gatheredIn, type Row } from './row';
import { verdictOf, type Message, type Verdict } from './verdict';

export interface ReportContext {
  say: (message: Message) => string;
  browser: string;
  page: string;
  when: Date;
  policy: string;
  pool: number;
}

const WORD: Record<Verdict['level'], string> = { ok: 'OK', warn: 'WARN', fail: 'FAIL' };

/** Seconds as the Trickle ICE page has them, to the millisecond. */
const exact = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;

function figures(row: Row): string[] {
  const { quality: q, up, down, path } = row.relay ?? {};
  const parts: string[] = [];
  const gathered = gatheredIn(row);
  if (gathered !== undefined) parts.push(`gathered ${showMs(gathered)}`);
  if (q) parts.push(`RTT ${showMs(q.rtt)}`, `jitter ${showMs(q.jitter)}`, `loss ${showShare(q.loss)} (${q.received}/${q.sent})`);
  if (up !== undefined) parts.push(`up ${showRate(up)}`);
  if (down !== undefined) parts.push(`down ${showRate(down)}`);
  if (path !== undefined) parts.push(path);
  return parts.length > 0 ? [`  ${parts.join(', ')}`] : [];
}

function lines(row: Row, context: ReportContext): string[] {
  const verdict = verdictOf(row);
  const candidates = (row.gathering?.candidates ?? []).map((c) =>
    `    ${exact(c.ms)} ${c.type} ${c.protocol} ${c.address} ${c.port} ${priorityParts(c.priority).join('|')} ${c.foundation} ${c.relayProtocol}`.trimEnd());
  const errors = (row.gathering?.errors ?? []).map((e) => `    ${exact(e.ms)} error ${e.code} ${e.text} ${e.url}`.trimEnd());
  const seen = (row.seen ?? []).map((a) => `    ${a.time} ${a.method} ${a.code === 0 ? 'OK' : a.code} ${a.cause} ${a.rule} ${a.peer}`.trimEnd().replace(/ +/g, ' ').replace(/^ /, '    '));
  return [
    `${WORD[verdict.level]} ${row.url}${row.username === '' ? '' : ` user ${row.username}`}`,
    `  ${context.say(verdict.message)}`,
    ...verdict.notes.map((note) => `  ${context.say(note)}`),
    ...figures(row), ...candidates, ...errors,
    ...(seen.length > 0 ? ['  server:', ...seen] : []),
  ];
}

/** The report; the page is named without its fragment, which could hold a password. */
export function report(rows: readonly Row[], context: ReportContext): string {
  return [
    `ICE test ${context.when.toISOString()}`,
    context.page.replace(/[#?].*$/, ''),
    context.browser,
    `policy ${context.policy}, candidate pool ${context.pool}`,
    '',
    ...rows.flatMap((row) => [...lines(row, context), '']),
  ].join('\n');
}
