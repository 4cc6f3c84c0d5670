// What the test page says, for a program that asks from elsewhere:
//
//   node verdicts.js PAGE [AUTHORITY [URL]]
//
// opens the address of a test page with everything behind its #, runs the test,
// and prints its rows as JSON: level, verdict and url of each. AUTHORITY is a
// file with a certificate that the browser shall trust, for TURN over TLS; that
// of the page itself is not looked at. URL is the only one to test of those there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, Visitor } from './browser.js';
import { makeHome } from './certificate.js';
import { TestPage } from './testpage.js';

const [address, authority, only] = process.argv.slice(2);
if (!address) {
  console.error('usage: node verdicts.js PAGE [AUTHORITY [URL]]');
  process.exit(2);
}

const ends = [];
const dir = await mkdtemp(join(tmpdir(), 'iceserver-verdicts-'));
try {
  const home = authority ? await makeHome(dir, authority) : undefined;
  // Over TCP the browser asks nobody else than those whose address stands there.
  const hosts = decodeURIComponent(address).match(/\d+\.\d+\.\d+\.\d+/g) ?? [];
  const browser = await launch({ home, hosts });
  ends.push(() => browser.close());
  const visitor = await Visitor.come({ after: (end) => ends.unshift(end) }, browser, { origin: new URL(address).origin }, {
    locale: 'en-US', ignoreHTTPSErrors: true,
  });
  const test = new TestPage(visitor);
  await test.open(address);
  const urls = await test.page.getByRole('checkbox', { name: /^Test (stun|turn)/ }).all();
  for (const one of urls) if (only && !await one.and(test.page.getByRole('checkbox', { name: `Test ${only}`, exact: true })).count()) await one.uncheck();
  console.log(JSON.stringify(await test.run()));
} finally {
  for (const end of ends) await end();
  await rm(dir, { recursive: true, force: true });
}
