import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as q from '../static/players/js/query.js';

const here = (href) => new URL(href);
const at = (href) => q.settings(here(href).search, here(href));

test('a page talks to where it came from', () => {
  for (const [page, want] of [
    ['http://localhost:8080/players/whip.html', 'http://localhost:8080'],
    ['https://live.example.com/players/whip.html', 'https://live.example.com'],
    ['http://live.example.com/players/whip.html', 'http://live.example.com'],
    ['http://[::1]:8080/players/whip.html', 'http://[::1]:8080'],
    ['http://localhost:8080/players/whip.html?api=1985', 'http://localhost:1985'],
    ['http://localhost:8080/players/whip.html?schema=https&port=8088', 'https://localhost:8088'],
    ['http://localhost:8080/players/whip.html?schema=https', 'https://localhost'],
    ['http://localhost:8080/players/whip.html?schema=https&port=443', 'https://localhost'],
    ['http://localhost:8080/players/whip.html?api=1985&port=8080', 'http://localhost:1985'],
    ['http://localhost:8080/players/whip.html?server=192.0.2.7', 'http://192.0.2.7:8080'],
    ['http://localhost:8080/players/whip.html?server=2001:db8::1', 'http://[2001:db8::1]:8080'],
    ['http://localhost:8080/players/whip.html?api=no&port=70000', 'http://localhost:8080'],
    ['http://localhost:8080/players/whip.html?schema=javascript', 'http://localhost:8080'],
  ]) assert.equal(at(page).origin, want, page);
});

test('defaults are SRS\'s', () => {
  const s = at('http://h/players/whip.html');
  assert.deepEqual([s.app, s.stream, s.vhost, s.autostart, s.path], ['live', 'livestream', '', false, '']);
  assert.equal(q.endpoint(s, '/rtc/v1/whip/'), 'http://h/rtc/v1/whip/?app=live&stream=livestream');
  assert.equal(q.webrtcURL(s), 'webrtc://h/live/livestream');
});

test('unknown names travel on, the page\'s own do not', () => {
  const s = at('http://h:8080/players/whip.html?autostart=true&api=8080&app=a&stream=b&vhost=v&eip=192.0.2.1:8000&codec=av1&token=a+b/c%3D&secret=x%20y&bearer=zzz&width=640&fps=15&bitrate=500');
  assert.equal(q.endpoint(s, '/rtc/v1/whip/'),
    'http://h:8080/rtc/v1/whip/?app=a&stream=b&vhost=v&eip=192.0.2.1:8000&codec=av1&token=a%2Bb/c%3D&secret=x%20y');
  assert.deepEqual([s.autostart, s.bearer, s.width, s.height, s.fps, s.bitrate, s.codec], [true, 'zzz', 640, undefined, 15, 500, 'av1']);
});

test('path replaces the API\'s path', () => {
  assert.equal(q.endpoint(at('http://h/x?path=/my/whip'), '/rtc/v1/whip/'), 'http://h/my/whip?app=live&stream=livestream');
  assert.equal(q.endpoint(at('http://h/x?path=w%3Fk%3D1'), '/rtc/v1/whip/'), 'http://h/w?k=1&app=live&stream=livestream');
});

test('a value cannot break out of the query', () => {
  const s = at('http://h/x?stream=a%26secret%3D1%23&app=%22%3E%3Cscript%3E');
  assert.equal(q.endpoint(s, '/p/'), 'http://h/p/?app=%22%3E%3Cscript%3E&stream=a%26secret%3D1%23');
});

test('a lone % and a repeated name are taken as they stand', () => {
  assert.deepEqual([...q.parseQuery('?a=100%&a=2&b&=x')], [['a', '100%'], ['b', ''], ['', 'x']]);
});

test('the JSON API\'s URL follows from a webrtc:// address', () => {
  const s = at('http://h:8080/players/rtc_player.html?eip=192.0.2.1&token=t');
  assert.equal(q.webrtcURL(s), 'webrtc://h:8080/live/livestream?eip=192.0.2.1&token=t');
  for (const [url, want] of [
    [q.webrtcURL(s), 'http://h:8080/rtc/v1/play/?eip=192.0.2.1&token=t'],
    ['webrtc://h/live/x', 'http://h:8080/rtc/v1/play/'],
    ['webrtc://other/live/x', 'http://other/rtc/v1/play/'],
    ['webrtc://other:1985/a/b/x?k=v', 'http://other:1985/rtc/v1/play/?k=v'],
    ['webrtc://[2001:db8::1]:99/live/x', 'http://[2001:db8::1]:99/rtc/v1/play/'],
    ['webrtc://other/live/x?schema=https', 'https://other/rtc/v1/play/?schema=https'],
    ['http://other/live/x', null],
    ['webrtc://other/x', null],
  ]) assert.equal(q.jsonEndpoint(url, 'play', s), want, url);
});

test('streamOf reads both kinds of address', () => {
  assert.deepEqual(q.streamOf('http://h/rtc/v1/whip/?app=a%20b&stream=s&vhost=v'), { app: 'a b', stream: 's', vhost: 'v' });
  assert.deepEqual(q.streamOf('http://h/rtc/v1/whip/'), { app: 'live', stream: 'livestream', vhost: '' });
  assert.deepEqual(q.streamOf('webrtc://h/a/b/s?vhost=v'), { app: 'a/b', stream: 's', vhost: 'v' });
  assert.equal(q.streamOf('javascript:alert(1)'), null);
});

