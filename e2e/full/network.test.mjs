// Networks that block, servers that refuse a restart, and answers that are late.

import assert from 'node:assert/strict';
import { underWay } from '../lib/answers.mjs';
import { address } from '../lib/netns.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

const publish = '/players/whip.html?width=640&height=360&bitrate=800&autostart=true';
const play = '/players/whep.html?autostart=true';

scene('a refused restart leaves a session alone that is well again', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(origin + publish);
  await publisher.reaches('live');
  const viewer = await s.open(origin + play);
  await viewer.plays();
  let refuse = () => {};
  const refused = new Promise((done) => { refuse = done; });
  await viewer.page.route('**/rtc/v1/**', async (route) => {
    if (route.request().method() !== 'PATCH') return route.continue();
    await refused;
    return route.fulfill({ status: 503, body: 'not now' });
  });
  await viewer.page.evaluate(() => { // Silence, as far as the page can tell.
    const { pc } = window.oneport;
    window.first = pc;
    const real = pc.getStats.bind(pc);
    let kept = null;
    pc.getStats = async () => window.wellAgain ? real() : (kept ??= await real());
  });
  await until('the page asks for a restart', () => viewer.count('PATCH') === 1);
  await viewer.page.evaluate(() => { window.wellAgain = true; });
  await viewer.reaches('live');
  refuse();
  await until('the offer is taken back', () => viewer.page.evaluate(() => window.oneport.pc.signalingState === 'stable'));
  await viewer.plays();
  assert.ok(await viewer.page.evaluate(() => window.first === window.oneport.pc), 'the same connection');
  assert.deepEqual([viewer.count('POST'), viewer.count('DELETE')], [1, 0], 'the same session');
});

// The server names an address that leads nowhere: the pages and the API arrive, UDP and TCP media do not.
scene('a path that is blocked for UDP and TCP is named, with the ports to open', async (s) => {
  const network = await s.network();
  await s.server({ network, port: 8080, env: { CANDIDATE: '198.51.100.7', SRS_RTC_SERVER_API_AS_CANDIDATES: 'off' } });
  await s.browser({ network, args: ['--ignore-certificate-errors'] });
  const clients = [await s.open(`https://${address}:8080${publish}`), await s.open(`http://${address}:8080${play}`)];
  for (const client of clients) {
    await client.reaches('failed', { limit: 60_000 });
    const error = await client.error();
    assert.match(error, /No way through to the server[^]*The page and the API arrive/);
    for (const transport of ['UDP', 'TCP']) assert.ok(error.includes(`${transport} 198.51.100.7:8080`), error);
    assert.match(error, /Open (UDP 8080 and TCP 8080|TCP 8080 and UDP 8080) to the server/);
  }
});

underWay('rtc_publisher.html');
