// What the pages of a publisher and a viewer show of a cut: the server runs as it does without any setting, in a network of its
// own, on port 8080.

import assert from 'node:assert/strict';
import { until } from './until.mjs';

export const origin = 'http://localhost:8080';
export const publish = '/players/whip.html?autostart=true&width=640&height=360&bitrate=800';
export const play = '/players/whep.html?autostart=true';

// It should take 5 s and better 3. Chromium alone takes 3.5: it leaves the old
// pair 1 s after it has found it silent for 2.5 s. A viewer need not wait for
// that, since it is the server that sends.
const limit = 30_000; // ms: what is a failure, on a machine however busy.

// backOverTCP waits until a client's frames move on over TCP, and returns the
// seconds since the cut.
export async function backOverTCP(client, counter, cut) {
  let before = Infinity;
  await until('media flows over TCP', async () => {
    const { pair, video } = await client.facts();
    if (pair?.local.protocol !== 'tcp') before = video[counter];
    else before = Math.min(before, video[counter]);
    return video[counter] > before;
  }, { limit });
  return (performance.now() - cut) / 1000;
}

// standstill is how long a viewer's picture stood still, as the browser has it.
export async function standstill(client) {
  const { totalFreezesDuration } = (await client.facts()).video;
  assert.ok(totalFreezesDuration > 0, 'the cut was felt');
  return `${totalFreezesDuration.toFixed(1)} s`;
}

// remember keeps the connection to compare with later.
export function remember(client) {
  return client.page.evaluate(() => { window.first = window.oneport.pc; });
}

export async function sameSession(server, client, role) {
  assert.ok(await client.page.evaluate(() => window.first === window.oneport.pc), 'the same connection');
  assert.deepEqual([client.count('POST'), client.count('DELETE')], [1, 0], 'the same session');
  assert.ok(client.count('PATCH') >= 1, 'ICE was restarted by PATCH');
  const { session } = server.events().find((e) => e.what === 'session started' && e.role === role);
  const tells = () => server.events().filter((e) => e.session === session && !e.line.includes('level=DEBUG'))
    .map((e) => [e.what, e.transport].filter(Boolean).join(' '));
  await until(`the log of the ${role} session tells of the move`, () => tells().includes('session moved tcp'));
  const told = tells();
  const restart = told.indexOf('session restarts ICE');
  assert.equal(told[0], 'session started udp', `the log of the ${role} session: ${told}`);
  assert.ok(restart > 0, `the log of the ${role} session: ${told}`);
  assert.ok(told.indexOf('session moved tcp') > restart, `the log of the ${role} session: ${told}`);
}
