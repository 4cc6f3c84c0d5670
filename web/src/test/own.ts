// This server's own addresses, credentials and certificate, if it gives them.
import { useEffect, useState } from 'preact/hooks';
import { askServer, linkKey, stunUrls, type Credentials, type Status } from '../api';
import { fromIceServers, type ServerFields } from '../ice/server';

export interface Own {
  key: string;
  loading: boolean;
  state?: Credentials['state'];
  servers: ServerFields[];
  ends?: Date;
  status?: Status;
}

const LABEL = 'test page';

export async function askOwn(key: string): Promise<Own> {
  const { credentials, status } = await askServer(key, LABEL);
  const known = status ? { status } : {};
  if (credentials.state === 'ok') {
    const servers = fromIceServers(credentials.iceServers, true);
    return { key, loading: false, state: 'ok', servers, ...known, ...(credentials.ttl > 0 ? { ends: new Date(Date.now() + credentials.ttl * 1000) } : {}) };
  }
  // STUN needs no credentials, so there is always something to test.
  const servers = status ? stunUrls(status).map((url) => ({ url, username: '', credential: '', enabled: true, own: true })) : [];
  return { key, loading: false, state: credentials.state, servers, ...known };
}

/** A run takes its time, and its credentials have to last. */
const LEFT_MS = 2 * 60_000;

export const runsOut = (own: Own): boolean => own.ends !== undefined && own.ends.getTime() - Date.now() < LEFT_MS;

/** Asks once; again when the page says so, since credentials end. */
export function useOwn(): [Own, () => Promise<Own>] {
  const [own, setOwn] = useState<Own>(() => ({ key: linkKey(), loading: true, servers: [] }));
  const ask = async () => {
    const answer = await askOwn(own.key);
    setOwn(answer);
    return answer;
  };
  useEffect(() => { void ask(); }, []);
  return [own, ask];
}
