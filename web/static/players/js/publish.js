// A page that publishes: whip.html and rtc_publisher.html.

import { Wishes, devices, qualities, resize, stopTracks } from './capture.js';
import { hostOf, insecurePage } from './errors.js';
import { $, make, setIcon, setText, shortcuts } from './dom.js';
import { Page } from './page.js';
import { isAt } from './query.js';

const video = $('video');
const wishes = new Wishes();
let media = null; // The MediaStream that is sent.
let sending = []; // Its RTCRtpSenders.
const off = { audio: false, video: false };

function prepare(pc) {
  sending = [];
  for (const kind of ['audio', 'video']) {
    const track = media.getTracks().find((t) => t.kind === kind);
    if (!track) continue;
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    sending.push(transceiver.sender);
    if (kind === 'video') preferCodec(transceiver);
  }
  pc.addEventListener('connectionstatechange', () => pc.connectionState === 'connected' && limit());
}

// preferCodec puts the chosen codec first in the offer. The server chooses by
// the address's "codec"; servers that don't know it choose what is first.
function preferCodec(transceiver) {
  const wanted = $('codec-choice').value;
  const all = RTCRtpSender.getCapabilities?.('video')?.codecs ?? [];
  if (!wanted || !all.length || !transceiver.setCodecPreferences) return;
  const first = all.filter((c) => codecName(c) === wanted);
  if (first.length) transceiver.setCodecPreferences([...first, ...all.filter((c) => codecName(c) !== wanted)]);
}

const codecName = (codec) => codec.mimeType.replace(/^video\//i, '').toLowerCase();

// limit holds the encoder to the chosen bitrate.
function limit() {
  const { kbps } = quality();
  for (const sender of sending) {
    if (sender.track?.kind !== 'video' || !kbps) continue;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings ?? []) encoding.maxBitrate = kbps * 1000;
    sender.setParameters(parameters).catch(() => {});
  }
}

function quality() {
  return choices.find((q) => q.id === $('quality').value) ?? choices[0];
}

const wished = () => ({ camera: $('camera').value, microphone: $('microphone').value, quality: quality() });

async function begin() {
  page.busy = $('camera').value === 'screen' ? 'Choose what to share' : 'Asking for the camera';
  page.show();
  const found = await wishes.all(wished());
  if (!found) return false; // Stopped while the browser asked.
  use(found);
  await listDevices();
  for (const field of Object.keys(changes)) granted[field] = $(field).value;
  return true;
}

// use makes what was captured what is shown and sent, in place of those kinds.
function use({ stream, kinds }) {
  const kept = media?.getTracks().filter((track) => !kinds.includes(track.kind)) ?? [];
  for (const track of media?.getTracks() ?? []) if (!kept.includes(track)) track.stop();
  media = new MediaStream([...stream.getTracks(), ...kept]);
  video.srcObject = media;
  for (const track of stream.getTracks()) {
    track.enabled = !off[track.kind];
    track.onended = tellLacks;
  }
  tellLacks();
}

// tellLacks says what is not there of what is sent.
function tellLacks() {
  const lacks = ['video', 'audio'].map((kind) => {
    const track = media?.getTracks().find((t) => t.kind === kind);
    return track?.readyState === 'live' ? '' : lackWords[kind][track ? 'ended' : 'missing'];
  });
  say(media ? lacks.filter(Boolean).join(' ') : '');
}

const lackWords = {
  video: {
    missing: 'No camera was found: the stream goes out without a picture.',
    ended: 'The picture ended: the camera was unplugged, or sharing was stopped. Choose another source.',
  },
  audio: {
    missing: 'No microphone was found: the stream goes out without sound.',
    ended: 'The sound ended: the microphone was unplugged. Choose another one.',
  },
};

function end() {
  wishes.forget();
  stopTracks(media);
  media = null;
  sending = [];
  video.srcObject = null;
  $('notice').hidden = true;
}

function say(text) {
  $('notice').hidden = !text;
  setText($('notice'), text);
}

// What each field changes in mid-call, and nothing else: nobody is asked again
// which screen to share because of another size. Each returns whether it did.
const changes = {
  camera: () => take(wishes.all(wished())),
  microphone: () => take(wishes.voice(wished())),
  quality: async () => {
    for (const track of media.getVideoTracks()) await resize(track, quality());
    limit();
    return true;
  },
};

const granted = {}; // What the fields say of the media in use.

async function take(opening) {
  const found = await opening;
  if (!found) return false;
  use(found);
  await send();
  return true;
}

