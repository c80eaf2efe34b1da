// ffmpeg as an encoder that publishes and as a player that decodes.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const run = promisify(execFile);

// Two kinds of one stream are not always there: ffmpeg would look for the other for 5 s.
const patience = ['-analyzeduration', '1000000'];

// A moving picture at 25 frames a second, and a tone of 440 Hz at -18 dB.
const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25'];
const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p'];
const h265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none'];

// Encoder is an ffmpeg that publishes in real time until it is stopped.
export class Encoder {
  #process;
  #log = '';
  #exit;

  //   picture   whether there is one
  //   keyframes how many seconds are between them
  //   bframes   how many B-frames may follow each other
  //   rate      of the sound, in Hz; 0 for none
  //   channels  of the sound
  //   format    of the container
  //   hevc      whether the picture is in HEVC
  constructor(url, { picture: seen = true, keyframes = 1, bframes = 0, rate = 44100, channels = 2, format = 'flv', hevc = false } = {}) {
    const args = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-re'];
    if (seen) args.push(...picture);
    if (rate) args.push(...(seen ? ['-re'] : []), '-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${rate}`);
    if (seen) args.push(...(hevc ? h265 : h264), '-g', String(25 * keyframes), '-bf', String(bframes));
    if (rate) args.push('-c:a', 'aac', '-ac', String(channels), '-b:a', '96k');
    this.#process = spawn('ffmpeg', [...args, '-f', format, url], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process.stderr.on('data', (b) => { this.#log += b; });
    this.#exit = once(this.#process, 'exit').then(([code]) => code);
  }

  // ended waits for an encoder that the server ends, and returns what it says of that.
  async ended() {
    await this.#exit;
    return this.#log;
  }

  async stop() {
    this.#process.kill('SIGINT');
    await this.#exit;
  }
}

// decoded are the frames of the first seconds of a stream, by kind, and what its streams are.
export async function decoded(url, seconds = 2) {
  const { stdout, stderr } = await run('ffprobe', ['-v', 'error', ...patience, '-read_intervals', `%+${seconds}`, '-show_frames', '-show_streams',
    '-show_entries', 'frame=media_type,key_frame,pts_time,pict_type,width,height:stream=codec_name,sample_rate,channels', '-of', 'json', url],
    { timeout: 60_000, maxBuffer: 64 << 20 });
  assert.equal(stderr, '', `ffprobe has nothing to complain of at ${url}`);
  const { frames, streams } = JSON.parse(stdout);
  const of = (kind) => frames.filter((f) => f.media_type === kind).map((f) => ({ ...f, at: Number(f.pts_time) }));
  return { video: of('video'), audio: of('audio'), streams };
}

// loudest is the loudest sample of the first seconds of a stream, in dB of full scale.
export async function loudest(url, seconds = 1) {
  const { stderr } = await run('ffmpeg', ['-nostdin', '-hide_banner', ...patience, '-t', String(seconds), '-i', url, '-vn', '-af', 'volumedetect', '-f', 'null', '-'],
    { timeout: 60_000, maxBuffer: 64 << 20 });
  const [, found] = stderr.match(/max_volume: (-?[\d.]+) dB/) ?? [];
  assert.ok(found !== undefined, stderr);
  return Number(found);
}

// plays asserts that a stream of an Encoder's or a browser's begins with a keyframe, that its time goes on, that sound and picture
// begin together, and that something is to be heard. Where there are B-frames, the first picture is shown so many ms late.
export async function plays(url, { seconds = 2, rate = 20, size, volume = -40, late = 0 }) {
  const { video, audio } = await decoded(url, seconds);
  assert.ok(video.length >= seconds * rate, `${url}: ${video.length} pictures in ${seconds} s`);
  assert.ok(audio.length >= seconds * 44100 / 1024 * 0.8, `${url}: ${audio.length} frames of sound in ${seconds} s`);
  assert.equal(video[0].key_frame, 1, `${url} begins with a keyframe`);
  assert.deepEqual([video[0].width, video[0].height], size, url);
  for (const frames of [video, audio]) {
    for (let i = 1; i < frames.length; i++) assert.ok(frames[i].at > frames[i - 1].at, `${url}: time goes on`);
  }
  const apart = Math.abs(video[0].at - audio[0].at) * 1000;
  assert.ok(apart <= 60 + late, `${url}: sound and picture begin ${apart.toFixed(0)} ms apart`);
  const loud = await loudest(url);
  assert.ok(loud > volume, `${url}: the loudest sample is at ${loud} dB`);
  return { pictures: video.length, sounds: audio.length, apart, loud };
}
