// What most tests here need: a folder, a server in it, a browser; all of it gone
// when the tests of a file are over.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { launch } from './browser.js';
import { Server } from './server.js';

/**
 * Sets the stage for the tests of a file. prepare gets the folder and returns
 * the flags of the server and how to launch the browser, if that is of interest;
 * then gets the stage when it is set.
 */
export function stage(prepare = async () => ({}), then = async () => {}) {
  const set = { servers: [] };
  before(async () => {
    set.dir = await mkdtemp(join(tmpdir(), 'iceserver-web-'));
    const { flags = [], browser } = await prepare(set.dir);
    set.server = await openServer(set, ...flags);
    set.browser = await launch(browser);
    await then(set);
  });
  after(async () => {
    await set.browser?.close();
    for (const server of set.servers) await server.stop();
    if (set.dir) await rm(set.dir, { recursive: true, force: true });
  });
  return set;
}

/** One more server on the same stage. */
export async function openServer(set, ...flags) {
  const server = await Server.open(await mkdtemp(join(set.dir, 'server-')), ...flags);
  set.servers.push(server);
  return server;
}
