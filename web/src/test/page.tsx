// The test page: what is tested, how, and what came out.
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, relative, t } from '../i18n';
import { decodeFragment, encodeFragment } from '../ice/fragment';
import { report } from '../ice/report';
import type { Row } from '../ice/row';
import { fillIn, withId, withoutSecrets, type Server } from '../ice/server';
import { showSeconds } from '../ice/statistics';
import { verdictOf, type Level } from '../ice/verdict';
import { Copy, Note, Site } from '../ui/site';
import { Options } from './options';
import { useOwn, type Own } from './own';
import { AllCandidates, Result, say } from './results';
import { useTestRun } from './run';
import { Servers } from './servers';
import { forget, load, save, type Progress, type Saved } from './storage';

const fresh: Saved = { servers: [], policy: 'all', pool: 0, throughput: true, keepPasswords: false, microphone: false };

/** Settings of a link win over remembered ones: somebody sent it to show just that. */
function firstSettings(): Saved {
  const remembered = load() ?? fresh;
  const sent = decodeFragment(location.hash);
  if (!sent) return remembered;
  const servers = sent.servers.length > 0 ? fillIn(sent.servers, remembered.servers) : remembered.servers;
  return { ...remembered, ...sent, servers };
}

function count(rows: readonly Row[]): Record<Level, number> {
  const all = { ok: 0, warn: 0, fail: 0 };
  for (const row of rows) if (row.stage === 'done') all[verdictOf(row).level]++;
  return all;
}

/** A clock that ticks while there is something to see; every is in milliseconds. */
function useTick(on: boolean, every: number): void {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => tick((n) => n + 1), every);
    return () => clearInterval(timer);
  }, [on, every]);
}

const TENTH_MS = 100;
const HALF_MINUTE_MS = 30_000;

function RunBar({ rows, progress, running, onRun, onStop }: { rows: Row[]; progress: Progress | undefined; running: boolean; onRun: () => void; onStop: () => void }) {
  useTick(running, TENTH_MS);
  const done = rows.filter((r) => r.stage === 'done').length;
  const elapsed = progress ? (progress.ended || Date.now()) - progress.began : 0;
  const time = showSeconds(elapsed);
  return (
    <div class="run">
      <div class="row">
        {running ? <button type="button" class="danger main-size" onClick={onStop}>{t('test.stop')}</button>
          : <button type="button" class="main" onClick={onRun}>{t('test.run')}</button>}
        {running && <span class="small">{t('test.progress', { done, all: rows.length, time })}</span>}
        {!running && progress && <strong class="small" role="status">{t(progress.stopped ? 'test.stoppedSummary' : 'test.summary', { ...count(rows), time })}</strong>}
      </div>
      {running && <progress max={rows.length} value={done} aria-label={t('test.results')} />}
    </div>
  );
}

function OwnNote({ own }: { own: Own }) {
  useTick(own.ends !== undefined, HALF_MINUTE_MS);
  if (own.loading) return <Note>{t('test.ownLoading')}</Note>;
  if (own.state !== 'ok') return <Note level={own.state === 'absent' ? undefined : 'warn'}>{t(`key.${own.state ?? 'absent'}`)}</Note>;
  if (!own.ends) return null;
  const over = own.ends.getTime() < Date.now();
  return <p class="small soft" title={own.ends.toLocaleString(language())}>{over ? t('test.ownEnded') : t('test.ownExpires', { when: relative(own.ends) })}</p>;
}

function showInAddressBar(fragment: string): void {
  history.replaceState(history.state, '', fragment === '' ? location.pathname + location.search : `#${fragment}`);
}

/** Nothing was changed: the plain address of the page says it all. */
const untouched = (settings: Saved, servers: readonly Server[], own: Own): boolean =>
  servers.every((s) => s.own && s.enabled) && servers.length === own.servers.length && encodeFragment({ ...settings, servers: [] }, false) === '';

/** What is set, kept in this browser and in the address bar as it changes. */
function useSettings(own: Own) {
  const [settings, setSettings] = useState<Saved>(firstSettings);
  const [servers, setServers] = useState<Server[]>(() => settings.servers.map(withId));
  const listed = useRef((decodeFragment(location.hash)?.servers.length ?? 0) > 0);
  useEffect(() => {
    if (own.loading) return;
    // A list that somebody sent is shown as it is; otherwise own entries come first.
    setServers((now) => (listed.current ? fillIn(now, own.servers) : [...own.servers, ...now.filter((s) => !s.own)]).map(withId));
  }, [own]);
  useEffect(() => {
    if (own.loading) return;
    save({ ...settings, servers });
    showInAddressBar(untouched(settings, servers, own) ? '' : encodeFragment({ ...settings, servers: servers.map(withoutSecrets) }, false));
  }, [settings, servers, own]);
  const reset = () => {
    forget();
    listed.current = false;
    setSettings(fresh);
    setServers([]);
  };
  return { settings, setSettings, servers, setServers, reset };
}

export function TestPage() {
  const [own, askOwn] = useOwn();
  const [passwords, setPasswords] = useState(false);
  const { settings, setSettings, servers, setServers, reset: resetSettings } = useSettings(own);
  const { rows, clear, progress, running, hint, run, stop } = useTestRun(own, askOwn, settings, servers);
  const reset = () => {
    resetSettings();
    clear();
    void askOwn();
  };
  const link = () => `${location.origin}${location.pathname}#${encodeFragment({ ...settings, servers: passwords ? servers : servers.map(withoutSecrets) }, passwords)}`;
  const text = () => report(rows, { say, browser: navigator.userAgent, page: location.href, when: new Date(), policy: settings.policy, pool: settings.pool });
  if (typeof RTCPeerConnection === 'undefined') return <Site title="test.title" here="/test"><h1>{t('test.title')}</h1><Note level="fail">{t('test.noWebrtc')}</Note></Site>;
  return (
    <Site title="test.title" here="/test">
      <div class="head">
        <div><h1>{t('test.title')}</h1><p class="soft">{t('test.intro')}</p></div>
        <div class="row">
          <label class="check" title={t('test.linkPasswordsHint')}>
            <input type="checkbox" checked={passwords} onChange={(e) => setPasswords(e.currentTarget.checked)} />{t('test.linkPasswords')}
          </label>
          <Copy text={link} label={t('test.copyLink')} />
          <Copy text={text} label={t('test.copyReport')} disabled={rows.length === 0} />
        </div>
      </div>
      <OwnNote own={own} />
      <Servers servers={servers} disabled={running} onChange={(all) => setServers(all.map(withId))} onReset={reset} />
      <Options settings={settings} disabled={running} onChange={(c) => setSettings({ ...settings, ...c })} />
      <RunBar rows={rows} progress={progress} running={running} onRun={() => void run()} onStop={stop} />
      {hint && <Note>{t(hint)}</Note>}
      <section class="stack" aria-labelledby="results">
        <h2 id="results">{t('test.results')}</h2>
        {rows.length === 0 ? <p class="soft">{t('test.noResults')}</p>
          : <ol class="results">{rows.map((row) => <Result key={row.id} row={row} seesServer={own.key !== ''} />)}</ol>}
      </section>
      <AllCandidates rows={rows} />
    </Site>
  );
}
