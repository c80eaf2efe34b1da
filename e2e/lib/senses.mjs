// What is to be seen and heard of a page's video element, whatever it plays.

import assert from 'node:assert/strict';
import { columns, height, marks, number, pictures, rows, width } from './film.mjs';
import { until } from './until.mjs';

export const beep = 398; // Hz, of Chromium's fake microphone; 20 ms of it every half second
const audible = -50; // dB of full scale, of the loudest frequency

// listen runs in the page: from then on window.heard() is the loudest frequency of what is played, and how loud it is. What
// Media Source Extensions play is led through the analyser, once for each element, and stays there when its source changes.
async function listen() {
  if (window.heard) return;
  const video = document.getElementById('video');
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0; // What is heard is heard now.
  if (video.srcObject) {
    context.createMediaStreamSource(video.srcObject).connect(analyser);
  } else {
    context.createMediaElementSource(video).connect(analyser).connect(context.destination);
  }
  window.heard = () => {
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    return { frequency: loudest * context.sampleRate / analyser.fftSize, level: levels[loudest] };
  };
}

// hears waits until one of the tones is the loudest that is heard, and returns it.
export async function hears(viewer, tones) {
  await viewer.page.evaluate(listen);
  return until(`one of ${tones} Hz is heard`, async () => {
    const now = await viewer.page.evaluate(() => window.heard());
    if (now.level > audible && tones.some((f) => Math.abs(f - now.frequency) < 12)) return now;
    throw new Error(`${now.frequency} Hz at ${now.level} dB`);
  });
}

// silent waits until nothing is heard any more.
export async function silent(viewer) {
  await viewer.page.evaluate(listen);
  await until('nothing is heard', async () => {
    const { frequency, level } = await viewer.page.evaluate(() => window.heard());
    if (level < -100) return true;
    throw new Error(`${frequency} Hz at ${level} dB`);
  });
}

// coarse runs in the page and gives the marks of the picture in grey.
function coarse({ columns, rows, marks }) {
  const video = document.getElementById('video');
  const canvas = new OffscreenCanvas(marks.width, marks.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const all = context.getImageData(0, 0, marks.width, marks.height).data;
  const grey = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) grey.push(all[4 * (Math.floor((y + 0.5) * marks.height / rows) * marks.width + Math.floor((x + 0.5) * marks.width / columns)) + 1]);
  }
  return { grey, size: [video.videoWidth, video.videoHeight] };
}

// numbered looks at some pictures: each is as it was filmed, and they go on.
export async function numbered(viewer) {
  let last = -1;
  for (let i = 0; i < 8; i++) {
    const { grey, size } = await until('another picture', async () => {
      const now = await viewer.page.evaluate(coarse, { columns, rows, marks });
      return number(now.grey) !== last && now;
    });
    assert.deepEqual(size, [width, height]);
    const n = number(grey);
    assert.ok(n >= 0, `picture ${i} is as it was filmed: ${grey}`);
    if (last >= 0) assert.ok((n - last + pictures) % pictures < pictures / 2, `picture ${n} comes after ${last}`);
    last = n;
  }
}
