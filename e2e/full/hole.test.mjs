// srs_player.html steps over holes in what it has buffered.

import assert from 'node:assert/strict';
import { Encoder } from '../lib/ffmpeg.mjs';
import { look, plays } from '../lib/player.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

// keepPictures runs in the page before its own scripts, and keeps where the player puts the pictures.
function keepPictures() {
  const { addSourceBuffer } = MediaSource.prototype;
  MediaSource.prototype.addSourceBuffer = function add(type) {
    const buffer = addSourceBuffer.call(this, type);
    if (type.startsWith('video/')) window.pictures = buffer;
    return buffer;
  };
}

// makeHole runs in the page, and takes the pictures that come next out of the buffer; what comes up to the next keyframe has no
// place in it then. It returns where the hole begins, or null when that is not possible yet. A player that began late in a
// group of pictures has little ahead, and plays some of it again.
async function makeHole() {
  const { pictures } = window;
  const video = document.getElementById('video');
  if (pictures.updating || video.seeking || pictures.buffered.length === 0) return null;
  const end = pictures.buffered.end(pictures.buffered.length - 1);
  const from = video.currentTime + 0.2;
  if (end < from + 0.05) {
    video.currentTime = Math.max(pictures.buffered.start(0), end - 0.5);
    return null;
  }
  pictures.remove(from, Infinity);
  await new Promise((done) => { pictures.addEventListener('updateend', done, { once: true }); });
  return from;
}

// behind runs in the page: where pictures go on after a time.
function behind(from) {
  const { buffered } = window.pictures;
  return Array.from({ length: buffered.length }, (_, i) => buffered.start(i)).find((start) => start > from);
}

scene('srs_player steps over a hole in its buffer', async (s) => {
  const { port, origin } = await s.server();
  const publisher = new Encoder(`rtmp://127.0.0.1:${port}/live/livestream`);
  for (const way of ['flv', 'ts']) {
    const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true&stream=livestream.${way}`, { before: keepPictures });
    await plays(viewer, { tones: [440] });
    const from = await until('pictures are taken out', () => viewer.page.evaluate(makeHole));
    const to = await until('others are there behind the hole', () => viewer.page.evaluate(behind, from));
    const over = await until('the picture is behind the hole', async () => {
      const p = await look(viewer);
      return p.time > to && p;
    });
    assert.equal(over.renewals, 0, 'without a new connection');
    await plays(viewer, { tones: [440] });
    assert.equal((await look(viewer)).renewals, 0);
    s.figure(`a hole of ${((to - from) * 1000).toFixed(0)} ms by ${way}`);
    await s.close(viewer);
  }
  await publisher.stop();
});
