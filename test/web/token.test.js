// A server whose application decides who comes into a room: our demos say so, and
// take the token that it hands out.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Visitor } from './browser.js';
import { seeEachOther } from './media.js';
import { stage } from './stage.js';

const secret = 'a secret of thirty-two characters';
const set = stage(async () => ({ flags: ['--signaling-auth=token', `--signaling-secret=${secret}`] }));

/** A token for every room, good for so many seconds. */
function token(seconds, key = secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ exp: Math.floor(Date.now() / 1000) + seconds, open: ['*'], join: ['*'] })}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

/** Comes to the door of the conference, with a token or without. */
async function come(t, name, fragment) {
  const visitor = await Visitor.come(t, set.browser, set.server, { locale: 'en-US' });
  visitor.name = name;
  await visitor.page.goto(set.server.page('/demos/conference', `room=guarded${fragment}`));
  await visitor.page.getByLabel('Your name').fill(name);
  return visitor;
}

const join = ({ page }) => page.getByRole('button', { name: 'Join' }).click();

test('without a token, and with a wrong one, a person is told', async (t) => {
  const { page } = await come(t, 'Ann', '');
  await page.getByText('This server lets nobody into a room without a token').waitFor();
  await join({ page });
  await page.getByRole('alert').filter({ hasText: 'without a token of its application' }).waitFor();
  await page.getByRole('button', { name: 'Join' }).waitFor(); // back at the door

  const ben = await come(t, 'Ben', `&token=${token(600, 'another secret of the same length')}`);
  await join(ben);
  await ben.page.getByRole('alert').filter({ hasText: 'The server refused the token' }).waitFor();
});

test('with a token there is a call, and the address bar keeps none of it', async (t) => {
  const visitors = [];
  for (const name of ['Ann', 'Ben']) {
    const visitor = await come(t, name, `&token=${token(600)}`);
    assert.equal(new URL(visitor.page.url()).hash, '#room=guarded');
    assert.equal(await visitor.page.getByText('without a token').count(), 0);
    await join(visitor);
    visitors.push(visitor);
  }
  await seeEachOther(visitors);
  for (const visitor of visitors) assert.deepEqual(await visitor.problems(), []);
});
