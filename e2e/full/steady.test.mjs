// A minute of a real picture, at the size and rate that people stream with.

import assert from 'node:assert/strict';
import { scene } from '../lib/scene.mjs';
import { landscape } from '../lib/y4m.mjs';

const frames = 1800; // A minute at 30 a second.

for (const protocol of ['tcp', 'udp']) {
  scene(`a minute of 720p over ${protocol} loses nothing`, async (s) => {
    const { origin } = await s.server({ add: { SRS_RTC_SERVER_PROTOCOL: protocol } });
    await s.browser({ args: [landscape()] });
    const publisher = await s.open(`${origin}/players/whip.html?autostart=true&width=1280&height=720&bitrate=2500`);
    await publisher.reaches('live');
    const viewer = await s.open(`${origin}/players/whep.html?autostart=true`);
    await viewer.plays();
    await viewer.rises('video', 'framesDecoded', frames, { limit: 600_000, every: 500 });
    const { video, restarts, renewals } = await viewer.facts();
    assert.equal(video.packetsLost, 0);
    assert.deepEqual([restarts, renewals], [0, 0]);
    s.figure(`${protocol}: ${video.framesDecoded} frames, ${video.freezeCount} freezes of ${video.totalFreezesDuration} s, ${video.keyFramesDecoded} keyframes`);
  }, { timeout: 900_000 });
}