test('a watch link holds the stream and no key', () => {
  const s = at('http://h:8080/players/whip.html?autostart=true&token=T&secret=S&bearer=B&codec=av1&eip=192.0.2.1&app=a&stream=b&path=/w');
  assert.equal(q.pageLink('whep.html', s), 'whep.html?autostart=true&app=a&stream=b&eip=192.0.2.1');
  assert.equal(q.pageLink('whep.html', s, { app: 'x', stream: 'y', vhost: 'v' }),
    'whep.html?autostart=true&app=x&stream=y&eip=192.0.2.1&vhost=v');
});

test('a link to the front page holds the virtual host', () => {
  for (const [link, vhost, want] of [
    ['../', '', '../'], ['../', 'v', '../?vhost=v'], ['../#streams', 'a&b', '../?vhost=a%26b#streams'],
    ['../?vhost=old#streams', 'v', '../?vhost=v#streams'], ['./?vhost=old', '', './'],
  ]) assert.equal(q.homeLink(link, vhost), want);
});

test('withParam sets, replaces and removes', () => {
  assert.equal(q.withParam('http://h/w', 'codec', 'av1'), 'http://h/w?codec=av1');
  assert.equal(q.withParam('http://h/w?a=1&codec=vp8', 'codec', 'av1'), 'http://h/w?a=1&codec=av1');
  assert.equal(q.withParam('http://h/w?codec=vp8', 'codec', ''), 'http://h/w');
});

test('a row of the stream list names its vhost only in its url', () => {
  assert.deepEqual(q.listedStream({ app: 'live', name: 's', url: '/live/s', vhost: 'vid-1' }), { app: 'live', stream: 's', vhost: '' });
  assert.deepEqual(q.listedStream({ app: 'live', name: 's', url: '/v.example/live/s' }), { app: 'live', stream: 's', vhost: 'v.example' });
  assert.deepEqual(q.listedStream({}), { app: 'live', stream: '', vhost: '' });
});

test('the API is where the page is, or at the port the server names', () => {
  const page = here('http://example.com:8080/players/whep.html');
  assert.equal(q.settings('', q.home(page, '')).origin, 'http://example.com:8080');
  assert.equal(q.settings('', q.home(page, '1985')).origin, 'http://example.com:1985');
  assert.equal(q.settings('?api=8080', q.home(page, '1985')).origin, 'http://example.com:8080');
});

test('a watch link leads to the server that the address names', () => {
  const page = here('http://h:8080/players/whip.html?token=T&bearer=B');
  const s = q.settings(page.search, page);
  for (const [url, want] of [
    ['http://h:8080/rtc/v1/whip/?app=a&stream=b&token=T', 'app=a&stream=b'],
    ['http://example.org:9/rtc/v1/whip/?app=a&stream=b', 'server=example.org&api=9&app=a&stream=b'],
    ['http://h/rtc/v1/whip/?app=a&stream=b', 'api=80&app=a&stream=b'],
    ['https://h:8080/rtc/v1/whip/?app=a&stream=b&vhost=v', 'schema=https&api=8080&app=a&stream=b&vhost=v'],
    ['https://h/w?stream=b&eip=192.0.2.1:80&codec=av1', 'schema=https&api=443&app=live&stream=b&eip=192.0.2.1:80'],
    ['http://[2001:db8::1]:9/w?stream=b', 'server=%5B2001:db8::1%5D&api=9&app=live&stream=b'],
    ['webrtc://h:8080/a/b?token=T', 'app=a&stream=b'],
    ['webrtc://other/a/b', 'server=other&api=80&app=a&stream=b'],
    ['webrtc://other:1985/a/b?vhost=v', 'server=other&api=1985&app=a&stream=b&vhost=v'],
    ['webrtc://other/a/b?schema=https', 'schema=https&server=other&api=443&app=a&stream=b'],
    ['http://h:80', 'api=80&app=live&stream=livestream'],
    ['no address', 'app=live&stream=livestream'],
  ]) {
    const link = q.watchLink('whep.html', url, s, page, 'publish');
    assert.equal(link, `whep.html?autostart=true&${want}`, url);
    if (url === 'no address') continue;
    const opened = here(new URL(link, page).href);
    const asked = q.jsonEndpoint(url, 'publish', s) ?? url;
    assert.equal(q.settings(opened.search, opened).origin, new URL(asked).origin, 'the page that opens asks there');
  }
});

test('a watch link from a page that is told where its API is says the same', () => {
  for (const [page, want] of [
    ['http://h:8080/players/whip.html?api=1985', 'api=1985&app=live&stream=livestream'],
    ['http://h:8080/players/whip.html?schema=https&port=8088', 'schema=https&api=8088&app=live&stream=livestream'],
    ['https://h/players/whip.html?server=192.0.2.7&eip=192.0.2.8', 'server=192.0.2.7&app=live&stream=livestream&eip=192.0.2.8'],
  ]) {
    const s = at(page);
    assert.equal(q.watchLink('whep.html', q.endpoint(s, '/rtc/v1/whip/'), s, here(page)), `whep.html?autostart=true&${want}`);
  }
  const page = here('http://h:8080/players/whip.html');
  const own = q.home(page, '1985'); // The server's API has a port of its own, as every page of it knows.
  const s = q.settings('', own);
  assert.equal(q.watchLink('whep.html', q.endpoint(s, '/rtc/v1/whip/'), s, own), 'whep.html?autostart=true&app=live&stream=livestream');
});

test('a host is the page\'s own or another', () => {
  for (const [url, hostname, want] of [
    ['http://h:9/rtc/v1/whip/', 'h', true], ['https://H/x', 'h', true], ['http://[::1]:8080/x', '[::1]', true],
    ['http://127.0.0.1/x', 'localhost', false], ['http://h@other/x', 'h', false], ['http://h.other/x', 'h', false],
    ['', 'h', false], ['nonsense', 'h', false],
  ]) assert.equal(q.isAt(url, hostname), want, url);
});
