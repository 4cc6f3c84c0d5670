// Chromium, and visitors in it: each has a context, a page and a list of what
// went wrong on it.
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const recorder = fileURLToPath(new URL('./recorder.js', import.meta.url));
const screenshots = fileURLToPath(new URL('./screenshots/', import.meta.url));

// No name of a test is asked of anybody: those of this machine are known without,
// all others do not exist. WebRTC writes names with their last dot.
const NAMES = 'MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE *.localhost., EXCLUDE 127.0.0.1';

/** How long pages may take on a busy machine, in milliseconds. Nothing is measured against it. */
export const PATIENCE = 90_000;

/** Starts Chromium; home has the certificates that it trusts, hosts are further ones that it may ask. */
export function launch({ home, hosts = [] } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    ...(home ? { env: { ...process.env, HOME: home } } : {}),
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', `--host-resolver-rules=${[NAMES, ...hosts.map((h) => `EXCLUDE ${h}`)].join(', ')}`,
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    ],
  });
}

export class Visitor {
  #problems = [];

  /** A visitor of a server's pages until the test ends; options are those of a context. */
  static async come(t, browser, server, options = {}) {
    const visitor = new Visitor();
    visitor.origin = server.origin;
    visitor.context = await browser.newContext(options);
    visitor.context.setDefaultTimeout(PATIENCE);
    t.after(() => visitor.context.close());
    await visitor.context.addInitScript({ path: recorder });
    visitor.page = await visitor.context.newPage();
    visitor.#watch(visitor.page);
    return visitor;
  }

  #watch(page) {
    const keep = (text) => this.#problems.push(text);
    page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') keep(`console: ${m.text()} ${m.location().url}`); });
    page.on('pageerror', (err) => keep(`error: ${err.stack}`));
    page.on('request', (request) => {
      const url = request.url();
      if (!/^(data|blob|about):/.test(url) && new URL(url).origin !== this.origin) keep(`request to another host: ${url}`);
    });
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).origin !== this.origin.replace('http', 'ws')) keep(`socket to another host: ${socket.url()}`);
    });
  }

  /** What went wrong on the page since it came. */
  async problems() {
    const violations = await this.page.evaluate(() => window.recorder.violations);
    return [...this.#problems, ...violations];
  }

  /** Writes what the page looks like, whole, into a folder that is not kept. */
  picture(name) {
    return this.page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
  }
}
