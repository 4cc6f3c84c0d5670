// Two pages of a real browser that may use nothing but the relay exchange a
// message and the picture of a (fake) camera.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, PATIENCE } from './browser.js';
import { makeCertificate, makeHome } from './certificate.js';
import { freePorts } from './ports.js';
import { Server } from './server.js';

const CONNECTED_WITHIN = 60_000;
const FRAMES = 10;
const user = { username: 'page', credential: 'secret of the page' };

let dir, server, browser, pages, ports;

/** Serves the page and its script on localhost, where a page may use the camera. */
async function servePages() {
  const types = { '/page.html': 'text/html', '/call.js': 'text/javascript' };
  const http = createServer(async (request, response) => {
    const type = types[request.url];
    if (!type) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': type }).end(await readFile(new URL(`.${request.url}`, import.meta.url)));
  });
  await new Promise((resolve) => { http.listen(0, 'localhost', resolve); });
  return http;
}

async function startServer() {
  const [plain, secure] = await freePorts(2);
  const certificate = await makeCertificate(dir);
  server = await Server.start(dir, [
    'listening-ip=127.0.0.1', 'relay-ip=127.0.0.1', `listening-port=${plain}`, `tls-listening-port=${secure}`,
    `cert=${certificate.cert}`, `pkey=${certificate.key}`, 'realm=test', 'lt-cred-mech',
    `user=${user.username}:${user.credential}`, 'log-file=stdout', 'verbose',
  ]);
  ports = { plain, secure };
  return certificate;
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iceserver-web-'));
  const certificate = await startServer();
  pages = await servePages();
  browser = await launch({ home: await makeHome(dir, certificate.authority) });
});

after(async () => {
  await browser?.close();
  await new Promise((resolve) => { pages ? pages.close(resolve) : resolve(); });
  await server?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** A page in a context of its own with its camera and peer connection open. */
async function openPage(t, iceServer) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://localhost:${pages.address().port}/page.html`);
  await page.waitForFunction(() => window.call?.open);
  await page.evaluate((server) => window.call.open([server]), iceServer);
  return page;
}

/** Waits until a page's state is as wanted and returns it. */
async function waitFor(page, what, good) {
  const deadline = Date.now() + CONNECTED_WITHIN;
  for (;;) {
    const state = await page.evaluate(() => window.call.state());
    if (good(state)) return state;
    if (Date.now() > deadline) {
      throw new Error(`waited for ${what}, got ${JSON.stringify(state)}\nserver:\n${server.log.slice(-8000)}`);
    }
    await sleep(100);
  }
}

async function connect(caller, callee) {
  const offer = await caller.evaluate(() => window.call.offer());
  for (const line of offer.sdp.match(/^a=candidate:.*$/gm) ?? []) assert.match(line, / typ relay /);
  const answer = await callee.evaluate((o) => window.call.answer(o), offer);
  await caller.evaluate((a) => window.call.accept(a), answer);
}

function assertRelayed(state, way) {
  assert.equal(state.local, 'relay');
  assert.equal(state.remote, 'relay');
  assert.equal(state.relayProtocol, way);
}

for (const way of ['udp', 'tcp', 'tls']) {
  test(`a call through the relay over ${way}`, async (t) => {
    const urls = {
      udp: `turn:127.0.0.1:${ports.plain}?transport=udp`,
      tcp: `turn:127.0.0.1:${ports.plain}?transport=tcp`,
      tls: `turns:127.0.0.1:${ports.secure}?transport=tcp`,
    };
    const iceServer = { urls: urls[way], ...user };
    const caller = await openPage(t, iceServer);
    const callee = await openPage(t, iceServer);
    await connect(caller, callee);

    for (const page of [caller, callee]) {
      await waitFor(page, 'an open data channel', (s) => s.channel === 'open');
    }
    await caller.evaluate(() => window.call.send('hello'));
    await waitFor(callee, 'the greeting', (s) => s.messages.includes('hello'));
    await callee.evaluate(() => window.call.send('good day'));
    await waitFor(caller, 'the answer', (s) => s.messages.includes('good day'));

    for (const page of [caller, callee]) {
      const state = await waitFor(page, 'frames', (s) => s.framesDecoded >= FRAMES);
      assert.ok(state.frameWidth > 0, 'the frames have a size');
      assertRelayed(state, way);
    }
  });
}

test('a wrong password gets no candidate', async (t) => {
  const page = await openPage(t, {
    urls: `turn:127.0.0.1:${ports.plain}?transport=udp`, username: user.username, credential: 'wrong',
  });
  const offer = await page.evaluate(() => window.call.offer());
  assert.doesNotMatch(offer.sdp, /^a=candidate:/m);
  const state = await page.evaluate(() => window.call.state());
  assert.ok(state.errors.some((e) => e.includes(' 401 ')), `no 401 among ${JSON.stringify(state.errors)}`);
});
