// A page that publishes: whip.html and rtc_publisher.html.

import { capture, devices, qualities } from './capture.js';
import { insecurePage } from './errors.js';
import { $, make, setIcon, setText, shortcuts } from './dom.js';
import { Page } from './page.js';
import { withParam } from './query.js';

const video = $('video');
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

async function begin() {
  page.busy = $('camera').value === 'screen' ? 'Choose what to share' : 'Asking for the camera';
  page.show();
  const wish = { camera: $('camera').value, microphone: $('microphone').value, quality: quality() };
  const { stream, missing } = await capture(wish);
  if (!page.busy) { // Stopped while the browser asked.
    for (const track of stream.getTracks()) track.stop();
    return false;
  }
  use(stream);
  say(missing ? `No ${missing} was found: the stream goes out without ${missing === 'camera' ? 'a picture' : 'sound'}.` : '');
  await listDevices();
  return true;
}

// use makes a captured stream the one that is shown and sent.
function use(stream) {
  for (const track of media?.getTracks() ?? []) track.stop();
  media = stream;
  video.srcObject = stream;
  for (const track of stream.getTracks()) {
    track.enabled = !off[track.kind];
    track.onended = () => track.kind === 'video' && page.call.active && say(
      'The picture ended: the camera was unplugged, or sharing was stopped. Choose another source.');
  }
}

function end() {
  for (const track of media?.getTracks() ?? []) track.stop();
  media = null;
  sending = [];
  video.srcObject = null;
  $('notice').hidden = true;
}

function say(text) {
  $('notice').hidden = !text;
  setText($('notice'), text);
}

// change switches the source in mid-call: same connection, other tracks.
async function change() {
  if (!page.call.active) return;
  try {
    const { stream } = await capture({ camera: $('camera').value, microphone: $('microphone').value, quality: quality() });
    use(stream);
    for (const sender of sending) {
      const kind = sender.track?.kind;
      const track = stream.getTracks().find((t) => t.kind === kind);
      if (track) await sender.replaceTrack(track);
    }
    limit();
    say('');
  } catch (error) {
    say([error.title, ...(error.hints ?? [])].join('. '));
  }
}

// changeCodec needs another negotiation: the call is made again.
async function changeCodec() {
  $('url').value = withParam($('url').value, 'codec', $('codec-choice').value);
  $('url').dispatchEvent(new Event('input'));
  if (!page.call.active) return;
  page.stop();
  await page.start();
}

function toggle(kind, button, [onIcon, offIcon], [onText, offText]) {
  off[kind] = !off[kind];
  for (const track of media?.getTracks() ?? []) if (track.kind === kind) track.enabled = !off[kind];
  setIcon(button, off[kind] ? offIcon : onIcon);
  button.setAttribute('aria-pressed', String(off[kind]));
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
  if (options.some(([value]) => value === chosen)) select.value = chosen;
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

for (const id of ['camera', 'microphone', 'quality']) $(id).addEventListener('change', change);
$('codec-choice').addEventListener('change', changeCodec);
$('mute').addEventListener('click', () => toggle('audio', $('mute'), ['i-mic', 'i-mic-off'], ['Mute', 'Muted']));
$('camera-off').addEventListener('click', () => toggle('video', $('camera-off'), ['i-camera', 'i-camera-off'], ['Camera off', 'Camera is off']));
navigator.mediaDevices?.addEventListener?.('devicechange', listDevices);
shortcuts({ m: $('mute'), v: $('camera-off') });
listCodecs();
listDevices();
video.muted = true; // One's own voice is never played back.

if (!navigator.mediaDevices) page.call.fail(insecurePage(location));
else if (page.settings.autostart) page.start();
