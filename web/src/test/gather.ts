// Gathers candidates for one list of servers, as long as it is worth waiting.
import { toCandidate } from '../ice/candidate';
import type { Gathering } from '../ice/verdict';

export interface GatherOptions {
  servers: RTCIceServer[];
  policy: RTCIceTransportPolicy;
  pool: number;
  waitMs: number;
  signal: AbortSignal;
  onChange?: (soFar: Gathering) => void;
}

const words = (e: unknown): string => (e instanceof Error ? e.message : String(e));

export function gather(o: GatherOptions): Promise<Gathering> {
  const result: Gathering = { candidates: [], errors: [], complete: false, waitedMs: 0 };
  const began = performance.now();
  const since = () => Math.round(performance.now() - began);
  let pc: RTCPeerConnection;
  try {
    pc = new RTCPeerConnection({ iceServers: o.servers, iceTransportPolicy: o.policy, iceCandidatePoolSize: o.pool });
  } catch (e) {
    return Promise.resolve({ ...result, thrown: words(e) });
  }
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      o.signal.removeEventListener('abort', finish);
      pc.onicecandidate = pc.onicecandidateerror = pc.onicegatheringstatechange = null;
      pc.close();
      resolve({ ...result, complete: result.complete, waitedMs: since() });
    };
    const changed = () => o.onChange?.({ ...result, candidates: [...result.candidates], errors: [...result.errors], waitedMs: since() });
    const timer = setTimeout(finish, o.waitMs);
    o.signal.addEventListener('abort', finish);
    pc.onicecandidate = (e) => {
      // The end of the candidates comes as null or as an empty line.
      if (!e.candidate || e.candidate.candidate === '') return;
      result.candidates.push(toCandidate(e.candidate, since(), (e as { url?: string }).url ?? ''));
      changed();
    };
    pc.onicecandidateerror = (e) => {
      result.errors.push({ ms: since(), code: e.errorCode, text: e.errorText, url: e.url, address: e.address ? `${e.address}:${e.port ?? 0}` : '' });
      changed();
    };
    pc.onicegatheringstatechange = () => {
      if (pc.iceGatheringState !== 'complete') return;
      result.complete = true;
      finish();
    };
    pc.createDataChannel('gather');
    pc.setLocalDescription().catch((e: unknown) => { result.thrown = words(e); finish(); });
    if (o.signal.aborted) finish();
  });
}
