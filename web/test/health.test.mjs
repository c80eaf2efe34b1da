import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health, Recovery, idleSilence, maxRenewals, restartGap, restartLimit, silence } from '../static/players/js/health.js';

const up = { ice: 'connected', connection: 'connected' };

// Line drives a Health with counters that a scene changes over time.
class Line {
  now = 0;
  counters = { media: 0, received: 0, pair: 'p', responses: 0, dtls: 'connected' };

  constructor(role) {
    this.health = new Health(role, 0);
  }

  // run looks every 250 ms for the given time; each look changes the counters.
  run(ms, change = () => {}, states = up) {
    let verdict;
    for (const end = this.now + ms; this.now < end;) {
      this.now += 250;
      change(this.counters, this.now);
      verdict = this.health.observe(this.now, { ...this.counters }, states);
      if (verdict.broken) break;
    }
    return verdict;
  }
}

const mediaIn = (c) => { c.media += 1000; c.received += 1000; };
const mediaOut = (c) => { c.media += 1000; c.received += 50; };
const checks = (c, now) => { if (now % 2500 === 0) c.responses++; };

test('a viewer with media is live', () => {
  const verdict = new Line('play').run(30000, mediaIn);
  assert.deepEqual([verdict.state, verdict.broken], ['live', false]);
});

test('a viewer whose path goes silent is broken after 2 s', () => {
  const line = new Line('play');
  line.run(10000, (c, now) => { mediaIn(c); checks(c, now); });
  const verdict = line.run(10000);
  assert.ok(verdict.broken);
  assert.equal(line.now, 10000 + silence);
});

test('a viewer whose publisher left waits, for as long as it takes', () => {
  const line = new Line('play');
  line.run(10000, (c, now) => { mediaIn(c); checks(c, now); });
  line.run(1000, (c) => { c.responses++; });
  const verdict = line.run(600000, checks);
  assert.deepEqual([verdict.state, verdict.broken], ['waiting', false]);
});

test('a viewer of a stream that is not live yet waits', () => {
  const verdict = new Line('play').run(600000, checks);
  assert.deepEqual([verdict.state, verdict.broken], ['waiting', false]);
});

test('a waiting viewer whose path dies is broken, more slowly', () => {
  const line = new Line('play');
  line.run(10000, checks);
  const verdict = line.run(20000);
  assert.ok(verdict.broken);
  assert.equal(line.now, 10000 + idleSilence);
});

test('what is back from waiting is watched closely again', () => {
  const line = new Line('play');
  line.run(10000, checks);
  line.run(5000, mediaIn);
  assert.ok(line.run(10000).broken);
  assert.equal(line.now, 15000 + silence);
});

test('a publisher is broken when nothing answers its media', () => {
  const line = new Line('publish');
  assert.equal(line.run(2000, mediaOut).state, 'live');
  const verdict = line.run(10000, (c) => { c.media += 1000; });
  assert.ok(verdict.broken);
  assert.equal(line.now, 2000 + silence);
});

test('where answers came thick and fast, their end shows sooner', () => {
  const line = new Line('publish');
  line.run(10000, mediaOut);
  assert.ok(line.run(10000, (c) => { c.media += 1000; }).broken);
  assert.equal(line.now, 10000 + 1250); // The first look after 1.2 s.
});

test('where answers come seldom, they are given time', () => {
  const line = new Line('publish');
  const seldom = (c, now) => { c.media += 1000; if (now % 1750 === 0) c.received += 50; };
  assert.equal(line.run(60000, seldom).broken, false);
  const rare = (c, now) => { c.media += 1000; if (now % 2500 === 0) c.received += 50; };
  let breaks = 0;
  for (const end = line.now + 60000; line.now < end;) breaks += line.run(250, rare).broken ? 1 : 0;
  assert.ok(breaks <= 4, `learns after the first ones: ${breaks}`);
});

test('the browser is believed when it says disconnected', () => {
  const line = new Line('publish');
  line.run(5000, mediaOut);
  assert.ok(line.run(250, mediaOut, { ice: 'disconnected', connection: 'disconnected' }).broken);
});

test('before the connection is up nothing is broken', () => {
  const line = new Line('play');
  line.counters.dtls = 'new';
  const verdict = line.run(15000, () => {}, { ice: 'checking', connection: 'connecting' });
  assert.deepEqual([verdict.state, verdict.broken, verdict.connected], ['connecting', false, false]);
});

test('an end is told apart from a break', () => {
  const line = new Line('play');
  line.run(5000, mediaIn);
  line.counters.dtls = 'closed';
  const verdict = line.run(250);
  assert.deepEqual([verdict.ended, verdict.broken], [true, false]);
});

