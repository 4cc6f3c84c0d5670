// The demos with pictures: conference, one to one, screen.
import '../styles/demos.css';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { LevelBadge, Note, Site } from '../ui/site';
import { cameraAndMicrophone, devicesAllowed, screenPicture, stopStream } from './media';
import { Badge, Lobby, nameOf, RelaySwitch, RoomLink, useWays, Video } from './parts';
import type { Kind } from './room';
import { useRoom, type Phase } from './room-hook';
import type { StringKey } from '../i18n';

const TITLES: Record<Kind, [StringKey, StringKey]> = {
  'conference': ['demos.conference', 'demos.conferenceText'],
  'one-to-one': ['demos.oneToOne', 'demos.oneToOneText'],
  'screen': ['demos.screen', 'demos.screenText'],
  'chat': ['demos.chat', 'demos.chatText'],
};

export function DemoHead({ kind }: { kind: Kind }) {
  const [title, text] = TITLES[kind];
  return <div class="head"><div><h1>{t(title)}</h1><p class="soft">{t(text)}</p></div></div>;
}

export const titleOf = (kind: Kind): StringKey => TITLES[kind][0];

type Room = ReturnType<typeof useRoom>;

export function Notes({ room }: { room: Room }) {
  const missing = room.servers.state === 'ready' && room.servers.credentials !== 'ok' ? room.servers.credentials : undefined;
  return (
    <>
      {missing && room.phase === 'lobby' && <Note level={missing === 'refused' ? 'warn' : undefined}>{t(missing === 'absent' || missing === 'refused' ? 'demo.relayNeedsKey' : `key.${missing}`)}</Note>}
      {room.servers.state === 'ready' && room.servers.needsToken && room.token === '' && room.problem === '' && room.phase === 'lobby' && <Note level="warn">{t('demo.needsToken')}</Note>}
      {room.problem !== '' && <p class="note fail" role="alert"><LevelBadge level="fail" /> {room.problem}</p>}
      <p class="gone" aria-live="polite">{room.notice}</p>
    </>
  );
}

function useTracks(stream: MediaStream | undefined) {
  const [muted, setMuted] = useState(false);
  const [dark, setDark] = useState(false);
  useEffect(() => { setMuted(false); setDark(false); }, [stream]);
  return {
    muted, dark,
    mute: () => { stream?.getAudioTracks().forEach((track) => { track.enabled = muted; }); setMuted(!muted); },
    darken: () => { stream?.getVideoTracks().forEach((track) => { track.enabled = dark; }); setDark(!dark); },
  };
}

function Controls({ stream, room, phase, onLeave }: { stream: MediaStream | undefined; room: Room; phase: Phase; onLeave: () => void }) {
  const { muted, dark, mute, darken } = useTracks(stream);
  const possible = room.servers.state === 'ready' && room.servers.credentials === 'ok';
  return (
    <div class="controls" role="group" aria-label={t('demo.room')}>
      {stream && stream.getAudioTracks().length > 0 && <button type="button" aria-pressed={muted} onClick={mute}>{t(muted ? 'demo.unmute' : 'demo.mute')}</button>}
      {stream && stream.getVideoTracks().length > 0 && <button type="button" aria-pressed={dark} onClick={darken}>{t(dark ? 'demo.cameraOn' : 'demo.cameraOff')}</button>}
      <RelaySwitch on={room.relayOnly} possible={possible} onChange={room.changeWay} />
      <span class="small soft grow">{phase === 'joining' ? t('demo.joining') : [t('demo.people', { n: room.people.length + 1 }), room.notice].filter((s) => s !== '').join(' · ')}</span>
      <button type="button" class="danger" onClick={onLeave}>{t('demo.leave')}</button>
    </div>
  );
}

function Tiles({ room, stream, kind }: { room: Room; stream: MediaStream | undefined; kind: Kind }) {
  const ways = useWays(room.call);
  const showing = kind === 'screen' && stream !== undefined;
  return (
    <div class={`tiles ${kind}-tiles n${Math.min(room.people.length + (stream ? 1 : 0), 9)}`}>
      {room.people.map((p) => (
        <figure key={p.id} class="tile">
          {!showing && <Video stream={p.stream} />}
          <figcaption><span>{nameOf(p)}</span><Badge ways={ways} person={p} relayOnly={room.relayOnly} /></figcaption>
        </figure>
      ))}
      {stream && (
        <figure class="tile">
          <Video stream={stream} mine />
          <figcaption><span>{t('demo.you')}</span></figcaption>
        </figure>
      )}
      {room.people.length === 0 && <p class="alone">{t(kind === 'screen' && !stream ? 'demo.aloneWatch' : 'demo.alone')}</p>}
    </div>
  );
}

const words = (e: unknown): string => (e instanceof Error ? e.message || e.name : String(e));

export function CallPage({ kind }: { kind: Kind }) {
  const room = useRoom(kind);
  const [stream, setStream] = useState<MediaStream>();
  const [asking, setAsking] = useState(false);
  const show = async () => {
    if (!devicesAllowed()) { room.setProblem(t('demo.insecure')); return; }
    setAsking(true);
    try {
      const got = await (kind === 'screen' ? screenPicture() : cameraAndMicrophone());
      // The browser's own button ends a shared screen; the call then ends as well.
      if (kind === 'screen') got.getVideoTracks()[0]?.addEventListener('ended', () => { stopStream(got); setStream(undefined); room.leave(); });
      setStream(got);
      room.begin({ stream: got }, (p) => {
        if (p.kind !== 'taken') { stopStream(got); setStream(undefined); return false; }
        stopStream(got);
        setStream(undefined);
        room.setProblem(t('demo.taken'));
        room.leave();
        return true;
      });
    } catch (e) {
      room.setProblem(t(kind === 'screen' ? 'demo.noScreen' : 'demo.noMedia', { text: words(e) }));
    } finally {
      setAsking(false);
    }
  };
  const leave = () => { stopStream(stream); setStream(undefined); room.leave(); };
  const ready = room.servers.state === 'ready';
  const actions = kind === 'screen'
    ? [{ label: t('demo.joinShow'), main: true, act: () => void show() }, { label: t('demo.joinWatch'), act: () => room.begin({}) }]
    : [{ label: t('demo.join'), main: true, act: () => void show() }];
  const possible = room.servers.state === 'ready' && room.servers.credentials === 'ok';
  return (
    <Site title={titleOf(kind)} here="/demos/">
      <DemoHead kind={kind} />
      <Notes room={room} />
      {room.phase === 'lobby'
        ? <Lobby room={room.room} name={room.name} busy={asking || !ready} actions={actions} onRoom={room.setRoom} onName={room.setName}>
            <RelaySwitch on={room.relayOnly} possible={possible} onChange={room.changeWay} />
          </Lobby>
        : <><RoomLink room={room.room} linkKey={room.key} /><Tiles room={room} stream={stream} kind={kind} /><Controls stream={stream} room={room} phase={room.phase} onLeave={leave} /></>}
    </Site>
  );
}
