import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as a from '../static/players/js/address.js';

const url = (page) => a.playURL(new URL(page).search, new URL(page));

test('a page plays from where it came, unless its address says otherwise', () => {
  for (const [page, want] of [
    ['http://h:8080/players/srs_player.html', 'http://h:8080/live/livestream.flv'],
    ['https://h/players/srs_player.html', 'https://h/live/livestream.flv'],
    ['http://h:8080/p?autostart=true&stream=livestream.m3u8', 'http://h:8080/live/livestream.m3u8'],
    ['http://h:8080/p?schema=https&port=8088', 'https://h:8088/live/livestream.flv'],
    ['http://h:8080/p?schema=https&port=443', 'https://h/live/livestream.flv'],
    ['http://h:8080/p?schema=https', 'https://h/live/livestream.flv'],
    ['http://h:8080/p?schema=ws', 'ws://h:8080/live/livestream.flv'],
    ['https://h:8088/p?schema=wss', 'wss://h:8088/live/livestream.flv'],
    ['https://h:8088/p?schema=ws&port=8080', 'ws://h:8080/live/livestream.flv'],
    ['http://h:8080/p?api=1985', 'http://h:8080/live/livestream.flv'],
    ['http://h:8080/p?server=192.0.2.7&port=9000&app=a/b&stream=s.ts', 'http://192.0.2.7:9000/a/b/s.ts'],
    ['http://h:8080/p?server=2001:db8::1', 'http://[2001:db8::1]:8080/live/livestream.flv'],
    ['http://h:8080/p?stream=cam', 'http://h:8080/live/cam.flv'],
    ['http://h:8080/p?stream=cam.1', 'http://h:8080/live/cam.1.flv'],
    ['http://h:8080/p?vhost=v&token=a+b&secret=x&bearer=z&buffer=3', 'http://h:8080/live/livestream.flv?vhost=v&token=a%2Bb&secret=x'],
    ['http://h:8080/p?stream=%22%3E%3Cb%3E%3F%23', 'http://h:8080/live/%22%3E%3Cb%3E%3F%23.flv'],
    ['http://h:8080/p?schema=javascript', 'http://h:8080/live/livestream.flv'],
  ]) assert.equal(url(page), want, page);
});

test('an address tells how it is played', () => {
  for (const [address, format, socket, name] of [
    ['http://h/live/s.flv', 'flv', false, 'HTTP-FLV'],
    [' HTTPS://h/live/s.FLV?a=b.ts#x ', 'flv', false, 'HTTPS-FLV'],
    ['ws://h/live/s.flv', 'flv', true, 'WS-FLV'],
    ['wss://h:1/live/s.ts', 'ts', true, 'WSS-TS'],
    ['http://h/live/s.m3u8?hls_ctx=1', 'hls', false, 'HTTP-HLS'],
    ['http://h/x.mp4', 'file', false, 'HTTP-file'],
  ]) {
    const found = a.recognise(address);
    assert.deepEqual([found.format, found.socket, found.name, found.problem], [format, socket, name, undefined], address);
  }
  for (const [address, problem] of [
    ['', 'form'], ['livestream.flv', 'form'], ['rtmp://h/live/s', 'schema'], ['srt://h:10080?streamid=x', 'schema'],
    ['javascript:alert(1)', 'form'], ['webrtc://h/live/s', 'webrtc'], ['http://h/rtc/v1/whep/?app=live', 'webrtc'],
    ['http://h/live/s', 'format'], ['http://h', 'format'], ['ws://h/live/s.m3u8', 'format'],
  ]) assert.equal(a.recognise(address).problem, problem, address);
});

test('a page by HTTPS may not play what comes plain, but from this computer', () => {
  const page = { protocol: 'https:' };
  assert.equal(a.mixed('http://h/live/s.flv', page), true);
  assert.equal(a.mixed('ws://h:8080/live/s.flv', page), true);
  assert.equal(a.mixed('http://localhost.example/live/s.flv', page), true);
  for (const fine of ['https://h/s.flv', 'wss://h/s.flv', 'http://localhost:8080/s.flv', 'ws://127.0.0.1/s.flv', 'http://[::1]:1/s.flv']) {
    assert.equal(a.mixed(fine, page), false, fine);
  }
  assert.equal(a.mixed('http://h/live/s.flv', { protocol: 'http:' }), false);
});

test('an address tells its stream', () => {
  assert.deepEqual(a.playedStream('http://h/live/s.flv'), { app: 'live', stream: 's', vhost: '' });
  assert.deepEqual(a.playedStream('ws://h:1/a/b/s.1.ts?vhost=v'), { app: 'a/b', stream: 's.1', vhost: 'v' });
  assert.deepEqual(a.playedStream('http://h/live/a%20b.m3u8'), { app: 'live', stream: 'a b', vhost: '' });
  assert.equal(a.playedStream('http://h/s.flv'), null);
  assert.equal(a.playedStream('nothing'), null);
});

test('a link plays the same address, and takes no token along', () => {
  const here = new URL('http://h:8080/players/srs_player.html');
  for (const [address, want] of [
    ['http://h:8080/live/s.flv?token=T', 'srs_player.html?autostart=true&app=live&stream=s.flv'],
    ['ws://h:8080/live/s.flv', 'srs_player.html?autostart=true&app=live&stream=s.flv&schema=ws'],
    ['https://h/live/s.m3u8?vhost=v', 'srs_player.html?autostart=true&app=live&stream=s.m3u8&schema=https&port=443&vhost=v'],
    ['https://h:8080/live/s.flv', 'srs_player.html?autostart=true&app=live&stream=s.flv&schema=https&port=8080'],
    ['http://[2001:db8::1]:9/a/b/s.ts', 'srs_player.html?autostart=true&app=a/b&stream=s.ts&server=%5B2001:db8::1%5D&port=9'],
  ]) {
    const link = a.playLink('srs_player.html', address, here);
    assert.equal(link, want);
    assert.equal(a.playURL(link.slice(link.indexOf('?')), here), address.replace('?token=T', ''));
  }
});
