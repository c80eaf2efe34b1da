// Chromium publishes by WebRTC, and srs_player.html plays it in every other way. full/srs_player.test.mjs has the rest.

import assert from 'node:assert/strict';
import { camera, look, near, plain, plays, plots, text } from './lib/player.mjs';
import { scene } from './lib/scene.mjs';
import { silent } from './lib/senses.mjs';
import { until } from './lib/until.mjs';

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
    const { stats } = await near(viewer, lists ? 12 : 1.5, lists ? 20_000 : 3000);
    s.figure(`srs_player by ${name}: ${stats.latency.toFixed(0)} ms behind, ${(stats.ahead * 1000).toFixed(0)} ms of buffer, ${stats.dropped} of ${stats.frames} frames dropped`);
    assert.match(await text(viewer, 'codec'), /^H264/);
    assert.equal(await text(viewer, 'audio-codec'), 'AAC');
    await until('the size is told, which a busy encoder may make smaller for a while', async () => await text(viewer, 'resolution') === '640 × 360');
    assert.match(await text(viewer, 'bitrate'), /bit\/s$/);
    if (way === 'flv') await plots(viewer);
    assert.match(await text(viewer, 'dropped'), /^\d+ \([\d.]+ %\)$/);
  }

  await viewer.page.locator('[data-way=flv]').click();
  await plays(viewer);
  await viewer.page.evaluate(() => document.getElementById('video').pause());
  await until('the picture is behind', async () => (await look(viewer)).stats.ahead > 2.5);
  assert.match(await text(viewer, 'latency'), /^([2-9]|[1-9]\d+)\.\d+ s$/);
  await viewer.page.getByTestId('live').click();
  await near(viewer, 1.2);
  await plays(viewer);
  await viewer.stop();
  assert.equal((await look(viewer)).state, 'idle');
  await silent(viewer);
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
