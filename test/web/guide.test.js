// The page of the guide to RTCMultiConnection, on a site of its own: the relay
// and the signaling are on another origin, as they are for whoever follows it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { Visitor } from './browser.js';
import { hear, relayed, seeEachOther } from './media.js';
import { stage } from './stage.js';

const GUIDE = new URL('../../docs/guides/rtcmulticonnection.md', import.meta.url);
const LIBRARY = new URL('../../web/node_modules/rtcmulticonnection/dist/RTCMultiConnection.min.js', import.meta.url);

const files = {};
const site = createServer((request, response) => {
  const text = files[new URL(request.url, 'http://site').pathname];
  response.writeHead(text ? 200 : 404, { 'content-type': request.url.endsWith('.js') ? 'text/javascript' : 'text/html' }).end(text);
});
after(() => site.close());

const set = stage(async () => {
  await once(site.listen(0, '127.0.0.1'), 'listening');
  return { flags: [`--web-origin=http://127.0.0.1:${site.address().port}`] };
});

/** The guide's page as its reader has it, with the names of this server in it. */
async function readerPage() {
  const guide = await readFile(GUIDE, 'utf8');
  const [, html] = /```html\n([\s\S]*?)```/.exec(guide);
  const [, relayOnly] = /```js\n([\s\S]*?)```/.exec(guide);
  const { plain, secure } = set.server.ports;
  const { username, credential } = set.server.greeting.iceServers.find((s) => s.username);
  const mine = [
    ['https://turn.example.org:5349', set.server.origin], ['turn.example.org:3478', `127.0.0.1:${plain}`],
    ['turn.example.org:5349', `127.0.0.1:${secure}`], ["'USERNAME'", JSON.stringify(username)], ["'CREDENTIAL'", JSON.stringify(credential)],
    // What the guide says to add to see that the relay does its part.
    ["connection.openOrJoin('our-room');", `${relayOnly}connection.openOrJoin('our-room');`],
  ];
  return mine.reduce((text, [guides, ours]) => {
    assert.ok(text.includes(guides), `the guide's page has no ${guides}`);
    return text.replaceAll(guides, ours);
  }, html);
}

async function come(t, name) {
  const visitor = await Visitor.come(t, set.browser, set.server);
  visitor.name = name;
  await visitor.page.goto(`http://127.0.0.1:${site.address().port}/`);
  return visitor;
}

test('two people on a page written as the guide has it', async (t) => {
  files['/'] = await readerPage();
  files['/RTCMultiConnection.min.js'] = await readFile(LIBRARY);
  const ann = await come(t, 'Ann');
  await ann.page.locator('video').waitFor();
  const ben = await come(t, 'Ben');
  await seeEachOther([ann, ben]);
  await hear([ann, ben]);
  for (const visitor of [ann, ben]) {
    relayed(await visitor.page.evaluate(() => window.recorder.open()));
    assert.equal(await visitor.page.locator('video').count(), 2, 'one picture of each');
  }
});
