// Firefox publishes and plays, over TCP and over UDP, and comes back by itself when its TCP connections are cut: it dials again from
// where it is and goes on sending media before it checks.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { Relay } from './lib/relay.mjs';
import { scene } from './lib/scene.mjs';
import { freePort } from './lib/server.mjs';
import { until } from './lib/until.mjs';

// ownAddress is one of this machine's that Firefox sends media to. It takes none of the loopback, neither for the server's nor
// for the one that the server sees it come from. A Network (lib/netns.mjs) is of no use here: the test drives it by TCP, too.
function ownAddress() {
  const own = Object.values(networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal);
  assert.ok(own, 'Firefox sends no media to the loopback, and this machine has no other IPv4 address: connect it, ' +
    'or give it a pair of interfaces as e2e/lib/netns.mjs does');
  return own.address;
}

const size = 'width=640&height=360&bitrate=800';

// watches waits until a viewer has sound and a picture that changes: Firefox's own camera shows one colour after the other.
async function watches(viewer) {
  await viewer.rises('video', 'framesDecoded', 20);
  await viewer.rises('audio', 'totalSamplesReceived', 24_000);
  await viewer.turns();
}

// both opens a publisher and a viewer and waits until pictures and sound are played.
async function both(s, origin) {
  ownAddress();
  await s.firefox();
  const publisher = await s.open(`${origin}/players/whip.html?${size}`);
  await publisher.start();
  await publisher.reaches('live');
  const viewer = await s.open(`${origin}/players/whep.html`);
  await viewer.start();
  await viewer.reaches('live');
  await watches(viewer);
  return [publisher, viewer];
}

for (const protocol of ['tcp', 'udp']) {
  scene(`Firefox publishes and plays over ${protocol} only`, async (s) => {
    const { origin } = await s.server({ add: { SRS_RTC_SERVER_PROTOCOL: protocol } });
    for (const client of await both(s, origin)) {
      const f = await client.facts();
      assert.equal(f.pair.local.protocol, protocol);
      assert.match(f.cipher, /AEAD_AES_128_GCM$/);
      assert.deepEqual([f.restarts, f.renewals], [0, 0], 'it never had to recover');
    }
  });
}

scene('Firefox comes back when its TCP connections are cut', async (s) => {
  const own = ownAddress();
  const port = await freePort();
  const server = await s.server({
    add: {
      SRS_RTC_SERVER_PROTOCOL: 'tcp', SRS_RTC_SERVER_TCP_LISTEN: `127.0.0.2:${port}`,
      SRS_RTC_SERVER_CANDIDATE: own, SRS_RTC_SERVER_API_AS_CANDIDATES: 'off',
    },
  });
  const relay = await Relay.start({ host: own, port }, { host: '127.0.0.2', port, localAddress: own });
  try {
    const clients = await both(s, server.origin);
    const dialled = relay.accepted;
    relay.cut();
    const cut = performance.now();
    await clients[0].rises('video', 'framesEncoded', 30);
    await watches(clients[1]);
    s.figure(`the picture was back ${((performance.now() - cut) / 1000).toFixed(1)} s after the cut`);
    assert.ok(relay.accepted >= dialled + 2, 'both have dialled again');
    for (const role of ['publish', 'play']) {
      const { session } = server.events().find((e) => e.what === 'session started' && e.role === role);
      const told = await until(`the log of the ${role} session tells of a move`, () => {
        const now = server.events().filter((e) => e.session === session).map((e) => e.what);
        const lost = now.indexOf('session has lost its path and waits for the client to come back');
        if (lost > 0 && now.indexOf('session moved', lost) > lost) return now;
        throw new Error(now);
      });
      assert.ok(!told.includes('session ended'), `the log of the ${role} session: ${told}`);
    }
    assert.equal(server.events().filter((e) => e.what === 'session started').length, 2, 'the same sessions');
    for (const client of clients) s.figure(`${(await client.facts()).restarts} ICE restarts by the page`);
  } finally {
    relay.close();
  }
});
