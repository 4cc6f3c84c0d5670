// A certificate for the server, and a home for the browser that trusts it:
// Chromium refuses a TURN server whose certificate it does not trust, whatever
// its flags for pages say.
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Writes ca.pem, cert.pem and key.pem into dir; the certificate is for localhost. */
export async function makeCertificate(dir) {
  const at = (name) => join(dir, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  await run('openssl', ['req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'),
    '-days', '2', '-subj', '/CN=iceserver test authority']);
  await run('openssl', ['req', ...key, '-keyout', at('key.pem'), '-out', at('request.pem'), '-subj', '/CN=localhost']);
  await run('openssl', ['x509', '-req', '-in', at('request.pem'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'),
    '-CAcreateserial', '-days', '2', '-extfile', at('names'), '-out', at('cert.pem')]);
  return { authority: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') };
}

/** Makes a home directory whose certificate database trusts the authority. */
export async function makeHome(dir, authority) {
  const home = join(dir, 'home');
  const database = join(home, '.pki', 'nssdb');
  await mkdir(database, { recursive: true });
  await run('certutil', ['-d', `sql:${database}`, '-N', '--empty-password']);
  await run('certutil', ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'authority', '-i', authority]);
  return home;
}
