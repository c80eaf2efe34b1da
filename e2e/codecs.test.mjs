// Every codec that Chromium can both encode and decode, through one server.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

scene('the codec of the address is the one that is sent and seen', async (s) => {
  const { origin } = await s.server();
  for (const codec of ['h264', 'vp8', 'vp9', 'av1']) {
    const publisher = await s.open(`${origin}/players/whip.html?autostart=true&stream=${codec}&codec=${codec}&width=640&height=360&bitrate=800`);
    await publisher.reaches('live');
    const viewer = await s.open(`${origin}/players/whep.html?autostart=true&stream=${codec}`);
    await viewer.reaches('live');
    await viewer.plays();
    const [sent, got] = [await publisher.facts(), await viewer.facts()];
    assert.equal(sent.video.codec, codec.toUpperCase(), 'what the publisher sends');
    assert.equal(got.video.codec, codec.toUpperCase(), 'what the viewer gets');
    assert.equal(got.audio.codec, 'opus');
    await until('the picture is as large as it was filmed, which a busy encoder may not make it at once', async () => {
      const { frameWidth, frameHeight } = (await viewer.facts()).video;
      return frameWidth === 640 && frameHeight === 360;
    });
    s.figure(`${codec}: ${got.video.framesDecoded} frames decoded, ${got.video.freezeCount} freezes`);
    await s.close(viewer);
    await s.close(publisher);
  }
});
