// What a page's address asks for, in SRS's names, and the URLs that follow
// from it. Pure: nothing here knows the DOM.

// Names a page uses itself. Every other name belongs to the server (eip,
// candidate, codec, encrypt, token, secret...) and travels on untouched.
const pageNames = new Set([
  'autostart', 'schema', 'server', 'port', 'vhost', 'app', 'stream', 'api', 'path', 'buffer',
  'dir', 'filename', 'host', 'hostname', 'http_port', 'pathname',
  'bearer', 'width', 'height', 'fps', 'bitrate',
]);

// What a watch link takes along from the page that publishes: where the stream
// is, and never what gives the right to publish it (token, secret, bearer).
const sharedNames = ['schema', 'server', 'port', 'api', 'vhost', 'app', 'stream', 'eip', 'candidate'];

export function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone % is taken as it stands.
  }
}

// encode keeps "/" and ":" readable: both are legal in a query (RFC 3986 §3.4),
// and addresses such as eip=192.0.2.1:8080 are read by people.
export function encode(text) {
  return encodeURIComponent(text).replace(/%2F/g, '/').replace(/%3A/g, ':');
}

// parseQuery reads "?a=1&b=2" into a Map. The first of two equal names wins, as
// in SRS, and "+" stays "+": tokens are often base64.
export function parseQuery(search) {
  const query = new Map();
  for (const part of search.replace(/^\?/, '').split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decode(at < 0 ? part : part.slice(0, at));
    if (!query.has(name)) query.set(name, at < 0 ? '' : decode(part.slice(at + 1)));
  }
  return query;
}

