// A browser is played by HLS in each of its ways, and an encoder by DASH and by encrypted HLS; ffmpeg decodes it.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Encoder } from '../lib/ffmpeg.mjs';
import { decodes, played, settings } from '../lib/hls.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

// latency is how old, in ms, the newest that a playlist lists is, by its dates.
function latency(playlist) {
  let at = 0;
  for (const line of playlist.split('\n')) {
    const date = line.match(/^#EXT-X-PROGRAM-DATE-TIME:(.*)/);
    if (date) at = Date.parse(date[1]);
    const part = line.match(/^#EXT-X-PART:DURATION=([\d.]+)/);
    if (part) at += Number(part[1]) * 1000;
  }
  return Date.now() - at;
}

// followed follows a playlist as a player of LL-HLS does, and tells how old its parts are when it learns of them.
async function followed(s, url) {
  const ages = [];
  let playlist = await (await fetch(url)).text();
  for (let i = 0; i < 10; i++) {
    const [, name, sequence, part] = playlist.match(/PRELOAD-HINT:TYPE=PART,URI="(livestream-(\d+)\d{6})\.p(\d+)\.m4s/);
    const response = await fetch(`${url}&_HLS_msn=${sequence}&_HLS_part=${part}`);
    assert.equal(response.status, 200);
    playlist = await response.text();
    assert.ok(playlist.includes(`${name}.p${part}.m4s`) || playlist.includes(`${name}.m4s`), 'what was waited for is there');
    ages.push(latency(playlist));
  }
  ages.sort((a, b) => a - b);
  s.figure(`LL-HLS: a part is listed ${ages[5].toFixed(0)} ms (median) after its end, ${ages.at(-1).toFixed(0)} ms at most`);
  assert.ok(ages[5] < 2000, `parts are ${ages[5]} ms old`);
}

played('HLS with MPEG-TS', {});
played('LL-HLS', { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' }, (s, url) => followed(s, `${url}?hls_ctx=abcd1234`));
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
