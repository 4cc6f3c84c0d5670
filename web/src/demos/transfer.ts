// Files from browser to browser, over a data channel of their own beside the
// library's: pieces with back-pressure, and a length that has to fit at the end.

export interface FileHeader { id: number; name: string; type: string; size: number }

export const FILE_LIMIT = 256 << 20; // the receiver keeps a file in memory
const PIECE = 16 << 10; // what every browser takes in one message
const FULL = 1 << 20;
const CHANNEL = 100; // both sides name the same number, so nothing is negotiated

/** A header as it came over the wire, or nothing if it is none. */
export function parseHeader(text: string): FileHeader | undefined {
  try {
    const v = JSON.parse(text) as Partial<FileHeader> | null;
    if (typeof v?.id !== 'number' || typeof v.name !== 'string' || typeof v.type !== 'string') return undefined;
    if (typeof v.size !== 'number' || !Number.isInteger(v.size) || v.size < 0 || v.size > FILE_LIMIT) return undefined;
    // A name is for the save dialog: no folders, no control characters.
    const name = v.name.replace(/[\p{Cc}/\\:]/gu, '_').slice(0, 120) || 'file';
    return { id: v.id, name, type: v.type.slice(0, 100), size: v.size };
  } catch {
    return undefined;
  }
}

/** Puts the pieces of one file together; more than was announced is refused. */
export class Incoming {
  private readonly parts: ArrayBuffer[] = [];
  received = 0;

  constructor(readonly header: FileHeader) {}

  /** Takes a piece and says whether the file may go on. */
  add(piece: ArrayBuffer): boolean {
    if (this.received + piece.byteLength > this.header.size) return false;
    this.parts.push(piece);
    this.received += piece.byteLength;
    return true;
  }

  get complete(): boolean { return this.received === this.header.size; }

  /** The type is never the sender's: a page that opens from here would be ours. */
  blob(): Blob { return new Blob(this.parts, { type: 'application/octet-stream' }); }
}

export interface TransferEvents {
  onProgress: (header: FileHeader, done: number) => void;
  onFile: (header: FileHeader, file: Blob) => void;
  onLost: (header: FileHeader) => void;
}

/** The files to and from one person. */
export class Transfer {
  private readonly channel: RTCDataChannel;
  private incoming: Incoming | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private last = 0;

  constructor(pc: RTCPeerConnection, private readonly on: TransferEvents) {
    this.channel = pc.createDataChannel('files', { negotiated: true, id: CHANNEL });
    this.channel.binaryType = 'arraybuffer';
    this.channel.bufferedAmountLowThreshold = FULL / 2;
    this.channel.onmessage = (e: MessageEvent<string | ArrayBuffer>) => this.take(e.data);
    this.channel.onclose = () => this.lose();
  }

  private lose(): void {
    if (this.incoming) this.on.onLost(this.incoming.header);
    this.incoming = undefined;
  }

  private take(data: string | ArrayBuffer): void {
    if (typeof data === 'string') {
      this.lose();
      const header = parseHeader(data);
      this.incoming = header && new Incoming(header);
    } else if (this.incoming && !this.incoming.add(data)) {
      this.lose();
    }
    const now = this.incoming;
    if (!now) return;
    this.on.onProgress(now.header, now.received);
    if (!now.complete) return;
    this.incoming = undefined;
    this.on.onFile(now.header, now.blob());
  }

  /** Sends a file after those before it; false when the connection ended first. */
  send(file: File, onProgress: (done: number) => void): Promise<boolean> {
    this.last += 1;
    const header: FileHeader = { id: this.last, name: file.name, type: file.type, size: file.size };
    const sending = this.queue.then(() => this.pieces(file, header, onProgress));
    this.queue = sending.catch(() => undefined);
    return sending;
  }

  private async pieces(file: File, header: FileHeader, onProgress: (done: number) => void): Promise<boolean> {
    if (!await this.ready()) return false;
    this.channel.send(JSON.stringify(header));
    for (let at = 0; at < file.size; at += PIECE) {
      const piece = await file.slice(at, at + PIECE).arrayBuffer();
      while (this.channel.bufferedAmount > FULL && this.isOpen()) await this.drained();
      if (!this.isOpen()) return false;
      this.channel.send(piece);
      onProgress(Math.min(at + PIECE, file.size));
    }
    return true;
  }

  // A method, since the state changes while somebody waits.
  private isOpen(): boolean { return this.channel.readyState === 'open'; }

  private ready(): Promise<boolean> {
    if (this.channel.readyState !== 'connecting') return Promise.resolve(this.isOpen());
    return new Promise((resolve) => { this.channel.onopen = () => resolve(true); });
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      this.channel.onbufferedamountlow = () => resolve();
      this.channel.addEventListener('close', () => resolve(), { once: true });
    });
  }
}
