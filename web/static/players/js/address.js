// Addresses that a browser can play a stream by, and what they tell. Pure.

import { decode, encode, extraOf, formatQuery, mediaOrigin, parseQuery, placeOf } from './query.js';

// By the end of the path. A "file" is played by the browser itself.
const formats = { flv: 'flv', ts: 'ts', m3u8: 'hls', mp4: 'file', mp3: 'file', aac: 'file', ogg: 'file', webm: 'file' };

const names = { flv: 'FLV', ts: 'TS', hls: 'HLS', file: 'file' };

function split(url) {
  const m = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)(\/[^?#]*)?(?:\?([^#]*))?/i.exec(url.trim());
  return m && { schema: m[1].toLowerCase(), host: m[2], path: m[3] ?? '/', query: m[4] ?? '' };
}

const endOf = (path) => /\.([a-z0-9]+)$/i.exec(path)?.[1].toLowerCase() ?? '';

// recognise tells how an address is played: { format, socket, secure, host, name },
// or { problem } with what is wrong with it: "form" (no address at all), "schema"
// (one that browsers don't speak), "webrtc" or "format".
export function recognise(url) {
  const u = split(url);
  if (!u) return { problem: 'form' };
  if (u.schema === 'webrtc' || /\/(whep|whip|whip-play)\/?$/.test(u.path)) return { problem: 'webrtc', ...u };
  if (!['http', 'https', 'ws', 'wss'].includes(u.schema)) return { problem: 'schema', ...u };
  const format = formats[endOf(u.path)];
  const socket = u.schema.startsWith('ws');
  if (!format || (socket && format !== 'flv' && format !== 'ts')) return { problem: 'format', ...u };
  const secure = u.schema === 'https' || u.schema === 'wss';
  return { format, socket, secure, host: u.host, name: `${u.schema.toUpperCase()}-${names[format]}` };
}

// mixed says whether a page may not load an address because it came by HTTPS and
// the address does not. Browsers take this computer's own for safe.
export function mixed(url, page) {
  const u = split(url);
  if (!u || page.protocol !== 'https:' || !['http', 'ws'].includes(u.schema)) return false;
  return !/^(localhost|[^@]*\.localhost|127\.[\d.]+|\[::1\])(:\d+)?$/i.test(u.host);
}

// plain is the address to ask by fetch for what a WebSocket does not tell.
export const plain = (url) => url.trim().replace(/^ws/i, 'http');

// playURL is the address that a player page's own one asks for.
export function playURL(search, here) {
  const query = parseQuery(search);
  const stream = query.get('stream') || 'livestream.flv';
  const file = formats[endOf(stream)] ? stream : `${stream}.flv`;
  const vhost = query.get('vhost');
  const pairs = [...(vhost ? [['vhost', vhost]] : []), ...extraOf(query)];
  const tail = pairs.length ? `?${formatQuery(pairs)}` : '';
  return `${mediaOrigin(query, here).origin}/${encode(query.get('app') || 'live')}/${encode(file)}${tail}`;
}

// playedStream tells which stream an address plays, or null. Its last segment
// less the format is the stream, what is before it the app.
export function playedStream(url) {
  const u = split(url);
  const m = u && /^\/(.+)\/([^/]+)$/.exec(u.path);
  if (!m) return null;
  const file = decode(m[2]);
  const end = formats[endOf(file)] ? `.${endOf(file)}` : '';
  return { app: decode(m[1]), stream: file.slice(0, file.length - end.length), vhost: parseQuery(u.query).get('vhost') || '' };
}

// playLink is a link to the player page for an address, without what the address
// gives the right to: a token stays where it is.
export function playLink(page, url, here) {
  const u = split(url);
  const played = playedStream(url);
  if (!u || !played) return page;
  const [, server, port] = /^(.*?)(?::(\d+))?$/.exec(u.host);
  const pairs = [['autostart', 'true'], ['app', played.app], ['stream', `${played.stream}.${endOf(u.path) || 'flv'}`]];
  pairs.push(...placeOf({ schema: u.schema, server, port }, here, 'port'));
  if (played.vhost) pairs.push(['vhost', played.vhost]);
  return `${page}?${formatQuery(pairs)}`;
}
