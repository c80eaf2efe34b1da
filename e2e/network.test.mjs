// A network that is slow.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';

const publish = '/players/whip.html?width=640&height=360&bitrate=800';

// later holds back what a page posts: an answer over a wide network.
function later(client, ms) {
  return client.page.route('**/rtc/v1/**', async (route) => {
    if (route.request().method() === 'POST') await new Promise((done) => setTimeout(done, ms));
    await route.continue();
  });
}

scene('answers that take long do so at every start', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(origin + publish);
  const viewer = await s.open(`${origin}/players/whep.html`);
  await Promise.all([publisher, viewer].map((client) => later(client, 600)));
  for (let start = 1; start <= 2; start++) {
    await Promise.all([publisher.start(), viewer.start()]);
    await Promise.all([publisher.reaches('live'), viewer.reaches('live')]);
    await Promise.all([publisher.stop(), viewer.stop()]);
  }
  assert.deepEqual([publisher.count('POST'), viewer.count('POST')], [2, 2]);
});
