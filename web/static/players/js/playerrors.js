// Why a stream does not play, in plain words. Pure.

import { mime } from './format.js';

function say(title, text, ...hints) {
  return { title, text, hints: hints.filter(Boolean) };
}

// addressError explains an address that the player can't use (see recognise).
export function addressError({ problem, schema }) {
  switch (problem) {
    case 'webrtc':
      return say('This is a WebRTC address', 'This page plays FLV, MPEG-TS and HLS.', 'Open it in the WebRTC page: whep.html for WHEP, rtc_player.html for webrtc:// addresses.');
    case 'schema':
      return say('Browsers cannot play this address', `No browser speaks ${schema}://.`,
        'The same stream has addresses that browsers can play, such as http://host:port/live/livestream.flv or .m3u8.', 'VLC and ffplay open this one.');
    case 'format':
      return say('The address does not tell a format', 'It should end in .flv, .ts or .m3u8; by WebSocket in .flv or .ts.');
    default:
      return say('This address cannot be used', 'It should read like http://host[:port]/app/stream.flv');
  }
}

// mixedError is for a page by HTTPS and a stream that is not.
export function mixedError(url) {
  const safe = url.trim().replace(/^(http|ws):/i, (_, schema) => `${schema.toLowerCase()}s:`);
  return say('The browser keeps this page from a plain address', 'This page came by HTTPS, and the stream would come by plain HTTP.',
    `If the server speaks TLS there, use ${safe}`, 'Or open this page by http://');
}

const httpWords = {
  400: ['The server could not use this address', 'Check the app and the stream’s name.'],
  401: ['The server wants a key', 'Add &token=… to the address, as your administrator gave it to you.'],
  403: ['The server does not allow it', 'Check the token in the address, and the server’s security rules.'],
  404: ['There is nothing at this address', 'Check the port, and that this way of playing is switched on at the server (http_remux for FLV and TS, hls for HLS).'],
  406: ['The stream cannot be played this way', 'Watch it by WebRTC, or publish it with a codec that fits, such as H264.'],
  429: ['Too many requests', 'Wait a few seconds and try again.'],
  503: ['The server is full', 'Try again in a little while.'],
};

function httpError({ status, reason }) {
  const [title, hint] = httpWords[status] ?? [status >= 500 ? 'The server has a problem' : 'The server refused', 'The server’s log tells more.'];
  return say(title, reason ? `The server says: ${reason}` : `The server answered with status ${status}.`, hint);
}

