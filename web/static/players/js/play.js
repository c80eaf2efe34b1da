// A page that plays: whep.html and rtc_player.html.

import { $, setIcon, setText, shortcuts } from './dom.js';
import { Page } from './page.js';

const video = $('video');

// A new connection's stream waits here until its first media, so that the last
// picture stays on the screen meanwhile.
let arriving = null;

function prepare(pc) {
  pc.addTransceiver('audio', { direction: 'recvonly' });
  pc.addTransceiver('video', { direction: 'recvonly' });
  const stream = new MediaStream();
  arriving = stream;
  pc.ontrack = ({ track }) => {
    stream.addTrack(track);
    track.onunmute = () => attach(stream);
    if (!video.srcObject || !track.muted) attach(stream);
  };
}

function attach(stream) {
  if (stream !== arriving || video.srcObject === stream) return;
  video.srcObject = stream;
  play();
}

// play asks for sound first: after a click the browser allows it. Without one
// (autostart) it may not; then the picture comes silent with a way to change that.
async function play() {
  try {
    await video.play();
  } catch (error) {
    if (error.name !== 'NotAllowedError') return;
    video.muted = true;
    $('sound').hidden = false;
    await video.play().catch(() => {});
  }
}

function end() {
  arriving = null;
  video.srcObject = null;
  $('sound').hidden = true;
}

function showSound() {
  const silent = video.muted || video.volume === 0;
  setIcon($('mute'), silent ? 'i-muted' : 'i-sound');
  $('mute').setAttribute('aria-pressed', String(silent));
  setText($('mute').querySelector('span'), silent ? 'Unmute' : 'Mute');
  if (!silent) $('sound').hidden = true;
}

// unwatchable tells of a stream that arrives and cannot be decoded.
let undecodedSince = 0;
function unwatchable({ stats, active }) {
  const track = stats?.video;
  const stuck = active && track && track.packets > 50 && track.frames === 0;
  if (!stuck) undecodedSince = 0;
  else undecodedSince ||= performance.now();
  const tell = stuck && performance.now() - undecodedSince > 6000;
  $('notice').hidden = !tell;
  if (tell) setText($('notice'), `Video arrives, but this browser has not decoded a picture of it yet. If it stays so, it cannot play this stream’s ${track.codec || 'codec'}: publish with another codec (&codec=h264 or vp8), or watch in another browser.`);
}

const page = new Page({
  prepare,
  begin: () => { video.muted = false; },
  end,
  show(call) {
    if (!call.active && video.srcObject) end();
    $('screen').classList.toggle('empty', !video.srcObject || video.readyState < 2);
    unwatchable(call);
  },
});

$('mute').addEventListener('click', () => { video.muted = !video.muted; });
$('sound').addEventListener('click', () => { video.muted = false; });
$('volume').addEventListener('input', () => {
  video.volume = Number($('volume').value) / 100;
  video.muted = video.volume === 0;
});
$('fullscreen').addEventListener('click', () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else if ($('screen').requestFullscreen) $('screen').requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhones know only this one.
});
video.addEventListener('volumechange', showSound);
video.addEventListener('loadeddata', () => page.show());
shortcuts({ m: $('mute'), f: $('fullscreen') });
video.muted = false;
showSound();

if (page.settings.autostart) page.start();
