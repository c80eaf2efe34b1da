// Chromium publishes by WebRTC, and an encoder by RTMP; srs_player.html plays it in every other way.

import assert from 'node:assert/strict';
import { Encoder } from './lib/ffmpeg.mjs';
import { files, look, near, plain, plays, plots, screens, text } from './lib/player.mjs';
import { scene } from './lib/scene.mjs';
import { silent } from './lib/senses.mjs';
import { until } from './lib/until.mjs';

const camera = 'autostart=true&codec=h264&width=640&height=360&bitrate=800';

scene('srs_player plays a browser\'s stream by FLV, WebSocket, MPEG-TS and HLS', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  await publisher.reaches('live');
  const viewer = await s.open(`${origin}/players/srs_player.html`);
  await plain(viewer);
  await viewer.start();
  for (const [way, name] of [['flv', 'HTTP-FLV'], ['ws-flv', 'WS-FLV'], ['ts', 'HTTP-TS'], ['hls', 'HTTP-HLS']]) {
    if (way !== 'flv') await viewer.page.locator(`[data-way=${way}]`).click();
    await plays(viewer);
    assert.equal(await text(viewer, 'transport'), name);
    const lists = way === 'hls';
    const { stats } = await near(viewer, lists ? 12 : 1.5);
    s.figure(`srs_player by ${name}: ${stats.latency.toFixed(0)} ms behind, ${(stats.ahead * 1000).toFixed(0)} ms of buffer, ${stats.dropped} of ${stats.frames} frames dropped`);
    assert.ok(stats.latency < (lists ? 20_000 : 3000), `${stats.latency} ms behind`);
    assert.match(await text(viewer, 'codec'), /^H264/);
    assert.equal(await text(viewer, 'audio-codec'), 'AAC');
    assert.equal(await text(viewer, 'resolution'), '640 × 360');
    assert.match(await text(viewer, 'bitrate'), /bit\/s$/);
    if (way === 'flv') await plots(viewer);
    assert.match(await text(viewer, 'dropped'), /^\d+ \([\d.]+ %\)$/);
  }

  await viewer.page.locator('[data-way=flv]').click();
  await plays(viewer);
  await viewer.page.evaluate(() => document.getElementById('video').pause());
  await until('the picture is behind', async () => (await look(viewer)).stats.ahead > 2.5);
  assert.match(await text(viewer, 'latency'), /^[2-9].*s$/);
  await viewer.page.getByTestId('live').click();
  await near(viewer, 1.2);
  await plays(viewer);
  await viewer.stop();
  assert.equal((await look(viewer)).state, 'idle');
  await silent(viewer);
});

scene('srs_player shows and sounds the film that an encoder sends, by FLV, MPEG-TS and Low-Latency HLS', async (s) => {
  const server = await s.server({ add: { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' } });
  const publisher = await s.film(server, 'rtmp-44-mono');
  const [flv, ts, hls] = await screens(s, server, publisher, ['flv', 'ts', 'm3u8']);
  for (const viewer of [flv, ts, hls]) {
    assert.match(await text(viewer, 'codec'), /^H264/);
    assert.equal(await text(viewer, 'audio-codec'), 'AAC');
  }
  assert.ok((await files(hls)).includes('m4s'));
});

scene('srs_player waits for a stream by Low-Latency HLS, and for its return', async (s) => {
  const { origin } = await s.server({ add: { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' } });
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true&stream=livestream.m3u8`);
  await viewer.reaches('waiting');
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  const { stats } = await plays(viewer);
  assert.equal(await viewer.page.locator('[data-way=hls]').innerText(), 'LL-HLS');
  s.figure(`srs_player by LL-HLS: ${stats.latency.toFixed(0)} ms behind, ${(stats.ahead * 1000).toFixed(0)} ms of buffer`);
  assert.ok(stats.latency < 20_000, `${stats.latency} ms behind`);
  assert.match(await text(viewer, 'codec'), /^H264/);
  assert.equal(await text(viewer, 'audio-codec'), 'AAC');
  await publisher.stop();
  await viewer.reaches('waiting');
  await publisher.start();
  await plays(viewer);
});

scene('srs_player says why it does not play', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?${camera.replace('h264', 'vp8')}`);
  await publisher.reaches('live');
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true`);
  await viewer.reaches('failed');
  assert.match(await viewer.error(), /cannot be played this way[^]*The server says: .*VP8/);
  await viewer.page.locator('[data-way=ws-flv]').click();
  await until('the WebSocket is refused with the same words', async () => /VP8/.test(await viewer.error()) && (await look(viewer)).way === 'WS-FLV');

  await viewer.page.locator('[data-way=hls]').click();
  await until('and so is the playlist', async () => /VP8/.test(await viewer.error()) && (await look(viewer)).way === 'HTTP-HLS');

  const { page } = viewer;
  const attempt = async (url) => {
    await page.getByTestId('url').fill(url);
    await page.getByTestId('url').press('Enter');
    await viewer.reaches('failed');
    return viewer.error();
  };
  assert.match(await attempt('rtmp://localhost/live/livestream'), /No browser speaks rtmp:/);
  assert.match(await attempt('webrtc://localhost/live/livestream'), /WebRTC address/);
  assert.match(await attempt(`${origin}/live/a/b.flv`), /nothing at this address/);
  assert.match(await attempt('http://localhost:1/live/livestream.flv'), /cannot be reached/);
});

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
