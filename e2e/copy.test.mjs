// The client for what ffmpeg can't speak ends when nobody reads it any more.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { copied } from './lib/copy.mjs';
import { Encoder } from './lib/ffmpeg.mjs';
import { scene } from './lib/scene.mjs';

scene('the copying client ends with its reader', async (s) => {
  const server = await s.server();
  const encoder = new Encoder(`rtmp://127.0.0.1:${server.port}/live/livestream`);
  try {
    const reader = new PassThrough();
    const read = new Promise((resolve) => { reader.once('data', resolve); });
    const copying = copied(`ws://127.0.0.1:${server.port}/live/livestream.flv`, 100)(reader);
    await Promise.race([read, copying]);
    reader.destroy(); // as ffmpeg's standard input, when that has enough
    const outcome = await Promise.race([copying.then(() => 'ended'), sleep(30_000, 'runs on', { ref: false })]);
    assert.equal(outcome, 'ended', 'the client');
  } finally {
    await encoder.stop();
  }
});
