// What a person notices: how soon there is a picture, and how good it becomes.

import assert from 'node:assert/strict';
import { noise } from './lib/y4m.mjs';
import { scene } from './lib/scene.mjs';
import { median, until } from './lib/until.mjs';

for (const protocol of ['udp', 'tcp']) {
  scene(`the bitrate climbs past 2 Mbit/s over ${protocol}`, async (s) => {
    const { origin } = await s.server({ add: { SRS_RTC_SERVER_PROTOCOL: protocol } });
    await s.browser({ args: [noise()] });
    const publisher = await s.open(`${origin}/players/whip.html?autostart=true&width=1280&height=720&bitrate=2500`);
    await publisher.reaches('live');
    const begin = performance.now();
    const available = await until('the browser finds 2 Mbit/s', async () => {
      const bits = (await publisher.facts()).pair?.availableOutgoingBitrate ?? 0;
      return bits > 2e6 && bits;
    }, { limit: 100_000 });
    s.figure(`${protocol}: ${(available / 1e6).toFixed(1)} Mbit/s available ${((performance.now() - begin) / 1000).toFixed(1)} s after the start (expected within 10 s)`);
    const { pair } = await publisher.facts();
    assert.equal(pair.local.protocol, protocol);
    await publisher.sends();
  });
}

// watch runs in the page before its own scripts: it notes when the connection
// is made and when the first picture is on the screen.
function watch() {
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      window.began = performance.now();
    }
  };
  addEventListener('DOMContentLoaded', () => {
    document.getElementById('video').requestVideoFrameCallback((now) => { window.shown = now; });
  });
}

scene('the first picture comes soon', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  const joins = [];
  for (let i = 0; i < 5; i++) {
    const viewer = await s.open(`${origin}/players/whep.html?autostart=true`, { before: watch });
    joins.push(await until('a picture', () => viewer.page.evaluate(() => window.shown && window.shown - window.began), { limit: 10_000 }));
    await s.close(viewer);
  }
  s.figure(`first picture after ${joins.map(Math.round).join(', ')} ms, median ${Math.round(median(joins))} ms (expected under 400 ms)`);
  assert.ok(median(joins) < 4000);
});
