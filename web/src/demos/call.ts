// One stay in one room. To change the way of the media means a new stay: peer
// connections keep the configuration that they were made with.
import { newConnection, setWay, type Connection, type PeerEvent } from './library';
import { serverRoom, type Kind } from './room';

export interface Person { id: string; name: string; stream?: MediaStream }

export type Problem = { kind: 'library' } | { kind: 'full' } | { kind: 'taken' } | { kind: 'token' } | { kind: 'failed'; text: string };

export interface CallEvents {
  onJoined: () => void;
  onPeople: (people: Person[]) => void;
  onCame: (name: string) => void;
  onLeft: (name: string) => void;
  onProblem: (problem: Problem) => void;
  onSignaling: (up: boolean) => void;
  onMessage?: (from: Person, data: unknown) => void;
  onOpen?: (id: string, pc: RTCPeerConnection) => void;
}

export interface CallOptions extends CallEvents {
  kind: Kind;
  room: string;
  name: string;
  token: string; // of an application that decides who may come in; usually none
  iceServers: RTCIceServer[];
  relayOnly: boolean;
  stream?: MediaStream | undefined; // what we show; none: we watch
}

const LOOK_AGAIN_MS = 2000;
const LAST_WORD_MS = 2500;

export class Call {
  private connection: Connection | undefined;
  private readonly people = new Map<string, Person>();
  private ended = false;
  private began = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly o: CallOptions) {}

  start(): void {
    const c = newConnection();
    if (!c) { this.o.onProblem({ kind: 'library' }); return; }
    this.connection = c;
    this.began = performance.now();
    this.configure(c);
    this.listen(c);
    const room = serverRoom(this.o.kind, this.o.room);
    if (this.o.kind !== 'screen') c.openOrJoin(room, (ok, _, error) => this.joined(ok, error));
    else if (this.o.stream) c.open(room, (ok, _, error) => this.joined(ok, error));
    else this.lookForScreen(c, room);
    // The library has made its socket by now, and waits for as long as it takes.
    c.socket?.on('connect_error', (e) => this.refused(e?.message));
  }

  /** Ends the stay; the stream belongs to the caller and goes on. */
  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    const c = this.connection;
    if (!c) return;
    c.leave();
    // The library answers an offer that comes after that too, as long as it has its
    // socket: what it makes then must not look for a way of its own, nor stay.
    setWay(c, [], true);
    const close = (): void => {
      c.closeSocket();
      for (const id of Object.keys(c.peers)) c.peers[id]?.peer?.close();
    };
    // The library speaks once more a second after its start, and throws if its
    // socket is gone by then.
    const young = LAST_WORD_MS - (performance.now() - this.began);
    if (young > 0) setTimeout(close, young);
    else close();
  }

  /** For connections from now on; those that are there keep what they have. */
  renew(iceServers: RTCIceServer[]): void {
    if (this.connection) setWay(this.connection, iceServers, this.o.relayOnly);
  }

  ids(): string[] { return [...this.people.keys()]; }

  peerConnection(id: string): RTCPeerConnection | undefined { return this.connection?.peers[id]?.peer; }

  send(data: unknown, to?: string): void {
    this.connection?.send(data, to);
  }

  private configure(c: Connection): void {
    const { kind, stream } = this.o;
    c.enableLogs = false;
    c.socketURL = `${location.origin}/`;
    c.socketMessageEvent = `iceserver-${kind}`;
    if (this.o.token !== '') c.socketCustomParameters = `&token=${encodeURIComponent(this.o.token)}`;
    c.extra = { name: this.o.name };
    c.autoCreateMediaElement = false;
    // We ask for devices ourselves, to say what went wrong in the person's language.
    c.dontCaptureUserMedia = true;
    if (stream) c.attachStreams.push(Object.assign(stream, { streamid: stream.id }));
    if (kind === 'chat') c.session = { data: true };
    else if (kind === 'screen') c.session = { screen: true, oneway: true };
    else c.session = { audio: true, video: true };
    const receive = kind !== 'chat' && !(kind === 'screen' && stream !== undefined);
    c.sdpConstraints.mandatory = { OfferToReceiveAudio: receive, OfferToReceiveVideo: receive };
    if (kind === 'one-to-one') c.maxParticipantsAllowed = 2;
    setWay(c, this.o.iceServers, this.o.relayOnly);
  }

  private listen(c: Connection): void {
    c.onstream = (e) => { if (e.type === 'remote') this.update(e, e.stream); };
    c.onstreamended = () => undefined;
    c.onopen = (e) => {
      const pc = c.peers[e.userid]?.peer;
      this.update(e);
      if (pc) this.o.onOpen?.(e.userid, pc);
    };
    c.onExtraDataUpdated = (e) => { if (this.people.has(e.userid)) this.update(e); };
    c.onmessage = (e) => {
      const person = this.people.get(e.userid);
      if (person) this.o.onMessage?.(person, e.data);
    };
    c.onleave = (e) => this.remove(e.userid);
    c.onclose = (e) => this.remove(e.userid);
    c.onUserStatusChanged = (e) => { if (e.status === 'offline') this.remove(e.userid); };
    c.onEntireSessionClosed = () => { for (const id of [...this.people.keys()]) this.remove(id); };
    c.onSocketDisconnect = () => { if (!this.ended) this.o.onSignaling(false); };
  }

  private refused(why?: string): void {
    if (this.ended) return;
    // Of other troubles the client library tries again by itself.
    if (why === 'invalid token') this.o.onProblem({ kind: 'token' });
    else this.o.onSignaling(false);
  }

  private joined(ok: boolean, error?: string): void {
    if (this.ended) return;
    if (!ok) {
      const taken = this.o.kind === 'screen' && error === 'Room not available';
      this.o.onProblem(error === 'Room full' ? { kind: 'full' } : taken ? { kind: 'taken' } : { kind: 'failed', text: error ?? '' }); return;
    }
    this.connection?.socket?.on('connect', () => this.o.onSignaling(true));
    this.o.onJoined();
  }

  /** Watchers wait for somebody who shows; that one leaving takes the room along. */
  private lookForScreen(c: Connection, room: string): void {
    let told = false;
    const look = () => {
      if (this.ended) return;
      if (this.people.size > 0) { this.timer = setTimeout(look, LOOK_AGAIN_MS); return; }
      c.checkPresence(room, (exists) => {
        if (!told) this.joined(true);
        told = true;
        if (exists && !this.ended) c.join(room, (ok, _, error) => { if (!ok && error === 'Room full') this.joined(false, error); });
        this.timer = setTimeout(look, LOOK_AGAIN_MS);
      });
    };
    look();
  }

  private update(e: PeerEvent, stream?: MediaStream): void {
    const before = this.people.get(e.userid);
    const name = typeof e.extra.name === 'string' ? e.extra.name.slice(0, 40) : '';
    const next: Person = { id: e.userid, name: name || (before?.name ?? '') };
    const shown = stream ?? before?.stream;
    if (shown) next.stream = shown;
    this.people.set(e.userid, next);
    if (!before) this.o.onCame(next.name);
    this.o.onPeople([...this.people.values()]);
  }

  private remove(id: string): void {
    const person = this.people.get(id);
    if (!person || this.ended) return;
    this.people.delete(id);
    this.o.onLeft(person.name);
    this.o.onPeople([...this.people.values()]);
  }
}
