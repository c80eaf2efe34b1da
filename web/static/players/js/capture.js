// Cameras, microphones and the screen.

import { captureError, insecurePage } from './errors.js';

export const qualities = [
  { id: '1080', name: '1080p · 30 fps', width: 1920, height: 1080, fps: 30, kbps: 4500 },
  { id: '720', name: '720p · 30 fps', width: 1280, height: 720, fps: 30, kbps: 2500 },
  { id: '480', name: '480p · 30 fps', width: 854, height: 480, fps: 30, kbps: 1200 },
  { id: '360', name: '360p · 30 fps', width: 640, height: 360, fps: 30, kbps: 700 },
];

function size({ width, height, fps }) {
  const wish = {};
  if (width) wish.width = { ideal: width };
  if (height) wish.height = { ideal: height };
  if (fps) wish.frameRate = { ideal: fps };
  return wish;
}

const exactly = (id) => (id ? { deviceId: { exact: id } } : {});

// capture opens the chosen source ("screen" or a camera's id) and microphone.
// It returns {stream, kinds}: what was opened, and the kinds that were asked for,
// of which one may not be there. It throws an explanation.
async function capture({ camera, microphone, quality }) {
  if (!navigator.mediaDevices?.getUserMedia) throw insecurePage(location);
  const kinds = ['audio', 'video'];
  if (camera === 'screen') return { stream: await captureScreen(microphone, quality), kinds };
  const video = { ...size(quality), ...exactly(camera) };
  const audio = microphone ? exactly(microphone) : true;
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ video, audio }), kinds };
  } catch (error) {
    if (error.name !== 'NotFoundError') throw captureError(error);
    return { stream: await captureWhatIsThere(video, audio, error), kinds };
  }
}

// captureWhatIsThere serves computers with only a camera or only a microphone.
async function captureWhatIsThere(video, audio, first) {
  for (const constraints of [{ video }, { audio }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(constraints);
    } catch (error) {
      if (error.name !== 'NotFoundError') throw captureError(error);
    }
  }
  throw captureError(first);
}

async function captureScreen(microphone, quality) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: size({ fps: quality.fps }), audio: true });
  } catch (error) {
    throw captureError(error, { screen: true });
  }
  for (const track of stream.getVideoTracks()) track.contentHint = 'detail';
  if (stream.getAudioTracks().length > 0) return stream;
  // The screen has no sound of its own here: the microphone serves, if any.
  const voice = await navigator.mediaDevices.getUserMedia({ audio: microphone ? exactly(microphone) : true }).catch(() => null);
  for (const track of voice?.getAudioTracks() ?? []) stream.addTrack(track);
  return stream;
}

// captureVoice opens a microphone alone.
async function captureVoice({ microphone }) {
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ audio: microphone ? exactly(microphone) : true }), kinds: ['audio'] };
  } catch (error) {
    throw captureError(error);
  }
}

// resize asks what is filmed already for another size; a screen has the size it has.
export async function resize(track, quality) {
  const screen = track.getSettings().displaySurface !== undefined;
  try {
    await track.applyConstraints(size(screen ? { fps: quality.fps } : quality));
  } catch (error) {
    throw captureError(error);
  }
}

export function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

// Wishes opens what a person wishes for, who may have changed her mind by the
// time that the browser or she has answered: only the newest wish is granted.
export class Wishes {
  #newest = 0;
  #whole = false; // Is everything being opened?

  forget() {
    this.#newest++;
    this.#whole = false;
  }

  all(wish) { return this.#grant(capture(wish), true); }

  // voice is a microphone alone. While everything is still being opened, it is
  // opened again as it is wished for now.
  voice(wish) { return this.#whole ? this.all(wish) : this.#grant(captureVoice(wish), false); }

  // #grant returns what was opened, or null for a wish that is not wished any
  // more: what came of it is closed again.
  async #grant(opening, whole) {
    const mine = ++this.#newest;
    this.#whole = whole;
    try {
      const found = await opening;
      if (mine === this.#newest) return found;
      stopTracks(found.stream);
    } catch (error) {
      if (mine === this.#newest) throw error;
    } finally {
      if (mine === this.#newest) this.#whole = false;
    }
    return null;
  }
}

// devices lists cameras and microphones; their names are there only once the
// person has allowed one.
export async function devices() {
  const all = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
  const named = (kind) => all.filter((d) => d.kind === kind && d.deviceId && d.label);
  return { cameras: named('videoinput'), microphones: named('audioinput') };
}
