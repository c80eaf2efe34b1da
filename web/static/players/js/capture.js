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
// It returns {stream, missing}; missing names the kind that is not there. It
// throws an explanation.
export async function capture({ camera, microphone, quality }) {
  if (!navigator.mediaDevices?.getUserMedia) throw insecurePage(location);
  if (camera === 'screen') return { stream: await captureScreen(microphone, quality), missing: '' };
  const video = { ...size(quality), ...exactly(camera) };
  const audio = microphone ? exactly(microphone) : true;
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ video, audio }), missing: '' };
  } catch (error) {
    if (error.name !== 'NotFoundError') throw captureError(error);
    return captureWhatIsThere(video, audio, error);
  }
}

// captureWhatIsThere serves computers with only a camera or only a microphone.
async function captureWhatIsThere(video, audio, first) {
  for (const [constraints, missing] of [[{ video }, 'microphone'], [{ audio }, 'camera']]) {
    try {
      return { stream: await navigator.mediaDevices.getUserMedia(constraints), missing };
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

// devices lists cameras and microphones; their names are there only once the
// person has allowed one.
export async function devices() {
  const all = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
  const named = (kind) => all.filter((d) => d.kind === kind && d.deviceId && d.label);
  return { cameras: named('videoinput'), microphones: named('audioinput') };
}
