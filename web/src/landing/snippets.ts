// Lines to paste, for programs of six kinds. They are code, so no language of people.
import type { StringKey } from '../i18n/en';

export interface Snippet { name: StringKey; code: (servers: RTCIceServer[]) => string }

const json = (value: unknown): string => JSON.stringify(value, null, 2);

/** Quotes as Go and Python read them too: JSON's are a subset of both. */
const quoted = (value: unknown): string => JSON.stringify(typeof value === 'string' ? value : '');

const urlsOf = (s: RTCIceServer): string[] => (Array.isArray(s.urls) ? s.urls : [s.urls]);

const web = (servers: RTCIceServer[]): string => `const iceServers = ${json(servers)};

const pc = new RTCPeerConnection({ iceServers });
`;

const rmc = (servers: RTCIceServer[]): string => `const connection = new RTCMultiConnection();
connection.socketURL = '${location.origin}/';
connection.iceServers = ${json(servers)};

// Through the relay only, to see that it works (all four are needed):
// connection.iceTransportPolicy = 'relay';
// connection.bundlePolicy = 'balanced';
// connection.rtcpMuxPolicy = 'require';
// connection.iceCandidatePoolSize = 0;
`;

const peerjs = (servers: RTCIceServer[]): string => `const peer = new Peer({
  config: { iceServers: ${json(servers).replaceAll('\n', '\n  ')} },
});
`;

const simple = (servers: RTCIceServer[]): string => `const peer = new SimplePeer({
  initiator: true,
  config: { iceServers: ${json(servers).replaceAll('\n', '\n  ')} },
});
`;

function aiortc(servers: RTCIceServer[]): string {
  const one = (s: RTCIceServer) => `    RTCIceServer(
        urls=[${urlsOf(s).map(quoted).join(', ')}],
        username=${quoted(s.username)},
        credential=${quoted(s.credential)},
    ),`;
  return `from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

pc = RTCPeerConnection(RTCConfiguration(iceServers=[
${servers.map(one).join('\n')}
]))
`;
}

function pion(servers: RTCIceServer[]): string {
  const one = (s: RTCIceServer) => `		{
			URLs:       []string{${urlsOf(s).map(quoted).join(', ')}},
			Username:   ${quoted(s.username)},
			Credential: ${quoted(s.credential)},
		},`;
  return `pc, err := webrtc.NewPeerConnection(webrtc.Configuration{
	ICEServers: []webrtc.ICEServer{
${servers.map(one).join('\n')}
	},
})
`;
}

export const snippets: Snippet[] = [
  { name: 'snippet.web', code: web },
  { name: 'snippet.rmc', code: rmc },
  { name: 'snippet.peerjs', code: peerjs },
  { name: 'snippet.simple', code: simple },
  { name: 'snippet.aiortc', code: aiortc },
  { name: 'snippet.pion', code: pion },
];
