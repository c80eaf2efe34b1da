// The matrix of publishers and players: some cell of each, and every refusal. All cells are in full/matrix.test.mjs.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { cell, document, has, players, publishers } from './lib/cells.mjs';
import { matrix } from './lib/matrix.mjs';

const some = {
  'webrtc-h264': ['webrtc', 'hls'],
  'webrtc-vp8': ['webrtc'],
  'webrtc-vp9': ['hls-mp4'],
  'webrtc-av1': ['ws-flv'],
  'webrtc-sound': ['ts'],
  'webrtc-picture': ['rtmp'],
  'rtmp-44-stereo': ['webrtc'],
  'rtmp-44-mono': ['ll-hls'],
  'rtmp-48-stereo': ['dash'],
  'rtmp-48-mono': ['webrtc'],
  'rtmp-bframes': ['webrtc', 'flv'],
  'rtmp-hevc': ['webrtc-hevc', 'rtmp'],
  'rtmp-av1': ['webrtc', 'll-hls'],
  'rtmp-sound': ['webrtc', 'hls'],
  'rtmp-picture': ['webrtc', 'flv'],
  srt: ['webrtc', 'ts'],
};

const chosen = (from, to) => Boolean(cell(from, to).refused) || some[from.id].includes(to.id);

test('the choice has each publisher and each player', () => {
  const plays = publishers.flatMap((from) => players.filter((to) => has(from, to) && chosen(from, to) && !cell(from, to).refused).map((to) => [from.id, to.id]));
  for (const { id } of publishers) assert.ok(plays.some(([from]) => from === id), `${id} is published`);
  for (const { id } of players) assert.ok(plays.some(([, to]) => to === id), `${id} plays`);
});

// UPDATE=1 node --test e2e/matrix.test.mjs writes it anew.
test('docs/matrix.md says what is tested', () => {
  const file = new URL('../docs/matrix.md', import.meta.url);
  if (process.env.UPDATE) writeFileSync(file, document());
  assert.equal(readFileSync(file, 'utf8'), document());
});

matrix(chosen, { together: 3 });
