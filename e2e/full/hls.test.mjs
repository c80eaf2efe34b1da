// A browser is played by HLS with fragmented MP4, and an encoder by DASH and by encrypted HLS; ffmpeg decodes it.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Encoder } from '../lib/ffmpeg.mjs';
import { decodes, played, settings } from '../lib/hls.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

played('HLS with fragmented MP4', { SRS_VHOST_HLS_HLS_USE_FMP4: 'on' });

// ffmpeg's player of DASH counts in whole seconds, so segments are to be longer than one.
scene('an encoder is played by DASH', async (s) => {
  const server = await s.server();
  const encoder = new Encoder(`rtmp://127.0.0.1:${server.port}/live/livestream`, { keyframes: 2 });
  try {
    const url = `${server.origin}/live/livestream.mpd`;
    await until('an MPD', async () => (await fetch(url)).status === 200);
    await decodes(s, 'DASH', url);
  } finally {
    await encoder.stop();
  }
});

scene('an encoder is played by encrypted HLS from the disk', async (s) => {
  const dir = mkdtempSync(join(tmpdir(), 'oneport-hls-'));
  const server = await s.server({ add: settings({ SRS_VHOST_HLS_HLS_PATH: dir, SRS_VHOST_HLS_HLS_KEYS: 'on', SRS_VHOST_HLS_HLS_DISPOSE: '1', SRS_VHOST_HLS_HLS_CTX: 'off' }) });
  const encoder = new Encoder(`rtmp://127.0.0.1:${server.port}/live/livestream`);
  try {
    const files = () => { try { return readdirSync(join(dir, 'live')); } catch { return []; } };
    await until('segments on the disk', () => files().filter((f) => f.endsWith('.ts')).length >= 4);
    assert.ok(files().some((f) => f.endsWith('.key')) && files().includes('livestream.m3u8'));
    await decodes(s, 'encrypted HLS', `${server.origin}/live/livestream.m3u8`, 2);
    await encoder.stop();
    await until('the files to go', () => files().length === 0);
  } finally {
    await encoder.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
