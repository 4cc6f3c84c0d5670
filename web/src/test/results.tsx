// The results: the verdict first, the figures under it, the raw rows one click away.
import { t } from '../i18n';
import { explainError, type IceError } from '../ice/errors';
import { hostPort } from '../ice/address';
import { priorityParts, type Candidate } from '../ice/candidate';
import { gatheredIn, type Row, type Stage } from '../ice/row';
import { showMs, showRate, showShare } from '../ice/statistics';
import { isProblem, parseIceUrl, shortName } from '../ice/url';
import { ofType, place, verdictOf, type Message } from '../ice/verdict';
import type { Attempt } from '../api';
import { Copy, LevelBadge, Sentence, When } from '../ui/site';
import { Table, type Column } from './table';

export const say = (m: Message): string => t(m.key, m.params);

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;

export function Candidates({ all, caption }: { all: readonly Candidate[]; caption: string }) {
  if (all.length === 0) return <p class="small soft">{t('detail.noCandidates')}</p>;
  const columns: Column<Candidate>[] = [
    { label: t('col.time'), cell: (c) => seconds(c.ms), by: (c) => c.ms },
    { label: t('col.component'), cell: (c) => c.component },
    { label: t('col.type'), cell: (c) => c.type },
    { label: t('col.foundation'), cell: (c) => c.foundation, look: 'mono' },
    { label: t('col.protocol'), cell: (c) => c.protocol },
    { label: t('col.address'), cell: (c) => c.address, look: 'mono' },
    { label: t('col.port'), cell: (c) => String(c.port), by: (c) => c.port, look: 'mono' },
    { label: t('col.priority'), cell: (c) => priorityParts(c.priority).join(' | '), by: (c) => c.priority, look: 'mono', hint: t('col.priorityHint') },
    { label: t('col.mid'), cell: (c) => c.mid, look: 'mono' },
    { label: t('col.mLineIndex'), cell: (c) => c.mLineIndex, look: 'mono' },
    { label: t('col.ufrag'), cell: (c) => c.ufrag, look: 'mono' },
    { label: t('col.related'), cell: (c) => c.related, look: 'mono' },
    { label: t('col.relayProtocol'), cell: (c) => c.relayProtocol },
    { label: t('col.url'), cell: (c) => c.url, look: 'mono' },
  ];
  return <Table columns={columns} items={all} caption={caption} />;
}

function Errors({ all, caption }: { all: readonly IceError[]; caption: string }) {
  const columns: Column<IceError>[] = [
    { label: t('col.time'), cell: (e) => seconds(e.ms), by: (e) => e.ms },
    { label: t('col.code'), cell: (e) => `${e.code} ${e.text}` },
    { label: t('col.meaning'), cell: (e) => t(explainError(e)), look: 'wide' },
    { label: t('col.url'), cell: (e) => e.url, look: 'mono' },
    { label: t('col.address'), cell: (e) => e.address, look: 'mono' },
  ];
  return <Table columns={columns} items={all} caption={caption} />;
}

function Seen({ all, caption }: { all: readonly Attempt[]; caption: string }) {
  const columns: Column<Attempt>[] = [
    { label: t('col.time'), cell: (a) => <When at={new Date(a.time)} />, by: (a) => Date.parse(a.time) },
    { label: t('col.method'), cell: (a) => a.method },
    { label: t('col.answer'), cell: (a) => (a.code === 0 ? t('level.ok') : String(a.code)), by: (a) => a.code },
    { label: t('col.cause'), cell: (a) => a.cause },
    { label: t('col.rule'), cell: (a) => a.rule },
    { label: t('col.peer'), cell: (a) => a.peer, look: 'mono' },
    { label: t('col.user'), cell: (a) => a.username, look: 'mono' },
  ];
  return <Table columns={columns} items={all} caption={caption} />;
}

function isStage(text: string): text is Stage {
  return ['waiting', 'gathering', 'probing', 'connecting', 'pinging', 'sending', 'done'].includes(text);
}

interface Happening { ms: number; text: string }

