// The server under test: started with a configuration file, ready when it says
// so, ended by its process id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = process.env.ICESERVER_BIN ?? fileURLToPath(new URL('../../bin/iceserver', import.meta.url));
const READY = /\bmsg="?ready"?(\s|$)|"msg":"ready"/m;
const READY_WITHIN = 60_000;
const END_WITHIN = 20_000;

export class Server {
  #process;
  #log = '';

  /** Starts the program with the lines of its configuration and waits until it is ready. */
  static async start(dir, lines) {
    const conf = join(dir, 'turnserver.conf');
    await writeFile(conf, [...lines, `data-dir=${join(dir, 'data')}`, ''].join('\n'));
    const server = new Server();
    await server.#run(['serve', '-c', conf]);
    return server;
  }

  get log() { return this.#log; }

  #run(args) {
    this.#process = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#process.kill('SIGKILL');
        reject(new Error(`the server is not ready:\n${this.#log}`));
      }, READY_WITHIN);
      const read = (text) => {
        this.#log += text;
        if (READY.test(this.#log)) { clearTimeout(timer); resolve(); }
      };
      this.#process.stdout.setEncoding('utf8').on('data', read);
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
