// What every answer says beside its content, whatever is asked, over plain HTTP
// and over HTTPS of both versions on the one port that also carries TURN.
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { test } from 'node:test';
import { stage } from './stage.js';

const set = stage();

/** A self-signed certificate is what a server has that comes without one. */
const trusting = { rejectUnauthorized: false };

function oneRequest(module, url, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const request = module.request(url, { method, headers, agent: false, ...trusting }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() });
      });
    });
    request.on('error', reject).end(body);
  });
}

function overHTTP2(url, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const session = http2.connect(url.origin, trusting);
    session.on('error', reject);
    const { host, ...rest } = headers;
    const stream = session.request({ ':method': method, ':path': url.pathname + url.search, ...(host ? { ':authority': host } : {}), ...rest }, { endStream: body === '' });
    let answer, text = '';
    stream.on('response', (got) => { answer = got; });
    stream.setEncoding('utf8').on('data', (part) => { text += part; }).on('error', reject);
    stream.on('end', () => { session.close(); resolve({ status: answer[':status'], headers: answer, text }); });
    if (body !== '') stream.end(body);
  });
}

const WAYS = {
  'HTTP': { ask: (path, o) => oneRequest(http, new URL(path, set.server.origin), o) },
  'HTTPS': { ask: (path, o) => oneRequest(https, new URL(path, `https://127.0.0.1:${set.server.ports.secure}`), o) },
  'HTTP/2': { ask: (path, o) => overHTTP2(new URL(path, `https://127.0.0.1:${set.server.ports.secure}`), o) },
  'HTTPS on the port of UDP and TCP': { ask: (path, o) => oneRequest(https, new URL(path, `https://127.0.0.1:${set.server.ports.plain}`), o) },
};

const json = { 'content-type': 'application/json' };
const ASKED = [
  ...['/', '/test', '/demos/', '/demos/conference', '/demos/one-to-one', '/demos/screen', '/demos/chat', '/favicon.ico', '/icon.svg', '/licenses.txt',
    '/dist/RTCMultiConnection.min.js', '/socket.io/socket.io.js', '/api/v1/status', '/socket.io/?EIO=4&transport=polling'].map((path) => ({ path, status: 200 })),
  ...['/test/', '/demos', '/index.html'].map((path) => ({ path, status: 308 })),
  ...['/nowhere', '/api/v1/nowhere', '/assets/', '/.gitkeep'].map((path) => ({ path, status: 404 })),
  { path: '/socket.io/?EIO=9&transport=polling', status: 400 },
  { path: '/?service=turn', status: 401 },
  { path: '/api/v1/attempts', status: 401 },
  { path: '/api/v1/credentials', status: 401, method: 'POST', headers: json, body: '{}' },
  { path: '/api/v1/credentials', status: 405 },
  { path: '/test', status: 405, method: 'POST' },
  { path: '/api/v1/credentials', status: 403, method: 'POST', headers: { ...json, origin: 'https://elsewhere.example' }, body: '{}' },
  { path: '/test', status: 421, headers: { host: 'elsewhere.example' } },
];

/** H-10, H-11: what is missing or too much in the headers of an answer. */
function wrongIn({ status, headers }, { path, ...asked }) {
  const wrong = [];
  const need = (name, pattern) => { if (!pattern.test(headers[name] ?? '')) wrong.push(`${name}: ${headers[name]}`); };
  if (status !== asked.status) wrong.push(`status ${status}`);
  need('x-content-type-options', /^nosniff$/);
  need('referrer-policy', /^no-referrer$/);
  need('x-frame-options', /^(DENY|SAMEORIGIN)$/);
  need('cross-origin-opener-policy', /^same-origin$/);
  need('cross-origin-resource-policy', /^(same|cross)-origin$/);
  need('content-security-policy', /^default-src 'none'; .*frame-ancestors '(none|self)'/);
  need('cache-control', path.startsWith('/api/') || path.includes('?') ? /^no-store$/ : /./);
  if (!/^\/(dist|socket\.io)\/./.test(path) && /unsafe|\*/.test(headers['content-security-policy'])) wrong.push(headers['content-security-policy']);
  // A certificate that no browser trusts must not bind anybody to HTTPS.
  for (const name of ['server', 'x-powered-by', 'strict-transport-security', 'set-cookie']) if (headers[name]) wrong.push(`${name}: ${headers[name]}`);
  return wrong;
}

for (const [name, { ask }] of Object.entries(WAYS)) {
  test(`every answer over ${name} has its headers`, async () => {
    for (const asked of ASKED) {
      assert.deepEqual(wrongIn(await ask(asked.path, asked), asked), [], `${asked.method ?? 'GET'} ${asked.path} (${asked.status})`);
    }
  });
}

// H-13: what is not exactly what is wanted gets a word for programs and a sentence for people.
test('bad requests for credentials are told what is wrong', async () => {
  const authorization = `Bearer ${set.server.key}`;
  const ask = (body, headers = {}) => WAYS.HTTP.ask('/api/v1/credentials', { method: 'POST', body, headers: { ...json, authorization, ...headers } });
  for (const [body, headers, status, code] of [
    ['{}', { 'content-type': 'text/plain' }, 415, 'content-type'], ['{"ttl":0}', {}, 400, 'ttl'], ['{"more":1}', {}, 400, 'json'],
    ['{}{}', {}, 400, 'json'], [`{"label":"${'x'.repeat(1 << 16)}"}`, {}, 413, 'too-long'], ['{}', { authorization: 'Bearer ice_no' }, 401, 'key-unknown'],
  ]) {
    const answer = await ask(body, headers);
    const said = JSON.parse(answer.text);
    assert.deepEqual([answer.status, said.code], [status, code], body.slice(0, 40));
    assert.match(said.error, /\.$/);
  }
  const good = JSON.parse((await ask('{"ttl":60,"label":"a page"}')).text);
  assert.equal(good.ttl, 60);
  assert.deepEqual(good.iceServers.flatMap((s) => s.urls).map((url) => url.replace(/\d+\?/, '?')), ['turn:127.0.0.1:?transport=udp', 'turn:127.0.0.1:?transport=tcp', 'turns:127.0.0.1:?transport=tcp']);
});

// R-REST-2-a (TURN REST draft, 2): what clients of the draft read.
test('the old way to ask for credentials', async () => {
  for (const [path, headers] of [[`/?service=turn&username=ann&key=${set.server.key}`, {}], ['/?service=turn&username=ann', { authorization: `Bearer ${set.server.key}` }]]) {
    for (const method of ['GET', 'POST']) {
      const { status, headers: got, text } = await WAYS.HTTP.ask(path, { method, headers });
      const { username, password, ttl, uris } = JSON.parse(text);
      assert.equal(status, 200);
      assert.match(got['content-type'], /^application\/json/);
      assert.match(username, /^\d{10}:.*ann$/);
      assert.ok(password.length > 20 && ttl > 0 && uris.length === 3, text);
    }
  }
});

// H-18: who asks too much is told when to come back. The last test, since it uses
// up what this machine may ask for.
test('an address has its share of requests', async () => {
  // Several at a time, since one after the other may be slower than the share grows.
  let refused;
  for (let i = 0; i < 40 && !refused; i++) {
    const answers = await Promise.all(Array.from({ length: 25 }, () => WAYS.HTTP.ask('/api/v1/status')));
    refused = answers.find((answer) => answer.status === 429);
  }
  assert.ok(refused, 'nothing was refused');
  assert.match(refused.headers['retry-after'], /^\d+$/);
  assert.deepEqual(wrongIn(refused, { path: '/api/v1/status', status: 429 }), []);
});