export function formatQuery(pairs) {
  return [...pairs].map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

function validPort(text) {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

// home is where a page's API is by default: where the page itself is, but at the
// port that the server names when its API has one of its own.
export function home(location, apiPort) {
  return { protocol: location.protocol, hostname: location.hostname, port: apiPort || location.port };
}

const isSecure = (schema) => schema === 'https' || schema === 'wss';

// origin is at home, unless schema, server or one of the ports say otherwise.
function origin(query, here, schemas, ports) {
  const own = here.protocol === 'https:' ? 'https' : 'http';
  const asked = query.get('schema');
  const schema = schemas.includes(asked) ? asked : own;
  let server = query.get('server') || here.hostname || 'localhost';
  if (server.includes(':') && !server.startsWith('[')) server = `[${server}]`;
  const listed = [...ports.map((name) => query.get(name)), isSecure(schema) === isSecure(own) ? here.port : ''];
  const port = listed.find((p) => p && validPort(p)) ?? '';
  const usual = isSecure(schema) ? '443' : '80';
  return { schema, server, port, origin: `${schema}://${server}${port && port !== usual ? `:${port}` : ''}` };
}

// apiOrigin is where the API is; api is the name of its port, port an older one.
export function apiOrigin(query, here) {
  return origin(query, here, ['http', 'https'], ['api', 'port']);
}

// mediaOrigin is where streams are played from: beside the pages.
export function mediaOrigin(query, here) {
  return origin(query, here, ['http', 'https', 'ws', 'wss'], ['port']);
}

export function positive(query, name) {
  const n = Number(query.get(name));
  return Number.isFinite(n) && n > 0 ? n : undefined;
}

// extraOf is what belongs to the server.
export function extraOf(query) {
  return [...query].filter(([name]) => !pageNames.has(name));
}

// settings is everything a player page learns from its address; here is a
// Location or anything with protocol, hostname and port.
export function settings(search, here) {
  const query = parseQuery(search);
  return {
    query,
    ...apiOrigin(query, here),
    autostart: ['true', '1', 'on'].includes(query.get('autostart') ?? ''),
    app: query.get('app') || 'live',
    stream: query.get('stream') || 'livestream',
    vhost: query.get('vhost') || '',
    path: query.get('path') || '',
    codec: (query.get('codec') || '').toLowerCase(),
    bearer: query.get('bearer') || '',
    width: positive(query, 'width'),
    height: positive(query, 'height'),
    fps: positive(query, 'fps'),
    bitrate: positive(query, 'bitrate'),
    extra: extraOf(query),
  };
}

// endpoint is the WHIP or WHEP URL; path is the API's usual path, which the
// page's "path" overrides.
export function endpoint(s, path) {
  const pairs = [['app', s.app], ['stream', s.stream]];
  if (s.vhost) pairs.push(['vhost', s.vhost]);
  const base = s.path || path;
  const rooted = base.startsWith('/') ? base : `/${base}`;
  return `${s.origin}${rooted}${rooted.includes('?') ? '&' : '?'}${formatQuery([...pairs, ...s.extra])}`;
}

// webrtcURL is the address SRS's JSON API knows a stream by.
export function webrtcURL(s) {
  const pairs = s.vhost ? [['vhost', s.vhost], ...s.extra] : s.extra;
  const tail = pairs.length ? `?${formatQuery(pairs)}` : '';
  return `webrtc://${s.server}${s.port ? `:${s.port}` : ''}/${encode(s.app)}/${encode(s.stream)}${tail}`;
}

// parseWebRTC splits webrtc://host[:port]/app/stream?query, or returns null.
// An app may have several levels; the last one is the stream.
export function parseWebRTC(url) {
  const m = /^webrtc:\/\/(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?\/([^?#]+)\/([^/?#]+)(?:\?([^#]*))?/i.exec(url.trim());
  if (!m) return null;
  return { server: m[1], port: m[2] ?? '', app: decode(m[3]), stream: decode(m[4]), query: m[5] ?? '' };
}

// jsonEndpoint is the URL of SRS's JSON API ("publish" or "play") for a
// webrtc:// address. The server reads eip, candidate, codec and encrypt from the
// HTTP query, so the address's own query goes there too.
export function jsonEndpoint(url, action, s) {
  const u = parseWebRTC(url);
  if (!u) return null;
  const query = parseQuery(u.query);
  query.set('server', u.server);
  if (!query.has('schema')) query.set('schema', s.schema);
  if (u.port) query.set('api', u.port);
  else if (u.server === s.server && s.port) query.set('api', s.port);
  const { origin } = apiOrigin(query, { protocol: `${s.schema}:`, hostname: u.server, port: '' });
  const path = s.path || `/rtc/v1/${action}/`;
  return `${origin}${path}${u.query ? `?${u.query}` : ''}`;
}

// streamOf tells which stream an API URL of either kind speaks of, or null. An
// address a person typed may be anything.
export function streamOf(url) {
  const rtc = parseWebRTC(url);
  if (rtc) return { app: rtc.app, stream: rtc.stream, vhost: parseQuery(rtc.query).get('vhost') || '' };
  const at = url.indexOf('?');
  if (!/^https?:\/\//i.test(url.trim())) return null;
  const query = parseQuery(at < 0 ? '' : url.slice(at));
  return { app: query.get('app') || 'live', stream: query.get('stream') || 'livestream', vhost: query.get('vhost') || '' };
}

// withParam sets one parameter of a URL, or removes it when value is empty.
export function withParam(url, name, value) {
  const [base, tail = ''] = url.split(/\?(.*)/s);
  const query = parseQuery(tail);
  if (value) query.set(name, value);
  else query.delete(name);
  return query.size ? `${base}?${formatQuery(query)}` : base;
}

// pageLink is a link to a player page for the same stream.
export function pageLink(page, s, override = {}) {
  const query = new Map(sharedNames.filter((n) => s.query.get(n)).map((n) => [n, s.query.get(n)]));
  query.set('app', override.app ?? s.app);
  query.set('stream', override.stream ?? s.stream);
  const vhost = override.vhost ?? s.vhost;
  if (vhost) query.set('vhost', vhost);
  else query.delete('vhost');
  return `${page}?${formatQuery([['autostart', 'true'], ...query])}`;
}

// homeLink is a link to the front page, or to a place on it, for the same virtual
// host: that decides what there is.
export function homeLink(link, vhost) {
  return link.replace(/(\?[^#]*)?(?=#|$)/, vhost ? `?${formatQuery([['vhost', vhost]])}` : '');
}

// watchLink is a link to a player page for what an API URL of either kind speaks
// of, at the server it names; action is the JSON API's. A URL that cannot be used
// is taken for the page's own.
export function watchLink(page, url, s, here, action = '') {
  const named = streamOf(url);
  const at = named && /^(https?):\/\/(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?(?:[/?#]|$)/i.exec(jsonEndpoint(url, action, s) ?? url.trim());
  if (!at) return pageLink(page, s);
  const [, schema, server, port] = at;
  const query = parseQuery(url.split(/\?(.*)/s)[1] ?? '');
  const pairs = [...placeOf({ schema: schema.toLowerCase(), server, port }, here, 'api'), ['app', named.app], ['stream', named.stream]];
  for (const name of ['eip', 'candidate']) if (query.get(name)) pairs.push([name, query.get(name)]);
  if (named.vhost) pairs.push(['vhost', named.vhost]);
  return `${page}?${formatQuery([['autostart', 'true'], ...pairs])}`;
}

// placeOf are the parameters that lead a page to a server at another place: none
// where the page would look for it by itself. With another schema the port is
// always told. portName is "api" or "port".
export function placeOf({ schema, server, port }, here, portName) {
  const own = here.protocol.replace(':', '');
  const usual = isSecure(schema) ? '443' : '80';
  const expected = isSecure(schema) === isSecure(own) && (here.port || usual);
  const pairs = [];
  if (schema !== own) pairs.push(['schema', schema]);
  if (server !== here.hostname) pairs.push(['server', server]);
  if ((port || usual) !== expected) pairs.push([portName, port || usual]);
  return pairs;
}

// isAt says whether a URL leads to the host that a page came from. What cannot
// be read leads elsewhere.
export function isAt(url, hostname) {
  try {
    return new URL(url).hostname === hostname;
  } catch {
    return false;
  }
}

// listedStream is the page query of one row of /api/v1/streams/. The vhost is an
// id there, but the url names it when it is not the default one.
export function listedStream(row) {
  const app = String(row.app ?? 'live');
  const stream = String(row.name ?? '');
  const parts = String(row.url ?? '').replace(/^\//, '').split('/');
  const levels = app.split('/').length + 1;
  const vhost = parts.length > levels ? parts[0] : '';
  return { app, stream, vhost };
}
