// People in calls: the picture and the sound of everybody reach everybody, and
// nothing but the relay carries them.
import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serious } from './audit.js';
import { Visitor } from './browser.js';
import { hear, relayed, seeEachOther, watches } from './media.js';
import { stage } from './stage.js';
import { until } from './wait.js';

/** The folder that an operator has from a checkout of the original demos. */
async function demosFolder(dir) {
  const demos = join(dir, 'checkout', 'demos');
  await mkdir(demos, { recursive: true });
  await copyFile(fileURLToPath(new URL('./original-style.html', import.meta.url)), join(demos, 'original-style.html'));
  return join(dir, 'checkout');
}

const set = stage(async (dir) => ({ flags: [`--demos-dir=${await demosFolder(dir)}`] }));

/** Comes to the door of a room of a demo, with a name. */
async function come(t, path, room, name, { relayOnly = true } = {}) {
  const visitor = await Visitor.come(t, set.browser, set.server, { locale: 'en-US' });
  visitor.name = name;
  await visitor.page.goto(set.server.page(path, `room=${room}`));
  await visitor.page.getByLabel('Your name').fill(name);
  if (relayOnly) await visitor.page.getByRole('switch').check();
  return visitor;
}

/** Comes and goes in. */
async function enter(...who) {
  const visitor = await come(...who);
  await visitor.page.getByRole('button', { name: 'Join' }).click();
  await visitor.page.getByRole('button', { name: 'Leave' }).waitFor();
  return visitor;
}

/** The badges of all others say that the way is the relay, and prove it. */
async function checkBadges(visitor, names) {
  for (const name of names) {
    const tile = visitor.page.locator('.tile', { hasText: name });
    await until(`${visitor.name}'s badge of ${name}`, () => tile.locator('summary').textContent(),
      (text) => /^relay · (UDP|TCP|TLS) · \d+(\.\d+)? ms · /.test(text));
    await tile.locator('summary').click();
    await tile.getByText('Every packet goes through the relay.').waitFor();
    await tile.locator('summary').click();
  }
}

async function checkCall(visitors) {
  await seeEachOther(visitors);
  for (const visitor of visitors) {
    relayed(await visitor.page.evaluate(() => window.recorder.open()));
    await checkBadges(visitor, visitors.filter((v) => v !== visitor).map((v) => v.name));
  }
}

test('a conference of two, then of three, and on without who opened it', async (t) => {
  const ann = await enter(t, '/demos/conference', 'three', 'Ann');
  const ben = await enter(t, '/demos/conference', 'three', 'Ben');
  await checkCall([ann, ben]);

  const cem = await enter(t, '/demos/conference', 'three', 'Cem');
  await checkCall([ann, ben, cem]);
  await cem.picture('call-of-three');
  assert.deepEqual(await serious(cem.page), []);
  await cem.page.setViewportSize({ width: 390, height: 844 });
  await cem.picture('call-of-three-phone');

  await ann.page.getByRole('button', { name: 'Leave' }).click();
  for (const visitor of [ben, cem]) {
    await until(`${visitor.name} to be told`, () => visitor.page.locator('.tile').count(), (n) => n === 2);
  }
  await checkCall([ben, cem]);
  for (const visitor of [ann, ben, cem]) assert.deepEqual(await visitor.problems(), []);
});

/** Cuts a visitor's connection to the signaling and waits until there is a new one. */
async function cut({ page }) {
  const before = await until('a WebSocket', () => page.evaluate(() => window.recorder.streams()), (s) => s.open > 0);
  await page.evaluate(() => window.recorder.cut());
  await until('another WebSocket', () => page.evaluate(() => window.recorder.streams()), (s) => s.open > 0 && s.all > before.all);
}

test('a WebSocket that is cut leaves the call alive, and the room too', async (t) => {
  const ann = await enter(t, '/demos/conference', 'cut', 'Ann');
  const ben = await enter(t, '/demos/conference', 'cut', 'Ben');
  await seeEachOther([ann, ben]);
  const before = await Promise.all([ann, ben].map(({ page }) => page.evaluate(() => window.recorder.open())));
  await cut(ann);
  await cut(ben);
  await seeEachOther([ann, ben]);
  const after = await Promise.all([ann, ben].map(({ page }) => page.evaluate(() => window.recorder.open())));
  assert.deepEqual(after.map((calls) => calls.map((c) => c.n)), before.map((calls) => calls.map((c) => c.n)), 'the same connections go on');

  const cem = await enter(t, '/demos/conference', 'cut', 'Cem');
  await checkCall([ann, ben, cem]);
});

