// The video element's sound and size, on pages that play.

import { $, setIcon, setText, shortcuts } from './dom.js';

// Sound belongs to a video element. Whatever mutes it, only what the browser
// demanded is taken back by itself: a person who muted wants it so.
export class Sound {
  #video;
  #demanded = false; // Muted because the browser lets nothing play with sound yet.

  constructor(video, keys = {}) {
    this.#video = video;
    $('mute').addEventListener('click', () => this.mute(!video.muted));
    $('sound').addEventListener('click', () => this.mute(false));
    $('volume').addEventListener('input', () => {
      video.volume = Number($('volume').value) / 100;
      this.mute(video.volume === 0);
    });
    $('fullscreen').addEventListener('click', () => fullScreen(video));
    video.addEventListener('volumechange', () => this.#show());
    shortcuts({ m: $('mute'), f: $('fullscreen'), ...keys });
    video.muted = false;
    this.#show();
  }

  // mute is a person's wish.
  mute(muted) {
    this.#demanded = false;
    this.#video.muted = muted;
    this.#show(); // volumechange comes a moment later
  }

  // begin comes before what a person starts.
  begin() {
    if (this.#demanded) this.mute(false);
  }

  // play asks for sound first: after a click the browser allows it. Without one
  // (autostart) it may not; then the picture comes silent with a way to change that.
  async play() {
    const video = this.#video;
    try {
      await video.play();
    } catch (error) {
      if (error.name !== 'NotAllowedError' || video.muted) return;
      this.#demanded = true;
      video.muted = true;
      $('sound').hidden = false;
      await video.play().catch(() => {});
    }
  }

  #show() {
    const silent = this.#video.muted || this.#video.volume === 0;
    setIcon($('mute'), silent ? 'i-muted' : 'i-sound');
    $('mute').classList.toggle('off', silent);
    setText($('mute').querySelector('span'), silent ? 'Unmute' : 'Mute');
    if (!silent) $('sound').hidden = true;
  }
}

function fullScreen(video) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if ($('screen').requestFullscreen) $('screen').requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhones know only this one.
}
