// A player of DASH by SegmentTimeline (ISO/IEC 23009-1). ffmpeg's own looks for segments that are not there yet.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './folder.mjs';
import { until } from './until.mjs';

async function get(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  const body = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, `${url}: ${body.subarray(0, 200)}`);
  return body;
}

// representations are what an MPD lists: of each kind where it begins, and its segments' names and times.
export function representations(mpd) {
  return [...mpd.matchAll(/<AdaptationSet [^>]*contentType="(\w+)"[\s\S]*?<\/AdaptationSet>/g)].map(([set, kind]) => {
    const of = (name) => new RegExp(`<SegmentTemplate [^>]*\\b${name}="([^"]*)"`).exec(set)?.[1];
    const scale = Number(of('timescale'));
    let next = 0;
    const times = [...set.matchAll(/<S (?:t="(\d+)" )?d="(\d+)"(?: r="(\d+)")?\/>/g)].flatMap(([, t, d, r]) => {
      next = Number(t ?? next);
      return Array.from({ length: Number(r ?? 0) + 1 }, () => {
        const at = next;
        next += Number(d);
        return { time: at, at: at / scale, length: Number(d) / scale };
      });
    });
    const [media, first] = [of('media'), Number(of('startNumber') ?? 1)];
    const names = times.map(({ time }, i) => media.replace('$Number$', first + i).replace('$Time$', time));
    return { kind, initialization: of('initialization'), names, times };
  });
}

// segments waits until a stream of so many seconds is listed, and puts each kind's segments into a file for decode().
export async function segments(url, seconds) {
  const sets = await until(`${seconds} s are listed`, async () => {
    const all = representations(String(await get(url)));
    assert.ok(all.length > 0);
    return all.every(({ times }) => times.reduce((sum, s) => sum + s.length, 0) >= seconds) && all;
  }, { every: 500 });
  const own = folder();
  const files = await Promise.all(sets.map(async ({ kind, initialization, names, times }) => {
    for (let i = 1; i < times.length; i++) {
      const hole = times[i].at - times[i - 1].at - times[i - 1].length;
      assert.ok(Math.abs(hole) < 0.001, `${hole} s between two segments of ${kind}`);
    }
    const path = join(own, `${kind}.mp4`);
    writeFileSync(path, Buffer.concat(await Promise.all([initialization, ...names].map((u) => get(new URL(u, url))))));
    return [kind, path];
  }));
  return Object.fromEntries(files);
}
