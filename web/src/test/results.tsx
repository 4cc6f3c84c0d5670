// The results: the verdict first, the figures under it, the raw rows one click away.
import { t } from '../i18n';
import { explainError, type IceError } from '../ice/errors';
import { hostPort } from '../ice/address';
import { priorityParts, type Candidate } from '../ice/candidate';
import type { Row, Stage } from '../ice/row';
import { showMs, showRate, showShare } from '../ice/statistics';
import { isProblem, parseIceUrl, shortName } from '../ice/url';
import { verdictOf, type Message } from '../ice/verdict';
import type { Attempt } from '../api';
import { Copy, LevelBadge, When } from '../ui/site';

export const say = (m: Message): string => t(m.key, m.params);

type Column<T> = [label: string, cell: (item: T) => string | preact.JSX.Element, mono?: boolean];

/** A table that becomes cards on a phone: every cell knows the name of its column. */
function Table<T>({ columns, items, caption }: { columns: Column<T>[]; items: readonly T[]; caption: string }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <thead><tr>{columns.map(([label]) => <th key={label} scope="col">{label}</th>)}</tr></thead>
        <tbody>
          {items.map((item, i) => (
            <tr key={i}>{columns.map(([label, cell, mono]) => <td key={label} data-label={label} class={mono ? 'mono' : undefined}>{cell(item)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;

export function Candidates({ all, caption }: { all: readonly Candidate[]; caption: string }) {
  if (all.length === 0) return <p class="small soft">{t('detail.noCandidates')}</p>;
  const columns: Column<Candidate>[] = [
    [t('col.time'), (c) => seconds(c.ms)],
    [t('col.component'), (c) => c.component],
    [t('col.type'), (c) => c.type],
    [t('col.foundation'), (c) => c.foundation, true],
    [t('col.protocol'), (c) => c.protocol],
    [t('col.address'), (c) => c.address, true],
    [t('col.port'), (c) => String(c.port), true],
    [t('col.priority'), (c) => <span title={t('col.priorityHint')}>{priorityParts(c.priority).join(' | ')}</span>, true],
    [t('col.related'), (c) => c.related, true],
    [t('col.relayProtocol'), (c) => c.relayProtocol],
    [t('col.url'), (c) => c.url, true],
  ];
  return <Table columns={columns} items={all} caption={caption} />;
}

function Errors({ all, caption }: { all: readonly IceError[]; caption: string }) {
  const columns: Column<IceError>[] = [
    [t('col.time'), (e) => seconds(e.ms)],
    [t('col.code'), (e) => `${e.code} ${e.text}`],
    [t('col.meaning'), (e) => t(explainError(e))],
    [t('col.url'), (e) => e.url, true],
    [t('col.address'), (e) => e.address, true],
  ];
  return <Table columns={columns} items={all} caption={caption} />;
}

function Seen({ all, caption }: { all: readonly Attempt[]; caption: string }) {
  const columns: Column<Attempt>[] = [
    [t('col.time'), (a) => <When at={new Date(a.time)} />],
    [t('col.method'), (a) => a.method],
    [t('col.answer'), (a) => String(a.code)],
    [t('col.cause'), (a) => a.cause],
    [t('col.rule'), (a) => a.rule],
    [t('col.peer'), (a) => a.peer, true],
    [t('col.user'), (a) => a.username, true],
  ];
  return <Table columns={columns} items={all} caption={caption} />;
}

function isStage(text: string): text is Stage {
  return ['waiting', 'gathering', 'probing', 'connecting', 'pinging', 'sending', 'done'].includes(text);
}

/** Everything that happened, in the order of its time. */
function timeline(row: Row): { ms: number; text: string }[] {
  const found = (row.gathering?.candidates ?? []).map((c) => ({ ms: c.ms, text: `${c.type} ${hostPort(c.address, c.port)}` }));
  const failed = (row.gathering?.errors ?? []).map((e) => ({ ms: e.ms, text: `${e.code} ${e.text}` }));
  const stages = row.timeline.map((e) => ({ ms: e.ms, text: isStage(e.text) ? t(`stage.${e.text}`) : e.text }));
  return [...stages, ...found, ...failed].sort((a, b) => a.ms - b.ms);
}

function Figures({ row }: { row: Row }) {
  const relayed = row.gathering?.candidates.find((c) => c.type === 'relay' || c.type === 'srflx');
  const { quality: q, up, down } = row.relay ?? {};
  const all: [string, string, string?][] = [];
  if (relayed) all.push([t('figure.gathered'), showMs(relayed.ms)]);
  if (q) all.push([t('figure.rtt'), showMs(q.rtt), t('figure.rttHint')], [t('figure.jitter'), showMs(q.jitter)], [t('figure.loss'), showShare(q.loss)]);
  if (up !== undefined) all.push([t('figure.up'), showRate(up), t('figure.throughput')]);
  if (down !== undefined) all.push([t('figure.down'), showRate(down), t('figure.throughput')]);
  if (all.length === 0) return null;
  return <dl class="figures">{all.map(([name, value, hint]) => <div key={name} title={hint}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Details({ title, children, open }: { title: string; children: preact.ComponentChildren; open?: boolean }) {
  return <details open={open}><summary>{title}</summary>{children}</details>;
}

function Body({ row, seesServer }: { row: Row; seesServer: boolean }) {
  const verdict = verdictOf(row);
  const candidates = row.gathering?.candidates ?? [];
  const errors = row.gathering?.errors ?? [];
  const events = timeline(row);
  const titles = {
    candidates: t('detail.candidates', { n: candidates.length }), errors: t('detail.errors', { n: errors.length }),
    events: t('detail.events', { n: events.length }), seen: t('detail.seen', { n: row.seen.length }),
  };
  return (
    <div class="body">
      <div class="row"><code>{row.url}</code><Copy text={row.url} what={row.url} /></div>
      {row.stage === 'done' && verdict.notes.map((note) => <p key={note.key} class="small soft">{say(note)}</p>)}
      {row.relay?.path && <p class="small"><span class="soft">{t('figure.path')}</span> <code>{row.relay.path}</code></p>}
      <Details title={titles.candidates}><Candidates all={candidates} caption={titles.candidates} /></Details>
      {errors.length > 0 && <Details title={titles.errors} open><Errors all={errors} caption={titles.errors} /></Details>}
      <Details title={titles.events}>
        <Table columns={[[t('col.time'), (e) => seconds(e.ms)], [t('col.event'), (e) => e.text]]} items={events} caption={titles.events} />
      </Details>
      <Details title={titles.seen}>
        {row.seen.length > 0 ? <Seen all={row.seen} caption={titles.seen} />
          : <p class="small soft">{t(seesServer ? 'detail.noSeen' : 'detail.seenNoKey')}</p>}
      </Details>
    </div>
  );
}

export function Result({ row, seesServer }: { row: Row; seesServer: boolean }) {
  const url = parseIceUrl(row.url);
  const done = row.stage === 'done';
  const verdict = verdictOf(row);
  return (
    <li class="result">
      <details>
        <summary>
          {done ? <LevelBadge level={verdict.level} /> : <span class="level wait">…</span>}
          <span class="way">{isProblem(url) ? '–' : shortName(url)}</span>
          <span class="said">
            <span aria-live="polite">{done ? say(verdict.message) : t(`stage.${row.stage}`)}</span>
            <span class="mono">{row.url}</span>
            <Figures row={row} />
          </span>
        </summary>
        <Body row={row} seesServer={seesServer} />
      </details>
    </li>
  );
}

export function AllCandidates({ rows }: { rows: readonly Row[] }) {
  const all = rows.flatMap((row) => (row.gathering?.candidates ?? []).map((c) => ({ ...c, url: c.url || row.url })));
  if (all.length === 0) return null;
  const title = t('detail.allCandidates', { n: all.length });
  return <section class="panel"><Details title={title}><Candidates all={all} caption={title} /></Details></section>;
}

