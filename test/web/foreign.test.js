// Servers of other people: several at once, right and wrong, on the test page of
// this one. coturn stands for them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { overflow, serious, small } from './audit.js';
import { Visitor } from './browser.js';
import { freePorts } from './ports.js';
import { stage } from './stage.js';
import { TestPage } from './testpage.js';
import { until } from './wait.js';

const set = stage();

const BINDING = Buffer.from('000100002112a4426162636465666768696a6b6c', 'hex');

/** Whether something answers a STUN request on a port of this machine. */
async function answers(port) {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), 200);
      socket.once('error', () => resolve(false)).once('message', () => { clearTimeout(timer); resolve(true); });
      socket.send(BINDING, port, '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}

/** coturn on this machine until the test ends. */
async function startCoturn(t) {
  const [port] = await freePorts(1);
  const at = (name) => join(set.dir, name);
  const coturn = spawn('turnserver', [
    '-n', '--log-file=stdout', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--lt-cred-mech',
    '--user=me:right', '--realm=elsewhere', '--allow-loopback-peers', '--no-cli', '--no-tls', '--no-dtls', `--pidfile=${at('coturn.pid')}`, `--db=${at('coturn.db')}`,
  ], { stdio: 'ignore' });
  const failed = new Promise((_, reject) => { coturn.on('error', reject).on('exit', (code) => reject(new Error(`coturn ended with ${code}`))); });
  failed.catch(() => {}); // its end at the end of the test is no failure
  t.after(async () => {
    if (coturn.exitCode === null && coturn.kill()) await once(coturn, 'exit');
  });
  await Promise.race([failed, until('coturn to answer', () => answers(port))]);
  return port;
}

const texts = (page, column) => page.locator('section.panel').last().locator(`td[data-label="${column}"]`).allTextContents();

const isSorted = (values, down) => {
  const order = [...values].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return JSON.stringify(values) === JSON.stringify(down ? order.reverse() : order);
};

/** The table of all candidates goes up, down and back, by each of two columns. */
async function checkSorting({ page }) {
  await page.locator('summary', { hasText: 'All candidates' }).click();
  const asTheyCame = await texts(page, 'Port');
  const head = (name) => page.getByRole('columnheader', { name });
  for (const column of ['Port', 'Type']) {
    const order = () => head(column).getAttribute('aria-sort');
    await head(column).getByRole('button').last().click();
    assert.ok(isSorted(await texts(page, column), false) && await order() === 'ascending', column);
    await page.keyboard.press('Enter');
    assert.ok(isSorted(await texts(page, column), true) && await order() === 'descending', column);
    await page.keyboard.press('Enter');
    assert.deepEqual([await texts(page, 'Port'), await order()], [asTheyCame, null]);
  }
  // The columns that the page of the WebRTC project once had.
  for (const column of ['Component', 'Mid', 'MLine index', 'Username fragment']) {
    assert.ok((await texts(page, column)).every((text) => text !== ''), column);
  }
}

/** On a phone the table is a list of cards, with a field for their order. */
async function checkCards({ page }) {
  await page.setViewportSize({ width: 390, height: 844 });
  const by = page.locator('section.panel').last().getByLabel('Sort by');
  await by.selectOption({ label: 'Port' });
  assert.ok(isSorted(await texts(page, 'Port'), false));
  await page.getByRole('button', { name: 'Sorted upwards: turn round' }).click();
  assert.ok(isSorted(await texts(page, 'Port'), true));
  assert.deepEqual([await overflow(page), await small(page, 44), await serious(page)], [0, [], []]);
}

test('several servers of somebody else', async (t) => {
  const port = await startCoturn(t);
  const visitor = await Visitor.come(t, set.browser, set.server, { locale: 'en-US' });
  const testPage = new TestPage(visitor);
  await testPage.open(`${set.server.origin}/test`);
  await testPage.clear();
  const foreign = `turn:127.0.0.1:${port}?transport=udp`;
  await testPage.add(foreign, 'me', 'wrong');
  await testPage.add(`${foreign}, turn:127.0.0.1:${port}?transport=tcp`, 'me', 'right');
  await testPage.add(`stun:127.0.0.1:${port}`);
  await testPage.add('https://turn.example.org/');
  await testPage.page.getByLabel('Candidate pool').fill('3');
  await testPage.page.getByLabel('Measure throughput').uncheck();
  const rows = await testPage.run();
  assert.deepEqual(rows.map((row) => row.level), ['FAIL', 'OK', 'OK', 'OK', 'FAIL'], JSON.stringify(rows));
  assert.match(rows[0].verdict, /^The server answers, but refuses this user name or password\..*\(401\)$/);
  assert.equal(rows[0].figures, '', 'nothing was gathered that was asked for');
  assert.match(rows[1].figures, /^gathered.*RTT.*jitter.*loss/);
  assert.match(rows[3].verdict, /^Answers\. Your address /);
  assert.match(rows[4].verdict, /^That is the address of a web page\./);
  await checkSorting(visitor);
  await visitor.picture('results-foreign');
  assert.deepEqual(await serious(visitor.page), []);
  await checkCards(visitor);
  await visitor.picture('results-foreign-phone');
  assert.deepEqual(await visitor.problems(), []);
});
