// What all demos share: the room, the name, this server's credentials, and the
// stay in the room with its changes of way.
import { useEffect, useRef, useState } from 'preact/hooks';
import { askServer, linkKey, roomToken, stunUrls, type Credentials } from '../api';
import { t } from '../i18n';
import { Call, type CallOptions, type Person, type Problem } from './call';
import { randomRoom, roomOf, type Kind } from './room';

export type Servers = { state: 'loading' } | { state: 'ready'; iceServers: RTCIceServer[]; credentials: Credentials['state']; ttl: number; needsToken: boolean };

/**
 * In seconds. The relay looks at a credential again every few minutes, so a call
 * through it ends with the credential: a day is more than anybody talks.
 */
const CALL_TTL = 86_400;

async function askServers(key: string, kind: Kind): Promise<Servers> {
  const { credentials, status } = await askServer(key, `demo ${kind}`, CALL_TTL);
  const needsToken = status?.signalingAuth === 'token';
  if (credentials.state === 'ok') return { state: 'ready', iceServers: credentials.iceServers, credentials: 'ok', ttl: credentials.ttl, needsToken };
  // Without a key there is still STUN, so calls work where the networks let them.
  const urls = stunUrls(status);
  return { state: 'ready', iceServers: urls.length > 0 ? [{ urls }] : [], credentials: credentials.state, ttl: 0, needsToken };
}

const NAME = 'iceserver.name';

function remembered(): string {
  try {
    return localStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(NAME, name);
  } catch { /* then it is asked for again */ }
}

export type Phase = 'lobby' | 'joining' | 'in';
export type Extras = Pick<CallOptions, 'stream' | 'onMessage' | 'onOpen'>;

function sayProblem(p: Problem, token: string): string {
  if (p.kind === 'token') return t(token === '' ? 'demo.needsToken' : 'demo.badToken');
  if (p.kind === 'library') return t('demo.noLibrary');
  if (p.kind === 'full') return t('demo.full');
  return p.kind === 'taken' ? t('demo.taken') : t('demo.failed', { text: p.text });
}

export function useRoom(kind: Kind) {
  const [key] = useState(linkKey);
  const [token] = useState(roomToken);
  const [room, setRoom] = useState(() => roomOf(location.hash) || randomRoom());
  const [name, setName] = useState(remembered);
  const [servers, setServers] = useState<Servers>({ state: 'loading' });
  const [relayOnly, setRelayOnly] = useState(false);
  const [phase, setPhase] = useState<Phase>('lobby');
  const [people, setPeople] = useState<Person[]>([]);
  const [notice, setNotice] = useState('');
  const [problem, setProblem] = useState('');
  const [call, setCall] = useState<Call>();
  const current = useRef<{ call: Call; extras: Extras } | undefined>(undefined);

  useEffect(() => { void askServers(key, kind).then(setServers); }, [key, kind]);
  // Who comes later is met with credentials that are good then.
  useEffect(() => {
    if (servers.state !== 'ready' || servers.ttl === 0) return;
    const timer = setTimeout(() => {
      void askServers(key, kind).then((next) => {
        if (next.state !== 'ready' || next.credentials !== 'ok') { setServers({ ...servers }); return; }
        current.current?.call.renew(next.iceServers);
        setServers(next);
      });
    }, servers.ttl * 500); // half of their life, in milliseconds
    return () => clearTimeout(timer);
  }, [servers, key, kind]);
  useEffect(() => history.replaceState(history.state, '', `#room=${encodeURIComponent(room)}`), [room]);
  useEffect(() => remember(name), [name]);
  // A tab that is closed says goodbye, so that the others need not wait for a time-out.
  useEffect(() => {
    const bye = () => current.current?.call.end();
    addEventListener('pagehide', bye);
    return () => removeEventListener('pagehide', bye);
  }, []);

  const named = (who: string) => (who === '' ? t('demo.guest') : who);
  const begin = (extras: Extras, relay: boolean, onProblem?: (p: Problem) => boolean) => {
    if (servers.state !== 'ready') return;
    setProblem('');
    setPhase('joining');
    setPeople([]);
    const next = new Call({
      kind, room, name, token, relayOnly: relay, iceServers: servers.iceServers, ...extras,
      onJoined: () => { setPhase('in'); setNotice(''); },
      onPeople: setPeople,
      onCame: (who) => setNotice(t('demo.came', { name: named(who) })),
      onLeft: (who) => setNotice(t('demo.left', { name: named(who) })),
      onSignaling: (up) => setNotice(up ? '' : t('demo.signalingDown')),
      onProblem: (p) => {
        next.end();
        if (onProblem?.(p)) return;
        setProblem(sayProblem(p, token));
        leave();
      },
    });
    current.current = { call: next, extras };
    setCall(next);
    next.start();
  };
  const leave = () => {
    current.current?.call.end();
    current.current = undefined;
    setCall(undefined);
    setPeople([]);
    setPhase('lobby');
  };
  const changeWay = (relay: boolean) => {
    setRelayOnly(relay);
    const now = current.current;
    if (!now) return;
    now.call.end();
    begin(now.extras, relay);
    setNotice(t('demo.reconnecting'));
  };
  return {
    key, token, room, setRoom, name, setName, servers, relayOnly, changeWay, phase, people, notice, problem, setProblem, call,
    begin: (extras: Extras, onProblem?: (p: Problem) => boolean) => begin(extras, relayOnly, onProblem), leave,
  };
}
