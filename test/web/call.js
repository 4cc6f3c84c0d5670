// One side of a call that may use nothing but the relay. The test carries the
// descriptions from page to page and asks what arrived.

const call = { messages: [] };
window.call = call;

function gathered(pc) {
  return new Promise((resolve) => {
    const look = () => pc.iceGatheringState === 'complete' && resolve();
    pc.addEventListener('icegatheringstatechange', look);
    look();
  });
}

function keep(channel) {
  call.channel = channel;
  channel.onmessage = (event) => call.messages.push(event.data);
}

async function describe(description) {
  await call.pc.setLocalDescription(description);
  await gathered(call.pc);
  return call.pc.localDescription.toJSON();
}

/** Opens the camera and the peer connection; errors of gathering are kept. */
call.open = async (iceServers) => {
  call.pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' });
  call.errors = [];
  call.pc.onicecandidateerror = (e) => call.errors.push(`${e.url} ${e.errorCode} ${e.errorText}`);
  call.pc.ontrack = (event) => { document.getElementById('remote').srcObject = event.streams[0]; };
  call.pc.ondatachannel = (event) => keep(event.channel);
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
  for (const track of camera.getTracks()) call.pc.addTrack(track, camera);
};

call.offer = () => {
  keep(call.pc.createDataChannel('greeting'));
  return describe();
};

call.answer = async (offer) => {
  await call.pc.setRemoteDescription(offer);
  return describe();
};

call.accept = (answer) => call.pc.setRemoteDescription(answer);

call.send = (text) => call.channel.send(text);

/** What the test looks at, in plain values. */
call.state = async () => {
  const stats = [...(await call.pc.getStats()).values()];
  const find = (id) => stats.find((s) => s.id === id);
  const pair = find(stats.find((s) => s.type === 'transport')?.selectedCandidatePairId);
  const inbound = stats.find((s) => s.type === 'inbound-rtp' && s.kind === 'video');
  return {
    connection: call.pc.connectionState,
    errors: call.errors,
    channel: call.channel?.readyState,
    messages: call.messages,
    framesDecoded: inbound?.framesDecoded ?? 0,
    frameWidth: inbound?.frameWidth ?? 0,
    local: find(pair?.localCandidateId)?.candidateType,
    remote: find(pair?.remoteCandidateId)?.candidateType,
    relayProtocol: find(pair?.localCandidateId)?.relayProtocol,
    url: find(pair?.localCandidateId)?.url,
  };
};
