// What ffmpeg decodes of a stream: each picture's number, and the sound's samples.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { columns, height, marks, number, rows, tones, width } from './film.mjs';

const limit = 60_000; // ms; ten times what is expected

// coarse makes of each picture what number() reads.
const coarse = `scale=${width}:${height},crop=${marks.width}:${marks.height}:0:0,scale=${columns}:${rows}:flags=area,format=gray`;

// decode reads so many seconds of a source: a URL, bytes by a function that writes them to a stream until that is closed, or
// {video, audio} files of one kind each.
export async function decode(source, seconds, kinds) {
  const piped = typeof source === 'function';
  const inputs = piped ? ['pipe:0'] : [source].flatMap((s) => s.video || s.audio ? [s.video, s.audio].filter(Boolean) : s);
  const [video, audio] = [0, inputs.length - 1];
  const length = ['-t', String(seconds)];
  const args = ['-nostdin', '-hide_banner', '-loglevel', 'level+info', ...inputs.flatMap((i) => ['-analyzeduration', '1000000', '-i', i])];
  if (kinds.video) args.push(...length, '-map', `${video}:v:0`, '-vf', `showinfo,${coarse}`, '-vsync', 'passthrough', '-enc_time_base', '-1', '-f', 'rawvideo', 'pipe:3');
  if (kinds.audio) args.push(...length, '-map', `${audio}:a:0`, '-af', 'ashowinfo', '-f', 's16le', 'pipe:4');
  const child = spawn('ffmpeg', args, { stdio: [piped ? 'pipe' : 'ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const late = setTimeout(() => child.kill('SIGKILL'), limit);
  const ended = once(child, 'close');
  const [log, grey, pcm] = [2, 3, 4].map((i) => collect(child.stdio[i]));
  const [[code]] = await Promise.all([ended, piped && feed(child.stdin, source)]).finally(() => clearTimeout(late));
  const result = understand(String(Buffer.concat(log)), Buffer.concat(grey), Buffer.concat(pcm));
  assert.equal(code, 0, `ffmpeg ends well: ${result.complaints.join('\n') || result.log.slice(-2000)}`);
  return result;
}

function collect(stream) {
  const parts = [];
  stream.on('data', (b) => parts.push(b));
  return parts;
}

// feed gives ffmpeg the bytes. That it wants no more of them is no error.
async function feed(stdin, source) {
  let enough = false;
  stdin.on('error', () => { enough = true; });
  try {
    await source(stdin);
  } catch (error) {
    if (!enough) throw error;
  } finally {
    stdin.end();
  }
}

// understand reads what ffmpeg says and gives.
function understand(log, grey, pcm) {
  const lines = log.split('\n');
  const input = lines.slice(0, lines.findIndex((l) => l.includes('Stream mapping:')));
  const shown = lines.map((l) => /showinfo.* n: *\d+ pts: *\S+ pts_time:(\S+).* s:(\d+)x(\d+).* iskey:(\d) type:(\w)/.exec(l)).filter(Boolean);
  const heard = lines.map((l) => /ashowinfo.* pts_time:(\S+).* channels:(\d+).* rate:(\d+) nb_samples:(\d+)/.exec(l)).filter(Boolean);
  const size = columns * rows; // of a picture; what comes after the length that was asked for is shown too, but not written
  return {
    log,
    streams: input.map((l) => /Stream #\d:\d.*: (Video|Audio): (\w+)/.exec(l)).filter(Boolean).map(([, kind, codec]) => `${kind} ${codec}`),
    complaints: lines.filter((l) => /\[(error|fatal)\]|corrupt|concealing/.test(l)),
    video: shown.slice(0, grey.length / size).map(([, at, w, h, key, type], i) => ({
      at: Number(at), width: Number(w), height: Number(h), key: key === '1', type, grey: grey.subarray(i * size, (i + 1) * size),
      number: number(grey.subarray(i * size, (i + 1) * size)),
    })),
    audio: heard.map(([, at, channels, rate, samples]) => ({ at: Number(at), channels: Number(channels), rate: Number(rate), samples: Number(samples) })),
    pcm: new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length >> 1),
  };
}

// seen judges the pictures: their size, their order, and that each is what was filmed.
//   least    how many there are at least
//   gap      how far their numbers may be apart: more than 1 where the publisher's encoder leaves pictures out. None comes
//            twice, and none after a later one
export function seen({ video }, { width, height, least, gap, pictures }) {
  assert.ok(video.length >= least, `${video.length} pictures, not ${least}`);
  assert.ok(video[0].key || video[0].type === 'I', 'it begins with a keyframe');
  const odd = [];
  for (const [i, frame] of video.entries()) {
    assert.deepEqual([frame.width, frame.height], [width, height], `the size of picture ${i}`);
    assert.ok(frame.number >= 0, `picture ${i} of ${video.length} is as it was filmed: ${[...frame.grey]}`);
    if (i === 0) continue;
    const before = video[i - 1];
    assert.ok(frame.at > before.at, `picture ${i} is after the one before it`);
    const step = (frame.number - before.number + pictures) % pictures;
    if (step < 1 || step > gap) odd.push(`picture ${i} is number ${frame.number}, after ${before.number}`);
  }
  assert.deepEqual(odd, []);
}

// heard judges the sound: its rate and channels, that none is missing, and the tone on each channel.
export function heard({ audio, pcm }, { rate, channels, least, sent }) {
  const samples = audio.reduce((sum, f) => sum + f.samples, 0);
  assert.deepEqual([audio[0]?.rate, audio[0]?.channels], [rate, channels], 'rate and channels');
  assert.ok(samples >= least * rate, `${samples} samples of sound, not ${least} s`);
  for (let i = 1; i < audio.length; i++) { // ffmpeg's copy of a file with B-frames begins with a hole of its own
    const hole = audio[i].at - audio[i - 1].at - audio[i - 1].samples / rate;
    assert.ok(Math.abs(hole) < (i === 1 ? 0.1 : 0.03), `${hole} s between sounds ${i - 1} and ${i}`);
  }
  for (let c = 0; c < channels; c++) {
    const { frequency, rms } = measure(pcm, c, channels, rate);
    const want = tones[Math.min(c, sent - 1)];
    assert.ok(rms > -30 && rms < -8, `channel ${c} is about as loud as it was sent (-13.5 dB), not ${rms.toFixed(1)} dB`);
    assert.ok(Math.abs(frequency / want - 1) < 0.02, `channel ${c} has ${frequency.toFixed(1)} Hz, not ${want}`);
  }
}

// measure finds how often a channel swings through zero, and how loud it is, the beginning left out.
function measure(pcm, channel, channels, rate) {
  let [power, swings, positive, n] = [0, 0, null, 0];
  for (let i = Math.floor(rate * 0.3) * channels + channel; i < pcm.length; i += channels) {
    const v = pcm[i];
    power += v * v;
    n++;
    if (Math.abs(v) > 1000 && (v > 0) !== positive) {
      if (positive !== null) swings++;
      positive = v > 0;
    }
  }
  return { frequency: swings / 2 / (n / rate), rms: 10 * Math.log10(power / n / 32768 ** 2) };
}
