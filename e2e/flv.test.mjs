// Chromium publishes by WebRTC, and what HTTP-FLV makes of it is decoded by ffmpeg.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { scene } from './lib/scene.mjs';

const run = promisify(execFile);
const seconds = 5;

// decoded are the frames of the first seconds of a stream, as ffprobe decodes them, by kind.
async function decoded(url) {
  const { stdout, stderr } = await run('ffprobe', ['-v', 'error', '-read_intervals', `%+${seconds}`, '-show_frames',
    '-show_entries', 'frame=media_type,key_frame,pts_time,nb_samples,width,height', '-of', 'json', url], { timeout: 60_000, maxBuffer: 64 << 20 });
  assert.equal(stderr, '', 'ffprobe has nothing to complain of');
  const { frames } = JSON.parse(stdout);
  const of = (kind) => frames.filter((f) => f.media_type === kind).map((f) => ({ ...f, at: Number(f.pts_time) }));
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

// firstFrame is the time in ms until the first tag of a picture in that codec has come, the sequence header not counted.
async function firstFrame(url, codec = 'avc') {
  const began = performance.now();
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'video/x-flv');
  let bytes = Buffer.alloc(0);
  for await (const chunk of response.body) {
    bytes = Buffer.concat([bytes, chunk]);
    if (hasFrame(bytes, codec)) break;
  }
  const took = performance.now() - began;
  abort.abort();
  return took;
}

function hasFrame(bytes, codec) {
  for (let at = 13; at + 11 <= bytes.length;) {
    const size = bytes.readUIntBE(at + 1, 3);
    if (at + 11 + size > bytes.length) return false;
    const [type, head, packet] = [bytes[at], bytes[at + 11], bytes[at + 12]];
    const four = head & 0x80 ? bytes.toString('latin1', at + 12, at + 16) : 'avc';
    const coded = head & 0x80 ? [1, 3].includes(head & 0x0f) : packet === 1;
    if (type === 9 && four === codec && coded) return true;
    at += 11 + size + 4;
  }
  return false;
}

scene('what a browser publishes is played by HTTP-FLV', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=h264&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  const url = `${origin}/live/livestream.flv`;
  const [first, second] = [await firstFrame(url), await firstFrame(url)];
  s.figure(`HTTP-FLV, request to first frame: ${first.toFixed(0)} ms for the first viewer, ${second.toFixed(0)} ms for the next`);
  assert.ok(second < 1500, `a stream that is played already begins at once, not after ${second} ms`);

  const { video, audio } = await decoded(url);
  const apart = Math.abs(video[0].at - audio[0].at) * 1000;
  s.figure(`HTTP-FLV, ${seconds} s: ${video.length} pictures and ${audio.length} frames of sound decoded, their beginnings ${apart.toFixed(0)} ms apart`);
  assert.equal(video[0].key_frame, 1, 'it begins with a keyframe');
  assert.deepEqual([video[0].width, video[0].height], [640, 360]);
  assert.ok(video.length > seconds * 5, `${video.length} pictures`);
  assert.ok(audio.length > seconds * 48000 / 1024 * 0.9, `${audio.length} frames of sound`);
  assert.ok(apart <= 40, `sound and picture begin ${apart} ms apart`);
  assert.ok(video[0].at < 0.2, `time begins near 0, not at ${video[0].at}`);
  for (const frames of [video, audio]) {
    for (let i = 1; i < frames.length; i++) assert.ok(frames[i].at > frames[i - 1].at, 'time goes on');
  }
  const gaps = audio.slice(1).map((f, i) => f.at - audio[i].at);
  assert.ok(Math.max(...gaps) < 0.1, `no hole in the sound: ${Math.max(...gaps)} s`);
  const volume = await loudest(url);
  s.figure(`HTTP-FLV: the loudest sample is at ${volume} dB`);
  assert.ok(volume > -40, 'the beeps of the fake microphone are heard');
});

// Debian's ffmpeg does not know Enhanced RTMP, so what comes is looked at, not decoded.
for (const [codec, four] of [['vp9', 'vp09'], ['av1', 'av01']]) {
  scene(`${codec} is played by HTTP-FLV too`, async (s) => {
    const { origin } = await s.server();
    const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=${codec}&width=640&height=360&bitrate=800`);
    await publisher.reaches('live');
    const took = await firstFrame(`${origin}/live/livestream.flv`, four);
    s.figure(`HTTP-FLV, ${codec}, request to first frame: ${took.toFixed(0)} ms`);
  }, { timeout: 60_000 });
}

scene('a codec that FLV can not carry is refused by name', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=vp8&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  const response = await fetch(`${origin}/live/livestream.flv`);
  assert.equal(response.status, 406);
  assert.match(await response.text(), /VP8/);
});
