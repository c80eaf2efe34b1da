// Chromium publishes by WebRTC; what HLS and LL-HLS make of it is decoded by ffmpeg. full/hls.test.mjs has the other ways of segments.

import assert from 'node:assert/strict';
import { played } from './lib/hls.mjs';
import { scene } from './lib/scene.mjs';

// latency is how old, in ms, the newest that a playlist lists is, by its dates.
function latency(playlist) {
  let at = 0;
  for (const line of playlist.split('\n')) {
    const date = line.match(/^#EXT-X-PROGRAM-DATE-TIME:(.*)/);
    if (date) at = Date.parse(date[1]);
    const part = line.match(/^#EXT-X-PART:DURATION=([\d.]+)/);
    if (part) at += Number(part[1]) * 1000;
  }
  return Date.now() - at;
}

// followed follows a playlist as a player of LL-HLS does, and tells how old its parts are when it learns of them.
async function followed(s, url) {
  const ages = [];
  let playlist = await (await fetch(url)).text();
  for (let i = 0; i < 10; i++) {
    const [, name, sequence, part] = playlist.match(/PRELOAD-HINT:TYPE=PART,URI="(livestream-(\d+)\d{6})\.p(\d+)\.m4s/);
    const response = await fetch(`${url}&_HLS_msn=${sequence}&_HLS_part=${part}`);
    assert.equal(response.status, 200);
    playlist = await response.text();
    assert.ok(playlist.includes(`${name}.p${part}.m4s`) || playlist.includes(`${name}.m4s`), 'what was waited for is there');
    ages.push(latency(playlist));
  }
  ages.sort((a, b) => a - b);
  s.figure(`LL-HLS: a part is listed ${ages[5].toFixed(0)} ms (median) after its end, ${ages.at(-1).toFixed(0)} ms at most`);
  assert.ok(ages[5] < 2000, `parts are ${ages[5]} ms old`);
}

played('HLS with MPEG-TS', {});
played('LL-HLS', { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' }, (s, url) => followed(s, `${url}?hls_ctx=abcd1234`));

scene('a codec that segments can not carry is refused by name', async (s) => {
  const { origin } = await s.server();
  const publisher = await s.open(`${origin}/players/whip.html?autostart=true&codec=vp8&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  for (const file of ['livestream.m3u8', 'livestream.mpd']) {
    const response = await fetch(`${origin}/live/${file}`);
    assert.equal(response.status, 406);
    assert.match(await response.text(), /VP8/);
  }
});
