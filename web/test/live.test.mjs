import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hole, LiveEdge, Pace, Progress, Retry, Stuck, aheadOf, maxTries } from '../static/players/js/live.js';

test('latency is counted from the soonest arrival', () => {
  const edge = new LiveEdge();
  assert.equal(edge.behind(0, 0), undefined);
  edge.observe(1000, 2); // A whole group of pictures comes at once,
  edge.observe(1500, 2.4); // and the next ones 100 ms late.
  assert.ok(Math.abs(edge.behind(1500, 1.9) - 600) < 1);
  assert.equal(edge.behind(1500, 9), 0);
});

test('latency grows while nothing comes', () => {
  const edge = new LiveEdge();
  edge.observe(0, 1);
  for (let now = 200; now <= 5000; now += 200) edge.observe(now, 1);
  assert.ok(Math.abs(edge.behind(5000, 1) - 5000) < 10, String(edge.behind(5000, 1)));
});

test('a way that becomes longer is believed in the end', () => {
  const edge = new LiveEdge();
  edge.observe(0, 0);
  let now = 0;
  for (; now < 400_000; now += 200) edge.observe(now, (now - 150) / 1000);
  assert.ok(edge.behind(now, (now - 150) / 1000) < 10);
});

test('another stream begins anew', () => {
  const edge = new LiveEdge();
  edge.observe(0, 500);
  edge.observe(200, 0.2);
  assert.ok(Math.abs(edge.behind(200, 0)) <= 200.1);
});

test('the buffer ahead ends at a gap', () => {
  assert.deepEqual(aheadOf([[0, 2], [3, 5]], 1), { ahead: 1, next: 3 });
  assert.deepEqual(aheadOf([[0, 2], [3, 5]], 2.5), { ahead: 0, next: 3 });
  assert.deepEqual(aheadOf([[0, 2], [2.05, 5]], 1.99).next, 2.05, 'a small one, too');
  assert.deepEqual(aheadOf([[0.05, 2]], 0), { ahead: 2, next: 0.05 }, 'and so does one at the beginning');
  assert.deepEqual(aheadOf([[0.5, 2]], 0), { ahead: 0, next: 0.5 });
  assert.deepEqual(aheadOf([[0.5, 2]], 0.5), { ahead: 1.5, next: undefined });
  assert.deepEqual(aheadOf([], 0), { ahead: 0, next: undefined });
});

test('a picture that stands still before a gap goes on behind it', () => {
  const ranges = [[1.9, 4.8], [5.9, 7]];
  const hole = new Hole();
  assert.equal(hole.observe(0, ranges, 4.7, true), undefined);
  assert.equal(hole.observe(200, ranges, 4.7, true), undefined);
  assert.equal(hole.observe(400, ranges, 4.8, true), undefined, 'it has moved');
  assert.equal(hole.observe(600, ranges.slice(0, 1), 4.8, true), undefined, 'there is no gap');
  assert.equal(hole.observe(800, ranges, 4.8, false), undefined, 'it can go on');
  assert.equal(hole.observe(1000, ranges, 4.8, true), undefined);
  assert.equal(hole.observe(1200, ranges, 4.8, true), 5.91);
  assert.equal(hole.observe(1400, ranges, 5.91, true), undefined, 'once');
  assert.equal(hole.observe(9000, ranges, 5.91, true), undefined);
});

test('and so does one that stands still before the beginning', () => {
  const hole = new Hole();
  assert.equal(hole.observe(0, [[0.5, 2]], 0, true), undefined);
  assert.equal(hole.observe(400, [[0.5, 2]], 0, true), 0.51);
});

test('what crosses a gap jumps to where it is', () => {
  const ranges = [[0, 0.641], [0.744, 1.9]];
  const hole = new Hole();
  assert.equal(hole.observe(0, ranges, 0.6, false), undefined);
  assert.equal(hole.observe(200, ranges, 0.7, false), undefined, 'it is in the gap');
  assert.equal(hole.observe(400, ranges, 0.9, false), 0.9);
  assert.equal(hole.observe(600, ranges, 1.1, false), undefined, 'once');
  hole.jumped(0.5);
  hole.jumped(1.5);
  assert.equal(hole.observe(800, ranges, 1.6, false), undefined, 'a jump has been one');
  assert.equal(new Hole().observe(0, ranges, 1, false), undefined);
});

test('a little too much is played off, much is skipped', () => {
  const pace = new Pace(0.6);
  assert.equal(pace.step(0, 0, 0.8), undefined);
  assert.equal(pace.step(200, 0, 2), 1.4, 'the first jump comes early');
  assert.equal(pace.step(2200, 2, 1.2), undefined);
  assert.equal(pace.rate, 1.08);
  pace.step(2400, 2, 0.8);
  assert.equal(pace.rate, 1.08, 'down to the target');
  pace.step(2600, 3, 0.6);
  assert.equal(pace.rate, 1);
  pace.step(2800, 3, 0.9);
  assert.equal(pace.rate, 1, 'and not at once again');
  assert.equal(pace.step(3000, 4, 4), undefined, 'a later jump is for much more');
  assert.equal(pace.step(3200, 4, 5), 8.4);
  assert.equal(pace.rate, 1);
});

test('progress tells starting from playing and from standing still', () => {
  const progress = new Progress();
  assert.deepEqual([0, 200, 9000].map((now) => progress.observe(now, 0)), ['starting', 'starting', 'starting']);
  assert.equal(progress.observe(9200, 0.2), 'playing');
  assert.equal(progress.observe(10_300, 0.2), 'playing');
  assert.equal(progress.observe(10_500, 0.2), 'stalled');
  assert.equal(progress.observe(10_700, 0.3), 'playing');
});

test('a stream that is not live is waited for, a server that is gone is not', () => {
  const waiting = new Retry();
  const pauses = Array.from({ length: 50 }, () => waiting.next(true));
  assert.deepEqual([pauses[0], Math.max(...pauses)], [500, 3000]);
  const lost = new Retry();
  for (let i = 0; i < maxTries; i++) assert.ok(lost.next(false) <= 8000);
  assert.equal(lost.next(false), null);
  lost.worked();
  assert.equal(lost.next(false), 500);
});

test('a picture that stands still while media comes is started anew', () => {
  const stuck = new Stuck();
  assert.equal(stuck.observe(0, true), false);
  assert.equal(stuck.observe(3900, true), false);
  assert.equal(stuck.observe(4000, false), false, 'it has moved');
  assert.equal(stuck.observe(5000, true), false);
  assert.equal(stuck.observe(9000, true), false);
  assert.equal(stuck.observe(9001, true), true);
});
