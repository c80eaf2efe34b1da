// srs_player.html plays a stream by HLS whose sound began later than its picture.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { look, plays } from '../lib/player.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

const run = promisify(execFile);
const seconds = 2; // of a segment

// segments are those of a stream, of which the first has no sound yet.
async function segments(count) {
  const folder = await mkdtemp(join(tmpdir(), 'oneport-e2e-'));
  try {
    return await Promise.all(Array.from({ length: count }, async (_, i) => {
      const file = join(folder, `${i}.ts`);
      const sound = i > 0 ? ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100', '-c:a', 'aac', '-ac', '2'] : [];
      await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25', ...sound,
        '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-bf', '0', '-t', String(seconds), '-output_ts_offset', String(i * seconds), file]);
      return readFile(file);
    }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const list = (from, to) => ['#EXTM3U', '#EXT-X-VERSION:3', `#EXT-X-TARGETDURATION:${seconds}`, `#EXT-X-MEDIA-SEQUENCE:${from}`,
  ...Array.from({ length: to - from }, (_, i) => `#EXTINF:${seconds},\nlate-${from + i}.ts`), ''].join('\n');

scene('srs_player plays by HLS a stream whose sound began later than its picture', async (s) => {
  const { origin } = await s.server();
  const bodies = await segments(8);
  const viewer = await s.open(`${origin}/players/srs_player.html?stream=late.m3u8`);
  let [from, to] = [0, 3];
  await viewer.page.route('**/live/late.m3u8', (route) => route.fulfill({ contentType: 'application/vnd.apple.mpegurl', body: list(from, to) }));
  await viewer.page.route('**/live/late-*.ts', (route) => {
    const number = Number(/late-(\d+)\.ts$/.exec(new URL(route.request().url()).pathname)[1]);
    return route.fulfill({ contentType: 'video/mp2t', body: bodies[number] });
  });
  await viewer.start();
  await until('it begins once more', async () => {
    const { state, error, renewals } = await look(viewer);
    assert.notEqual(state, 'failed', JSON.stringify(error));
    return renewals > 0;
  });
  [from, to] = [1, bodies.length]; // as time goes by, the segment without sound is none of the list's any more
  await plays(viewer, { tones: [440] });
});
