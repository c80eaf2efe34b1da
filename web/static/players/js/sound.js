// The video element's sound and size, on pages that play.

import { $, setIcon, setText, shortcuts } from './dom.js';

// play asks for sound first: after a click the browser allows it. Without one
// (autostart) it may not; then the picture comes silent with a way to change that.
export async function play(video) {
  try {
    await video.play();
  } catch (error) {
    if (error.name !== 'NotAllowedError') return;
    video.muted = true;
    $('sound').hidden = false;
    await video.play().catch(() => {});
  }
}

function show(video) {
  const silent = video.muted || video.volume === 0;
  setIcon($('mute'), silent ? 'i-muted' : 'i-sound');
  $('mute').setAttribute('aria-pressed', String(silent));
  setText($('mute').querySelector('span'), silent ? 'Unmute' : 'Mute');
  if (!silent) $('sound').hidden = true;
}

// controls binds mute, volume and full screen, and the keys for them.
export function controls(video, keys = {}) {
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
  video.addEventListener('volumechange', () => show(video));
  shortcuts({ m: $('mute'), f: $('fullscreen'), ...keys });
  video.muted = false;
  show(video);
}
