// The pages that speak SRS's JSON API.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';

scene('publish and play by the JSON API', async (s) => {
  const server = await s.server();
  const publisher = await s.open(`${server.origin}/players/rtc_publisher.html?autostart=true&width=640&height=360`);
  await publisher.reaches('live');
  const viewer = await s.open(`${server.origin}/players/rtc_player.html?autostart=true`);
  await viewer.reaches('live');
  await viewer.plays();
  assert.deepEqual(publisher.requests.map((r) => r.split('?')[0]), ['POST /rtc/v1/publish/']);
  assert.deepEqual(viewer.requests.map((r) => r.split('?')[0]), ['POST /rtc/v1/play/']);

  const clients = await server.clients();
  assert.deepEqual(clients.map((c) => c.type).sort(), ['rtc-play', 'rtc-publish']);
  await s.shoot(publisher, 'json-publish');
  await s.shoot(viewer, 'json-play');
});
