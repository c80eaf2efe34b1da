// Chromium publishes by WebRTC, and what HTTP-TS makes of it is decoded by ffmpeg.

import assert from 'node:assert/strict';
import { plays } from './lib/ffmpeg.mjs';
import { scene } from './lib/scene.mjs';

scene('what a browser publishes is played by HTTP-TS, and its sound as bare AAC', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=h264&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  const url = `${origin}/live/livestream.ts`;
  const head = await fetch(url, { method: 'HEAD' });
  assert.equal(head.headers.get('content-type'), 'video/MP2T');
  const { pictures, sounds, apart, loud } = await plays(url, { seconds: 4, rate: 5, size: [640, 360] });
  s.figure(`HTTP-TS, 4 s: ${pictures} pictures and ${sounds} frames of sound, beginning ${apart.toFixed(0)} ms apart, at most ${loud} dB`);

  const sound = await fetch(`${origin}/live/livestream.aac`);
  assert.equal(sound.headers.get('content-type'), 'audio/x-aac');
  const reader = sound.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  assert.deepEqual([value[0], value[1]], [0xff, 0xf1], 'it begins with the header of a frame');
});

scene('a codec that MPEG-TS can not carry is refused by name', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=vp8&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  const response = await fetch(`${origin}/live/livestream.ts`);
  assert.equal(response.status, 406);
  assert.match(await response.text(), /VP8.*H264/);
});
