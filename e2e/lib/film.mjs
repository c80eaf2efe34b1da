// A film whose pictures are numbered so that it shows in each what has been decoded, and a tone on each channel of sound.

import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const [width, height, fps, seconds] = [320, 180, 25, 20];
export const pictures = fps * seconds;
export const tones = [440, 660]; // Hz, left and right

// A picture's number is written in 24 marks: two squares on top of each other, of which the upper is the lighter one for a 1.
// They are a word of the extended Golay code: two numbers differ in 8 marks at least, so that a picture put together from two
// has no number, and never a wrong one. Encoders for real time make such pictures: libaom and libvpx leave a block as it was
// where things move but its mean stays, and make one plain whose quarters are. So all squares become a little lighter from one
// picture to the next, and are no multiple of a coding block.
const [square, across, down] = [20, 12, 2]; // pixels, marks in a line, lines
const shades = 8;
export const [columns, rows] = [across, 2 * down]; // of a picture looked at coarsely: a value for each square
export const marks = { width: columns * square, height: rows * square }; // from the upper left corner on

// golay is 12 bits, the remainder of them by the code's polynomial, and a bit that makes the ones even.
function golay(n) {
  let word = n << 11;
  for (let bit = 22; bit >= 11; bit--) if (word >> bit & 1) word ^= 0xc75 << (bit - 11);
  word |= n << 11;
  return word << 1 | ones(word) & 1;
}

function ones(word) {
  let n = 0;
  for (; word; word &= word - 1) n++;
  return n;
}

const words = Array.from({ length: pictures }, (_, n) => golay(n));
const numbers = new Map(words.map((word, n) => [word, n]));

// script is what paint() needs to know; it goes to pages too.
export const script = { width, height, fps, square, across, shades, words };

// paint makes picture n in planes of luma and chroma, one behind the other. It runs in pages too, so that it knows nothing else.
export function paint({ width, height, square, across, shades, words }, n) {
  const planes = new Uint8Array(width * height * 3 / 2).fill(128);
  const hills = Float32Array.from({ length: width }, (_, x) => 32 * Math.sin((x + 4 * n) / 25)); // that pass by
  for (let y = 0; y < height; y++) {
    const slope = Math.sin(y / 25);
    for (let x = 0; x < width; x++) planes[y * width + x] = 128 + slope * hills[x];
  }
  const dark = 40 + 8 * (n % shades);
  const fill = (column, row, light) => {
    const from = (row * width + column) * square;
    for (let y = 0; y < square; y++) planes.fill(light ? dark + 112 : dark, from + y * width, from + y * width + square);
  };
  for (let bit = 0; bit < 24; bit++) {
    const [column, row, one] = [bit % across, 2 * Math.floor(bit / across), words[n] >> bit & 1];
    fill(column, row, one);
    fill(column, row + 1, !one);
  }
  return planes;
}

// number reads it from a coarse picture in grey, and is -1 where it can't be read without doubt.
export function number(grey) {
  let word = 0;
  for (let bit = 0; bit < 24; bit++) {
    const at = 2 * Math.floor(bit / across) * columns + bit % across;
    const difference = grey[at] - grey[at + columns];
    if (Math.abs(difference) < 48) return -1;
    if (difference > 0) word |= 1 << bit;
  }
  return numbers.get(word) ?? -1;
}

const gop = ['-g', String(fps)];
const video = {
  h264: ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', ...gop, '-b:v', '500k'],
  bframes: ['-c:v', 'libx264', '-preset', 'veryfast', ...gop, '-b:v', '500k'], // x264's own choice: three, some of them referred to
  hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', `keyint=${fps}:min-keyint=${fps}:scenecut=0:bframes=0:log-level=none`, '-b:v', '500k'],
  av1: ['-c:v', 'libsvtav1', '-preset', '12', ...gop, '-b:v', '500k', '-svtav1-params', 'pred-struct=1'],
};
const fragmented = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'];

// Films are the files that the publishers send, each made when it is first asked for.
export class Films {
  #folder = mkdtempSync(join(tmpdir(), 'oneport-film-'));
  #made = new Map();
  #raw;

  remove() { rmSync(this.#folder, { recursive: true }); }

  // wav is the sound as Chromium's microphone hears it.
  wav() {
    return this.#make('tone.wav', () => ['-f', 'lavfi', '-i', tone(48000, 2), '-t', String(seconds)]);
  }

  // file has a picture in one of the forms above, or '', and sound {codec, rate, channels}, or null.
  async file({ picture, sound }) {
    const name = [picture, sound?.codec, sound?.rate, sound?.channels].filter(Boolean).join('-');
    const source = picture ? await this.#picture(picture) : '';
    return this.#make(`${name}.mp4`, () => [
      ...source ? ['-i', source] : [],
      ...sound ? ['-f', 'lavfi', '-i', tone(sound.rate, sound.channels)] : [],
      ...source ? ['-c:v', 'copy'] : [],
      ...sound ? ['-c:a', sound.codec === 'Opus' ? 'libopus' : 'aac', '-b:a', '96k'] : [],
      '-t', String(seconds), ...fragmented,
    ]);
  }

  async #picture(form) {
    this.#raw ??= raw(join(this.#folder, 'film.yuv'));
    const source = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${width}x${height}`, '-framerate', String(fps), '-i', this.#raw];
    return this.#make(`${form}.mp4`, () => [...source, ...video[form]]);
  }

  #make(name, args) {
    if (!this.#made.has(name)) {
      const path = join(this.#folder, name);
      const made = run('ffmpeg', ['-nostdin', '-v', 'error', ...args(), path], { env: { ...process.env, SVT_LOG: '0' } }).then(() => path);
      this.#made.set(name, made);
    }
    return this.#made.get(name);
  }
}

// raw writes the film as it is painted.
function raw(path) {
  const file = openSync(path, 'w');
  for (let n = 0; n < pictures; n++) writeSync(file, paint(script, n));
  closeSync(file);
  return path;
}

function tone(rate, channels) {
  return `aevalsrc=${tones.slice(0, channels).map((f) => `0.3*sin(2*PI*${f}*t)`).join('|')}:s=${rate}`;
}
