// Chromium publishes by WebRTC, and srs_player.html plays it in every other way.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const camera = 'autostart=true&codec=h264&width=640&height=360&bitrate=800';

// played runs in the page: what has been decoded and what the page says of it.
function played() {
  const video = document.getElementById('video');
  const { playback, stats } = window.oneport;
  return {
    state: playback.state, error: playback.error, way: playback.kind?.name, stats,
    time: video.currentTime, paused: video.paused, muted: video.muted,
    frames: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount,
  };
}

const look = (viewer) => viewer.page.evaluate(played);
const text = (viewer, id) => viewer.page.getByTestId(id).innerText();

// plays waits until pictures and sound are decoded, and the picture on the screen changes.
async function plays(viewer) {
  await viewer.reaches('live');
  const from = await look(viewer);
  const now = await until('pictures and sound are decoded', async () => {
    const p = await look(viewer);
    return p.frames >= from.frames + 20 && p.sound >= from.sound + 2000 && p.time > from.time + 0.5 && p;
  });
  await viewer.moves();
  return now;
}

// near waits until the buffer is as small as a live one is.
const near = (viewer, most) => until(`less than ${most} s are ahead`, async () => {
  const p = await look(viewer);
  return p.state === 'live' && p.stats.ahead < most && p;
});

scene('srs_player plays a browser\'s stream by FLV, WebSocket, MPEG-TS and HLS', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  await publisher.reaches('live');
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true`);
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
});

scene('srs_player waits for a stream, and for its return', async (s) => {
  const { origin } = await s.server();
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true&schema=ws`);
  await viewer.reaches('waiting');
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  await plays(viewer);
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

scene('srs_player starts without sound where the browser asks for a click first', async (s) => {
  const { origin } = await s.server();
  await s.browser({ args: ['--autoplay-policy=document-user-activation-required'] });
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  await publisher.reaches('live');
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true`);
  await viewer.reaches('live');
  assert.equal((await look(viewer)).muted, true);
  await viewer.page.getByTestId('sound').click();
  await plays(viewer);
  assert.equal((await look(viewer)).muted, false);
});
