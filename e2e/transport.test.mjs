// A browser publishes, another plays, over TCP alone and over UDP alone.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const size = 'width=640&height=360&bitrate=800';

// flows waits until the picture was frozen for less than a second in four seconds. A machine that stands still for a moment freezes
// it for as long, once; a stream that stutters does so again and again.
async function flows(viewer) {
  let from = (await viewer.facts()).video;
  await until('the picture flows', async () => {
    const { video } = await viewer.facts();
    const frozen = video.totalFreezesDuration - from.totalFreezesDuration;
    if (frozen >= 1) from = video;
    const [time, frames] = [video.timestamp - from.timestamp, video.framesDecoded - from.framesDecoded];
    if (time >= 4000 && frames >= 20) return true;
    throw new Error(`${frames} pictures in ${time} ms, frozen for ${frozen} s`);
  });
}

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
    await flows(viewer);

    const [sent, got] = [await publisher.facts(), await viewer.facts()];
    for (const [who, f] of [['the publisher', sent], ['the viewer', got]]) {
      assert.equal(f.pair.local.protocol, protocol, `${who}'s selected pair`);
      assert.equal(f.pair.remote.protocol, protocol, `${who}'s selected pair`);
      assert.equal(f.dtls, 'connected', who);
      assert.match(f.cipher, /AEAD_AES_128_GCM$/, `${who}'s SRTP`);
      assert.deepEqual([f.restarts, f.renewals], [0, 0], `${who} never had to recover`);
    }
    assert.equal(got.video.packetsLost, 0, 'nothing is lost on the loopback');
    s.figure(`${protocol}: ${got.video.framesDecoded} frames, ${got.video.freezeCount} freezes, ${got.video.pliCount} keyframe requests`);
    await s.shoot(publisher, `publish-${protocol}`);
    await s.shoot(viewer, `play-${protocol}`);
  });
}
