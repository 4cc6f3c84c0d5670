// What clients did to the original server, done by the real clients to ours, over
// every transport: pages get what they got there, but for the differences that are
// written down, with their reasons, beside the recording.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, serve, until, ways } from './support.js';

const recording = join(import.meta.dirname, '../../internal/signaling/testdata/observations.txt');

/** The steps, each with the lines that this server answers it with. */
function steps() {
  const all = [];
  for (const line of readFileSync(recording, 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#') || line.startsWith('- ')) continue;
    if (line.startsWith('< ') || line.startsWith('+ ')) all.at(-1).lines.push(line.slice(2));
    else all.push({ command: line, lines: [] });
  }
  return all;
}

/** A line with its JSON read; the id that a server makes up is its own. */
function read(line) {
  const at = line.indexOf('[');
  if (at < 0) return line;
  const value = JSON.parse(line.slice(at));
  if (value[0] === 'userid-already-taken') value[2] = 'made up';
  return [line.slice(0, at), value];
}

class Replay {
  clients = new Map();

  constructor(server, way) {
    this.server = server;
    this.way = way;
  }

  async run({ command, lines }) {
    const [verb, name] = command.split(' ', 2);
    const rest = command.slice(verb.length + name.length + 2);
    if (verb === 'connect') await this.connect(name, rest);
    else if (verb === '>') this.say(name, rest);
    else if (verb === 'leave') await this.leave(name);
    else throw new Error(`no such step: ${command}`);
    return this.collect(lines, verb === '>' ? name : undefined);
  }

  async connect(name, query) {
    const socket = this.way.io(`${this.server.url}/?${query}`, { forceNew: true, reconnection: false, ...this.way.options });
    const client = { socket, got: [] };
    // Below the listeners of pages, so that nothing is missed whatever its name is.
    const { onevent } = Object.getPrototypeOf(socket);
    socket.onevent = (packet) => {
      if (packet.data[0] !== 'iceserver-mark') client.got.push(`${name} 2${JSON.stringify(packet.data)}`);
      onevent.call(socket, packet);
    };
    socket.on('disconnect', (why) => { if (why === 'io server disconnect') client.got.push(`${name} 1`); });
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    // Two kinds of clients are told something and not heard afterwards.
    client.deaf = name === 'bob2' || name.startsWith('admin');
    this.clients.set(name, client);
  }

  say(name, packet) {
    const [, id, json] = /^2(\d*)(\[.*)$/s.exec(packet);
    const { socket, got } = this.clients.get(name);
    const args = JSON.parse(json);
    if (id !== '') args.push((...answer) => got.push(`${name} 3${id}${JSON.stringify(answer)}`));
    socket.emit(...args);
  }

  async leave(name) {
    const { socket, deaf } = this.clients.get(name);
    this.clients.delete(name);
    const { Users } = await this.server.stats();
    socket.disconnect();
    if (!deaf) await until(async () => (await this.server.stats()).Users === Users - 1);
  }

  /** Everything that a step brought, by the names of those who got it. */
  async collect(lines, first) {
    // Answers come in the order of the questions: behind this one nothing is under way.
    const settle = (client) => ask(client.socket, 'check-presence', 'no such room');
    if (first && !this.clients.get(first).deaf) await settle(this.clients.get(first));
    const all = [];
    for (const name of [...this.clients.keys()].sort()) {
      const client = this.clients.get(name);
      const expected = lines.filter((line) => line.startsWith(`${name} `)).length;
      if (client.deaf) await until(() => client.got.length >= expected);
      else await settle(client);
      all.push(...client.got.splice(0));
    }
    return all;
  }
}

for (const way of ways) {
  test(`the recording: ${way.name}`, { timeout: 300_000 }, async (t) => {
    const server = await serve();
    t.after(() => server.close());
    const replay = new Replay(server, way);
    t.after(() => { for (const { socket } of replay.clients.values()) socket.close(); });
    const all = steps();
    assert.ok(all.length > 100, 'the recording is there');
    for (const step of all) {
      assert.deepEqual((await replay.run(step)).map(read), step.lines.map(read), step.command);
    }
  });
}