function networkError({ url, kind, status }, tries) {
  const host = /^\w+:\/\/([^/?#]+)/.exec(url ?? '')?.[1] ?? url;
  const text = kind === 'timeout' ? `${host} did not answer in time.` : `${host} does not answer, or does not let this page ask.`;
  return say(tries > 1 ? 'The connection was lost' : 'The server cannot be reached', tries > 1 ? `${text} Tried ${tries} times.` : text,
    'Is the server running, and is the address right?',
    /^(https|wss):/.test(url) ? 'With a self-signed certificate: open the server’s https:// page once and accept it there.' : '',
    status ? `The last answer was ${status}.` : '');
}

// codecsIn finds the codecs in what a library or the browser says, such as “The type provided ('video/mp4;codecs=hvc1.1.6.L93.B0')
// is unsupported”.
export const codecsIn = (text) => text.match(/\b(avc[13]|hvc1|hev1|av01|vp09|mp4a)\.[\w.]+\b|\b(opus|ac-3|ec-3)\b/gi) ?? [];

function codecError({ codec, track, reason }) {
  if (!codec) return say('This browser cannot play this stream’s codec', reason || 'There is no decoder for it here.', 'Watch it by WebRTC, or publish H264 with AAC or Opus.');
  const name = mime(codec);
  const hevc = /^(hvc1|hev1)/.test(codec ?? '');
  return say(`This browser cannot play ${name}`, `The ${track === 'audio' ? 'sound' : 'picture'} comes as ${name}, for which this browser has no decoder.`,
    hevc ? 'Safari plays HEVC; Chrome and Edge do where the graphics card decodes it, Firefox on few systems.' : 'Another browser may have one.',
    'Or publish H264 with AAC or Opus: every browser plays that.');
}

// playError explains what ended playing:
//   network, timeout, http      see SignalError
//   codec    { codec, track, reason }   there is no decoder for it; codec may be unknown
//   broken   { reason, late }   the bytes are not what they should be, or can't be decoded
//   mse                         the browser can't play from scripts at all
export function playError(error, { tries = 1 } = {}) {
  if (error?.title) return error;
  switch (error?.kind) {
    case 'http': return httpError(error);
    case 'network':
    case 'timeout': return networkError(error, tries);
    case 'codec': return codecError(error);
    case 'mse': return say('This browser cannot play this format', 'It has no Media Source Extensions.', 'Watch by HLS (.m3u8), which it plays by itself, or by WebRTC.');
    case 'broken': return say('The stream could not be played', error.reason || 'What arrives is not what the address says.', 'Is it the right address? Another format may work: see the ways to watch below.');
    default: return say('This browser could not play it', String(error?.message || error || 'It gave no reason.'));
  }
}

// listError is what a fatal network error of hls.js means; networkDetails is an
// XMLHttpRequest, of a segment one whose answer is not text.
export function listError({ details, response, networkDetails, error, url }) {
  const status = response?.code || networkDetails?.status || 0;
  if (status >= 400) {
    const { text, later } = answerOf(networkDetails);
    return { kind: 'http', status, url, reason: text, later };
  }
  if (/parsing/i.test(details)) return { kind: 'broken', url, reason: firstLine(error?.message) };
  return { kind: /TimeOut/i.test(details) ? 'timeout' : 'network', status, url, reason: '' };
}

// answerOf reads the server's words, unless they are a page or a list, and
// whether it asks to be tried again.
function answerOf(request) {
  const binary = request?.responseType === 'arraybuffer';
  const text = String((binary ? new TextDecoder().decode(request.response ?? new ArrayBuffer()) : request?.responseText) ?? '').trim();
  const later = Boolean(request?.getResponseHeader?.('Retry-After'));
  return { text: text.startsWith('<') || text.startsWith('#') ? '' : text.slice(0, 300), later };
}

export const firstLine = (text) => String(text ?? '').split('\n')[0].trim().slice(0, 200);

// waits says whether an error only means that the stream is not live yet, or that
// there is no place now: the server asks to be tried again. FLV and TS are kept
// waiting by the server itself; a list of segments is not there yet, or has no
// segment.
export function waits(error, format) {
  return error?.kind === 'http' && error.later === true && format === 'hls';
}

// pauseText says what is waited for, in the state "waiting" or "reconnecting":
// the server's own words, unless they are that nobody publishes.
export function pauseText(state, cause, hadMedia) {
  const unpublished = cause?.status === 404 && cause.later;
  if (cause?.kind === 'http' && cause.reason && !unpublished) return `The server says: ${cause.reason}`;
  if (state === 'reconnecting' && cause?.late) return 'Sound and picture did not begin together. Beginning anew…';
  if (state === 'reconnecting') return 'The connection was lost. Getting it back…';
  return hadMedia ? 'The publisher paused or left. The stream goes on here as soon as it is back.'
    : 'The stream is not live yet. It starts here by itself.';
}

// passes says whether the same request may succeed later. A segment is gone for
// who comes late (missed), and one lacks the sound or the picture that began
// later (late), but the list has newer ones.
export function passes(error) {
  return error?.missed === true || error?.late === true || error?.kind === 'network' || error?.kind === 'timeout' || (error?.kind === 'http' && (error.status >= 500 || [408, 425, 429].includes(error.status)));
}
