// A network that is slow.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';

// later holds back what a page posts: an answer over a wide network.
function later(client, ms) {
  return client.page.route('**/rtc/v1/**', async (route) => {
    if (route.request().method() === 'POST') await new Promise((done) => setTimeout(done, ms));
    await route.continue();
  });
}

scene('answers that take long do so at every start', async (s) => {
  const { origin } = await s.server();
  const viewer = await s.open(`${origin}/players/whep.html`);
  await later(viewer, 600);
  for (let start = 1; start <= 2; start++) {
    await viewer.start();
    await viewer.reaches('waiting');
    await viewer.stop();
    await viewer.reaches('idle');
  }
  assert.equal(viewer.count('POST'), 2);
});
