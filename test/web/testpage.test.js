// The test page says what is right and what is wrong with a server, and why.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { serious } from './audit.js';
import { Visitor } from './browser.js';
import { makeCertificate, makeHome } from './certificate.js';
import { freePorts } from './ports.js';
import { openServer, stage } from './stage.js';
import { TestPage } from './testpage.js';
import { until } from './wait.js';

// A name that browsers take for this machine, and one that nobody may have.
const HERE = 'turn.localhost';
const NOWHERE = 'nowhere.invalid';

let other, selfSigned, closed;

async function prepare(dir) {
  const { authority, cert, key } = await makeCertificate(dir);
  return {
    flags: [`--cert=${cert}`, `--pkey=${key}`],
    browser: { home: await makeHome(dir, authority) },
  };
}

/** More servers: one with a certificate of nobody's and a wrong idea of its own address, one as it comes. */
async function addServers(all) {
  const dir = join(all.dir, 'unknown');
  await mkdir(dir);
  const { cert, key } = await makeCertificate(dir);
  other = await openServer(all, `--cert=${cert}`, `--pkey=${key}`, '--external-ip=10.1.2.3');
  selfSigned = await openServer(all);
  [closed] = await freePorts(1);
}

const set = stage(prepare, addServers);

async function visit(t, { key = true, fragment, ...options } = {}) {
  const visitor = await Visitor.come(t, set.browser, set.server, {
    locale: 'en-US', permissions: ['clipboard-read', 'clipboard-write'], ...options,
  });
  const test = new TestPage(visitor);
  await test.open(key ? set.server.page('/test', fragment) : `${set.server.origin}/test${fragment ? `#${fragment}` : ''}`);
  return test;
}

/** A user name and a password that the server takes. */
const account = (server) => {
  const [{ username, credential }] = server.greeting.iceServers;
  return { username, credential };
};

const urlsOf = (server) => [
  `turn:127.0.0.1:${server.ports.plain}?transport=udp`,
  `turn:127.0.0.1:${server.ports.plain}?transport=tcp`,
  `turns:127.0.0.1:${server.ports.secure}?transport=tcp`,
];

test('all is right', async (t) => {
  const test = await visit(t);
  assert.deepEqual(await test.urls(), urlsOf(set.server));
  const rows = await test.run();
  assert.deepEqual(rows.map((row) => [row.level, row.url]), urlsOf(set.server).map((url) => ['OK', url]), JSON.stringify(rows));
  for (const row of rows) {
    assert.match(row.verdict, /^Works: relay 127\.0\.0\.1:\d+, data went both ways\.$/);
    assert.match(row.figures, /RTT.*jitter.*loss.*bit\/s/);
  }
  await test.page.locator('li.result summary').first().click();
  assert.equal(await test.page.locator('li.result').first().getByText(urlsOf(set.server)[0]).filter({ visible: true }).count(), 1, 'an open row has its URL once');
  await test.visitor.picture('results-right');
  assert.deepEqual(await serious(test.page), []);
  assert.deepEqual(await test.visitor.problems(), []);

  const report = await test.copied('Copy report');
  for (const url of urlsOf(set.server)) assert.ok(report.includes(`OK ${url}`), report);
  assert.ok(!report.includes(set.server.key), 'the report shows no key');

  await test.page.reload();
  await until('the results after a reload', () => test.rows(), (again) => again.length === rows.length);
  assert.match(await test.page.locator('.run [role=status]').textContent(), /^3 OK, 0 WARN, 0 FAIL in/);
});

/** One entry for each thing that can be wrong, and what the page has to say of it. */
function wrongs() {
  const known = account(set.server);
  return [
    { urls: `turn:127.0.0.1:${set.server.ports.plain}?transport=udp`, ...known, credential: 'not-the-password',
      says: /^The server answers, but refuses this user name or password\..*\(401\)$/ },
    { urls: `turn:127.0.0.1:${closed}?transport=udp`, ...known,
      says: new RegExp(`^No answer on UDP ${closed} in \\d+ s: the port is closed.*\\(701\\)$`) },
    { urls: `turn:127.0.0.1:${closed}?transport=tcp`, ...known,
      says: new RegExp(`^Nothing accepts connections on TCP ${closed}: the port is closed.*\\(701\\)$`) },
    { urls: `turn:${NOWHERE}:3478?transport=udp`, ...known, says: /^The name nowhere\.invalid has no address\..*\(701\)$/ },
    { urls: `turn:${NOWHERE}:3478?transport=tcp`, ...known, says: /^The name nowhere\.invalid has no address\..*\(701\)$/ },
    { urls: `turn:${HERE}:${other.ports.plain}?transport=udp`, ...account(other),
      says: /the relay address 10\.1\.2\.3:\d+ is private.*Set external-ip to the server's public address\.$/ },
    { urls: `turns:127.0.0.1:${other.ports.secure}?transport=tcp`, ...account(other),
      says: new RegExp(`^TCP ${other.ports.secure} is open, but the TLS handshake fails: .*certificate.*\\(701\\)$`) },
  ];
}

test('what can be wrong', async (t) => {
  const test = await visit(t);
  const wrong = wrongs();
  await test.clear();
  await test.add(JSON.stringify(wrong.map(({ says, ...entry }) => entry)));
  await test.page.getByLabel('Measure throughput').uncheck();
  const rows = await test.run();
  await test.visitor.picture('results-wrong');
  assert.deepEqual(rows.map((row) => row.url), wrong.map((w) => w.urls));
  for (const [i, { says }] of wrong.entries()) assert.match(rows[i].verdict, says, `${rows[i].level} ${rows[i].url}`);
  assert.deepEqual(rows.filter((row) => row.level === 'OK'), [], 'nothing of this is right');
  assert.deepEqual(rows.filter((row) => row.level === 'FAIL' && row.figures !== ''), [], 'what failed has no figures of a success');
  assert.deepEqual(await serious(test.page), []);
  await test.page.setViewportSize({ width: 390, height: 844 });
  await test.visitor.picture('results-wrong-phone');
});

test('a server as it comes is known to have a certificate of its own', async (t) => {
  const visitor = await Visitor.come(t, set.browser, selfSigned, { locale: 'en-US' });
  const test = new TestPage(visitor);
  await test.open(selfSigned.page('/test'));
  for (const way of ['udp', 'tcp']) await test.page.getByRole('checkbox', { name: new RegExp(`^Test turn:.*transport=${way}$`) }).uncheck();
  const [row] = await test.run();
  assert.deepEqual(row.url, urlsOf(selfSigned)[2]);
  assert.equal(row.level, 'FAIL');
  assert.match(row.verdict, /^The certificate of 127\.0\.0\.1 is self-signed, and this browser refuses it\..*\(701\)$/);
});

test('what the server saw is told to who has the key, and to nobody else', async (t) => {
  const wrong = { username: 'nobody-of-ours', credential: 'not-the-password' };
  const test = await visit(t);
  // The name is one that the link's credentials have, so that it is the link's business.
  const user = await test.page.locator('.servers .small.soft').first().textContent();
  await test.clear();
  const [url] = urlsOf(set.server);
  await test.add(url, user.replace('user ', ''), wrong.credential);
  const [row] = await test.run();
  assert.equal(row.level, 'FAIL');
  const seen = await test.seen(0);
  assert.match(seen, /Allocate\s+401\s+\S+/, 'the request, the answer and its cause');
  await test.visitor.picture('results-seen');

  const stranger = await visit(t, { key: false });
  await stranger.clear();
  await stranger.add(url, user.replace('user ', ''), wrong.credential);
  await stranger.run();
  assert.match(await stranger.seen(0), /Only this server tells, and only who opened the page with a key\./);
});

test('the address bar and the link have the list, and a password only when asked for', async (t) => {
  const secret = 'a-password-of-mine';
  const test = await visit(t);
  await test.add('turn:elsewhere.example.test:3478?transport=tcp', 'me', secret);
  await test.page.getByRole('radio', { name: 'relay only' }).check();
  await until('the list in the address bar', () => test.page.url(), (url) => url.includes('url=turn:elsewhere.example.test:3478') && url.includes('policy=relay'));
  const bare = await test.copied('Copy link');
  assert.equal(new URL(bare).hash, new URL(test.page.url()).hash, 'the link is what the address bar has');
  await test.page.getByLabel('with passwords').check();
  const full = await test.copied('Copy link');
  assert.ok(full.includes(secret), 'now it was asked for');
  for (const text of [bare, test.page.url()]) {
    for (const hidden of [secret, set.server.key, account(set.server).credential]) assert.ok(!text.includes(hidden), text);
  }

  const friend = await visit(t, { key: false, fragment: new URL(bare).hash.slice(1) });
  await until('the list of the link', () => friend.urls(), (urls) => urls.length === 4 && urls[3].startsWith('turn:elsewhere'));
  assert.ok(await friend.page.getByRole('radio', { name: 'relay only' }).isChecked());
  await friend.page.getByText('A TURN server needs a password').last().waitFor();
});

test('a run can be stopped', async (t) => {
  const test = await visit(t);
  await test.clear();
  await test.add(`turn:127.0.0.1:${closed}?transport=udp, turn:127.0.0.1:${closed}?transport=udp, stun:127.0.0.1:${closed}`, 'me', 'x');
  await test.button('Run the test').click();
  await test.button('Stop').click();
  await test.ended();
  await test.page.getByText(/^Stopped after/).waitFor();
  await test.button('Run the test').waitFor();
});

test('a reload loses nothing of the list', async (t) => {
  const test = await visit(t);
  await test.add('turn:elsewhere.example.test:3478', 'me', 'mine');
  await test.page.getByRole('button', { name: /^Duplicate turn:elsewhere/ }).click();
  const before = await test.urls();
  assert.equal(before.length, 5);
  await test.page.reload();
  assert.deepEqual(await until('the list', () => test.urls(), (urls) => urls.length === 5), before);
  await test.page.getByRole('button', { name: /^Edit turn:elsewhere/ }).first().click();
  assert.equal(await test.password.inputValue(), 'mine');
  await test.button('Cancel').click();
  await test.button('Reset').click();
  await until('the list as it was at first', () => test.urls(), (urls) => urls.length === 3);
});

const HOURS = 3 * 60 * 60 * 1000;

test('credentials that have ended while the page was open are asked for anew', async (t) => {
  const test = await visit(t);
  for (const way of ['tcp', 'turns']) await test.page.getByRole('checkbox', { name: new RegExp(way) }).first().uncheck();
  const user = () => test.page.locator('.servers .small.soft').first().textContent();
  const before = await user();
  // The name has the second in it: another one takes a second.
  await new Promise((done) => setTimeout(done, 1100));
  await test.page.clock.setSystemTime(Date.now() + HOURS);
  const asked = test.page.waitForRequest((request) => request.url().endsWith('/api/v1/credentials'));
  const [row] = await test.run();
  await asked;
  assert.equal(row.level, 'OK', row.verdict);
  assert.notEqual(await user(), before);
});

test('a reload in the middle of a run keeps what is done', async (t) => {
  const test = await visit(t);
  // The last takes seconds, so that the run is not over before the reload comes.
  await test.add(`turn:127.0.0.1:${closed}?transport=udp`, 'me', 'x');
  await test.page.getByLabel('Measure throughput').uncheck();
  await test.button('Run the test').click();
  await test.page.locator('li.result .level.ok').first().waitFor();
  await test.page.reload();
  await test.page.getByText(/^Stopped after/).waitFor();
  const rows = await test.rows();
  assert.ok(rows.length > 0 && rows.length < 4 && rows.every((row) => row.level === 'OK'), JSON.stringify(rows));
});

test('where the operator wants it, credentials are there without a key', async (t) => {
  const open = await openServer(set, '--web-anonymous-credentials');
  const visitor = await Visitor.come(t, set.browser, open, { locale: 'en-US' });
  const test = new TestPage(visitor);
  await test.open(`${open.origin}/test`);
  assert.deepEqual(await test.urls(), urlsOf(open));
  assert.match(await test.page.locator('.servers .small.soft').first().textContent(), /^user \d+:anon-/);
  assert.deepEqual(await visitor.problems(), []);
});
