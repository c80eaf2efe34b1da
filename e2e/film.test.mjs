// The numbers in the film's pictures, which what is decoded is judged by.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns, marks, number, paint, pictures, rows, script } from './lib/film.mjs';

// coarse is what decoders make of a picture: a value for each square.
function coarse(planes, from = planes) {
  const [w, h] = [marks.width / columns, marks.height / rows];
  return Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [(i % columns + 0.5) * w, (Math.floor(i / columns) + 0.5) * h];
    return (x < 128 ? planes : from)[y * script.width + x];
  });
}

const ones = (word) => [...word.toString(2)].filter((bit) => bit === '1').length;

test('each picture has its number', () => {
  for (let n = 0; n < pictures; n++) assert.equal(number(coarse(paint(script, n))), n);
});

test('two numbers differ in 8 marks at least', () => {
  for (const [i, word] of script.words.entries()) {
    for (const other of script.words.slice(0, i)) assert.ok(ones(word ^ other) >= 8);
  }
});

test('a picture put together from two that are near has no number', () => {
  for (let n = 0; n < pictures; n++) {
    for (let before = 1; before <= 8; before++) {
      const mixed = coarse(paint(script, n), paint(script, (n + pictures - before) % pictures));
      const read = number(mixed);
      assert.ok(read === -1 || read === n || read === (n + pictures - before) % pictures, `${n} after ${before} is read as ${read}`);
    }
  }
});

test('a plain picture, and one with hardly a contrast, have no number', () => {
  const grey = coarse(paint(script, 7));
  assert.equal(number(grey.map(() => 128)), -1);
  assert.equal(number(grey.map((v) => 128 + (v - 128) / 4)), -1);
});
