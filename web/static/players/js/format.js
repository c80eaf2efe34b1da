// Numbers as people read them. Pure.

export const none = '–';

export function bitrate(kbps) {
  if (!Number.isFinite(kbps)) return none;
  if (kbps < 1000) return `${Math.round(kbps)} kbit/s`;
  return `${(kbps / 1000).toFixed(kbps < 10000 ? 2 : 1)} Mbit/s`;
}

export function milliseconds(ms) {
  if (!Number.isFinite(ms)) return none;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function percent(value) {
  if (!Number.isFinite(value)) return none;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

export function frames(fps) {
  return Number.isFinite(fps) ? `${Math.round(fps)} fps` : none;
}

// clock is a span as 0:07, 12:34 or 1:02:03.
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// codec adds what an fmtp line tells of an H264 profile to a codec's name.
export function codec(track) {
  if (!track?.codec) return none;
  const name = { opus: 'Opus' }[track.codec.toLowerCase()] ?? track.codec;
  const profile = /profile-level-id=([0-9a-f]{2})/i.exec(track.fmtp)?.[1]?.toLowerCase();
  const word = name.toUpperCase() === 'H264' && { 42: 'Baseline', '4d': 'Main', 64: 'High', f4: 'High 4:4:4' }[profile];
  return word ? `${name} ${word}` : name;
}

// cipher is an SRTP profile's name, shortened. Browsers spell the names in
// several ways: SRTP_AES128_CM_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80...
export function cipher(name) {
  const m = /AES_?(?:CM_)?(128|256)_(GCM|CM)?/.exec(name ?? '');
  if (!m) return name || none;
  if (m[2] === 'GCM') return `AES-${m[1]}-GCM`;
  return `AES-${m[1]}-CM, SHA1-${name.endsWith('_32') ? 32 : 80}`;
}

const paths = { host: 'direct', prflx: 'direct', srflx: 'through a NAT', relay: 'by a relay' };

// path names what a candidate type means for the way the media goes.
export function path(candidateType) {
  if (!candidateType) return none;
  return paths[candidateType] ? `${paths[candidateType]} (${candidateType})` : candidateType;
}

export function seconds(s) {
  if (!Number.isFinite(s)) return none;
  return s < 1 ? `${Math.round(s * 1000)} ms` : `${s.toFixed(s < 10 ? 2 : 1)} s`;
}

const h264Profiles = { 42: 'Baseline', '4d': 'Main', 64: 'High', '6e': 'High 10', f4: 'High 4:4:4' };

// mime names a codec as media types do (RFC 6381), such as avc1.42c01f.
export function mime(name) {
  const [four = '', profile = '', object = ''] = (name ?? '').split('.');
  switch (four.toLowerCase()) {
    case '': return none;
    case 'avc1':
    case 'avc3': return `H264 ${h264Profiles[profile.slice(0, 2).toLowerCase()] ?? ''}`.trim();
    case 'hvc1':
    case 'hev1': return 'H265 (HEVC)';
    case 'av01': return 'AV1';
    case 'vp09': return 'VP9';
    case 'mp4a': return { 2: 'AAC', 5: 'HE-AAC', 29: 'HE-AAC v2', 34: 'MP3' }[object] ?? 'AAC';
    case 'mp3': return 'MP3';
    case 'opus': return 'Opus';
    case 'ac-3': return 'AC-3';
    case 'ec-3': return 'E-AC-3';
    default: return name;
  }
}
