// The rest of what srs_player.html does with a browser's stream.

import assert from 'node:assert/strict';
import { look, plays } from '../lib/player.mjs';
import { scene } from '../lib/scene.mjs';

const camera = 'autostart=true&codec=h264&width=640&height=360&bitrate=800';

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