test('time in which nobody looked is not held against the path', () => {
  const line = new Line('play');
  line.run(5000, mediaIn);
  line.now += 60000; // The computer slept.
  assert.equal(line.run(250).broken, false);
  assert.ok(line.run(5000).broken, 'and silence after it is');
});

test('counters that start again with another pair are a sign of life', () => {
  const line = new Line('play');
  line.run(5000, (c, now) => { mediaIn(c); checks(c, now); });
  const verdict = line.run(2250, (c, now) => { if (now === 6500) Object.assign(c, { pair: 'q', responses: 0 }); });
  assert.equal(verdict.broken, false);
});

test('a path that vanishes is no sign of life', () => {
  const line = new Line('play');
  line.run(5000, (c, now) => { mediaIn(c); checks(c, now); });
  const before = line.run(250).lastArrival;
  const verdict = line.run(1000, (c) => Object.assign(c, { pair: '', received: 0, responses: 0 }));
  assert.equal(verdict.lastArrival, before);
  line.run(250, (c) => Object.assign(c, { pair: 'tcp' }));
  assert.ok(line.run(250).lastArrival > before, 'but the next one is');
});

const well = (now) => ({ connected: true, ended: false, broken: false, lastArrival: now });
const broken = { connected: true, ended: false, broken: true, lastArrival: 0 };
const ended = { connected: false, ended: true, broken: false };
const trying = { connected: false, ended: false, broken: false };

function steady(canRestart = true) {
  const r = new Recovery(canRestart, 0);
  assert.equal(r.step(100, well(100)), '');
  assert.equal(r.phase, 'steady');
  return r;
}

test('a first connection that fails is not tried again', () => {
  const r = new Recovery(true, 0);
  assert.equal(r.step(100, trying), '');
  assert.equal(r.step(200, ended), 'fail');
  assert.equal(new Recovery(true, 0).step(20000, trying), 'fail');
});

test('a break leads to one restart, and its success to rest', () => {
  const r = steady();
  assert.equal(r.step(10000, broken), 'restart');
  assert.equal(r.step(10250, broken), '');
  assert.equal(r.step(10500, well(10400)), '');
  assert.equal(r.phase, 'steady');
});

test('restarts come at most once in five seconds', () => {
  const r = steady();
  const at = [];
  for (let now = 10000; now < 40000; now += 250) {
    // Each restart seems to help for a moment.
    if (r.step(now, broken) === 'restart') at.push(now);
    if (r.phase === 'restarting') r.step(now + 1, well(now + 1));
  }
  assert.ok(at.length > 1);
  at.slice(1).forEach((t, i) => assert.ok(t - at[i] >= restartGap));
});

test('a restart that does not help gives way to a new session', () => {
  const r = steady();
  r.step(10000, broken);
  assert.equal(r.step(10000 + restartLimit, broken), '');
  assert.equal(r.phase, 'pausing');
  assert.equal(r.step(10000 + restartLimit + 1, {}), 'renew');
  assert.equal(r.step(15000, well(15000)), '');
  assert.equal(r.phase, 'steady');
});

test('a refused restart gives way at once', () => {
  const r = steady();
  r.step(10000, broken);
  assert.equal(r.failed(10050), '');
  assert.equal(r.step(10051, {}), 'renew');
});

test('without restarts, a break leads to a new session', () => {
  const r = steady(false);
  assert.equal(r.step(10000, broken), '');
  assert.equal(r.step(10001, {}), 'renew');
});

test('pauses grow and attempts are bounded', () => {
  const r = steady();
  const began = [];
  let now = 10000;
  r.failed(now);
  for (; r.phase !== 'over' && now < 1e6; now += 250) {
    const action = r.phase === 'renewing' ? r.failed(now) : r.step(now, {});
    if (action === 'renew') began.push(now);
  }
  assert.equal(began.length, maxRenewals);
  const pauses = began.slice(1).map((t, i) => t - began[i]);
  [1000, 2000, 4000, 8000, 10000, 10000].forEach((p, i) => assert.ok(Math.abs(pauses[i] - p) <= 500, `${i}: ${pauses[i]}`));
});

test('hurry ends a pause; a fatal refusal ends everything', () => {
  const r = steady();
  for (const t of [1000, 1001, 1002, 1003]) r.failed(t);
  assert.equal(r.step(1100, {}), '');
  r.hurry(1100);
  assert.equal(r.step(1101, {}), 'renew');
  assert.equal(r.failed(1200, true), 'fail');
  assert.equal(r.step(99999, {}), '');
});

test('being well for a while forgives earlier trouble', () => {
  const r = steady();
  r.failed(1000);
  r.step(1001, {});
  r.step(2000, well(2000));
  assert.equal(r.renewals, 1);
  r.step(20000, well(20000));
  assert.equal(r.renewals, 0);
});
