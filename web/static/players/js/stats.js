// What getStats says, made into plain numbers. Pure: a report is anything with
// get() and values(), such as a Map.

function joinAddress(candidate) {
  if (!candidate) return '';
  const address = candidate.address ?? candidate.ip ?? '';
  if (!address) return ''; // The browser hides it until the camera is allowed.
  return `${address.includes(':') ? `[${address}]` : address}:${candidate.port}`;
}

function selectedPair(report, transport) {
  const told = transport && report.get(transport.selectedCandidatePairId);
  if (told) return told;
  const pairs = [...report.values()].filter((s) => s.type === 'candidate-pair');
  return pairs.find((p) => p.selected) ?? pairs.find((p) => p.nominated && p.state === 'succeeded');
}

function path(report) {
  const transport = [...report.values()].find((s) => s.type === 'transport');
  const pair = selectedPair(report, transport);
  const local = pair && report.get(pair.localCandidateId);
  const remote = pair && report.get(pair.remoteCandidateId);
  const rtt = pair?.currentRoundTripTime;
  return {
    protocol: (local?.protocol ?? remote?.protocol ?? '').toLowerCase(),
    local: joinAddress(local),
    localType: local?.candidateType ?? '',
    remote: joinAddress(remote),
    remoteType: remote?.candidateType ?? '',
    pair: pair?.id ?? '',
    responses: pair?.responsesReceived ?? 0,
    rtt: rtt === undefined ? undefined : rtt * 1000,
    available: pair?.availableOutgoingBitrate,
    received: transport?.bytesReceived ?? pair?.bytesReceived ?? 0,
    sent: transport?.bytesSent ?? pair?.bytesSent ?? 0,
    dtls: transport?.dtlsState ?? '',
    cipher: transport?.srtpCipher ?? '',
  };
}

function track(report, rtp, kind) {
  const layers = rtp.filter((s) => (s.kind ?? s.mediaType) === kind);
  if (layers.length === 0) return null;
  const sum = (name) => layers.reduce((n, s) => n + (s[name] ?? 0), 0);
  const best = layers.reduce((a, b) => ((b.frameHeight ?? 0) > (a.frameHeight ?? 0) ? b : a));
  const codec = report.get(best.codecId);
  return {
    codec: (codec?.mimeType ?? '').replace(/^\w+\//, ''),
    fmtp: codec?.sdpFmtpLine ?? '',
    bytes: sum('bytesReceived') + sum('bytesSent'),
    packets: sum('packetsReceived') + sum('packetsSent'),
    lost: sum('packetsLost'),
    frames: sum('framesDecoded') + sum('framesEncoded'),
    keyframes: sum('keyFramesDecoded') + sum('keyFramesEncoded'),
    width: best.frameWidth,
    height: best.frameHeight,
    freezes: sum('freezeCount'),
    limitation: best.qualityLimitationReason ?? '',
    implementation: best.decoderImplementation ?? best.encoderImplementation ?? '',
  };
}

// snapshot is one report at a time (ms): the path, and what goes over it.
// role is "publish" or "play".
export function snapshot(report, at, role) {
  const all = [...report.values()];
  const rtp = all.filter((s) => s.type === (role === 'publish' ? 'outbound-rtp' : 'inbound-rtp'));
  const told = all.filter((s) => s.type === 'remote-inbound-rtp');
  const s = { at, role, ...path(report), video: track(report, rtp, 'video'), audio: track(report, rtp, 'audio') };
  s.media = (s.video?.bytes ?? 0) + (s.audio?.bytes ?? 0);
  if (role === 'publish') {
    // A publisher learns of loss and delay from the receiver's reports.
    s.fractionLost = told.find((r) => r.kind === 'video')?.fractionLost ?? told[0]?.fractionLost;
    s.rtt ??= told[0]?.roundTripTime === undefined ? undefined : told[0].roundTripTime * 1000;
  }
  return s;
}

function perSecond(older, newer, seconds) {
  // Counters start again with a new connection; a rate is never negative.
  return seconds > 0 ? Math.max(0, newer - older) / seconds : 0;
}

// rates tells what happened between two snapshots: kbit/s, frames per second
// and loss in percent (undefined when nothing can be said).
export function rates(older, newer) {
  const seconds = (newer.at - older.at) / 1000;
  const kbps = (kind) => (perSecond(older[kind]?.bytes ?? 0, newer[kind]?.bytes ?? 0, seconds) * 8) / 1000;
  const video = kbps('video');
  const audio = kbps('audio');
  return {
    video,
    audio,
    kbps: video + audio,
    fps: perSecond(older.video?.frames ?? 0, newer.video?.frames ?? 0, seconds),
    loss: loss(older, newer),
  };
}

function loss(older, newer) {
  if (newer.role === 'publish') return newer.fractionLost === undefined ? undefined : newer.fractionLost * 100;
  const grown = (name) => ['video', 'audio'].reduce(
    (n, kind) => n + Math.max(0, (newer[kind]?.[name] ?? 0) - (older[kind]?.[name] ?? 0)), 0);
  const lost = grown('lost');
  const all = lost + grown('packets');
  return all > 0 ? (lost / all) * 100 : undefined;
}

// Window keeps the snapshots of the last few seconds, so that rates are taken
// over a span long enough to be steady.
export class Window {
  #kept = [];
  #span;

  constructor(span = 5000) {
    this.#span = span;
  }

  clear() {
    this.#kept = [];
  }

  push(snap) {
    this.#kept.push(snap);
    while (this.#kept.length > 2 && snap.at - this.#kept[1].at >= this.#span) this.#kept.shift();
  }

  // rates over at least the last ms milliseconds, as far as there are any.
  rates(ms) {
    const last = this.#kept.at(-1);
    if (!last) return null;
    const from = this.#kept.findLast((s) => last.at - s.at >= ms) ?? this.#kept[0];
    return from === last ? null : rates(from, last);
  }
}
