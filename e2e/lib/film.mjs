// A film whose pictures are numbered so that it shows in each what has been decoded, and a tone on each channel of sound.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const [width, height, fps, seconds] = [320, 180, 25, 20];
export const pictures = fps * seconds;
export const tones = [440, 660]; // Hz, left and right

// A picture looked at coarsely has a pixel for each block of 20 by 20. The first two rows have the number's bits from left
// to right, white for 1; the next two have them the other way round.
export const [columns, rows, bits] = [16, 9, 12];

function numbered() {
  const block = width / columns;
  const box = (x, y, w, color, when = '') => `drawbox=x=${x}:y=${y}:w=${w}:h=${2 * block}:c=${color}:t=fill${when}`;
  const filters = [`testsrc2=size=${width}x${height}:rate=${fps}`, box(0, 0, bits * block, 'black'), box(0, 2 * block, bits * block, 'white')];
  for (let i = 0; i < bits; i++) {
    const when = `:enable='mod(floor(n/${1 << i}),2)'`;
    filters.push(box(i * block, 0, block, 'white', when), box(i * block, 2 * block, block, 'black', when));
  }
  return [...filters, 'format=yuv420p'].join(',');
}

// number reads it from a coarse picture in grey, and is -1 where it can't be read without doubt.
export function number(grey) {
  let n = 0;
  for (let i = 0; i < bits; i++) {
    const at = [0, 1, 2, 3].map((row) => grey[row * columns + i]);
    const [white, black] = [at.every((v, row) => (row < 2) === v > 150), at.every((v, row) => (row < 2) === v < 106)];
    if (white === black) return -1;
    if (at[0] > 128) n |= 1 << i;
  }
  return n < pictures ? n : -1;
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

  remove() { rmSync(this.#folder, { recursive: true }); }

  // y4m is the film as Chromium's camera shows it.
  y4m() {
    return this.#make('film.y4m', () => ['-f', 'lavfi', '-i', numbered(), '-t', String(seconds)]);
  }

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
    const source = await this.y4m();
    return this.#make(`${form}.mp4`, () => ['-i', source, ...video[form]]);
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

function tone(rate, channels) {
  return `aevalsrc=${tones.slice(0, channels).map((f) => `0.3*sin(2*PI*${f}*t)`).join('|')}:s=${rate}`;
}
