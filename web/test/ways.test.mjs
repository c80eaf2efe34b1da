import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settings } from '../static/players/js/query.js';
import { players, publishing, watching } from '../static/players/js/ways.js';

const here = new URL('https://h:8088/');
const s = (stream = {}) => ({ ...settings('', here), ...stream });
const all = [
  { name: 'webrtc' }, { name: 'flv', path: '/[app]/[stream].flv' }, { name: 'ts', path: '/[app]/[stream].ts' },
  { name: 'hls', path: '/[app]/[stream].m3u8', live: true }, { name: 'rtmp' }, { name: 'srt', port: '10080' },
];

test('nothing is offered that the server has not', () => {
  for (const list of [players, watching, publishing]) assert.deepEqual(list([], s(), here), []);
  assert.deepEqual(players([{ name: 'hls', path: '/[app]/[stream].m3u8' }], s(), here).map((p) => p.name), ['HLS']);
  assert.deepEqual(watching([{ name: 'something-new' }], s(), here), []);
});

test('pages play by what they can', () => {
  assert.deepEqual(players(all, s({ app: 'a b', stream: 'c/d', vhost: 'v' }), here).map((p) => [p.id, p.name, p.url]), [
    ['webrtc', 'WebRTC', ''],
    ['flv', 'FLV', 'https://h:8088/a%20b/c/d.flv?vhost=v'],
    ['ws-flv', 'WS-FLV', 'wss://h:8088/a%20b/c/d.flv?vhost=v'],
    ['ts', 'TS', 'https://h:8088/a%20b/c/d.ts?vhost=v'],
    ['hls', 'LL-HLS', 'https://h:8088/a%20b/c/d.m3u8?vhost=v'],
  ]);
});

test('other software is told addresses that it takes', () => {
  const urls = Object.fromEntries(watching(all, s(), here).map((w) => [w.name, w.url]));
  assert.deepEqual(urls, {
    WHEP: 'https://h:8088/rtc/v1/whep/?app=live&stream=livestream',
    'HTTP-FLV': 'https://h:8088/live/livestream.flv',
    'HTTP-TS': 'https://h:8088/live/livestream.ts',
    HLS: 'https://h:8088/live/livestream.m3u8',
    RTMP: 'rtmp://h:8088/live/livestream',
    SRT: 'srt://h:10080?streamid=#!::r=live/livestream,m=request',
  });
});

test('what tells a server no host names its virtual host, the one asked for before the page\'s own', () => {
  const services = [{ name: 'srt', port: '10080', vhost: 'live.example' }];
  for (const [vhost, want] of [['', 'h=live.example,'], ['v', 'h=v,']]) {
    assert.equal(watching(services, s({ vhost }), here)[0].url, `srt://h:10080?streamid=#!::${want}r=live/livestream,m=request`);
    assert.equal(publishing(services, s({ vhost }), here)[0].fields[0][1], `srt://h:10080?streamid=#!::${want}r=live/livestream,m=publish`);
  }
});

test('a recipe can be pasted as it stands', () => {
  const fields = publishing(all, s({ vhost: 'v' }), here).flatMap((p) => p.fields.map(([label, text]) => [p.name, label, text]));
  assert.deepEqual(fields, [
    ['OBS by WHIP', 'Server', 'https://h:8088/rtc/v1/whip/?app=live&stream=livestream&vhost=v'],
    ['OBS by RTMP', 'Server', 'rtmp://h:8088/live'],
    ['OBS by RTMP', 'Stream key', 'livestream?vhost=v'],
    ['ffmpeg by RTMP', 'Command', 'ffmpeg -re -i input.mp4 -c copy -f flv "rtmp://h:8088/live/livestream?vhost=v"'],
    ['OBS by SRT', 'Server', 'srt://h:10080?streamid=#!::h=v,r=live/livestream,m=publish'],
    ['ffmpeg by SRT', 'Command', "ffmpeg -re -i input.mp4 -c copy -f mpegts 'srt://h:10080?streamid=#!::h=v,r=live/livestream,m=publish'"],
  ]);
  const server = (services, at) => publishing(services, s(), new URL(at))[0].fields[0][1];
  const both = [{ name: 'rtmp' }, { name: 'rtmps', port: '1443' }];
  assert.equal(server(both, 'http://h:8080/'), 'rtmp://h:8080/live');
  assert.equal(server(both, 'http://h/'), 'rtmp://h:80/live');
  assert.equal(server(both, 'https://h:8080/'), 'rtmps://h:1443/live');
  assert.equal(server([{ name: 'rtmps' }], 'https://h/'), 'rtmps://h/live');
  assert.match(publishing([{ name: 'rtmp', port: '1935' }], s(), here)[0].fields[0][1], /^rtmp:\/\/h\/live$/);
});
