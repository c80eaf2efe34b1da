// UDP is dropped in mid-call: the pages see it, restart ICE on the session they
// have, and go on over TCP. The server runs as it does without any setting, in a
// network of its own, on port 8080.

import assert from 'node:assert/strict';
import { backOverTCP, origin, play, publish, remember, sameSession, standstill } from './lib/path.mjs';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

scene('UDP is dropped in mid-call and the media comes back over TCP', async (s) => {
  const network = await s.network();
  const server = await s.server({ network, port: 8080, env: {} });
  await s.browser({ network });
  const publisher = await s.open(origin + publish);
  await publisher.reaches('live');
  const viewer = await s.open(origin + play);
  await viewer.plays();
  for (const client of [publisher, viewer]) {
    assert.equal((await client.facts()).pair.local.protocol, 'udp', 'it begins over UDP');
    await remember(client);
  }

  network.dropUDP();
  const cut = performance.now();
  const [up] = await Promise.all([
    backOverTCP(publisher, 'framesSent', cut), backOverTCP(viewer, 'framesDecoded', cut),
  ]);
  await viewer.plays();
  s.figure(`UDP dropped for both: the publisher is back after ${up.toFixed(1)} s, the viewer's picture stood still for ${await standstill(viewer)} (expected 5 s)`);
  assert.ok(network.dropped() > 0, 'UDP was dropped indeed');
  await sameSession(server, publisher, 'publish');
  await sameSession(server, viewer, 'play');
  assert.equal(server.events().filter((e) => e.what === 'session started').length, 2);
  await s.shoot(viewer, 'back-over-tcp');
});

scene('a restart of ICE on a healthy session changes the path and nothing else', async (s) => {
  const server = await s.server();
  const publisher = await s.open(server.origin + publish);
  await publisher.reaches('live');
  const viewer = await s.open(server.origin + play);
  await viewer.plays();
  for (const client of [publisher, viewer]) {
    const before = await client.facts();
    const etags = await client.page.evaluate(async () => {
      const { restartFragment, restartedAnswer } = await import('/players/js/sdp.js');
      const { pc, session } = window.oneport;
      const first = session.etag;
      pc.restartIce();
      await pc.setLocalDescription();
      const reply = await session.restart(restartFragment(pc.localDescription.sdp));
      await pc.setRemoteDescription({ type: 'answer', sdp: restartedAnswer(pc.remoteDescription.sdp, reply) });
      return [first, session.etag];
    });
    assert.notEqual(etags[0], etags[1], 'a restart has an ETag of its own');
    const after = await until('another pair is selected', async () => {
      const f = await client.facts();
      return f.pair && f.pair.id !== before.pair.id && f;
    });
    assert.equal(after.dtls, 'connected');
    await viewer.plays();
  }
  const f = await viewer.facts();
  assert.equal(f.video.packetsLost, 0, 'no packet was lost on the way');
  const restarts = () => server.events().filter((e) => e.what === 'session restarts ICE').length;
  await until('the log tells of both restarts', () => restarts() >= 2);
  assert.equal(restarts(), 2);
  assert.equal(server.events().filter((e) => e.what === 'session started').length, 2);
});
