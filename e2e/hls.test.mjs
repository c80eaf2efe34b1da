// Chromium publishes by WebRTC and ffmpeg by RTMP; what HLS, LL-HLS and DASH make of it is decoded by ffmpeg.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const run = promisify(execFile);

// decoded are the frames of the first seconds of a stream, as ffprobe decodes them, by kind.
async function decoded(url, seconds = 4) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-read_intervals', `%+${seconds}`, '-show_frames',
    '-show_entries', 'frame=media_type,key_frame,best_effort_timestamp_time,width,height', '-of', 'json', url], { timeout: 60_000, maxBuffer: 64 << 20 });
  const { frames } = JSON.parse(stdout);
  const of = (kind) => frames.filter((f) => f.media_type === kind).map((f) => ({ ...f, at: Number(f.best_effort_timestamp_time) }));
  return { video: of('video'), audio: of('audio') };
}

// loudest is the loudest sample of the first seconds of a stream, in dB of full scale.
async function loudest(url) {
  const { stderr } = await run('ffmpeg', ['-nostdin', '-hide_banner', '-t', '3', '-i', url, '-vn', '-af', 'volumedetect', '-f', 'null', '-'],
    { timeout: 60_000, maxBuffer: 64 << 20 });
  const [, found] = stderr.match(/max_volume: (-?[\d.]+) dB/) ?? [];
  assert.ok(found !== undefined, stderr);
  return Number(found);
}

function check(s, what, { video, audio }, seconds = 4) {
  assert.ok(video.length > seconds * 4 && audio.length > seconds * 30, `${what}: ${video.length} pictures, ${audio.length} frames of sound`);
  assert.equal(video[0].key_frame, 1, `${what} begins with a keyframe`);
  const apart = Math.abs(video[0].at - audio[0].at) * 1000;
  s.figure(`${what}: ${video.length} pictures and ${audio.length} frames of sound in ${seconds} s, their beginnings ${apart.toFixed(0)} ms apart`);
  assert.ok(apart <= 100, `${what}: sound and picture begin ${apart} ms apart`);
  for (const frames of [video, audio]) {
    for (let i = 1; i < frames.length; i++) assert.ok(frames[i].at > frames[i - 1].at, `${what}: time goes on`);
  }
}

const settings = (more) => ({ SRS_VHOST_HLS_HLS_FRAGMENT: '1', ...more });

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

for (const [name, add] of [['HLS with MPEG-TS', {}], ['HLS with fragmented MP4', { SRS_VHOST_HLS_HLS_USE_FMP4: 'on' }], ['LL-HLS', { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' }]]) {
  scene(`what a browser publishes is played by ${name}`, async (s) => {
    const { origin } = await s.server({ add: settings(add) });
    const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=h264&width=640&height=360&bitrate=800`);
    await publisher.reaches('live');
    const url = `${origin}/live/livestream.m3u8`;
    const began = performance.now();
    const master = await fetch(url);
    assert.equal(master.status, 200);
    assert.match(await master.text(), /CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"/);
    s.figure(`${name}, request to first segment: ${(performance.now() - began).toFixed(0)} ms`);
    check(s, name, await decoded(url));
    const volume = await loudest(url);
    s.figure(`${name}: the loudest sample is at ${volume} dB`);
    assert.ok(volume > -40, 'the beeps of the fake microphone are heard');
    if (name === 'LL-HLS') await followed(s, `${url}?hls_ctx=abcd1234`);
  });
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

// encode publishes by RTMP, with a keyframe so often in seconds, until it is killed.
function encode(server, keyframes) {
  return spawn('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine=440:sample_rate=44100',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(25 * keyframes), '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f', 'flv', `rtmp://127.0.0.1:${server.port}/live/livestream`], { stdio: 'ignore' });
}

// ffmpeg's player of DASH counts in whole seconds, so segments are to be longer than one.
scene('an encoder is played by DASH', async (s) => {
  const server = await s.server();
  const encoder = encode(server, 2);
  try {
    const url = `${server.origin}/live/livestream.mpd`;
    await until('an MPD', async () => (await fetch(url)).status === 200);
    check(s, 'DASH', await decoded(url));
  } finally {
    encoder.kill();
  }
});

scene('an encoder is played by encrypted HLS from the disk', async (s) => {
  const dir = mkdtempSync(join(tmpdir(), 'oneport-hls-'));
  const server = await s.server({ add: settings({ SRS_VHOST_HLS_HLS_PATH: dir, SRS_VHOST_HLS_HLS_KEYS: 'on', SRS_VHOST_HLS_HLS_DISPOSE: '1', SRS_VHOST_HLS_HLS_CTX: 'off' }) });
  const encoder = encode(server, 1);
  try {
    const files = () => { try { return readdirSync(join(dir, 'live')); } catch { return []; } };
    await until('segments on the disk', () => files().filter((f) => f.endsWith('.ts')).length >= 4);
    assert.ok(files().some((f) => f.endsWith('.key')) && files().includes('livestream.m3u8'));
    check(s, 'encrypted HLS', await decoded(`${server.origin}/live/livestream.m3u8`, 2), 2);
    encoder.kill();
    await until('the files to go', () => files().length === 0);
  } finally {
    encoder.kill();
    rmSync(dir, { recursive: true, force: true });
  }
});

scene('a codec that segments can not carry is refused by name', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=vp8&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  for (const file of ['livestream.m3u8', 'livestream.mpd']) {
    const response = await fetch(`${origin}/live/${file}`);
    assert.equal(response.status, 406);
    assert.match(await response.text(), /VP8/);
  }
});
