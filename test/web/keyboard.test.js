// The test page without a mouse: the focus is never lost, and every field and
// button has a name of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visitor } from './browser.js';
import { stage } from './stage.js';
import { TestPage } from './testpage.js';
import { until } from './wait.js';

const set = stage();

async function visit(t) {
  const testPage = new TestPage(await Visitor.come(t, set.browser, set.server, { locale: 'en-US' }));
  await testPage.open(set.server.page('/test'));
  await testPage.page.getByRole('checkbox', { name: /^Test turn:/ }).first().waitFor();
  return testPage;
}

/** The name of what has the focus, as it is read out. */
const focused = (page) => page.evaluate(() => {
  const e = document.activeElement;
  return e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? (e === document.body ? 'nothing' : e.textContent);
});

test('switching an entry off and on stays on it', async (t) => {
  const { page } = await visit(t);
  const second = page.getByRole('checkbox', { name: /^Test turn:.*tcp$/ });
  await second.focus();
  for (const checked of [false, true]) {
    await page.keyboard.press('Space');
    assert.equal(await second.isChecked(), checked);
    assert.match(await focused(page), /^Test turn:.*tcp$/);
  }
});

test('adding, editing, duplicating and removing go on where they were', async (t) => {
  const { page } = await visit(t);
  const named = (name) => page.getByRole('button', { name }).first();
  await named('+ Add server').focus();
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Address', 'the form begins at its first field');
  await page.keyboard.press('Escape');
  assert.equal(await focused(page), '+ Add server', 'Escape leaves it');

  await page.keyboard.press('Enter');
  await page.keyboard.type('turn:elsewhere.example:3478');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), '+ Add server');
  await named('Edit turn:elsewhere').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('End');
  await page.keyboard.type('?transport=tcp');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Edit turn:elsewhere.example:3478?transport=tcp');

  await named('Duplicate turn:elsewhere').focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.getByRole('button', { name: 'Edit turn:elsewhere' }).count(), 2);
  assert.equal(await focused(page), 'Duplicate turn:elsewhere.example:3478?transport=tcp');
  await named('Remove turn:').focus();
  const remove = page.getByRole('button', { name: /^Remove / });
  for (let left = await remove.count(); left > 0; left--) {
    assert.match(await focused(page), /^Remove /);
    await page.keyboard.press('Enter');
    await until('one less', () => remove.count(), (n) => n === left - 1);
  }
  assert.equal(await focused(page), '+ Add server', 'nothing is left to remove');
});

test('a password can be looked at, and its field and the button have names', async (t) => {
  const { page } = await visit(t);
  await page.getByRole('button', { name: '+ Add server' }).click();
  const field = page.getByRole('textbox', { name: 'Password', exact: true });
  await field.fill('a secret');
  assert.equal(await field.getAttribute('type'), 'password');
  await page.getByRole('button', { name: 'Show the password', exact: true }).press('Enter');
  assert.equal(await field.getAttribute('type'), 'text');
  assert.equal(await field.inputValue(), 'a secret');
  await page.getByRole('button', { name: 'Hide the password', exact: true }).press('Enter');
  assert.equal(await field.getAttribute('type'), 'password');
  await page.getByRole('textbox', { name: 'Address', exact: true }).fill('turn://wrong');
  await page.getByText('No // after the colon. Write turn:wrong').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Address', exact: true }).getAttribute('aria-invalid'), 'true');
});
