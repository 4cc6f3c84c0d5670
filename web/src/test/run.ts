// A run of the test: what is known so far, and when it began and ended.
import { useEffect, useRef, useState } from 'preact/hooks';
import { fetchAttempts } from '../api';
import type { StringKey } from '../i18n';
import { newRow, seenDuring, type Row } from '../ice/row';
import { renew, type Server } from '../ice/server';
import { runsOut, type Own } from './own';
import { askForMicrophone, runTests } from './runner';
import { loadResults, saveResults, type Progress, type Results, type Saved } from './storage';

/** Rows and progress, kept for this tab whenever one more row is done. */
function useResults() {
  const [{ rows, progress }, setResults] = useState<Results>(loadResults);
  const done = rows.filter((r) => r.stage === 'done').length;
  const told = rows.filter((r) => r.seen).length;
  useEffect(() => saveResults({ rows, progress }), [done, told, rows.length, progress]);
  const setRows = (change: (all: Row[]) => Row[]) => setResults((now) => ({ ...now, rows: change(now.rows) }));
  const setProgress = (next: Progress) => setResults((now) => ({ ...now, progress: next }));
  return { rows, progress, setRows, setProgress, clear: () => setResults({ rows: [] }) };
}

/** The certificate of this page's server, as the server itself describes it. */
const certificateOf = (own: Own) => (host: string): string | undefined =>
  own.status && [own.status.host, location.hostname].includes(host) ? own.status.tls.status : undefined;

export function useTestRun(own: Own, askOwn: () => Promise<Own>, settings: Saved, servers: readonly Server[]) {
  const { rows, progress, setRows, setProgress, clear } = useResults();
  const [hint, setHint] = useState<StringKey>();
  const stopper = useRef<AbortController>(undefined);
  const running = progress?.ended === 0;

  /** What is switched on; own credentials that end soon are asked for anew. */
  const current = async (): Promise<Server[]> => {
    const enabled = servers.filter((s) => s.enabled);
    return runsOut(own) && enabled.some((s) => s.own) ? renew(enabled, (await askOwn()).servers) : enabled;
  };
  const run = async () => {
    if (!servers.some((s) => s.enabled)) { setHint('test.nothingToRun'); return; }
    setHint(undefined);
    const enabled = await current();
    stopper.current = new AbortController();
    const { signal } = stopper.current;
    const began = Date.now();
    setProgress({ began, ended: 0, stopped: false });
    setRows(() => enabled.map((s) => newRow(s.id, s.url, s.username, s.credential)));
    if (settings.microphone) setHint(await askForMicrophone() ? 'test.microphoneGranted' : 'test.microphoneRefused');
    await runTests({
      servers: enabled, policy: settings.policy, pool: settings.pool, throughput: settings.throughput, signal, certificate: certificateOf(own),
      onRow: (row) => setRows((all) => all.map((r) => (r.id === row.id ? row : r))),
    });
    const seen = await fetchAttempts(own.key);
    setRows((all) => all.filter((r) => r.stage === 'done').map((r) => (seen ? { ...r, seen: seenDuring(seen.attempts, r, seen.skew) } : r)));
    setProgress({ began, ended: Date.now(), stopped: signal.aborted });
  };
  return { rows, clear, progress, running, hint, run, stop: () => stopper.current?.abort() };
}
