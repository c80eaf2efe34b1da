// The rest of what srs_player.html does with the streams of browsers and encoders; hole.test.mjs has holes in its buffer.

import assert from 'node:assert/strict';
import { camera, files, look, near, plays, screens, text } from '../lib/player.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

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

scene('srs_player waits for a stream by Low-Latency HLS, and for its return', async (s) => {
  const { origin } = await s.server({ add: { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' } });
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true&stream=livestream.m3u8`);
  await viewer.reaches('waiting');
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  await plays(viewer);
  const { stats } = await near(viewer, 12, 20_000);
  assert.equal(await viewer.page.locator('[data-way=hls]').innerText(), 'LL-HLS');
  s.figure(`srs_player by LL-HLS: ${stats.latency.toFixed(0)} ms behind, ${(stats.ahead * 1000).toFixed(0)} ms of buffer`);
  assert.match(await text(viewer, 'codec'), /^H264/);
  assert.equal(await text(viewer, 'audio-codec'), 'AAC');
  await publisher.stop();
  await viewer.reaches('waiting');
  await publisher.start();
  await plays(viewer);
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

scene('srs_player says why it does not play by HLS, and waits only for what may come', async (s) => {
  const off = await s.server({ add: { SRS_VHOST_HLS_ENABLED: 'off' } });
  const refused = await s.open(`${off.origin}/players/srs_player.html?autostart=true&stream=livestream.m3u8`);
  await refused.reaches('failed');
  assert.match(await refused.error(), /The server says: HLS is off .*hls\.enabled/);

  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
  await publisher.reaches('live');
  const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true&stream=livestream.m3u8`);
  await plays(viewer);

  // Segments that are gone, as for who is late, are no reason to give up while there is a list.
  const segments = /\.ts\?/;
  await viewer.page.route(segments, (route) => route.fulfill({ status: 404, body: 'there is no such segment' }));
  await until('the page begins anew', async () => (await look(viewer)).renewals === 1);
  assert.match(await viewer.page.locator('#poster-text').innerText(), /The server says: there is no such segment/);
  await viewer.page.unroute(segments);
  await plays(viewer);

  const listed = new URL((await viewer.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.includes('hls_ctx=')))).at(-1));
  const id = listed.searchParams.get('hls_ctx');
  assert.equal((await fetch(`${origin}/api/v1/clients/${id}`, { method: 'DELETE' })).status, 200);
  await viewer.reaches('failed');
  assert.match(await viewer.error(), /The server says: this viewer was ended/);
});

// zoom runs in the publisher's page before its own scripts: its camera has another size every 2 s, and takes 200 ms to change it.
function zoom() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async () => {
    const stream = await real({ audio: true });
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    let n = 0;
    setInterval(() => {
      if (n++ % 50 < 5) return;
      const large = n % 100 < 50 ? 1 : 2;
      const canvas = new OffscreenCanvas(320 * large, 180 * large);
      const context = canvas.getContext('2d');
      for (let i = 0; i < 16; i++) {
        context.fillStyle = `hsl(${20 * (n + i)} 80% 50%)`;
        context.fillRect(i * canvas.width / 16, 0, canvas.width / 16, canvas.height);
      }
      writer.write(new VideoFrame(canvas, { timestamp: n * 40_000 }));
    }, 40);
    stream.addTrack(track);
    return stream;
  };
}

scene('srs_player goes on where the picture changes its size', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=h264`, { before: zoom });
  await publisher.reaches('live');
  for (const way of ['flv', 'ts']) {
    const viewer = await s.open(`${origin}/players/srs_player.html?autostart=true&stream=livestream.${way}`);
    await plays(viewer);
    for (const width of [320, 640, 320, 640]) {
      await until(`the picture is ${width} wide, without a new connection`, async () => {
        const p = await look(viewer);
        assert.equal(p.renewals, 0);
        return p.stats.width === width;
      });
    }
    await plays(viewer);
    const { renewals } = await look(viewer);
    assert.equal(renewals, 0);
    await s.close(viewer);
  }
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

// What encoders send, and what is played of it; segments of HLS are short so that the first is there soon.
const short = { SRS_VHOST_HLS_HLS_FRAGMENT: 1 };
for (const { id, ways, segments = 'ts', add } of [
  { id: 'rtmp-bframes', ways: ['flv', 'm3u8'] },
  { id: 'rtmp-sound', ways: ['flv', 'm3u8'] },
  { id: 'srt', ways: ['m3u8'] },
  { id: 'rtmp-av1', ways: ['flv', 'm3u8'], segments: 'm4s', add: { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' } },
  { id: 'rtmp-44-mono', ways: ['m3u8'], segments: 'm4s', add: { SRS_VHOST_HLS_HLS_USE_FMP4: 'on' } },
]) {
  scene(`srs_player shows and sounds what comes from ${id}, by ${ways.join(' and ')} with segments in ${segments}`, async (s) => {
    const server = await s.withSRT({ add: { ...short, ...add } });
    const viewers = await screens(s, server, await s.film(server, id), ways);
    const asked = await files(viewers.at(-1));
    assert.deepEqual(['ts', 'm4s'].filter((one) => asked.includes(one)), [segments]);
  });
}

scene('srs_player says that this browser has no decoder for HEVC', async (s) => {
  const server = await s.server({ add: short });
  const { id } = await s.film(server, 'rtmp-hevc');
  for (const way of ['flv', 'ts', 'm3u8']) {
    const viewer = await s.open(`${server.origin}/players/srs_player.html?autostart=true&stream=${id}.${way}`);
    assert.equal(await viewer.page.evaluate(() => MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L60.90"')), false);
    await viewer.reaches('failed');
    assert.match(await viewer.error(), /^This browser cannot play H265[^]*The picture comes as H265[^]*no decoder[^]*Or publish H264/, way);
    await s.close(viewer);
  }
});
