// The test page as a person uses it.
import { until } from './wait.js';

const DONE_WITHIN = 120_000;

export class TestPage {
  constructor(visitor) {
    this.visitor = visitor;
    this.page = visitor.page;
  }

  /** Opens the page at an address and waits until it has asked its server. */
  async open(address) {
    await this.page.goto(address);
    await this.page.getByRole('button', { name: 'Run the test' }).waitFor();
    await this.page.getByText('Asking this server for credentials').waitFor({ state: 'detached' });
  }

  get password() { return this.page.locator('.secret input'); }

  button(name) { return this.page.getByRole('button', { name, exact: true }); }

  /** The addresses in the list, in their order. */
  urls() { return this.page.locator('.servers .which .mono').allTextContents(); }

  /** Adds what is typed or pasted as an address. */
  async add(pasted, username = '', password = '') {
    await this.button('+ Add server').click();
    await this.page.getByRole('textbox', { name: 'Address', exact: true }).fill(pasted);
    await this.page.getByRole('textbox', { name: 'User name', exact: true }).fill(username);
    await this.password.fill(password);
    await this.button('Save').click();
  }

  /** Takes this server's own entries out of the list, once they are there. */
  async clear() {
    const remove = this.page.getByRole('button', { name: /^Remove / });
    await remove.first().waitFor();
    for (let n = await remove.count(); n > 0; n--) await remove.first().click();
  }

  /** Runs the test and returns the rows of its results. */
  async run() {
    await this.button('Run the test').click();
    return this.ended();
  }

  /** Waits until a run is over. */
  async ended() {
    await this.page.locator('.run [role=status]').waitFor({ timeout: DONE_WITHIN });
    return this.rows();
  }

  /** Each row as level, verdict and address. */
  rows() {
    return this.page.locator('li.result').evaluateAll((all) => all.map((row) => ({
      level: row.querySelector('.level').textContent.replace(/^[^\w]+/, ''),
      verdict: row.querySelector('[aria-live]').textContent,
      url: row.querySelector('.said .mono').textContent,
      figures: row.querySelector('.figures')?.textContent ?? '',
    })));
  }

  /** What the server itself says of a row, opened and read. */
  async seen(n) {
    const row = this.page.locator('li.result').nth(n);
    await row.locator('summary').first().click();
    const seen = row.locator('details details').filter({ hasText: 'What the server saw' });
    await seen.locator('summary').click();
    return seen.innerText();
  }

  /** What a button to copy puts into the clipboard. */
  async copied(name) {
    await this.page.evaluate(() => navigator.clipboard.writeText(''));
    await this.button(name).click();
    return until(`what ${name} copies`, () => this.page.evaluate(() => navigator.clipboard.readText()));
  }
}
