// Camera, microphone and screen.

const PICTURE = { width: { ideal: 640 }, height: { ideal: 360 } };
const SOUND = { echoCancellation: true, noiseSuppression: true };

/** Camera and microphone, or what there is of them; throws what the browser said. */
export async function cameraAndMicrophone(): Promise<MediaStream> {
  const ask = (video: boolean, audio: boolean) => navigator.mediaDevices.getUserMedia({ ...(video ? { video: PICTURE } : {}), ...(audio ? { audio: SOUND } : {}) });
  try {
    return await ask(true, true);
  } catch (first) {
    // Who said no has said no to both; who lacks a camera can still talk.
    if (first instanceof DOMException && first.name === 'NotAllowedError') throw first;
    return ask(false, true).catch(() => ask(true, false)).catch(() => { throw first; });
  }
}

export const screenPicture = (): Promise<MediaStream> => navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });

export const stopStream = (stream: MediaStream | undefined): void => stream?.getTracks().forEach((track) => track.stop());

/** Pages without HTTPS have no devices at all, except from localhost. */
export const devicesAllowed = (): boolean => globalThis.isSecureContext && 'mediaDevices' in navigator;
