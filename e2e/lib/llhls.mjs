// A player of Low-Latency HLS: it reloads by blocking, and takes the parts as they come (RFC 8216bis).

import assert from 'node:assert/strict';

const timeout = () => AbortSignal.timeout(30_000);

async function text(url) {
  const response = await fetch(url, { signal: timeout() });
  const body = await response.text();
  assert.equal(response.status, 200, `${url}: ${body}`);
  return body;
}

// lowLatency gives so many seconds of a stream, from the newest part to begin at, to decode(). An independent part has a keyframe,
// but need not begin with it: browsers leave out what comes before, of which ffmpeg complains.
export const lowLatency = (url, seconds) => async (out) => {
  let address = new URL(url);
  let list = await text(address);
  const media = list.split('\n').find((l) => l && !l.startsWith('#'));
  if (list.includes('#EXT-X-STREAM-INF')) {
    address = new URL(media, address);
    list = await text(address);
  }
  assert.match(list, /#EXT-X-SERVER-CONTROL:.*CAN-BLOCK-RELOAD=YES/);
  assert.match(list, /#EXT-X-PRELOAD-HINT:TYPE=PART/);
  let all = parts(list);
  let next = null;
  for (const part of all.filter((p) => p.independent).reverse()) {
    if (!next && begins(await bytes(new URL(part.uri, address)))) next = part;
  }
  assert.ok(next, `there is a part to begin at:\n${list}`);
  out.write(await bytes(new URL(/#EXT-X-MAP:URI="([^"]+)"/.exec(list)[1], address)));
  for (let got = 0; got < seconds && !out.destroyed && !out.writableEnded;) {
    const found = all.find((p) => p.sequence === next.sequence && p.part === next.part);
    if (found) {
      out.write(await bytes(new URL(found.uri, address)));
      got += found.duration;
      const following = all[all.indexOf(found) + 1];
      next = following ?? { sequence: found.sequence, part: found.part + 1 };
      continue;
    }
    const query = new URLSearchParams(address.search);
    query.set('_HLS_msn', next.sequence);
    query.set('_HLS_part', next.part);
    list = await text(new URL(`${address.pathname}?${query}`, address));
    all = parts(list);
    if (!all.some((p) => p.sequence === next.sequence && p.part === next.part)) {
      const later = all.find((p) => p.sequence > next.sequence); // the segment had no such part
      assert.ok(later, `the answer has waited for ${next.sequence}.${next.part}, or for what comes in its place:\n${list}`);
      next = later;
    }
  }
};

async function bytes(url) {
  const response = await fetch(url, { signal: timeout() });
  assert.equal(response.status, 200, `${url}`);
  return Buffer.from(await response.arrayBuffer());
}

// begins says whether the first sample of each track is one to begin with: sample_is_non_sync_sample is not set in the flags of
// trun (ISO/IEC 14496-12, 8.8.8), which tell each sample's duration, size, flags and offset here.
function begins(fragments) {
  const flags = [];
  for (let at = 0; at < fragments.length; at += fragments.readUInt32BE(at)) {
    const box = fragments.subarray(at, at + fragments.readUInt32BE(at));
    if (box.toString('latin1', 4, 8) !== 'moof') continue;
    const trun = box.indexOf('trun') + 4;
    assert.equal(box.readUInt32BE(trun) & 0xffffff, 0xf01, 'what trun tells');
    flags.push(box.readUInt32BE(trun + 20));
  }
  assert.ok(flags.length > 0, 'there is a sample');
  return flags.every((f) => (f & 0x10000) === 0);
}

// parts are those that a playlist lists, with the number of the segment that they are of.
function parts(list) {
  let sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(list)?.[1] ?? 0);
  const found = [];
  let part = 0;
  for (const line of list.split('\n')) {
    if (line.startsWith('#EXT-X-PART:')) {
      found.push({
        sequence, part: part++, uri: /URI="([^"]+)"/.exec(line)[1],
        duration: Number(/DURATION=([\d.]+)/.exec(line)[1]), independent: line.includes('INDEPENDENT=YES'),
      });
    } else if (line && !line.startsWith('#')) {
      sequence++;
      part = 0;
    }
  }
  return found;
}
