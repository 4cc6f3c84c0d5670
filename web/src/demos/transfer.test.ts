import { describe, expect, it } from 'vitest';
import { FILE_LIMIT, Incoming, parseHeader, Transfer, type FileHeader } from './transfer';

const good = { id: 1, name: 'a.txt', type: 'text/plain', size: 5 };

describe('parseHeader', () => {
  it('takes a header', () => expect(parseHeader(JSON.stringify(good))).toEqual(good));
  it.each(['', '{', 'null', '[]', '7', '{}', ...[{ id: '1' }, { size: -1 }, { size: 1.5 }, { size: FILE_LIMIT + 1 }, { size: null }, { name: 7 }, { type: null }].map((bad) => JSON.stringify({ ...good, ...bad }))])('refuses %s', (text) => {
    expect(parseHeader(text)).toBeUndefined();
  });
  it('makes a name that leads nowhere', () => {
    expect(parseHeader(JSON.stringify({ ...good, name: '../../etc/pass\u0000wd' }))?.name).toBe('.._.._etc_pass_wd');
    expect(parseHeader(JSON.stringify({ ...good, name: '' }))?.name).toBe('file');
  });
});

describe('Incoming', () => {
  it('is complete at its length and takes no more', async () => {
    const file = new Incoming(good);
    expect(file.add(new TextEncoder().encode('abc').buffer)).toBe(true);
    expect(file.complete).toBe(false);
    expect(file.add(new ArrayBuffer(3))).toBe(false);
    expect(file.add(new TextEncoder().encode('de').buffer)).toBe(true);
    expect(file.complete).toBe(true);
    expect(await file.blob().text()).toBe('abcde');
    expect(file.blob().type).toBe('application/octet-stream');
  });
});

/** Two ends of a channel, one after the other in time, as browsers have them. */
class Ends {
  readyState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  onmessage?: (e: { data: string | ArrayBuffer }) => void;
  onopen?: () => void;
  onclose?: () => void;
  other?: Ends;
  addEventListener(): void { /* closing is told by onclose here */ }
  send(data: string | ArrayBuffer): void { queueMicrotask(() => this.other?.onmessage?.({ data })); }
  open(): void { this.readyState = 'open'; this.onopen?.(); }
  close(): void { this.readyState = 'closed'; this.onclose?.(); }
}

function pair() {
  const [near, far] = [new Ends(), new Ends()];
  near.other = far;
  far.other = near;
  const seen: string[] = [];
  const files: Promise<[string, string]>[] = [];
  const events = {
    onProgress: (h: FileHeader, done: number) => { seen.push(`${h.name} ${done}`); },
    onFile: (h: FileHeader, file: Blob) => { files.push(file.text().then((text) => [h.name, text])); },
    onLost: (h: FileHeader) => { seen.push(`lost ${h.name}`); },
  };
  const transfer = (ends: Ends) => new Transfer({ createDataChannel: () => ends } as unknown as RTCPeerConnection, events);
  return { near, far, seen, files, from: transfer(near), to: transfer(far) };
}

describe('Transfer', () => {
  it('carries files one after the other, an empty one too', async () => {
    const { near, from, files } = pair();
    const text = 'x'.repeat(40_000);
    const sent = Promise.all([from.send(new File([text], 'big'), () => undefined), from.send(new File([], 'empty'), () => undefined), from.send(new File(['z'], 'last'), () => undefined)]);
    near.open();
    expect(await sent).toEqual([true, true, true]);
    expect(await Promise.all(files)).toEqual([['big', text], ['empty', ''], ['last', 'z']]);
  });
  it('says what was lost', () => {
    const { far, seen } = pair();
    far.onmessage?.({ data: JSON.stringify(good) });
    far.onmessage?.({ data: new ArrayBuffer(2) });
    far.close();
    expect(seen).toEqual(['a.txt 0', 'a.txt 2', 'lost a.txt']);
  });
  it('drops a sender who sends more than announced, and bytes of no file', () => {
    const { far, seen, files } = pair();
    far.onmessage?.({ data: new ArrayBuffer(9) });
    far.onmessage?.({ data: JSON.stringify(good) });
    far.onmessage?.({ data: new ArrayBuffer(6) });
    far.onmessage?.({ data: new ArrayBuffer(5) });
    expect(seen).toEqual(['a.txt 0', 'lost a.txt']);
    expect(files).toEqual([]);
  });
  it('does not send over what is closed', async () => {
    const { near, from } = pair();
    near.close();
    expect(await from.send(new File(['z'], 'a'), () => undefined)).toBe(false);
  });
});
