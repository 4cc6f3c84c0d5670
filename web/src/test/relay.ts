// The real test: two peer connections of this page that may use nothing but the
// relay of one server, and what goes through it.
import { hostPort } from '../ice/address';
import { quality, rate, type Quality } from '../ice/statistics';
import type { RelayResult } from '../ice/verdict';

export interface RelayOptions {
  server: RTCIceServer;
  throughput: boolean;
  signal: AbortSignal;
  onStage: (stage: 'connecting' | 'pinging' | 'sending', soFar: RelayResult) => void;
}

const CONNECT_MS = 8000;
const PINGS = 100;
const PING_EVERY_MS = 20; // as often as a voice call sends
const PING_BYTES = 160; // and as much
const LAST_PING_MS = 1500;
const BULK_MS = 1500;
const BULK_MAX = 16 << 20; // bytes each way, so that a test on a phone's contract stays small
const CHUNK = 16 << 10;
const BUFFER = 1 << 20;

const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

class Pair {
  readonly a: RTCPeerConnection;
  readonly b: RTCPeerConnection;

  constructor(server: RTCIceServer) {
    const config: RTCConfiguration = { iceServers: [server], iceTransportPolicy: 'relay' };
    this.a = new RTCPeerConnection(config);
    this.b = new RTCPeerConnection(config);
    // A candidate can come after the end of the test; nobody waits for it.
    this.a.onicecandidate = (e) => { if (e.candidate) this.b.addIceCandidate(e.candidate).catch(() => undefined); };
    this.b.onicecandidate = (e) => { if (e.candidate) this.a.addIceCandidate(e.candidate).catch(() => undefined); };
  }

  async negotiate(): Promise<void> {
    const offer = await this.a.createOffer();
    // The other side has to know the offer before its candidates come.
    await Promise.all([this.b.setRemoteDescription(offer), this.a.setLocalDescription(offer)]);
    const answer = await this.b.createAnswer();
    await Promise.all([this.a.setRemoteDescription(answer), this.b.setLocalDescription(answer)]);
  }

  close(): void {
    this.a.close();
    this.b.close();
  }
}

/** Both ends of one channel, once both are open. */
interface Ends { near: RTCDataChannel; far: RTCDataChannel }

function open(pair: Pair, label: string, options: RTCDataChannelInit, id: number): Promise<Ends> {
  const init = { ...options, negotiated: true, id };
  const near = pair.a.createDataChannel(label, init);
  const far = pair.b.createDataChannel(label, init);
  near.binaryType = far.binaryType = 'arraybuffer';
  const opened = (c: RTCDataChannel) => new Promise<void>((resolve) => { c.onopen = () => resolve(); });
  return Promise.all([opened(near), opened(far)]).then(() => ({ near, far }));
}

/** Resolves to undefined when the time is over or the person has stopped. */
function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    const stop = () => resolve(undefined);
    signal.addEventListener('abort', stop);
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
  });
}

/** Numbered packets there and back over a channel that neither orders nor repeats. */
async function ping({ near, far }: Ends, signal: AbortSignal): Promise<Quality> {
  const sentAt = new Map<number, number>();
  const trips = new Map<number, number>();
  far.onmessage = (e: MessageEvent<ArrayBuffer>) => { if (far.readyState === 'open') far.send(e.data); };
  near.onmessage = (e: MessageEvent<ArrayBuffer>) => {
    const n = new DataView(e.data).getUint32(0);
    const at = sentAt.get(n);
    if (at !== undefined) trips.set(n, performance.now() - at);
  };
  for (let n = 0; n < PINGS && !signal.aborted && near.readyState === 'open'; n++) {
    const packet = new DataView(new ArrayBuffer(PING_BYTES));
    packet.setUint32(0, n);
    sentAt.set(n, performance.now());
    near.send(packet.buffer);
    await wait(PING_EVERY_MS);
  }
  const deadline = performance.now() + LAST_PING_MS;
  while (trips.size < sentAt.size && performance.now() < deadline && !signal.aborted) await wait(PING_EVERY_MS);
  return quality(sentAt.size, trips);
}

/** As much as goes through in a time, measured where it arrives. */
async function bulk(from: RTCDataChannel, to: RTCDataChannel, signal: AbortSignal): Promise<number> {
  const chunk = new ArrayBuffer(CHUNK);
  let received = 0, sent = 0, first = 0, last = 0;
  to.onmessage = (e: MessageEvent<ArrayBuffer>) => {
    received += e.data.byteLength;
    last = performance.now();
    // The first arrival starts the clock, so its bytes do not count.
    if (first === 0) { first = last; received = 0; }
  };
  from.bufferedAmountLowThreshold = BUFFER / 2;
  const end = performance.now() + BULK_MS;
  while (performance.now() < end && sent < BULK_MAX && !signal.aborted && from.readyState === 'open') {
    if (from.bufferedAmount > BUFFER) {
      await within(new Promise<void>((resolve) => { from.onbufferedamountlow = () => resolve(); }), end - performance.now(), signal);
      continue;
    }
    from.send(chunk);
    sent += CHUNK;
  }
  // What is still under way belongs to the measure: with little data it is most of it.
  const drained = performance.now() + BULK_MS;
  while (received + CHUNK < sent && performance.now() < drained && !signal.aborted) await wait(PING_EVERY_MS);
  return rate(received, last - first);
}

interface PairStats { type: string; state?: string; nominated?: boolean; localCandidateId?: string; remoteCandidateId?: string }
interface SideStats { candidateType?: string; protocol?: string; relayProtocol?: string; address?: string; port?: number }

async function path(pc: RTCPeerConnection): Promise<string> {
  const stats = await pc.getStats();
  const all = [...(stats as unknown as Map<string, unknown>).values()] as PairStats[];
  const chosen = all.find((s) => s.type === 'candidate-pair' && s.state === 'succeeded' && s.nominated);
  const side = (id?: string) => {
    const s = stats.get(id ?? '') as SideStats | undefined;
    return s ? `${s.candidateType ?? ''} ${s.relayProtocol ?? s.protocol ?? ''} ${hostPort(s.address ?? '', s.port ?? 0)}` : '';
  };
  return chosen ? `${side(chosen.localCandidateId)} ↔ ${side(chosen.remoteCandidateId)}` : '';
}

async function measure(pair: Pair, o: RelayOptions): Promise<RelayResult> {
  const pings = open(pair, 'ping', { ordered: false, maxRetransmits: 0 }, 0);
  const loads = open(pair, 'bulk', {}, 1);
  await pair.negotiate();
  const both = await within(Promise.all([pings, loads]), CONNECT_MS, o.signal);
  if (!both) return { connected: false, failure: 'connect' };
  const [pinging, loading] = both;
  const result: RelayResult = { connected: true, path: await path(pair.a) };
  o.onStage('pinging', { ...result });
  result.quality = await ping(pinging, o.signal);
  if (result.quality.received === 0) return { ...result, failure: 'data' };
  const stopped = () => o.signal.aborted; // asked again: it changes while we wait
  if (!o.throughput || stopped()) return result;
  o.onStage('sending', { ...result });
  result.up = await bulk(loading.near, loading.far, o.signal);
  result.down = await bulk(loading.far, loading.near, o.signal);
  if (!stopped() && (result.up === 0 || result.down === 0)) result.failure = 'data';
  return result;
}

export async function testRelay(o: RelayOptions): Promise<RelayResult> {
  o.onStage('connecting', { connected: false });
  const pair = new Pair(o.server);
  try {
    return await measure(pair, o);
  } catch {
    return { connected: false, failure: 'connect' };
  } finally {
    pair.close();
  }
}
