// The announced recipe, verbatim: WHIP and WHEP and their media on TCP 8080,
// by environment alone. It has a network of its own, and so its own port 8080.

import assert from 'node:assert/strict';
import { address } from './lib/netns.mjs';
import { scene } from './lib/scene.mjs';

const dockerConf = new URL('../config/testdata/docker.conf', import.meta.url).pathname;

const recipe = {
  CANDIDATE: address,
  SRS_HTTP_API_LISTEN: '8080',
  SRS_RTC_SERVER_TCP_ENABLED: 'on',
  SRS_RTC_SERVER_TCP_LISTEN: '8080',
  SRS_RTC_SERVER_PROTOCOL: 'tcp',
};

for (const [name, args] of [['on docker.conf', ['-c', dockerConf]], ['without a file', []]]) {
  scene(`the recipe of one TCP port, ${name}`, async (s) => {
    const network = await s.network();
    await s.server({ network, port: 8080, env: recipe, args });
    network.dropUDP(); // TCP 8080 has to do for everything.
    await s.browser({ network });
    const publisher = await s.open('http://localhost:8080/players/whip.html?autostart=true&api=8080');
    await publisher.reaches('live');
    const viewer = await s.open('http://localhost:8080/players/whep.html?autostart=true&api=8080');
    await viewer.reaches('live');
    await viewer.plays();
    for (const client of [publisher, viewer]) {
      const { pair } = await client.facts();
      assert.equal(pair.remote.protocol, 'tcp');
      assert.deepEqual([pair.remote.address, pair.remote.port], [address, 8080], 'the media goes where CANDIDATE says');
    }
  });
}
