// Every page, in both languages, light and dark, on a desk and on a phone: no
// error, nothing from elsewhere, nothing that keeps somebody out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broken, overflow, serious, small } from './audit.js';
import { Visitor } from './browser.js';
import { stage } from './stage.js';
import { until } from './wait.js';

const set = stage();

// The path, and what is there once the page has asked the server what it needs.
const PAGES = [
  { name: 'start', path: '/', ready: '#snippet' },
  { name: 'test', path: '/test', ready: '.servers .tag' },
  { name: 'demos', path: '/demos/', ready: '.doors' },
  { name: 'conference', path: '/demos/conference', ready: 'form.lobby button:enabled' },
  { name: 'one-to-one', path: '/demos/one-to-one', ready: 'form.lobby button:enabled' },
  { name: 'screen', path: '/demos/screen', ready: 'form.lobby button:enabled' },
  { name: 'chat', path: '/demos/chat', ready: 'form.lobby button:enabled' },
  { name: 'not-found', path: '/nothing-here', ready: 'h1', missing: true },
];

const desk = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const FINGER = 44;
const FIRST_LINKS = 10; // the door to the test is among them

// Each language, each scheme and each screen meets each other one.
const LOOKS = [
  { locale: 'en-GB', colorScheme: 'light', viewport: desk },
  { locale: 'en-US', colorScheme: 'dark', viewport: phone },
  { locale: 'zh-CN', colorScheme: 'dark', viewport: desk },
  { locale: 'zh-CN', colorScheme: 'light', viewport: phone },
];

/** The browser itself complains of a page that is not there. */
const ofMissing = (problem) => /status of 404 .*\/nothing-here/.test(problem);

async function visit(t, page, look) {
  const visitor = await Visitor.come(t, set.browser, set.server, look);
  const response = await visitor.page.goto(set.server.page(page.path));
  assert.equal(response.status(), page.missing ? 404 : 200);
  await visitor.page.locator(page.ready).first().waitFor();
  return visitor;
}

async function checkLanguage(page, locale) {
  const chinese = locale.startsWith('zh');
  await until('the language of the document', () => page.evaluate(() => document.documentElement.lang),
    (lang) => lang === (chinese ? 'zh-CN' : 'en'));
  await until(`the words of ${locale}`, () => page.locator('main').innerText(), (text) => /\p{Script=Han}/u.test(text) === chinese);
}

async function checkPage(t, page, look) {
  const visitor = await visit(t, page, look);
  await checkLanguage(visitor.page, look.locale);
  const screen = look.viewport === phone ? 'phone' : 'desk';
  await visitor.picture(`${page.name}-${look.locale.slice(0, 2)}-${look.colorScheme}-${screen}`);
  const findings = {
    problems: (await visitor.problems()).filter((p) => !(page.missing && ofMissing(p))),
    serious: await serious(visitor.page),
    overflow: await overflow(visitor.page),
    broken: await broken(visitor.page),
    small: look.viewport === phone ? await small(visitor.page, FINGER) : [],
  };
  assert.deepEqual(findings, { problems: [], serious: [], overflow: 0, broken: [], small: [] });
}

for (const look of LOOKS) {
  test(`${look.locale}, ${look.colorScheme}, ${look.viewport.width} px`, async (t) => {
    for (const page of PAGES) await t.test(page.path, (inner) => checkPage(inner, page, look));
  });
}

test('the language can be changed and is remembered', async (t) => {
  const { page } = await visit(t, PAGES[1], { locale: 'en-US' });
  await page.getByRole('button', { name: '中文' }).click();
  await checkLanguage(page, 'zh-CN');
  await page.goto(set.server.page('/demos/'));
  await checkLanguage(page, 'zh-CN');
  await page.getByRole('button', { name: 'EN' }).click();
  await checkLanguage(page, 'en');
});

test('the key does not stay in the address bar', async (t) => {
  const { page } = await Visitor.come(t, set.browser, set.server);
  for (const { path, ready } of PAGES.filter((p) => !p.missing)) {
    await page.goto(set.server.page(path));
    await page.locator(ready).first().waitFor();
    assert.ok(!page.url().includes(set.server.key), `${path} shows the key: ${page.url()}`);
  }
});

test('a link with another room counts in a tab that has the page open', async (t) => {
  const { page } = await visit(t, PAGES[3], {});
  await page.goto(set.server.page('/demos/conference', 'room=elsewhere'));
  await until('the room of the link', () => page.locator('form.lobby input').first().inputValue().catch(() => ''), (room) => room === 'elsewhere');
  await until('the key to be out of sight', () => page.url(), (url) => !url.includes(set.server.key));
});

test('without a key every page says what it needs, and none fails', async (t) => {
  const visitor = await Visitor.come(t, set.browser, set.server);
  for (const { path } of PAGES.filter((p) => !p.missing && p.path !== '/demos/')) {
    await visitor.page.goto(set.server.origin + path);
    await visitor.page.locator('.note').first().waitFor();
  }
  assert.deepEqual(await visitor.problems(), []);
});

test('everything can be reached and started with the keyboard', async (t) => {
  const { page } = await visit(t, PAGES[0], { locale: 'en-US' });
  await page.keyboard.press('Tab');
  const skip = await page.evaluate(() => ({ text: document.activeElement.textContent, outline: getComputedStyle(document.activeElement).outlineStyle }));
  assert.equal(skip.text, 'Skip to the content');
  assert.notEqual(skip.outline, 'none');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('href'));
  for (let i = 0; i < FIRST_LINKS && await focused() !== '/test'; i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/test');
});

test('without scripts a page says why it is empty, in both languages', async (t) => {
  const visitor = await Visitor.come(t, set.browser, set.server, { javaScriptEnabled: false });
  for (const { path } of PAGES) {
    await visitor.page.goto(set.server.origin + path);
    const said = await visitor.page.locator('noscript').innerText();
    assert.ok(said.includes('need JavaScript') && said.includes('需要 JavaScript'), `${path}: ${said}`);
  }
});

test('the start says what the server is, and of which version', async (t) => {
  const { page } = await visit(t, PAGES[0], { locale: 'en-US' });
  await until('the states', () => page.locator('.health li').allInnerTexts(), (lines) => lines.length === 3 && lines.filter((line) => /works/.test(line)).length === 2);
  await page.getByText(/^version \S+$/).waitFor();
});

test('a field and what belongs to it stay together on a phone', async (t) => {
  const { page } = await visit(t, PAGES[1], { locale: 'en-US', viewport: phone });
  await page.getByRole('button', { name: '+ Add server' }).click();
  await page.getByRole('textbox', { name: 'Address', exact: true }).fill('turn:a-rather-long-name-of-a-server.somewhere.example.org:3478?transport=tcp');
  await page.getByRole('button', { name: 'Save' }).click();
  const line = page.locator('.which', { hasText: 'a-rather-long-name' });
  const [box, words] = [await line.locator('input').boundingBox(), await line.locator('.names').boundingBox()];
  assert.ok(box.x + box.width <= words.x && box.y >= words.y && box.y + box.height <= words.y + words.height, `${JSON.stringify(box)} is not beside ${JSON.stringify(words)}`);
  assert.equal(await overflow(page), 0);
});