test('the switch changes a running call to the relay', async (t) => {
  const ann = await enter(t, '/demos/conference', 'switch', 'Ann', { relayOnly: false });
  const ben = await enter(t, '/demos/conference', 'switch', 'Ben', { relayOnly: false });
  await seeEachOther([ann, ben]);
  await ann.page.getByRole('switch').check();
  await until('nothing but the relay on one side', () => ann.page.evaluate(() => window.recorder.open()),
    (calls) => calls.length === 1 && calls[0].policy === 'relay' && calls[0].local === 'relay');
  await seeEachOther([ann, ben]);
  await checkBadges(ann, ['Ben']);
});

test('one to one: two talk, a third is told that the room is full', async (t) => {
  const ann = await enter(t, '/demos/one-to-one', 'pair', 'Ann');
  const ben = await enter(t, '/demos/one-to-one', 'pair', 'Ben');
  await checkCall([ann, ben]);
  await ben.picture('one-to-one');

  const third = await Visitor.come(t, set.browser, set.server, { locale: 'en-US' });
  await third.page.goto(set.server.page('/demos/one-to-one', 'room=pair'));
  await third.page.getByRole('button', { name: 'Join' }).click();
  await third.page.getByRole('alert').filter({ hasText: 'The room is full.' }).waitFor();
  await seeEachOther([ann, ben]);
});

test('a screen: one shows it, another watches', async (t) => {
  const ann = await come(t, '/demos/screen', 'wall', 'Ann');
  await ann.page.getByRole('button', { name: 'Share my screen' }).click();
  await ann.page.getByRole('button', { name: 'Leave' }).waitFor();
  const ben = await come(t, '/demos/screen', 'wall', 'Ben');
  await ben.page.getByRole('button', { name: 'Watch' }).click();
  await watches(ben, 1);
  relayed(await ben.page.evaluate(() => window.recorder.open()));
  await checkBadges(ben, ['Ann']);
  await ben.picture('screen-watched');
  await ann.page.getByRole('button', { name: 'Leave' }).click();
  await ben.page.getByText('Nobody shares a screen here yet.').waitFor();
});

async function openOriginal(t, room) {
  const visitor = await Visitor.come(t, set.browser, set.server);
  visitor.name = 'somebody';
  await visitor.page.goto(`${set.server.origin}/demos/original-style.html?key=${set.server.key}#${room}`);
  await visitor.page.locator('#open-or-join').click();
  return visitor;
}

test('a page written as the original demos are: two, then three, and on without who opened it', async (t) => {
  const ann = await openOriginal(t, 'as-ever');
  const ben = await openOriginal(t, 'as-ever');
  await seeEachOther([ann, ben]);
  const cem = await openOriginal(t, 'as-ever');
  await seeEachOther([ann, ben, cem]);
  await hear([ann, ben, cem]);
  for (const visitor of [ann, ben, cem]) {
    const calls = await visitor.page.evaluate(() => window.recorder.open());
    assert.equal(calls.length, 2);
    relayed(calls);
    for (const url of calls.flatMap((c) => c.urls)) assert.match(url, /^turns?:127\.0\.0\.1:/, 'only this server is asked');
    assert.equal(await visitor.page.locator('#videos video').count(), 3, 'one picture of each');
    assert.deepEqual(await visitor.problems(), []);
  }

  await ann.page.close();
  for (const { page } of [ben, cem]) await until('one picture less', () => page.locator('#videos video').count(), (n) => n === 2);
  await seeEachOther([ben, cem]);
  // The room goes on: somebody who comes now meets those who stayed.
  const dan = await openOriginal(t, 'as-ever');
  await seeEachOther([ben, cem, dan]);
  relayed(await dan.page.evaluate(() => window.recorder.open()));
});
