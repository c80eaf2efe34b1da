// The matrix' players: each plays a cell with a real client, or is refused.

import assert from 'node:assert/strict';
import { decode, heard, seen } from './decode.mjs';
import { copied, refused } from './copy.mjs';
import { fps, height, pictures, tones, width } from './film.mjs';
import { segments } from './dash.mjs';
import { lowLatency } from './llhls.mjs';
import { hears, numbered } from './senses.mjs';
import { until } from './until.mjs';

const seconds = 3; // of each stream

// play plays a cell as its player does, and judges what comes.
export async function play(publisher, player, want, { server, open }) {
  if (want.refused) return refuse(publisher, player, want, server);
  if (player.id === 'webrtc') return watch(publisher, want, { server, open });
  const kinds = { video: Boolean(publisher.video), audio: Boolean(publisher.audio) };
  const result = await decode(await source(publisher, player, server), seconds, kinds);
  judge(publisher, want, result, player);
}

// addresses are the players' URLs, without the host.
const addresses = {
  rtmp: (name) => `/live/${name}`,
  flv: (name) => `/live/${name}.flv`,
  'ws-flv': (name) => `/live/${name}.flv`,
  ts: (name) => `/live/${name}.ts`,
  hls: (name) => `/live/${name}.m3u8`,
  'hls-mp4': (name) => `/live/${name}.m3u8`,
  'll-hls': (name) => `/live/${name}.m3u8`,
  dash: (name) => `/live/${name}.mpd`,
  webrtc: (name) => `/rtc/v1/whep/?app=live&stream=${name}`,
  'webrtc-hevc': (name) => `/rtc/v1/whep/?app=live&stream=${name}`,
};

function address(publisher, player, server) {
  const scheme = { rtmp: 'rtmp', 'ws-flv': 'ws', 'webrtc-hevc': 'whep+http' }[player.id] ?? 'http';
  return `${scheme}://127.0.0.1:${server.port}${addresses[player.id](publisher.id)}`;
}

// source is a URL that ffmpeg plays, or what another client gets for it.
function source(publisher, player, server) {
  const url = address(publisher, player, server);
  const enhanced = ['rtmp', 'flv'].includes(player.id) && ((publisher.video && publisher.video !== 'H264') || (publisher.by === 'copy'));
  if (enhanced || player.id === 'ws-flv' || player.id === 'webrtc-hevc') return copied(url, seconds + 1);
  if (player.id === 'dash') return segments(url, seconds + 1);
  if (player.id === 'll-hls') return lowLatency(url, seconds + 1);
  return url;
}

// names are those of ffmpeg.
const names = { H264: 'h264', H265: 'hevc', AV1: 'av1', VP9: 'vp9', AAC: 'aac', Opus: 'opus' };

function judge(publisher, want, result, player) {
  const expected = [publisher.video && `Video ${names[publisher.video]}`, want.sound && `Audio ${names[want.sound.codec]}`].filter(Boolean);
  assert.deepEqual([...new Set(result.streams)].sort().reverse(), expected, 'the streams');
  assert.deepEqual(result.complaints, [], 'ffmpeg has nothing to complain of');
  const live = publisher.by === 'chromium'; // whose encoder leaves pictures out as it must
  if (publisher.video) {
    seen(result, { width, height, pictures, least: seconds * (live ? 5 : fps * 0.9), gap: live ? fps : 1 });
  }
  if (want.sound) heard(result, { ...want.sound, least: seconds * 0.9, sent: live ? 1 : want.sound.sent });
  if (publisher.video && want.sound) {
    const apart = Math.abs(result.video[0].at - result.audio[0].at);
    assert.ok(apart < 0.15, `sound and picture begin ${apart} s apart`);
  }
}

// refuse expects the exact code, and the codec's name.
async function refuse(publisher, player, want, server) {
  const url = address(publisher, player, server);
  if (player.id === 'rtmp' || player.id === 'ws-flv') {
    const said = await refused(url);
    assert.match(said, new RegExp(want.refused === '406' ? '406 Not Acceptable' : want.refused));
    assert.match(said, new RegExp(want.codec));
    return;
  }
  const offer = { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: withoutHEVC };
  const response = await fetch(url, { ...(player.id === 'webrtc' ? offer : {}), signal: AbortSignal.timeout(20_000) });
  assert.equal(response.status, Number(want.refused));
  assert.match(await response.text(), new RegExp(want.codec));
}

// watch plays by WebRTC in Chromium.
async function watch(publisher, want, { server, open }) {
  const viewer = await open(`${server.origin}/players/whep.html?autostart=true&stream=${publisher.id}`);
  await viewer.reaches('live');
  if (publisher.video) {
    await viewer.rises('video', 'framesDecoded', 20);
    const { video } = await viewer.facts();
    assert.equal(video.codec, publisher.video);
    await numbered(viewer);
  }
  if (want.sound) {
    assert.equal((await viewer.facts()).audio.codec, 'opus');
    await until('a second of sound has come, not counting what the browser made up', async () => {
      const { totalSamplesReceived, concealedSamples } = (await viewer.facts()).audio;
      return totalSamplesReceived - concealedSamples >= 48_000;
    });
    await hears(viewer, tones);
  }
  await viewer.page.context().close();
}

// withoutHEVC is an offer of a browser that has H264, VP8, VP9 and AV1.
const withoutHEVC = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=rtcp-mux', 'a=mid:0', 'a=recvonly', 'a=setup:actpass',
  'a=ice-ufrag:abcd', 'a=ice-pwd:0123456789abcdefghijklmn', `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=rtpmap:111 opus/48000/2',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 98 45 106', 'c=IN IP4 0.0.0.0', 'a=rtcp-mux', 'a=mid:1', 'a=recvonly', 'a=setup:actpass',
  'a=ice-ufrag:abcd', 'a=ice-pwd:0123456789abcdefghijklmn', `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  'a=rtpmap:96 VP8/90000', 'a=rtpmap:98 VP9/90000', 'a=rtpmap:45 AV1/90000', 'a=rtpmap:106 H264/90000',
  'a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f', '',
].join('\r\n');
