// A network that is slow.

import assert from 'node:assert/strict';
import { underWay } from './lib/answers.mjs';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

// later holds back what a page posts: an answer over a wide network.
function later(client, ms) {
  return client.page.route('**/rtc/v1/**', async (route) => {
    if (route.request().method() === 'POST') await new Promise((done) => setTimeout(done, ms));
    await route.continue();
  });
}

scene('answers that take long do so at every start', async (s) => {
  const { origin } = await s.server();
  const viewer = await s.open(`${origin}/players/whep.html`);
  await later(viewer, 600);
  for (let start = 1; start <= 2; start++) {
    await viewer.start();
    await viewer.reaches('waiting');
    await viewer.stop();
    await viewer.reaches('idle');
  }
  assert.equal(viewer.count('POST'), 2);
});

// replaced is how many publishers had their place taken: nobody told the server of their end.
const replaced = (server) => server.events().filter(({ what, line }) => what === 'session ended' && line.includes('took its place')).length;

// onePlace waits until the log tells of every publisher but the last that its place was taken.
const onePlace = (server, offers) => until('the others had their places taken', () => replaced(server) === offers.accepted - 1);

// untilBusy has a publisher come back until it found its own stream busy. The server may have forgotten who was there before,
// if the machine was slow; then the publisher takes the place without having been refused, and is the one to come back.
async function untilBusy(offers, comeBack) {
  for (let times = 0; offers.refused === 0; times++) {
    assert.ok(times < 20, 'a publisher that comes back finds its stream busy');
    await comeBack();
  }
}

scene('a publisher that reloads before its answer came is not kept out by itself', async (s) => {
  const server = await s.server();
  const url = `${server.origin}/players/whip.html?width=640&height=360&bitrate=800`;
  const publisher = await s.open(url);
  const offers = { accepted: 0, refused: 0 };
  await publisher.page.route('**/rtc/v1/**', async (route) => { // Until one is a refusal, no answer arrives.
    if (route.request().method() !== 'POST') return route.continue();
    const response = await route.fetch();
    offers[response.ok() ? 'accepted' : 'refused']++;
    if (offers.refused) await route.fulfill({ response });
  });
  await publisher.start();
  await until('the server answers', () => offers.accepted === 1);
  await untilBusy(offers, async () => {
    const { accepted } = offers;
    await publisher.page.goto(`${url}&autostart=true`);
    await until('the server answers', () => offers.refused || offers.accepted > accepted);
  });
  await publisher.reaches('live');
  assert.equal(offers.refused, 1);
  await onePlace(server, offers);
});

scene('a publisher whose goodbye was lost is not kept out by itself', async (s) => {
  const network = await s.network();
  const server = await s.server({ network, port: 8080, env: {} });
  await s.browser({ network });
  const publisher = await s.open('http://localhost:8080/players/rtc_publisher.html?width=640&height=360&bitrate=800');
  const offers = { accepted: 0, refused: 0 };
  publisher.page.on('response', (response) => {
    if (response.request().method() === 'POST') offers[response.headers()['retry-after'] ? 'refused' : 'accepted']++;
  });
  await publisher.start();
  await publisher.reaches('live');
  await untilBusy(offers, async () => {
    const { local } = (await publisher.facts()).pair;
    assert.equal(local.protocol, 'udp');
    const before = network.dropped();
    network.dropUDP({ from: local.port }); // The goodbye is lost whenever it leaves; the next connection has another port.
    await publisher.stop();
    await publisher.reaches('idle');
    await until('what it sent was dropped', () => network.dropped() > before);
    await publisher.start();
    await publisher.reaches('live');
  });
  assert.deepEqual([offers.refused, (await publisher.facts()).renewals], [1, 0]);
  await onePlace(server, offers);
});

underWay('whip.html');
