// Films for Chromium's fake camera, as files in the Y4M format.

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './folder.mjs';

// film writes frames of a size, painted by paint(y, u, v, n): planes of luma and
// of chroma at half the size. It returns the flag for launch().
export function film({ width, height, frames, fps = 30 }, paint) {
  const path = join(folder(), 'film.y4m');
  const file = openSync(path, 'w');
  writeSync(file, `YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`);
  const frame = Buffer.alloc(width * height * 3 / 2, 128);
  const luma = width * height;
  const planes = [frame.subarray(0, luma), frame.subarray(luma, luma * 5 / 4), frame.subarray(luma * 5 / 4)];
  for (let n = 0; n < frames; n++) {
    paint(...planes, n);
    writeSync(file, 'FRAME\n');
    writeSync(file, frame);
  }
  closeSync(file);
  return `--use-file-for-fake-video-capture=${path}`;
}

// dice is Numerical Recipes' generator: the same bytes each time.
export function dice(state = 1) {
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

// noise is a film that an encoder has work with. Chromium's own test picture is
// so simple that no codec needs even 1 Mbit/s for it, and a browser does not look
// for bandwidth it has no use for.
export function noise() {
  const [width, height, block] = [1280, 720, 4]; // Coarse enough to survive any quantiser.
  const roll = dice();
  return film({ width, height, frames: 12 }, (luma) => {
    for (let y = 0; y < height; y += block) {
      for (let x = 0; x < width; x += block) {
        const value = 64 + (roll() >> 1);
        for (let row = y; row < y + block; row++) luma.fill(value, row * width + x, row * width + x + block);
      }
    }
  });
}

// landscape is a film for people: hills at dusk that pass by.
export function landscape() {
  const [width, height, frames] = [1280, 720, 120];
  const roll = dice(7);
  const turn = 2 * Math.PI / width;
  const hills = [0, 1, 2, 3].map((layer) => ({
    y: 0.48 + 0.12 * layer,
    speed: (layer + 1) * width / frames / 4, // Each comes round with the film's end or keeps its step.
    light: [118, 92, 62, 34][layer],
    waves: [1, 2, 3, 5].map((k) => ({ k: k + layer, size: (0.075 - 0.008 * layer) / k, phase: roll() / 40 })),
  }));
  const ridge = (hill, x) => hill.y + hill.waves.reduce((sum, w) => sum + w.size * Math.sin(w.k * x * turn + w.phase), 0);
  return film({ width, height, frames, fps: 30 }, (luma, u, v, n) => {
    const tops = hills.map((hill) => Float32Array.from({ length: width }, (_, x) => height * ridge(hill, x + n * hill.speed)));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let layer = -1;
        for (let i = 0; i < hills.length; i++) if (y > tops[i][x]) layer = i;
        const sun = Math.max(0, 1 - Math.hypot(x - width * 0.68, y - height * 0.4) / 420);
        const disc = Math.hypot(x - width * 0.68, y - height * 0.4) < 62;
        const sky = y / height;
        const grain = (roll() - 128) / 100;
        const haze = layer < 0 ? 0 : Math.min(1, (y - tops[layer][x]) / 220);
        const light = layer < 0 ? (disc ? 228 : 96 + 100 * sky + 60 * sun * sun) : hills[layer].light - 18 * haze + 22 * sun;
        luma[y * width + x] = light + grain;
        if ((x | y) & 1) continue;
        const at = (y >> 1) * (width >> 1) + (x >> 1);
        const warm = layer < 0 ? Math.min(1, sky * 1.5 + sun * 0.6) : sun * 0.5 + 0.15 * (3 - layer);
        u[at] = 150 - 52 * warm;
        v[at] = 118 + 46 * warm;
      }
    }
  });
}