// send gives the call the tracks of now. One of a kind that is not sent yet
// takes another offer.
async function send() {
  if (!page.call.pc) return; // Between two connections: the next one takes them.
  const senderOf = (kind) => sending.find((sender) => sender.track?.kind === kind);
  const tracks = media.getTracks();
  if (tracks.some((track) => !senderOf(track.kind))) return page.call.redial();
  await Promise.all(tracks.map((track) => senderOf(track.kind).replaceTrack(track)));
  limit();
}

async function change(field) {
  if (!page.call.active) return;
  try {
    if (await changes[field]()) granted[field] = $(field).value;
  } catch (error) {
    say(`${error.title ?? error.message}. The stream goes on as it was.`);
    choose($(field), granted[field]);
  }
}

function toggle(kind, button, [onIcon, offIcon], [onText, offText]) {
  off[kind] = !off[kind];
  for (const track of media?.getTracks() ?? []) if (track.kind === kind) track.enabled = !off[kind];
  setIcon(button, off[kind] ? offIcon : onIcon);
  button.classList.toggle('off', off[kind]);
  setText(button.querySelector('span'), off[kind] ? offText : onText);
}

async function listDevices() {
  const { cameras, microphones } = await devices();
  fill($('camera'), [['', 'Default camera'], ...cameras.map((d) => [d.deviceId, d.label]),
    ...(navigator.mediaDevices?.getDisplayMedia ? [['screen', 'Share the screen']] : [])]);
  fill($('microphone'), [['', 'Default microphone'], ...microphones.map((d) => [d.deviceId, d.label])]);
}

function fill(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => make('option', { value }, text)));
  choose(select, chosen);
}

// choose leaves the first option where there is no such one.
function choose(select, value) {
  select.value = value;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

function listCodecs() {
  const names = [...new Set((RTCRtpSender.getCapabilities?.('video')?.codecs ?? []).map(codecName))]
    .filter((name) => ['h264', 'vp8', 'vp9', 'av1', 'h265'].includes(name));
  const asked = page.settings.codec === 'hevc' ? 'h265' : page.settings.codec;
  fill($('codec-choice'), [['', 'Automatic'], ...names.map((name) => [name, name.toUpperCase()])]);
  if (names.includes(asked)) $('codec-choice').value = asked;
  else if (asked && names.length) say(`This browser cannot encode ${asked.toUpperCase()}. It can do ${names.map((n) => n.toUpperCase()).join(', ')}.`);
}

const page = new Page({
  prepare,
  begin,
  end,
  show(call, { busy }) {
    if (!call.active && !busy && media) end();
    $('screen').classList.toggle('empty', !media || off.video);
  },
});

// autostart publishes to the host that the page came from. A link may name
// another one, and the camera is not to be had by a link.
function autostart() {
  if (isAt(page.asked, location.hostname)) return page.start();
  say(`This link publishes to ${hostOf(page.asked)}. Press “Go live” if you want that.`);
}

// What the address asks for stands first among the qualities.
const { width, height, fps, bitrate } = page.settings;
const asked = width || height || fps || bitrate
  ? [{ id: 'asked', width, height, fps, kbps: bitrate, name: askedName() }] : [];
const choices = [...asked, ...qualities];
fill($('quality'), choices.map((q) => [q.id, q.name]));
$('quality').value = asked.length ? 'asked' : '720';

function askedName() {
  const size = width && height ? `${width} × ${height}` : height ? `${height}p` : width ? `${width} wide` : '';
  return [size, fps ? `${fps} fps` : '', bitrate ? `${bitrate} kbit/s` : ''].filter(Boolean).join(' · ');
}

for (const field of Object.keys(changes)) $(field).addEventListener('change', () => change(field));
$('codec-choice').addEventListener('change', () => page.change('codec', $('codec-choice').value)); // Takes another offer.
$('mute').addEventListener('click', () => toggle('audio', $('mute'), ['i-mic', 'i-mic-off'], ['Mute', 'Unmute']));
$('camera-off').addEventListener('click', () => toggle('video', $('camera-off'), ['i-camera', 'i-camera-off'], ['Camera off', 'Camera on']));
navigator.mediaDevices?.addEventListener?.('devicechange', listDevices);
shortcuts({ m: $('mute'), v: $('camera-off') });
listCodecs();
listDevices();
video.muted = true; // One's own voice is never played back.

if (!navigator.mediaDevices) page.call.fail(insecurePage(location));
else if (page.settings.autostart) autostart();
