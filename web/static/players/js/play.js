// A page that plays: whep.html and rtc_player.html.

import { $, setText } from './dom.js';
import { Page } from './page.js';
import { Sound } from './sound.js';

const video = $('video');
const sound = new Sound(video);

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
  sound.play();
}

function end() {
  arriving = null;
  video.srcObject = null;
  $('sound').hidden = true;
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
  begin: () => sound.begin(),
  end,
  show(call) {
    if (!call.active && video.srcObject) end();
    $('screen').classList.toggle('empty', !video.srcObject || video.readyState < 2);
    unwatchable(call);
  },
});

video.addEventListener('loadeddata', () => page.show());

if (page.settings.autostart) page.start();
