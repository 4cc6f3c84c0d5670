// The server under test: started with a configuration file or, as somebody does
// who has none, with a few flags; ready when it says so, ended by its process id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './ports.js';

const binary = process.env.TEST_ICESERVER ?? fileURLToPath(new URL('../../bin/iceserver', import.meta.url));
const READY = /\bmsg="?ready"?(\s|$)|"msg":"ready"/m;
const READY_WITHIN = 60_000;
const END_WITHIN = 20_000;

export class Server {
  #process;
  #log = '';
  #out = '';

  /** What the program printed for its user: pages, links, iceServers. */
  greeting;

  /** Starts the program with the lines of its configuration and waits until it is ready. */
  static async start(dir, lines) {
    const conf = join(dir, 'turnserver.conf');
    await writeFile(conf, [...lines, `data-dir=${join(dir, 'data')}`, ''].join('\n'));
    const server = new Server();
    await server.#run(['serve', '-c', conf]);
    return server;
  }

  /** Starts the program without a file, on this machine alone, and with its pages. */
  static async open(dir, ...flags) {
    const [plain, secure] = await freePorts(2);
    const server = new Server();
    await server.#run([
      '--json', `--data-dir=${join(dir, 'data')}`, '--listening-ip=127.0.0.1',
      `--listening-port=${plain}`, `--tls-listening-port=${secure}`, ...flags,
    ], () => server.#greeted());
    server.ports = { plain, secure };
    server.origin = `http://127.0.0.1:${plain}`;
    server.key = new URL(server.greeting.links[0]).hash.replace('#key=', '');
    await server.#checkPages();
    return server;
  }

  get log() { return this.#log; }

  /** The address of a page, with the key of the first link in its fragment. */
  page(path, fragment = '') {
    return `${this.origin}${path}#key=${this.key}${fragment && `&${fragment}`}`;
  }

  #greeted() {
    try {
      this.greeting = JSON.parse(this.#out);
      return true;
    } catch {
      return false;
    }
  }

  async #checkPages() {
    const start = await (await fetch(`${this.origin}/`)).text();
    if (start.includes('id="app"')) return;
    await this.stop();
    throw new Error(`${binary} was built without the pages: run "npm ci && npm run build" in web, then build it again`);
  }

  #run(args, complete = () => true) {
    this.#process = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#process.kill('SIGKILL');
        reject(new Error(`the server is not ready:\n${this.#log}`));
      }, READY_WITHIN);
      const read = (text) => {
        this.#log += text;
        if (READY.test(this.#log) && complete()) { clearTimeout(timer); resolve(); }
      };
      this.#process.stdout.setEncoding('utf8').on('data', (text) => { this.#out += text; read(text); });
      this.#process.stderr.setEncoding('utf8').on('data', read);
      this.#process.on('error', (err) => { clearTimeout(timer); reject(err); });
      this.#process.on('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`the server ended with ${code}:\n${this.#log}`));
      });
    });
  }

  /** Ends the program and throws unless it exits with 0. */
  async stop() {
    if (this.#process.exitCode !== null) throw new Error(`the server had ended with ${this.#process.exitCode}`);
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_WITHIN);
    const [code, signal] = await exited;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`the server ended with code ${code}, signal ${signal}`);
  }
}
