// Publishers of the numbered film that know when each picture was filmed, by this machine's clock.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fps, height, paint, pictures, script, tones, width } from '../lib/film.mjs';
import { camera } from '../lib/publishers.mjs';

export const now = () => performance.timeOrigin + performance.now();

// Filmed is when each number was last filmed: the film begins anew every 20 s.
class Filmed {
  #times = Array.from({ length: pictures }, () => []);

  add(n, at) { this.#times[n].push(at); }

  // age is how long before a time that picture was filmed, in ms, and undefined of what was not.
  age(n, at) {
    const last = this.#times[n]?.findLast((t) => t <= at);
    return last === undefined ? undefined : at - last;
  }
}

const keyframes = ['-g', String(2 * fps), '-sc_threshold', '0'];
const rate = 44100;
const samples = rate / fps; // of sound for a picture

// film gives each picture and its sound's samples at their time, until it is told to stop.
function film(show) {
  const painted = Array.from({ length: pictures }, (_, n) => paint(script, n));
  const begun = now();
  let shown = 0;
  const timer = setInterval(() => {
    for (; now() >= begun + shown * 1000 / fps; shown++) show(shown % pictures, painted[shown % pictures], tone(shown));
  }, 2);
  return () => clearInterval(timer);
}

function tone(n) {
  const pcm = new Int16Array(2 * samples);
  for (let i = 0; i < pcm.length; i++) pcm[i] = 8000 * Math.sin(2 * Math.PI * tones[i % 2] * (n * samples + (i >> 1)) / rate);
  return new Uint8Array(pcm.buffer);
}

// Encoder is an ffmpeg that is given each picture when it is filmed. What it publishes, or writes to its output, has a keyframe each 2 s.
export class Encoder {
  name = 'an encoder by RTMP';
  filmed = new Filmed();
  output;
  #child;
  #cut;

  constructor(to) {
    const raw = ['-probesize', '32', '-analyzeduration', '0'];
    this.#child = spawn('ffmpeg', [
      '-nostdin', '-v', 'error',
      ...raw, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${width}x${height}`, '-framerate', String(fps), '-i', 'pipe:0',
      ...raw, '-f', 's16le', '-ar', String(rate), '-ac', '2', '-i', 'pipe:3',
      '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-b:v', '500k', ...keyframes,
      '-c:a', 'aac', '-b:a', '96k', '-f', 'flv', to,
    ], { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
    const [picture, output, , sound] = this.#child.stdio;
    for (const pipe of [picture, sound]) pipe.on('error', () => {}); // It has ended.
    this.output = output;
    this.#cut = film((n, planes, pcm) => {
      this.filmed.add(n, now());
      picture.write(planes);
      sound.write(pcm);
    });
  }

  async times() { return this.filmed; }

  async stop() {
    this.#cut();
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }
}

// Camera is a browser that publishes by WebRTC what its camera films.
export class Camera {
  name = 'a browser by WebRTC';
  #client;

  static async start(server, stream, open) {
    const address = `${server.origin}/players/whip.html?autostart=true&stream=${stream}&codec=h264&width=${width}&height=${height}&bitrate=500`;
    const one = new Camera();
    one.#client = await open(address, camera({ video: true, audio: true }));
    await one.#client.reaches('live');
    return one;
  }

  async times() {
    const filmed = new Filmed();
    for (const [n, at] of await this.#client.page.evaluate(() => window.filmed)) filmed.add(n, at);
    return filmed;
  }

  stop() { return this.#client.page.context().close(); }
}
