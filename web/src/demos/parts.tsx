// Parts of the demos: the way into a room, tiles, and the line that proves the way.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { t } from '../i18n';
import { showBytes, showMs, showRate } from '../ice/statistics';
import { Copy } from '../ui/site';
import type { Call, Person } from './call';
import { cleanRoom, roomLink } from './room';
import { badgeOf, isRelayed, wayOf, type Way } from './way';

interface LobbyProps {
  room: string;
  name: string;
  busy: boolean;
  actions: { label: string; main?: boolean; act: () => void }[];
  onRoom: (room: string) => void;
  onName: (name: string) => void;
  children: ComponentChildren;
}

export function Lobby({ room, name, busy, actions, onRoom, onName, children }: LobbyProps) {
  const submit = (e: Event) => { e.preventDefault(); actions[0]?.act(); };
  return (
    <form class="panel lobby" onSubmit={submit}>
      <div class="row fields">
        <label class="field">{t('demo.room')}
          <input type="text" class="mono" required value={room} autocomplete="off" spellcheck={false} aria-describedby="room-hint"
            onChange={(e) => onRoom(cleanRoom(e.currentTarget.value))} />
        </label>
        <label class="field">{t('demo.name')}
          <input type="text" value={name} maxLength={40} autocomplete="nickname" onInput={(e) => onName(e.currentTarget.value)} />
        </label>
      </div>
      <p class="small soft" id="room-hint">{t('demo.roomHint')}</p>
      {children}
      <div class="row">
        {actions.map(({ label, main, act }, i) => (
          <button key={label} type={i === 0 ? 'submit' : 'button'} class={main ? 'main' : ''} disabled={busy || room === ''} onClick={i === 0 ? undefined : act}>{label}</button>
        ))}
        {busy && <span class="small soft" role="status">{t('demo.joining')}</span>}
      </div>
    </form>
  );
}

export function RoomLink({ room, linkKey }: { room: string; linkKey: string }) {
  const [withKey, setWithKey] = useState(true);
  const link = roomLink(location.href, room, withKey ? linkKey : '');
  return (
    <div class="row link">
      <span class="small">{t('demo.link')}</span>
      <code>{roomLink(location.href, room, '')}</code>
      <Copy text={link} what={t('demo.link')} />
      {linkKey !== '' && <label class="check"><input type="checkbox" checked={withKey} onChange={(e) => setWithKey(e.currentTarget.checked)} />{t('demo.linkKey')}</label>}
    </div>
  );
}

export function RelaySwitch({ on, possible, onChange }: { on: boolean; possible: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="check switch" title={t(possible ? 'demo.relayOnlyHint' : 'demo.relayNeedsKey')}>
      <input type="checkbox" role="switch" checked={on} disabled={!possible} aria-describedby="relay-hint" onChange={(e) => onChange(e.currentTarget.checked)} />
      {t('demo.relayOnly')}
      <span class={possible ? 'gone' : 'soft'} id="relay-hint">{t(possible ? 'demo.relayOnlyHint' : 'demo.relayNeedsKey')}</span>
    </label>
  );
}

export function Video({ stream, mine }: { stream: MediaStream | undefined; mine?: boolean }) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => { if (ref.current && ref.current.srcObject !== (stream ?? null)) ref.current.srcObject = stream ?? null; }, [stream]);
  return <video ref={ref} autoPlay playsInline muted={mine ?? false} class={mine ? 'mine' : ''} />;
}

const READ_EVERY_MS = 1000;
const PATIENCE_MS = 12_000; // ICE tries everything that it has in less

export interface Ways { ways: Map<string, Way>; lost: Set<string> }

type Stats = Parameters<typeof wayOf>[0][number];

/** The ways to everybody in a call, read once a second, and who has none after a while. */
export function useWays(call: Call | undefined): Ways {
  const [ways, setWays] = useState<Ways>({ ways: new Map(), lost: new Set() });
  useEffect(() => {
    if (!call) { setWays({ ways: new Map(), lost: new Set() }); return; }
    let before = new Map<string, Way>();
    const since = new Map<string, number>();
    const read = async () => {
      const next: Ways = { ways: new Map(), lost: new Set() };
      for (const id of call.ids()) {
        const pc = call.peerConnection(id);
        const stats = await pc?.getStats();
        const now = performance.now();
        const way = stats && pc?.connectionState !== 'failed' ? wayOf([...(stats as unknown as Map<string, Stats>).values()], now, before.get(id)) : undefined;
        if (way) { next.ways.set(id, way); since.delete(id); continue; }
        if (!since.has(id)) since.set(id, now);
        if (now - (since.get(id) ?? now) > PATIENCE_MS) next.lost.add(id);
      }
      before = next.ways;
      setWays(next);
    };
    const timer = setInterval(() => void read(), READ_EVERY_MS);
    return () => clearInterval(timer);
  }, [call]);
  return ways;
}

export const nameOf = (p: Pick<Person, 'name'>): string => (p.name === '' ? t('demo.guest') : p.name);

/** One line of proof, which opens to the candidate pair. */
export function Badge({ ways, person, relayOnly }: { ways: Ways; person: Person; relayOnly: boolean }) {
  const way = ways.ways.get(person.id);
  if (!way) return <span class="badge">{t(ways.lost.has(person.id) ? 'demo.badgeLost' : 'demo.badgeWait')}</span>;
  const end = (e: Way['local']) => `${e.type} ${e.protocol} ${e.address}`;
  const rows: [string, string][] = [
    [t('demo.local'), end(way.local)], [t('demo.remote'), end(way.remote)],
    [t('figure.rtt'), way.rtt === undefined ? '–' : showMs(way.rtt)], [t('figure.throughput'), way.bits === undefined ? '–' : showRate(way.bits)],
    [t('demo.received'), showBytes(way.received)], [t('demo.sent'), showBytes(way.sent)], [t('demo.frames'), String(way.frames)],
  ];
  return (
    <details class="badge">
      <summary aria-label={`${t('demo.badge', { name: nameOf(person) })}: ${badgeOf(way)}`}>{badgeOf(way)}</summary>
      {relayOnly && <p class="small">{t(isRelayed(way) ? 'demo.badgeProof' : 'demo.badgeNoProof')}</p>}
      <dl>{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="mono">{value}</dd></div>)}</dl>
    </details>
  );
}
