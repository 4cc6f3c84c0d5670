// Tests one URL after the other, so that they do not disturb each other's figures.
import { causeOf } from '../ice/errors';
import { newRow, type Row, type Stage } from '../ice/row';
import { problemOf, toIceServer, type Server } from '../ice/server';
import { isProblem, parseIceUrl, plainProbe, stunProbe } from '../ice/url';
import { ofType, type Gathering, type Probes } from '../ice/verdict';
import { gather } from './gather';
import { testRelay } from './relay';

export interface RunOptions {
  servers: readonly Server[];
  policy: RTCIceTransportPolicy;
  pool: number;
  throughput: boolean;
  certificate: (host: string) => string | undefined; // how the one of this page's server is
  signal: AbortSignal;
  onRow: (row: Row) => void;
}

/** Long enough for a handshake over a bad mobile line, short enough to watch. */
const GATHER_MS = 5000;
const PROBE_MS = 2500;

class Run {
  private row: Row;

  constructor(private readonly server: Server, private readonly o: RunOptions) {
    this.row = newRow(server.id, server.url, server.username, server.credential);
  }

  private update(change: Partial<Row>): void {
    this.row = { ...this.row, ...change };
    this.o.onRow(this.row);
  }

  private stage(stage: Stage, change: Partial<Row> = {}): void {
    const at = this.row.started === 0 ? 0 : Date.now() - this.row.started;
    this.update({ ...change, stage, timeline: [...this.row.timeline, { ms: at, text: stage }] });
  }

  async all(): Promise<void> {
    this.stage('gathering', { started: Date.now() });
    if (!problemOf(this.server)) await this.ask();
    this.stage('done', { ended: Date.now(), ...(this.o.signal.aborted ? { stopped: true } : {}) });
  }

  private async ask(): Promise<void> {
    const url = parseIceUrl(this.server.url);
    if (isProblem(url)) return;
    const { signal, policy, pool } = this.o;
    const gathering = await gather({
      servers: [toIceServer(this.server)], policy: url.turn ? policy : 'all', pool, waitMs: GATHER_MS, signal,
      onChange: (soFar) => this.update({ gathering: soFar }),
    });
    // A person who stops has no verdict coming, unless the answer is there already.
    const keep = !signal.aborted || gathering.candidates.some((c) => c.type !== 'host') || gathering.errors.length > 0;
    const certificate = url.secure ? this.o.certificate(url.host) : undefined;
    this.update({
      ...(keep ? { gathering } : {}), selfSigned: certificate === 'self-signed', expired: certificate === 'expired',
      ...(this.server.own ? { pageHost: location.hostname } : {}),
    });
    if (signal.aborted || !url.turn) return;
    if (ofType(gathering, 'relay').length === 0) return this.probe(gathering);
    await this.relay();
  }

  private async relay(): Promise<void> {
    const relay = await testRelay({
      server: toIceServer(this.server), throughput: this.o.throughput, signal: this.o.signal,
      onStage: (stage, soFar) => this.stage(stage, soFar.connected ? { relay: soFar } : {}),
    });
    // Stopped before it connected: that is no failure of the server.
    if (relay.connected || !this.o.signal.aborted) this.update({ relay });
  }

  /**
   * Browsers say the same of a wrong name, a closed port and a certificate that
   * they do not trust. Two more questions tell them apart: does a STUN request find
   * the host, and does the TLS port accept a connection without TLS?
   */
  private async probe(g: Gathering): Promise<void> {
    const url = parseIceUrl(this.server.url);
    if (isProblem(url) || url.transport === 'udp' || g.thrown !== undefined) return;
    if (g.errors.some((e) => !['refused', 'silent'].includes(causeOf(e)))) return;
    this.stage('probing');
    const ask = (server: RTCIceServer) => gather({ servers: [server], policy: 'all', pool: 0, waitMs: PROBE_MS, signal: this.o.signal });
    const probes: Probes = {};
    const [name, plain] = await Promise.all([
      ask({ urls: stunProbe(url) }),
      url.secure ? ask({ urls: plainProbe(url), username: 'probe', credential: 'probe' }) : undefined,
    ]);
    probes.resolves = !name.errors.some((e) => causeOf(e) === 'name');
    if (plain) probes.portOpen = plain.errors.some((e) => causeOf(e) !== 'refused') || (plain.complete && plain.errors.length === 0);
    this.update({ probes });
  }
}

/** Runs all enabled servers in their order; ends early when the signal says so. */
export async function runTests(o: RunOptions): Promise<void> {
  for (const server of o.servers) {
    if (o.signal.aborted) return;
    await new Run(server, o).all();
  }
}

/** Lets the browser show local addresses, which it does once a page may use the microphone. */
export async function askForMicrophone(): Promise<boolean> {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    stream.getTracks().forEach((track) => track.stop());
    return true;
  } catch {
    return false;
  }
}
