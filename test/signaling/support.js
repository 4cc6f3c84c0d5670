// What the tests beside this file share: a server of our own, clients of both
// protocol versions, and small ways to wait.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import io4 from 'socket.io-client';
import io2 from 'socket.io-client-2';
import { freePorts } from '../web/ports.js';

const here = import.meta.dirname;

// The ways in which a client may connect: version and transports.
export const ways = [
  { name: '4.x, polling then WebSocket', io: io4, options: {} },
  { name: '4.x, WebSocket', io: io4, options: { transports: ['websocket'] } },
  { name: '4.x, polling', io: io4, options: { transports: ['polling'] } },
  { name: '2.x, polling then WebSocket', io: io2, options: {} },
  { name: '2.x, WebSocket', io: io2, options: { transports: ['websocket'] } },
  { name: '2.x, polling', io: io2, options: { transports: ['polling'] } },
];

// serve builds and starts the server; it ends when its input ends.
export async function serve(...flags) {
  const folder = mkdtempSync(join(tmpdir(), 'signaling-'));
  const binary = join(folder, 'server');
  execFileSync('go', ['build', '-o', binary, './server'], { cwd: here, stdio: 'inherit' });
  const child = spawn(binary, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    // stats asks the server for its counts and its memory.
    async stats() {
      child.stdin.write('\n');
      return JSON.parse((await lines.next()).value);
    },
    async close() {
      child.stdin.end();
      const code = await exited;
      rmSync(folder, { recursive: true });
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    },
  };
}

// program builds and starts the whole server as somebody does who has one file: with
// its own ports, TLS and limits.
export async function program(...flags) {
  const folder = mkdtempSync(join(tmpdir(), 'iceserver-'));
  const binary = join(folder, 'iceserver');
  execFileSync('go', ['build', '-o', binary, './cmd/iceserver'], { cwd: join(here, '../..'), stdio: 'inherit' });
  const [plain, secure] = await freePorts(2);
  const child = spawn(binary, [`--data-dir=${join(folder, 'data')}`, '--json', '--listening-ip=127.0.0.1', `--listening-port=${plain}`, `--tls-listening-port=${secure}`, ...flags],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { said += text; });
  await until(() => /msg"?[=:]"?ready\b/.test(said) || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`the server is not ready:\n${said}`);
  return {
    plain: `http://127.0.0.1:${plain}`,
    secure: `https://127.0.0.1:${secure}`,
    // rss is the memory that the process holds, in KiB.
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]),
    async close() {
      child.kill('SIGTERM');
      const code = await exited;
      rmSync(folder, { recursive: true });
      if (code !== 0) throw new Error(`the server ended with ${code}:\n${said}`);
    },
  };
}

// address is what the client library of the demos connects to.
export function address(server, userid, more = '') {
  return `${server.url}/?userid=${userid}&sessionid=s&msgEvent=conf-demo&socketCustomEvent=RTCMultiConnection-Custom-Message` +
    `&autoCloseEntireSession=false&maxParticipantsAllowed=1000&extra=${JSON.stringify({ n: userid })}${more}`;
}

// connect waits until a client is connected; seen are the events that it gets.
export async function connect(server, way, userid, more = '', options = {}) {
  const socket = way.io(address(server, userid, more), { forceNew: true, ...way.options, ...options });
  const seen = [];
  for (const name of ['conf-demo', 'user-connected', 'user-disconnected', 'RTCMultiConnection-Custom-Message', 'closed-entire-session',
    'set-isInitiator-true', 'userid-already-taken', 'extra-data-updated', 'mine']) {
    socket.on(name, (...args) => seen.push([name, ...args]));
  }
  socket.seen = seen;
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
    socket.once('error', reject);
  });
  return socket;
}

// ask emits and waits for the answer.
export function ask(socket, name, ...args) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${name}`)), 30_000);
    socket.emit(name, ...args, (...answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

// until waits for something to become true.
export async function until(what, milliseconds = 30_000) {
  for (const end = Date.now() + milliseconds; !(await what());) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// times runs a job n times, so many at once.
export async function times(n, atOnce, job) {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < n) await job(next++);
  }));
}
