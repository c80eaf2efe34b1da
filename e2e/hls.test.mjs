// What segments are not made of; full/hls.test.mjs has what they are made of, as the matrix has.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';

scene('a codec that segments can not carry is refused by name', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=vp8&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  for (const file of ['livestream.m3u8', 'livestream.mpd']) {
    const response = await fetch(`${origin}/live/${file}`);
    assert.equal(response.status, 406);
    assert.match(await response.text(), /VP8/);
  }
});
