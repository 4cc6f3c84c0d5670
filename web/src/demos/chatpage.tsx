// Text and files from browser to browser.
import '../styles/demos.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { showBytes } from '../ice/statistics';
import { Site, When } from '../ui/site';
import type { Person } from './call';
import { DemoHead, Notes, titleOf } from './callpage';
import { Badge, Lobby, nameOf, RelaySwitch, RoomLink, useWays } from './parts';
import { useRoom } from './room-hook';
import { FILE_LIMIT, Transfer, type FileHeader } from './transfer';

type Item = { key: string; at: Date; from?: string; mine?: boolean } & (
  | { kind: 'text'; text: string }
  | { kind: 'progress'; text: string; done: number; all: number }
  | { kind: 'file'; name: string; size: number; url: string }
  | { kind: 'event'; text: string });

const LONGEST = 4000; // characters of a message

/** The messages, and the files under way, with everybody in the room. */
function useChat(room: ReturnType<typeof useRoom>) {
  const [items, setItems] = useState<Item[]>([]);
  const transfers = useRef(new Map<string, Transfer>());
  const put = (item: Item) => setItems((all) => (all.some((i) => i.key === item.key) ? all.map((i) => (i.key === item.key ? item : i)) : [...all, item]));
  const person = useRef(room.people);
  person.current = room.people;
  const who = (id: string) => nameOf(person.current.find((p) => p.id === id) ?? { name: '' });
  const event = (text: string) => put({ kind: 'event', key: crypto.randomUUID(), at: new Date(), text });

  const onMessage = (from: Person, data: unknown) => {
    const text = (data as { text?: unknown } | null)?.text;
    if (typeof text === 'string') put({ kind: 'text', key: crypto.randomUUID(), at: new Date(), from: nameOf(from), text: text.slice(0, LONGEST) });
  };
  const onOpen = (id: string, pc: RTCPeerConnection) => {
    const keyOf = (h: FileHeader) => `${id} ${h.id}`;
    transfers.current.set(id, new Transfer(pc, {
      onProgress: (h, done) => put({ kind: 'progress', key: keyOf(h), at: new Date(), from: who(id), done, all: h.size, text: t('chat.receiving', { name: h.name, done: showBytes(done), all: showBytes(h.size) }) }),
      onFile: (h, file) => put({ kind: 'file', key: keyOf(h), at: new Date(), from: who(id), name: h.name, size: h.size, url: URL.createObjectURL(file) }),
      onLost: (h) => put({ kind: 'event', key: keyOf(h), at: new Date(), text: t('chat.lost', { name: h.name }) }),
    }));
  };
  const sendText = (text: string) => {
    room.call?.send({ text });
    put({ kind: 'text', key: crypto.randomUUID(), at: new Date(), mine: true, text });
  };
  const sendFile = async (file: File) => {
    if (file.size > FILE_LIMIT) { event(t('chat.tooBig', { name: file.name, limit: showBytes(FILE_LIMIT) })); return; }
    const key = crypto.randomUUID();
    const told = { key, at: new Date(), mine: true };
    const to = room.people.flatMap((p) => transfers.current.get(p.id) ?? []);
    const sent = await Promise.all(to.map((transfer) => transfer.send(file, (done) =>
      put({ ...told, kind: 'progress', done, all: file.size, text: t('chat.sending', { name: file.name, done: showBytes(done), all: showBytes(file.size) }) }))));
    put({ ...told, kind: 'event', text: sent.includes(true) ? t('chat.sentFile', { name: file.name, size: showBytes(file.size) }) : t('chat.lost', { name: file.name }) });
  };
  useEffect(() => { if (room.notice !== '') event(room.notice); }, [room.notice]);
  return { items, onMessage, onOpen, sendText, sendFile };
}

function Message({ item }: { item: Item }) {
  if (item.kind === 'event') return <li class="event">{item.text}</li>;
  return (
    <li class={item.mine ? 'mine' : ''}>
      <span class="from"><span>{item.mine ? t('demo.you') : item.from}</span><When at={item.at} /></span>
      {item.kind === 'text' && <span>{item.text}</span>}
      {item.kind === 'progress' && <><span>{item.text}</span><progress max={item.all} value={item.done} aria-label={item.text} /></>}
      {item.kind === 'file' && <a href={item.url} download={item.name}>{t('chat.save', { name: item.name, size: showBytes(item.size) })}</a>}
    </li>
  );
}

function Writing({ disabled, onText, onFile }: { disabled: boolean; onText: (text: string) => void; onFile: (file: File) => void }) {
  const [text, setText] = useState('');
  const picker = useRef<HTMLInputElement>(null);
  const send = (e: Event) => {
    e.preventDefault();
    if (text.trim() === '') return;
    onText(text.slice(0, LONGEST));
    setText('');
  };
  const picked = (input: HTMLInputElement) => {
    for (const file of input.files ?? []) onFile(file);
    input.value = '';
  };
  return (
    <form class="write" onSubmit={send}>
      <input type="text" value={text} disabled={disabled} maxLength={LONGEST} autocomplete="off" placeholder={t('chat.placeholder')} aria-label={t('chat.placeholder')}
        onInput={(e) => setText(e.currentTarget.value)} />
      <button type="submit" disabled={disabled}>{t('chat.send')}</button>
      <button type="button" disabled={disabled} onClick={() => picker.current?.click()}>{t('chat.file')}</button>
      <input ref={picker} type="file" multiple hidden aria-label={t('chat.file')} onChange={(e) => picked(e.currentTarget)} />
    </form>
  );
}

export function ChatPage() {
  const room = useRoom('chat');
  const chat = useChat(room);
  const ways = useWays(room.call);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => { end.current?.scrollTo(0, end.current.scrollHeight); }, [chat.items]);
  const possible = room.servers.state === 'ready' && room.servers.credentials === 'ok';
  const relay = <RelaySwitch on={room.relayOnly} possible={possible} onChange={room.changeWay} />;
  const join = () => room.begin({ onMessage: chat.onMessage, onOpen: chat.onOpen });
  return (
    <Site title={titleOf('chat')} here="/demos/">
      <DemoHead kind="chat" />
      <Notes room={room} />
      {room.phase === 'lobby'
        ? <Lobby room={room.room} name={room.name} busy={room.servers.state !== 'ready'} onRoom={room.setRoom} onName={room.setName} actions={[{ label: t('demo.join'), main: true, act: join }]}>{relay}</Lobby>
        : (
          <>
            <RoomLink room={room.room} linkKey={room.key} />
            <section class="panel" aria-label={t('chat.log')}>
              <ul class="peers">{room.people.map((p) => <li key={p.id}><strong>{nameOf(p)}</strong><Badge ways={ways} person={p} relayOnly={room.relayOnly} /></li>)}</ul>
              {room.people.length === 0 && <p class="soft">{room.phase === 'joining' ? t('demo.joining') : t('demo.alone')}</p>}
              <div class="messages" ref={end} tabIndex={0} role="log" aria-label={t('chat.log')}>
                {chat.items.length === 0 && <p class="soft">{t('chat.empty')}</p>}
                <ol>{chat.items.map((item) => <Message key={item.key} item={item} />)}</ol>
              </div>
              <Writing disabled={room.people.length === 0} onText={chat.sendText} onFile={(file) => void chat.sendFile(file)} />
            </section>
            <div class="controls">
              {relay}
              <span class="small soft grow">{t('demo.people', { n: room.people.length + 1 })}</span>
              <button type="button" class="danger" onClick={room.leave}>{t('demo.leave')}</button>
            </div>
          </>
        )}
    </Site>
  );
}
