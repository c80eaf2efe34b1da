// A camera that an encoder has work with. Chromium's own test picture is so
// simple that no codec needs even 1 Mbit/s for it, and a browser does not look
// for bandwidth it has no use for.

import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [width, height, frames] = [1280, 720, 12];
const block = 4; // Coarse enough to survive any quantiser.

// noise writes a Y4M file of grey noise and returns the flag for launch().
export function noise() {
  const path = join(mkdtempSync(join(tmpdir(), 'oneport-e2e-')), 'noise.y4m');
  const file = openSync(path, 'w');
  writeSync(file, `YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`);
  const frame = Buffer.alloc(width * height * 3 / 2, 128);
  let state = 1;
  for (let n = 0; n < frames; n++) {
    for (let y = 0; y < height; y += block) {
      for (let x = 0; x < width; x += block) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator: the same file each time.
        const value = 64 + (state >>> 25);
        for (let row = y; row < y + block; row++) frame.fill(value, row * width + x, row * width + x + block);
      }
    }
    writeSync(file, 'FRAME\n');
    writeSync(file, frame);
  }
  closeSync(file);
  return `--use-file-for-fake-video-capture=${path}`;
}
