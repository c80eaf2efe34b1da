// The ways to publish and to watch a stream: what each is called, and how its
// address reads. Pure. A server says by name which of them it has (site.go);
// a new one is a line here.

import { encode, endpoint, formatQuery } from './query.js';

const httpNames = { flv: 'HTTP-FLV', ts: 'HTTP-TS', aac: 'Sound alone', hls: 'HLS', dash: 'MPEG-DASH' };
const hints = { flv: 'VLC, ffplay, mpv', ts: 'VLC, ffplay, mpv', aac: 'AAC, by HTTP', hls: 'every player and phone', dash: 'dash.js, VLC' };

// fill puts a stream's name into a path such as /[app]/[stream].flv. Where a page
// knows its virtual host, that stands in the path already.
function fill(path, { vhost, app, stream }) {
  return path.replace('[vhost]', encode(vhost || '__defaultVhost__')).replace('[app]', encode(app)).replace('[stream]', encode(stream));
}

function withVhost(url, vhost) {
  return vhost ? `${url}${url.includes('?') ? '&' : '?'}${formatQuery([['vhost', vhost]])}` : url;
}

// hostOf is where a service is: at its own port, or at the one the page came by.
function hostOf(here, service) {
  const port = service.port || here.port || (here.protocol === 'https:' ? '443' : '80');
  return `${here.hostname}:${port}`;
}

function httpURL(service, stream, here, schema = here.protocol.replace(':', '')) {
  const port = service.port || here.port;
  return withVhost(`${schema}://${here.hostname}${port ? `:${port}` : ''}${fill(service.path, stream)}`, stream.vhost);
}

// has finds a service by its name.
export const has = (services, name) => services.find((service) => service.name === name);

// rtmpService is RTMP inside TLS for pages that are, if there is both.
function rtmpService(services, here) {
  const [plain, secure] = [has(services, 'rtmp'), has(services, 'rtmps')];
  return here.protocol === 'https:' ? secure ?? plain : plain ?? secure;
}

// rtmpURL is what publishes and plays alike. Encoders have a field for each of its parts.
function rtmpURL(service, { app, stream, vhost }, here) {
  const host = hostOf(here, service).replace(service.name === 'rtmp' ? /:1935$/ : /:443$/, '');
  const server = `${service.name}://${host}/${encode(app)}`;
  return { server, key: withVhost(encode(stream), vhost), url: withVhost(`${server}/${encode(stream)}`, vhost) };
}

// quoted keeps a name inside the quotes of a command line.
const quoted = (name) => encode(name).replace(/'/g, '%27');

function srtURL(service, { app, stream, vhost }, here, mode) {
  const named = vhost || service.vhost;
  const host = named ? `h=${quoted(named)},` : '';
  return `srt://${hostOf(here, service)}?streamid=#!::${host}r=${quoted(app)}/${quoted(stream)},m=${mode}`;
}

// players are the ways to watch in a page of ours, the quickest first:
// [{ id, name, page, url }], where url is what the page plays. s are the page's settings.
export function players(services, s, here) {
  const list = [];
  if (has(services, 'webrtc')) list.push({ id: 'webrtc', name: 'WebRTC', page: 'whep.html', url: '' });
  for (const id of ['flv', 'ts', 'hls']) {
    const service = has(services, id);
    if (!service) continue;
    const name = id === 'hls' && service.live ? 'LL-HLS' : httpNames[id].replace('HTTP-', '');
    list.push({ id, name, page: 'srs_player.html', url: httpURL(service, s, here) });
    if (id === 'flv') list.push({ id: 'ws-flv', name: 'WS-FLV', page: 'srs_player.html', url: httpURL(service, s, here, here.protocol === 'https:' ? 'wss' : 'ws') });
  }
  return list;
}

// watching are the addresses for other software: [{ id, name, url, hint }].
export function watching(services, s, here) {
  const list = [];
  for (const service of services) {
    const at = { id: `watch-${service.name}`, name: httpNames[service.name] ?? service.name.toUpperCase() };
    if (service.path) list.push({ ...at, url: httpURL(service, s, here), hint: hints[service.name] ?? '' });
    else if (service === rtmpService(services, here)) list.push({ ...at, url: rtmpURL(service, s, here).url, hint: 'VLC, ffplay, another server' });
    else if (service.name === 'srt') list.push({ ...at, url: srtURL(service, s, here, 'request'), hint: 'VLC, ffplay, vMix' });
    else if (service.name === 'webrtc') list.push({ ...at, name: 'WHEP', url: endpoint(s, '/rtc/v1/whep/'), hint: 'GStreamer, WHEP players' });
  }
  return list;
}

// publishing are the recipes to publish with other software: [{ id, name, fields: [[label, text]] }].
export function publishing(services, s, here) {
  const list = [];
  const rtmp = rtmpService(services, here);
  const srt = has(services, 'srt');
  if (has(services, 'webrtc')) list.push({ id: 'publish-whip', name: 'OBS by WHIP', fields: [['Server', endpoint(s, '/rtc/v1/whip/')]] });
  if (rtmp) {
    const { server, key, url } = rtmpURL(rtmp, s, here);
    list.push({ id: 'publish-rtmp', name: 'OBS by RTMP', fields: [['Server', server], ['Stream key', key]] });
    list.push({ id: 'publish-ffmpeg-rtmp', name: 'ffmpeg by RTMP', fields: [['Command', `ffmpeg -re -i input.mp4 -c copy -f flv "${url}"`]] });
  }
  if (srt) {
    const url = srtURL(srt, s, here, 'publish');
    list.push({ id: 'publish-srt', name: 'OBS by SRT', fields: [['Server', url]] });
    list.push({ id: 'publish-ffmpeg-srt', name: 'ffmpeg by SRT', fields: [['Command', `ffmpeg -re -i input.mp4 -c copy -f mpegts '${url}'`]] });
  }
  return list;
}
