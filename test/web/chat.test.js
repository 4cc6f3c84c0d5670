// The demo of text and files: what one sends arrives at the other as it was.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { serious } from './audit.js';
import { Visitor } from './browser.js';
import { stage } from './stage.js';
import { until } from './wait.js';

const set = stage();

async function enter(t, name) {
  const visitor = await Visitor.come(t, set.browser, set.server, { locale: 'en-US' });
  await visitor.page.goto(set.server.page('/demos/chat', 'room=letters'));
  await visitor.page.getByLabel('Your name').fill(name);
  await visitor.page.getByRole('switch').check();
  await visitor.page.getByRole('button', { name: 'Join' }).click();
  return visitor;
}

async function say({ page }, text) {
  await page.getByPlaceholder('Write a message').fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

/** Sends a file and returns what the other one can save. */
async function send(from, to, file) {
  await from.page.locator('input[type=file]').setInputFiles(file);
  const link = to.page.getByRole('link', { name: `Save ${file.name}` });
  await link.waitFor();
  const [download] = await Promise.all([to.page.waitForEvent('download'), link.click()]);
  assert.equal(download.suggestedFilename(), file.name);
  return readFile(await download.path());
}

test('a message and files arrive, over nothing but the relay', async (t) => {
  const ann = await enter(t, 'Ann');
  const ben = await enter(t, 'Ben');
  for (const [visitor, other] of [[ann, 'Ben'], [ben, 'Ann']]) {
    await visitor.page.locator('.peers li', { hasText: other }).getByText(/^relay · /).waitFor();
  }
  // Markup and far alphabets are words like others.
  await say(ann, 'Good day <b>Ben</b> 你好');
  await ben.page.getByText('Good day <b>Ben</b> 你好').waitFor();
  await say(ben, 'and to you');
  await ann.page.getByText('and to you').waitFor();

  const small = Buffer.from('three lines\nof text\nand an end\n');
  assert.deepEqual(await send(ann, ben, { name: 'note.txt', mimeType: 'text/plain', buffer: small }), small);
  const large = Buffer.alloc(300_000, 'all kinds of bytes \u0000\u00ff');
  assert.deepEqual(await send(ben, ann, { name: 'large.bin', mimeType: 'application/octet-stream', buffer: large }), large);

  await ben.picture('chat-with-files');
  assert.deepEqual(await serious(ben.page), []);
  for (const visitor of [ann, ben]) assert.deepEqual(await visitor.problems(), []);

  await ann.page.getByRole('button', { name: 'Leave' }).click();
  await until('Ben to be alone', () => ben.page.locator('.peers li').count(), (n) => n === 0);
});
