// What is used of RTCMultiConnection, which is a script of the page without types.

export interface StreamEvent { type: 'local' | 'remote'; stream: MediaStream; streamid: string; userid: string; extra: Extra }
export interface PeerEvent { userid: string; extra: Extra; data?: unknown }
export interface Extra { name?: string }

export interface Connection {
  socketURL: string;
  socketMessageEvent: string;
  socketCustomParameters: string;
  userid: string;
  extra: Extra;
  session: Record<string, boolean>;
  sdpConstraints: { mandatory: Record<string, boolean> };
  iceServers: RTCIceServer[];
  iceTransportPolicy: RTCIceTransportPolicy;
  iceCandidatePoolSize: number;
  bundlePolicy: RTCBundlePolicy;
  rtcpMuxPolicy: RTCRtcpMuxPolicy;
  maxParticipantsAllowed: number;
  autoCreateMediaElement: boolean;
  dontCaptureUserMedia: boolean;
  enableLogs: boolean;
  attachStreams: MediaStream[];
  isInitiator: boolean;
  peers: Record<string, { peer?: RTCPeerConnection; extra?: Extra } | undefined>;
  socket: { on: (event: string, listener: (e?: { message?: string }) => void) => void } | null;
  onstream: (e: StreamEvent) => void;
  onstreamended: (e: StreamEvent) => void;
  onleave: (e: PeerEvent) => void;
  onopen: (e: PeerEvent) => void;
  onclose: (e: PeerEvent) => void;
  onmessage: (e: PeerEvent) => void;
  onUserStatusChanged: (e: PeerEvent & { status: string }) => void;
  onExtraDataUpdated: (e: PeerEvent) => void;
  onEntireSessionClosed: () => void;
  onSocketDisconnect: () => void;
  checkPresence: (room: string, done: (exists: boolean) => void) => void;
  open: (room: string, done: (opened: boolean, room: string, error?: string) => void) => void;
  join: (room: string, done: (joined: boolean, room: string, error?: string) => void) => void;
  openOrJoin: (room: string, done: (joined: boolean, room: string, error?: string) => void) => void;
  send: (data: unknown, to?: string) => void;
  leave: () => void;
  closeSocket: () => void;
}

interface Globals { RTCMultiConnection?: new () => Connection; io?: unknown }

/** A connection of the library, or nothing when its scripts did not load. */
export function newConnection(): Connection | undefined {
  const { RTCMultiConnection, io } = globalThis as Globals;
  return RTCMultiConnection && io ? new RTCMultiConnection() : undefined;
}

/**
 * Sets the way of the media. All four have to be there: without the last three
 * the library hands the browser an invalid configuration, tries again without
 * the policy, and the switch does nothing.
 */
export function setWay(connection: Connection, iceServers: RTCIceServer[], relayOnly: boolean): void {
  connection.iceServers = iceServers;
  connection.iceTransportPolicy = relayOnly ? 'relay' : 'all';
  connection.bundlePolicy = 'balanced';
  connection.rtcpMuxPolicy = 'require';
  connection.iceCandidatePoolSize = 0;
}
