// Answers of a server that a page waits for.

import assert from 'node:assert/strict';
import { scene } from './scene.mjs';
import { until } from './until.mjs';

// heldAnswers holds back what the server answers to each POST. The promise is a
// function that waits for the next of these answers and returns what lets it go.
async function heldAnswers(client) {
  const held = [];
  await client.page.route('**/rtc/v1/**', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const response = await route.fetch();
    await new Promise((release) => held.push(release));
    return route.fulfill({ response });
  });
  return () => until('the server answers', () => held.shift());
}

// patient runs in the page before its own scripts: no request is given up, and no time passes for the page while it tells the server
// of a session's end. It waits for that no longer than a second, and may then well be its own rival, on a machine however busy.
function patient() {
  const { fetch: ask, setTimeout: later } = window;
  let end = Promise.resolve();
  AbortSignal.timeout = () => new AbortController().signal;
  window.fetch = (url, options) => {
    const answer = ask(url, options);
    if (options?.method === 'DELETE') end = answer.catch(() => {});
    return answer;
  };
  window.setTimeout = (f, ms) => later(() => end.then(f), ms);
}

// underWay is a publisher's page that starts anew, and is stopped, while the server's answer is under way.
export function underWay(page) {
  scene(`a publisher of ${page} is not its own rival while an answer is under way`, async (s) => {
    const server = await s.server();
    const publisher = await s.open(`${server.origin}/players/${page}?width=640&height=360&bitrate=800`, { before: patient });
    const answer = await heldAnswers(publisher);

    await publisher.start();
    const first = await answer();
    await publisher.page.selectOption('#codec-choice', 'vp8');
    first();
    (await answer())();
    await publisher.reaches('live');
    await publisher.sends();
    assert.equal((await publisher.facts()).video.codec, 'VP8');
    assert.equal(publisher.count('POST'), 2);

    await publisher.stop();
    await until('the server knows', async () => (await server.clients()).length === 0);
    await publisher.start();
    const third = await answer();
    await publisher.stop();
    await publisher.start();
    third();
    (await answer())();
    await publisher.reaches('live');
    await publisher.sends();
    assert.equal(publisher.count('POST'), 4);
    const { renewals } = await publisher.facts();
    assert.deepEqual([renewals, (await server.clients()).filter((c) => c.publish).length], [0, 1]);
  });
}
