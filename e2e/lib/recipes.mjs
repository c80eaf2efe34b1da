// The announced recipes, verbatim: by environment alone, on docker.conf and without a file.
// Each has a network of its own, and so its own port 8080.

import assert from 'node:assert/strict';
import { address } from './netns.mjs';
import { plays } from './player.mjs';
import { scene } from './scene.mjs';

const dockerConf = new URL('../../config/testdata/docker.conf', import.meta.url).pathname;

export const onDockerConf = { name: 'on docker.conf', args: ['-c', dockerConf] };
export const withoutFile = { name: 'without a file', args: [] };

const recipe = {
  CANDIDATE: address,
  SRS_HTTP_API_LISTEN: '8080',
  SRS_RTC_SERVER_TCP_ENABLED: 'on',
  SRS_RTC_SERVER_TCP_LISTEN: '8080',
  SRS_RTC_SERVER_PROTOCOL: 'tcp',
};

// onePort is WHIP and WHEP and their media on TCP 8080.
export function onePort({ name, args }) {
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

// streams is HTTP-FLV and HLS beside it: what is published by WebRTC plays in srs_player, on the same port.
export function streams({ name, args }) {
  scene(`the recipe of HTTP-FLV and HLS, ${name}`, async (s) => {
    const network = await s.network();
    await s.server({ network, port: 8080, env: { ...recipe, SRS_VHOST_RTC_RTC_TO_RTMP: 'on' }, args });
    network.dropUDP();
    await s.browser({ network });
    const publisher = await s.open('http://localhost:8080/players/whip.html?autostart=true&api=8080');
    await publisher.reaches('live');
    for (const [what, stream] of [['flv', ''], ['hls', '&stream=livestream.m3u8']]) {
      const viewer = await s.open(`http://localhost:8080/players/srs_player.html?autostart=true${stream}`);
      await plays(viewer);
      await s.shoot(viewer, `recipe-2-${what}`);
      await s.close(viewer);
    }
  });
}

const secure = (spelt) => ({
  CANDIDATE: address,
  SRS_HTTP_API_LISTEN: '8080',
  SRS_HTTP_API_HTTPS_ENABLED: 'on',
  SRS_HTTP_API_HTTPS_LISTEN: '8088',
  [`SRS_HTTP_SERVER_${spelt}_ENABLED`]: 'on',
  SRS_RTC_SERVER_TCP_ENABLED: 'on',
  SRS_RTC_SERVER_TCP_LISTEN: '8088',
  SRS_RTC_SERVER_PROTOCOL: 'tcp',
});

// secured begins the recipe of HTTPS in a network of its own, without UDP, and publishes there.
async function secured(s, spelt, args) {
  const network = await s.network();
  await s.server({ network, port: 8080, env: secure(spelt), args });
  network.dropUDP();
  await s.browser({ network, args: ['--ignore-certificate-errors'] });
  const publisher = await s.open(`https://${address}:8088/players/whip.html?autostart=true&schema=https&port=8088`);
  await publisher.reaches('live');
  return publisher;
}

// https is HTTPS on 8088, with both spellings of its names: pages, API and media on one more port.
export function https(spelt, { name, args }) {
  scene(`the recipe of HTTPS, ${name}, spelt ${spelt}`, async (s) => {
    const publisher = await secured(s, spelt, args);
    const viewer = await s.open(`https://${address}:8088/players/whep.html?autostart=true&schema=https&port=8088`);
    await viewer.reaches('live');
    await viewer.plays();
    const legacy = await s.open(`https://${address}:8088/players/rtc_player.html?autostart=true&api=8088`);
    await legacy.reaches('live');
    for (const client of [publisher, viewer, legacy]) {
      const { pair } = await client.facts();
      assert.deepEqual([pair.remote.protocol, pair.remote.address, pair.remote.port], ['tcp', address, 8088]);
    }
    await s.shoot(viewer, 'recipe-3-whep');
    const second = await s.open(`https://${address}:8088/players/rtc_publisher.html?autostart=true&api=8088&stream=second`);
    await second.reaches('live');
  });
}

// httpsStreams is what else plays there: FLV by HTTPS and by wss://, also on a page that 8080 goes on to serve.
export function httpsStreams(spelt, { name, args }) {
  scene(`the recipe of HTTPS, ${name}, spelt ${spelt}, in srs_player`, async (s) => {
    await secured(s, spelt, args);
    for (const page of [`https://${address}:8088/players/srs_player.html?autostart=true&schema=https&port=8088`,
      `http://localhost:8080/players/srs_player.html?autostart=true&server=${address}&schema=wss&port=8088`]) {
      const player = await s.open(page);
      await plays(player);
      await s.shoot(player, `recipe-3-${new URL(page).protocol.slice(0, -1)}`);
      await s.close(player);
    }
    const mixed = await s.open(`https://${address}:8088/players/srs_player.html?autostart=true&schema=http&port=8080`);
    await mixed.reaches('failed');
    assert.match(await mixed.error(), /came by HTTPS/);
  });
}
