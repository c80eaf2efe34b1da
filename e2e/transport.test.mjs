// A browser publishes, another plays, over TCP alone and over UDP alone.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';

const size = 'width=640&height=360&bitrate=800';

for (const protocol of ['tcp', 'udp']) {
  scene(`publish and play over ${protocol} only`, async (s) => {
    const { origin } = await s.server({ add: { SRS_RTC_SERVER_PROTOCOL: protocol } });
    const publisher = await s.open(`${origin}/players/whip.html?${size}`);
    await publisher.start();
    await publisher.reaches('live');
    const viewer = await s.open(`${origin}/players/whep.html`);
    await viewer.start();
    await viewer.reaches('live');
    await viewer.plays();

    const [sent, got] = [await publisher.facts(), await viewer.facts()];
    for (const [who, f] of [['the publisher', sent], ['the viewer', got]]) {
      assert.equal(f.pair.local.protocol, protocol, `${who}'s selected pair`);
      assert.equal(f.pair.remote.protocol, protocol, `${who}'s selected pair`);
      assert.equal(f.dtls, 'connected', who);
      assert.match(f.cipher, /AEAD_AES_128_GCM$/, `${who}'s SRTP`);
      assert.deepEqual([f.restarts, f.renewals], [0, 0], `${who} never had to recover`);
    }
    assert.equal(got.video.packetsLost, 0, 'nothing is lost on the loopback');
    // A busy machine may freeze a picture once; a stream that stutters freezes for long.
    assert.ok(got.video.totalFreezesDuration < 1, `frozen for ${got.video.totalFreezesDuration} s`);
    s.figure(`${protocol}: ${got.video.framesDecoded} frames, ${got.video.freezeCount} freezes, ${got.video.pliCount} keyframe requests`);
    await s.shoot(publisher, `publish-${protocol}`);
    await s.shoot(viewer, `play-${protocol}`);
  });
}
