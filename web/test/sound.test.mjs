import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sound } from '../static/players/js/sound.js';

// Element is as much of a button, a slider or a video as sound needs.
class Element extends EventTarget {
  hidden = true;
  value = '100';
  classes = new Set();
  classList = { toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)) };
  querySelector() { return this.child ??= Object.assign(new Element(), { setAttribute() {} }); }
  click() { this.dispatchEvent(new Event('click')); }
}

class Video extends Element {
  volume = 1;
  strict = false; // Does the browser refuse to play with sound?
  #muted = true;
  get muted() { return this.#muted; }
  set muted(muted) {
    this.#muted = muted;
    this.dispatchEvent(new Event('volumechange'));
  }

  async play() {
    if (this.strict && !this.muted) throw Object.assign(new Error(), { name: 'NotAllowedError' });
  }
}

function page() {
  const elements = {};
  globalThis.document = { getElementById: (id) => elements[id] ??= new Element() };
  globalThis.addEventListener = () => {};
  const video = new Video();
  return { video, sound: new Sound(video), $: document.getElementById };
}

test('a player begins with sound', async () => {
  const { video, sound, $ } = page();
  sound.begin();
  await sound.play();
  assert.deepEqual([video.muted, $('mute').child.textContent, $('sound').hidden], [false, 'Mute', true]);
});

test('what a person muted stays so, over every start', async () => {
  const { video, sound, $ } = page();
  $('mute').click();
  for (let start = 0; start < 3; start++) {
    sound.begin();
    await sound.play();
    assert.deepEqual([video.muted, $('mute').child.textContent, $('mute').classes.has('off')], [true, 'Unmute', true]);
  }
  $('mute').click();
  sound.begin();
  assert.deepEqual([video.muted, $('mute').classes.has('off')], [false, false]);
});

test('a volume of nothing is a wish too', () => {
  const { video, sound, $ } = page();
  $('volume').value = '0';
  $('volume').dispatchEvent(new Event('input'));
  sound.begin();
  assert.deepEqual([video.muted, video.volume], [true, 0]);
});

test('what the browser demanded ends with a click', async () => {
  for (const end of [({ sound }) => sound.begin(), ({ $ }) => $('sound').click(), ({ $ }) => $('mute').click()]) {
    const p = page();
    p.video.strict = true;
    p.sound.begin();
    await p.sound.play();
    assert.deepEqual([p.video.muted, p.$('sound').hidden], [true, false]);
    end(p);
    assert.deepEqual([p.video.muted, p.$('sound').hidden], [false, true]);
  }
});

test('a person who mutes after the browser did is believed', async () => {
  const { video, sound, $ } = page();
  video.strict = true;
  await sound.play();
  $('mute').click();
  $('mute').click();
  sound.begin();
  assert.equal(video.muted, true);
});
