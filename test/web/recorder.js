// Runs in a page before its own scripts and keeps what a test looks at: the peer
// connections and WebSockets that the page makes, and what its policy refused.
(() => {
  const recorder = { calls: [], sockets: [], violations: [] };
  window.recorder = recorder;

  // A proxy, since pages and adapter.js look at and change the class itself.
  const record = (name, list) => {
    window[name] = new Proxy(window[name], {
      construct(target, args, made) {
        const object = Reflect.construct(target, args, made);
        list.push(object);
        return object;
      },
    });
  };
  record('RTCPeerConnection', recorder.calls);
  record('WebSocket', recorder.sockets);
  addEventListener('securitypolicyviolation', (e) => {
    recorder.violations.push(`${e.violatedDirective} refused ${e.blockedURI || 'something'} at ${e.sourceFile}:${e.lineNumber}`);
  });

  /** One connection in plain values; n is its number among all that the page made. */
  async function look(pc, n) {
    const stats = [...(await pc.getStats()).values()];
    const find = (id) => stats.find((s) => s.id === id);
    const pair = find(stats.find((s) => s.type === 'transport')?.selectedCandidatePairId);
    const video = stats.filter((s) => s.type === 'inbound-rtp' && s.kind === 'video');
    const audio = stats.filter((s) => s.type === 'inbound-rtp' && s.kind === 'audio');
    return {
      n, state: pc.connectionState, policy: pc.getConfiguration().iceTransportPolicy,
      urls: pc.getConfiguration().iceServers.flatMap((s) => s.urls),
      local: find(pair?.localCandidateId)?.candidateType, remote: find(pair?.remoteCandidateId)?.candidateType,
      frames: video.reduce((sum, s) => sum + (s.framesDecoded ?? 0), 0),
      sound: audio.reduce((sum, s) => sum + (s.packetsReceived ?? 0), 0),
    };
  }

  // Libraries make some to learn what the browser can, and leave them so.
  const inUse = (pc) => pc.connectionState !== 'closed' && pc.remoteDescription !== null;

  /** The connections that were offered to somebody and have not been closed. */
  recorder.open = () => Promise.all(recorder.calls.flatMap((pc, n) => (inUse(pc) ? look(pc, n) : [])));

  /** How many WebSockets are open, of how many. */
  recorder.streams = () => ({ open: recorder.sockets.filter((s) => s.readyState === WebSocket.OPEN).length, all: recorder.sockets.length });

  /** Cuts the connections to the server; the page does not know that it was us. */
  recorder.cut = () => recorder.sockets.forEach((s) => s.close());
})();
