// A network that is slow.

import assert from 'node:assert/strict';
import { heldAnswers, underWay } from './lib/answers.mjs';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

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

const silence = { SRS_VHOST_PUBLISH_PUBLISHER_SILENCE: '1000' };

// replaced is how many publishers had their place taken: nobody told the server of their end.
const replaced = (server) => server.events().filter(({ what, line }) => what === 'session ended' && line.includes('took its place')).length;

scene('a publisher that reloads before its answer came is not kept out by itself', async (s) => {
  const server = await s.server({ add: silence });
  const url = `${server.origin}/players/whip.html?width=640&height=360&bitrate=800`;
  const publisher = await s.open(url);
  const answer = await heldAnswers(publisher);
  await publisher.start();
  await answer();
  await publisher.page.unrouteAll();
  await publisher.page.goto(`${url}&autostart=true`);
  await publisher.reaches('live');
  assert.equal(replaced(server), 1);
});

scene('a publisher whose goodbye was lost is not kept out by itself', async (s) => {
  const network = await s.network();
  const server = await s.server({ network, port: 8080, env: {}, add: silence });
  await s.browser({ network });
  const publisher = await s.open('http://localhost:8080/players/rtc_publisher.html?autostart=true&width=640&height=360&bitrate=800');
  await publisher.reaches('live');
  assert.equal((await publisher.facts()).pair.local.protocol, 'udp');
  network.dropUDP();
  await publisher.stop();
  await publisher.reaches('idle');
  assert.ok(network.dropped() > 0);
  network.passUDP();
  await publisher.start();
  await publisher.reaches('live');
  assert.deepEqual([replaced(server), (await publisher.facts()).renewals], [1, 0]);
});

underWay('whip.html');
