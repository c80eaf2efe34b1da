// A viewer waits for its publisher, before it comes and after it has gone.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const publish = '/players/whip.html?width=640&height=360&bitrate=800';

scene('a viewer comes first, and stays while publishers come and go', async (s) => {
  const { origin } = await s.server();
  const viewer = await s.open(`${origin}/players/whep.html?autostart=true`);
  await viewer.reaches('waiting');
  await s.shoot(viewer, 'waiting');
  await viewer.page.evaluate(() => { window.first = window.oneport.pc; });

  const publisher = await s.open(`${origin}${publish}&codec=h264`);
  for (const codec of ['H264', 'H264', 'VP8', 'AV1']) {
    await publisher.page.selectOption('#codec-choice', codec.toLowerCase());
    await publisher.start();
    await publisher.reaches('live');
    await viewer.reaches('live');
    await viewer.plays();
    assert.equal((await viewer.facts()).video.codec, codec);
    await publisher.stop();
    await publisher.reaches('idle');
    await viewer.reaches('waiting');
    await s.shoot(viewer, 'publisher-left');
  }
  assert.ok(await viewer.page.evaluate(() => window.first === window.oneport.pc), 'the same connection all the while');
  assert.equal(viewer.count('POST'), 1, 'and the same session');
  assert.equal(publisher.count('DELETE'), 4, 'each stop tells the server');
});

scene('a publisher whose tab is closed makes room at once', async (s) => {
  const server = await s.server();
  const first = await s.open(`${server.origin}${publish}&autostart=true`);
  await first.reaches('live');
  const viewer = await s.open(`${server.origin}/players/whep.html?autostart=true`);
  await viewer.plays();
  await s.close(first);
  await until('the server has only the viewer', async () => (await server.clients()).length === 1);
  const second = await s.open(`${server.origin}${publish}&autostart=true`);
  await second.reaches('live');
  await viewer.plays();
  assert.equal(viewer.count('POST'), 1);
});
