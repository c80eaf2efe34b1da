// Viewers that tell which pictures they saw, and when: pages of ours in Chromium, ffmpeg as a player, and a reader of DASH.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { columns, height, marks, number, rows, width } from '../lib/film.mjs';
import { representations } from '../lib/dash.mjs';
import { until } from '../lib/until.mjs';
import { now } from './filming.mjs';

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// watch runs in the page before its own scripts: window.seen are the marks of each picture and when it went to the screen, by the
// clock, and window.asked is when the page was last told to play.
function watch({ columns, rows, marks }) {
  const epoch = Date.now() - performance.now();
  window.seen = [];
  addEventListener('click', (event) => {
    if (!event.target.closest?.('#start')) return;
    window.asked = epoch + event.timeStamp;
    window.seen = [];
  }, true);
  const canvas = new OffscreenCanvas(marks.width, marks.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const [w, h] = [marks.width / columns, marks.height / rows];
  const coarse = (video) => {
    context.drawImage(video, 0, 0);
    const all = context.getImageData(0, 0, marks.width, marks.height).data;
    return Array.from({ length: columns * rows }, (_, i) => all[4 * (Math.floor((Math.floor(i / columns) + 0.5) * h) * marks.width + Math.floor((i % columns + 0.5) * w)) + 1]);
  };
  addEventListener('DOMContentLoaded', () => {
    const video = document.getElementById('video');
    const see = (_, { presentationTime }) => {
      video.requestVideoFrameCallback(see);
      window.seen.push({ at: epoch + presentationTime, grey: coarse(video) });
    };
    video.requestVideoFrameCallback(see);
  });
}

const script = `(${watch})(${JSON.stringify({ columns, rows, marks })});`;

// Screen is a page of ours that has been opened and is told to play.
export class Screen {
  #client;

  static async open(url, open, { way } = {}) {
    const screen = new Screen();
    screen.#client = await open(url, script);
    if (way) await screen.#client.page.locator(`[data-way=${way}]`).click();
    return screen;
  }

  // first is how long it takes from the click to the first picture, in ms.
  async first() {
    const { page } = this.#client;
    await this.#client.start();
    const { asked, at } = await until('a picture is there', () => page.evaluate(() => window.seen.length && { asked: window.asked, at: window.seen[0].at }));
    return at - asked;
  }

  rest() { return this.#client.stop(); }

  async pictures(warm, long) {
    await this.#client.start();
    await until('a picture is there', () => this.#client.page.evaluate(() => window.seen.length));
    await pause(warm);
    await this.#client.page.evaluate(() => { window.seen = []; });
    await pause(long);
    const seen = await this.#client.page.evaluate(() => window.seen);
    return seen.map(({ at, grey }) => ({ at, n: number(grey) }));
  }

  close() { return this.#client.page.context().close(); }
}

const coarse = `scale=${width}:${height},crop=${marks.width}:${marks.height}:0:0,scale=${columns}:${rows}:flags=area,format=gray`;

// Player is an ffmpeg that looks at no more of a stream than it must before it plays, and decodes at once. It has no -fflags nobuffer, with
// which it throws away what it has looked at, the first keyframe with it.
export class Player {
  opened; // when it began with the address: what is before that is the start of the process
  seen = [];
  #child;
  #ended;

  constructor(from, input) {
    this.#child = spawn('ffmpeg', ['-nostdin', '-v', 'debug', '-flags', 'low_delay', '-analyzeduration', '1', '-fpsprobesize', '0', '-threads', '1', '-i', from,
      '-map', '0:v:0', '-vf', coarse, '-vsync', 'passthrough', '-f', 'rawvideo', 'pipe:1'], { stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'close');
    input?.pipe(this.#child.stdin).on('error', () => {});
    this.#child.stderr.on('data', (text) => { if (/Opening an input file/.test(text)) this.opened ??= now(); });
    let rest = Buffer.alloc(0);
    this.#child.stdout.on('data', (b) => {
      const at = now();
      rest = Buffer.concat([rest, b]);
      for (const size = columns * rows; rest.length >= size; rest = rest.subarray(size)) this.seen.push({ at, n: number(rest) });
    });
  }

  async first() {
    await until('a picture is decoded', () => this.seen.length > 0, { every: 5 });
    return this.seen[0].at - this.opened;
  }

  async pictures(warm, long) {
    await this.first();
    await pause(warm);
    this.seen = [];
    await pause(long);
    return this.seen;
  }

  async close() {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

// newest is the newest segment of pictures that an MPD lists, as a file by itself.
async function newest(url) {
  const { initialization, names } = representations(String(await bytes(url))).find(({ kind }) => kind === 'video');
  return { name: names.at(-1), file: () => Promise.all([initialization, names.at(-1)].map((u) => bytes(new URL(u, url)))).then(Buffer.concat) };
}

// Reader asks for an MPD again and again, and for each segment as soon as it is listed. It sees the first picture of each then, and
// would see all others as long after they were filmed: a player that begins with the newest segment, and has no buffer.
export class Reader {
  #url;

  constructor(url) { this.#url = url; }

  async first() {
    const begun = now();
    await (await newest(this.#url)).file();
    return now() - begun;
  }

  async pictures(_, long) {
    const seen = [];
    let last = (await until('an MPD', () => newest(this.#url))).name;
    for (const end = now() + long; now() < end; await pause(20)) {
      const { name, file } = await newest(this.#url);
      if (name === last) continue;
      last = name;
      const segment = await file();
      seen.push({ at: now(), n: await firstNumber(segment) });
    }
    return seen;
  }

  async close() {}
}

async function firstNumber(segment) {
  const player = new Player('pipe:0', Readable.from([segment]));
  await player.first();
  await player.close();
  return player.seen[0].n;
}
