// Ports for servers under test, which no other test in JavaScript gets on this machine.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports that kernels hand out by themselves, so that no other socket
// takes one before the server comes to it.
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 1000;

/** Lets a server listen, and says whether it could. */
async function listens(server, ...where) {
  try {
    server.listen(...where);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  }
}

/** Whether nobody has a port for TCP nor for UDP. */
async function isFree(port) {
  const stream = createServer();
  if (!await listens(stream, port, '127.0.0.1')) return false;
  const datagrams = createSocket('udp4');
  const free = await new Promise((resolve) => {
    datagrams.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true));
  });
  datagrams.close();
  stream.close();
  await once(stream, 'close');
  return free;
}

/** Takes the name that says that a port has an owner, until this process ends: only one can have it. */
const reserve = (port) => listens(createServer().unref(), `\0iceserver-test-port-${port}`);

/** Ports that are free for TCP and UDP alike; none is given out twice while this process runs. */
export async function freePorts(n) {
  const ports = [];
  for (let i = 0; i < TRIES && ports.length < n; i++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await reserve(port) && await isFree(port)) ports.push(port);
  }
  if (ports.length < n) throw new Error('there are no free ports');
  return ports;
}
