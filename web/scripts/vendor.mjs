// Copies the scripts that pages of RTCMultiConnection load into the built pages,
// unchanged and under the paths those pages expect, and packs what is worth it.
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzip, constants } from 'node:zlib';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const dist = fileURLToPath(new URL('../../internal/web/dist', import.meta.url));

/** Package, its file, and the path that pages ask for. */
const files = [
  ...['RTCMultiConnection.min.js', 'RTCMultiConnection.js'].map((f) => ['rtcmulticonnection', `dist/${f}`, `dist/${f}`]),
  ...['getHTMLMediaElement.js', 'getHTMLMediaElement.css'].map((f) => ['rtcmulticonnection', `dev/${f}`, `dev/${f}`]),
  ...['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.msgpack.min.js'].map((f) => ['socket.io-client', `dist/${f}`, `socket.io/${f}`]),
  ...[
    ['webrtc-adapter', 'out/adapter.js'], ['recordrtc', 'RecordRTC.js'], ['fbr', 'FileBufferReader.js'],
    ['getstats', 'getStats.js'], ['multistreamsmixer', 'MultiStreamsMixer.js'],
    ['canvas-designer', 'canvas-designer-widget.js'], ['canvas-designer', 'dev/webrtc-handler.js'],
    ['canvas-designer', 'widget.html'], ['canvas-designer', 'widget.min.js'],
  ].map(([name, file]) => [name, file, `node_modules/${name}/${file}`]),
];

async function copyAll() {
  for (const [name, from, to] of files) {
    const target = join(dist, to);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(modules, name, from), target);
  }
}

/** What the scripts above are packed together with: their own names tell nothing of it. */
const within = [
  'engine.io-client', 'engine.io-parser', 'socket.io-parser', '@socket.io/component-emitter', 'debug', 'ms',
  'socket.io-msgpack-parser', 'notepack.io', 'component-emitter', 'sdp', 'detectrtc',
];

/** The packages that the source maps of the scripts name must be among those whose licences are shown. */
async function wantAll(names) {
  for (const [name, from] of files) {
    const map = await readFile(join(modules, name, `${from}.map`), 'utf8').catch(() => '{"sources":[]}');
    for (const source of JSON.parse(map).sources) {
      const [, inside] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source) ?? [];
      if (inside && !names.includes(inside)) throw new Error(`${name}/${from} contains ${inside}, whose licence is not shown`);
    }
  }
}

/** Our pages contain what package.json calls dependencies; the others are served as they are. Their licences ask to be shown. */
async function licenses() {
  const require = createRequire(import.meta.url);
  const { dependencies } = require(join(root, 'package.json'));
  const names = [...new Set([...Object.keys(dependencies), ...files.map(([name]) => name), ...within])];
  await wantAll(names);
  const parts = [];
  for (const name of names) {
    const folder = join(modules, name);
    const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((f) => /^licen[cs]e/i.test(f));
    if (!file) throw new Error(`${name} ${version} has no licence that could be handed on`);
    const text = await readFile(join(folder, file), 'utf8');
    parts.push(`${name} ${version} (${typeof license === 'string' ? license : 'see below'})\n\n${text.replaceAll('\r\n', '\n').trim()}\n`);
  }
  await writeFile(join(dist, 'licenses.txt'), parts.join(`\n${'-'.repeat(72)}\n\n`));
}

const PACKED = new Set(['.html', '.js', '.css', '.svg', '.txt']);
const WORTH_IT = 1024;
const pack = promisify(gzip);

async function packAll(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) { await packAll(path); continue; }
    if (!PACKED.has(extname(entry.name))) continue;
    const plain = await readFile(path);
    if (plain.length < WORTH_IT) continue;
    await writeFile(`${path}.gz`, await pack(plain, { level: constants.Z_BEST_COMPRESSION }));
  }
}

await copyAll();
await licenses();
await packAll(dist);
