import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidatesOf, parseFragment, preferTransport, restartFragment, restartedAnswer } from '../static/players/js/sdp.js';

const sdp = (...lines) => lines.join('\r\n') + '\r\n';

const offer = sdp('v=0', 'o=- 1 3 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1', 'a=ice-options:trickle',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:NEWU', 'a=ice-pwd:newpassword0123456789AB', 'a=mid:0',
  'm=video 0 UDP/TLS/RTP/SAVPF 96', 'a=bundle-only', 'a=ice-ufrag:NEWU', 'a=ice-pwd:newpassword0123456789AB', 'a=mid:1');

const answer = sdp('v=0', 'o=oneport 77 2 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=ice-lite', 'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:oldu', 'a=ice-pwd:oldp', 'a=setup:passive', 'a=mid:0',
  'a=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host', 'a=candidate:2 1 tcp 1671430143 192.0.2.1 8080 typ host tcptype passive', 'a=end-of-candidates',
  'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ice-ufrag:oldu', 'a=ice-pwd:oldp', 'a=mid:1');

const reply = sdp('a=ice-lite', 'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:srvu', 'a=ice-pwd:srvp',
  'a=candidate:1 1 udp 2130706431 192.0.2.9 8080 typ host', 'a=candidate:1 1 udp 2130706431 192.0.2.9 8080 typ host');

test('a restart names the new credentials on the bundle\'s m-line', () => {
  assert.equal(restartFragment(offer), sdp('a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 0', 'a=mid:0',
    'a=ice-ufrag:NEWU', 'a=ice-pwd:newpassword0123456789AB'));
});

test('the bundle may begin with another m-line, and credentials may stand above', () => {
  const swapped = offer.replace('BUNDLE 0 1', 'BUNDLE 1 0');
  assert.match(restartFragment(swapped), /m=video 9 .*\r\na=mid:1\r\n/);
  const above = sdp('v=0', 'a=ice-ufrag:U', 'a=ice-pwd:P', 'm=audio 9 X 0');
  assert.equal(restartFragment(above), sdp('m=audio 9 X 0', 'a=ice-ufrag:U', 'a=ice-pwd:P'));
});

test('an offer without credentials or m-lines is an error', () => {
  assert.throws(() => restartFragment(sdp('v=0', 'm=audio 9 X 0')), /no ICE credentials/);
  assert.throws(() => restartFragment(sdp('v=0')), /no m-line/);
});

test('the answer takes the reply\'s credentials everywhere and its candidates where the old ones stood', () => {
  const made = restartedAnswer(answer, reply);
  assert.equal(made.match(/a=ice-ufrag:srvu/g).length, 2);
  assert.equal(made.match(/a=ice-pwd:srvp/g).length, 2);
  assert.doesNotMatch(made, /oldu|oldp|192\.0\.2\.1 |end-of-candidates/);
  assert.equal(made.match(/a=candidate:/g).length, 1);
  assert.match(made, /a=mid:0\r\na=candidate:1 1 udp 2130706431 192\.0\.2\.9 8080 typ host\r\nm=video/);
  assert.match(made, /o=oneport 77 3 IN/);
  assert.match(made, /a=setup:passive/);
});

test('a reply without candidates keeps the old ones; an answer without any gets the new', () => {
  const bare = sdp('a=ice-ufrag:u', 'a=ice-pwd:p');
  assert.equal(candidatesOf(restartedAnswer(answer, bare)).length, 2);
  const none = answer.replace(/a=candidate.*\r\n/g, '').replace('a=end-of-candidates\r\n', '');
  assert.deepEqual(candidatesOf(restartedAnswer(none, reply)), [{ transport: 'UDP', address: '192.0.2.9', port: 8080 }]);
});

test('a second restart works on the first one\'s result', () => {
  const twice = restartedAnswer(restartedAnswer(answer, reply), sdp('a=ice-ufrag:third', 'a=ice-pwd:pwd3'));
  assert.equal(twice.match(/a=ice-ufrag:third/g).length, 2);
  assert.match(twice, /o=oneport 77 4 /);
});

test('a reply without credentials is an error', () => {
  assert.throws(() => parseFragment(sdp('a=ice-ufrag:u')), /no credentials/);
  assert.throws(() => restartedAnswer(answer, '<html>'), /no credentials/);
});

test('candidates are listed once', () => {
  assert.deepEqual(candidatesOf(answer + 'a=candidate:9 1 UDP 1 192.0.2.1 8080 typ host\r\n'), [
    { transport: 'UDP', address: '192.0.2.1', port: 8080 },
    { transport: 'TCP', address: '192.0.2.1', port: 8080 },
  ]);
});

test('one transport goes first, and the other is held back', () => {
  const { answer: made, held } = preferTransport(answer, 'tcp');
  assert.deepEqual(candidatesOf(made), [{ transport: 'TCP', address: '192.0.2.1', port: 8080 }]);
  assert.deepEqual(held, [{ candidate: 'candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host', sdpMLineIndex: 0 }]);
  assert.doesNotMatch(made, /end-of-candidates/, 'more will come');
});

test('nothing is held back when nothing would be left', () => {
  const only = answer.replace(/a=candidate:2.*\r\n/, '');
  assert.deepEqual(preferTransport(only, 'tcp'), { answer: only, held: [] });
});