/** Everything that happened, in the order of its time. */
function timeline(row: Row): Happening[] {
  const found = (row.gathering?.candidates ?? []).map((c) => ({ ms: c.ms, text: `${c.type} ${hostPort(c.address, c.port)}` }));
  const failed = (row.gathering?.errors ?? []).map((e) => ({ ms: e.ms, text: `${e.code} ${e.text}` }));
  const stages = row.timeline.map((e) => ({ ms: e.ms, text: isStage(e.text) ? t(`stage.${e.text}`) : e.text }));
  return [...stages, ...found, ...failed].sort((a, b) => a.ms - b.ms);
}

function Events({ all, caption }: { all: readonly Happening[]; caption: string }) {
  const columns: Column<Happening>[] = [{ label: t('col.time'), cell: (e) => seconds(e.ms), by: (e) => e.ms }, { label: t('col.event'), cell: (e) => e.text, look: 'wide' }];
  return <Table columns={columns} items={all} caption={caption} />;
}

function Figures({ row }: { row: Row }) {
  const gathered = gatheredIn(row);
  const { quality: q, up, down } = row.relay ?? {};
  const all: [string, string, string?][] = [];
  if (gathered !== undefined) all.push([t('figure.gathered'), showMs(gathered)]);
  if (q) all.push([t('figure.rtt'), showMs(q.rtt), t('figure.rttHint')], [t('figure.jitter'), showMs(q.jitter)], [t('figure.loss'), showShare(q.loss)]);
  if (up !== undefined) all.push([t('figure.up'), showRate(up), t('figure.throughput')]);
  if (down !== undefined) all.push([t('figure.down'), showRate(down), t('figure.throughput')]);
  if (all.length === 0) return null;
  return <dl class="figures">{all.map(([name, value, hint]) => <div key={name} title={hint}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Details({ title, children, open }: { title: string; children: preact.ComponentChildren; open?: boolean }) {
  return <details open={open}><summary>{title}</summary>{children}</details>;
}

/** What a person wants elsewhere: the URL, and where the relay is. */
function Copies({ row }: { row: Row }) {
  const [relayed] = ofType(row.gathering, 'relay');
  return (
    <div class="row">
      <Copy text={row.url} label={t('detail.copyUrl')} what={row.url} />
      {relayed && <Copy text={place(relayed)} label={t('detail.copyRelay')} what={place(relayed)} />}
    </div>
  );
}

function SeenByServer({ row, seesServer, caption }: { row: Row; seesServer: boolean; caption: string }) {
  if (row.seen && row.seen.length > 0) return <Seen all={row.seen} caption={caption} />;
  const why = !seesServer ? 'detail.seenNoKey' : row.seen ? 'detail.noSeen' : 'detail.seenNotTold';
  return <p class="small soft">{t(why)}</p>;
}

function Body({ row, seesServer }: { row: Row; seesServer: boolean }) {
  const verdict = verdictOf(row);
  const candidates = row.gathering?.candidates ?? [];
  const errors = row.gathering?.errors ?? [];
  const events = timeline(row);
  const titles = {
    candidates: t('detail.candidates', { n: candidates.length }), errors: t('detail.errors', { n: errors.length }),
    events: t('detail.events', { n: events.length }), seen: t('detail.seen', { n: row.seen?.length ?? 0 }),
  };
  return (
    <div class="body">
      {row.stage === 'done' && verdict.notes.map((note) => <p key={note.key} class="small soft"><Sentence of={note} /></p>)}
      {row.relay?.path && <p class="small path"><span class="soft">{t('figure.path')}</span> <code>{row.relay.path}</code></p>}
      <Copies row={row} />
      <Details title={titles.candidates}><Candidates all={candidates} caption={titles.candidates} /></Details>
      {errors.length > 0 && <Details title={titles.errors} open><Errors all={errors} caption={titles.errors} /></Details>}
      <Details title={titles.events}><Events all={events} caption={titles.events} /></Details>
      <Details title={titles.seen}><SeenByServer row={row} seesServer={seesServer} caption={titles.seen} /></Details>
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
            <span aria-live="polite">{done ? <Sentence of={verdict.message} /> : t(`stage.${row.stage}`)}</span>
            <span class="mono url">{row.url}</span>
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
