// What plays: mpegts.js for FLV and MPEG-TS, hls.js for HLS, or the browser by
// itself. Each engine is for one attempt on one address, and all look alike:
//   start()    may reject with an error for playErrors.js
//   stop()     leaves the video element empty
//   edge()     where "live" is, in media time; undefined if that is unknown
//   latency()  in ms, or undefined where the engine does not know it by itself
//   bytes, codecs { video, audio } as media types name them
// and tells on.opened(), on.ended() and on.failed(error).

import { codecsIn, firstLine, listError } from './playerrors.js';
import { HttpSource, SocketSource } from './source.js';

const loading = new Map();

// script loads one of the libraries when it is first needed.
function script(file, name) {
  if (!loading.has(file)) {
    loading.set(file, new Promise((done, fail) => {
      const element = document.createElement('script');
      element.src = new URL(file, import.meta.url);
      element.onload = () => done(globalThis[name]);
      element.onerror = () => {
        loading.delete(file);
        fail({ kind: 'network', url: element.src });
      };
      document.head.append(element);
    }));
  }
  return loading.get(file);
}

const mpegtsScript = () => script('mpegts-1.8.2-oneport1.min.js', 'mpegts');
const hlsScript = () => script('hls-1.7.4.min.js', 'Hls');

const scripted = () => globalThis.MediaSource ?? globalThis.ManagedMediaSource;

// prepare loads what an address will be played with, so that playing need not wait for it. What fails is loaded again then.
export function prepare({ format }) {
  if (format === 'flv' || format === 'ts') mpegtsScript().catch(() => {});
  if (format === 'hls' && scripted()) hlsScript().catch(() => {});
}

function lastBuffered(video) {
  return video.buffered.length ? video.buffered.end(video.buffered.length - 1) : undefined;
}

function empty(video) {
  video.removeAttribute('src');
  video.load();
}

// Flv plays FLV and MPEG-TS, by HTTP and by WebSocket.
class Flv {
  bytes = 0;
  codecs = { video: '', audio: '' };
  #video;
  #url;
  #kind;
  #on;
  #player = null;
  #stopped = false;

  constructor(video, url, kind, on) {
    this.#video = video;
    this.#url = url;
    this.#kind = kind;
    this.#on = on;
  }

  async start() {
    const mpegts = await mpegtsScript();
    if (this.#stopped) return;
    if (!mpegts.getFeatureList().mseLivePlayback) throw { kind: 'mse' };
    mpegts.LoggingControl.enableAll = false;
    const type = this.#kind.format === 'ts' ? 'mpegts' : 'flv';
    const player = mpegts.createPlayer({ type, isLive: true, url: this.#url }, {
      customLoader: this.#loader(mpegts),
      enableStashBuffer: false,
      autoCleanupSourceBuffer: true, autoCleanupMaxBackwardDuration: 60, autoCleanupMinBackwardDuration: 30,
    });
    this.#player = player;
    player.on(mpegts.Events.MEDIA_INFO, ({ videoCodec, audioCodec }) => {
      this.codecs = { video: videoCodec ?? '', audio: audioCodec ?? '' };
    });
    // In a task of its own: mpegts.js has more to tell by then, and fails where it was destroyed before it has.
    player.on(mpegts.Events.ERROR, (type, detail, info) => setTimeout(() => this.#failed(detail, info)));
    player.attachMediaElement(this.#video);
    player.load();
  }

  // #loader is a class, as mpegts.js wants it, that hands on what a source brings.
  #loader(mpegts) {
    const engine = this;
    const { BaseLoader, LoaderStatus } = mpegts;
    return class extends BaseLoader {
      #source = null;

      constructor() {
        super('oneport');
        this._needStash = true;
      }

      open({ url }) {
        this._status = LoaderStatus.kConnecting;
        const on = {
          opened: () => { engine.#on.opened(); },
          data: (buffer) => this.#take(buffer),
          ended: () => engine.#on.ended(),
          failed: (error) => engine.#on.failed(error),
        };
        this.#source = engine.#kind.socket ? new SocketSource(on) : new HttpSource(on);
        this.#source.open(url);
      }

      // What mpegts.js throws is about what came, not about the connection that brought it.
      #take(buffer) {
        this._status = LoaderStatus.kBuffering;
        const from = engine.bytes;
        engine.bytes += buffer.byteLength;
        try {
          this._onDataArrival?.(buffer, from, engine.bytes);
        } catch (error) {
          this.#source.close();
          setTimeout(() => engine.#failed('', { msg: error?.message })); // as for its errors
        }
      }

      abort() {
        this.#source?.close();
        this._status = LoaderStatus.kComplete;
      }

      destroy() {
        this.abort();
        super.destroy();
      }
    };
  }

  #failed(detail, info) {
    const text = String(info?.msg ?? '');
    if (detail === 'CodecUnsupported' || /codecs? .*(not|un)supported|unsupported.*codec|addSourceBuffer/i.test(text)) {
      const { video, audio } = { ...this.#player?.mediaInfo && { video: this.#player.mediaInfo.videoCodec, audio: this.#player.mediaInfo.audioCodec } };
      const track = video && !playable('video', video) ? 'video' : audio && !playable('audio', audio) ? 'audio' : 'video';
      return this.#on.failed({ kind: 'codec', codec: (track === 'video' ? video : audio) || named(text), track, reason: firstLine(text) });
    }
    this.#on.failed({ kind: 'broken', reason: firstLine(text) });
  }

  stop() {
    this.#stopped = true;
    this.#player?.destroy();
    this.#player = null;
    empty(this.#video);
  }

  edge() { return lastBuffered(this.#video); }
  latency() { return undefined; }
}

// named is the codec in a message for which there is no decoder, or else the first.
function named(text) {
  const codecs = codecsIn(text);
  return codecs.find((codec) => !playable('video', codec)) ?? codecs[0] ?? '';
}

function playable(kind, codec) {
  return scripted()?.isTypeSupported(`${kind}/mp4; codecs="${codec}"`) ?? false;
}

// A server may hold the first list back until there is a segment.
const firstSegment = 25000; // ms

// Hls plays lists of segments, with their parts where there are any.
class Hls {
  bytes = 0;
  codecs = { video: '', audio: '' };
  #video;
  #url;
  #on;
  #seen;
  #hls = null;
  #stopped = false;
  #recovered = false;
  #list = null; // being asked for because a segment is not there
  #patience = 0;
  #ended = () => this.#on.ended();

  // seen says that the list has been played to its end: it is not played again,
  // but waited with for what comes after it.
  constructor(video, url, on, seen) {
    this.#video = video;
    this.#url = url;
    this.#on = on;
    this.#seen = seen;
  }

  async start() {
    const Library = await hlsScript();
    if (this.#stopped) return;
    if (!Library.isSupported()) throw { kind: 'mse' };
    const hls = new Library({
      lowLatencyMode: true,
      enableWorker: false, // It would come from a blob:, which the pages' policy does not let run.
      // What was played is the browser's to forget: hls.js 1.7.4, which forgets it while it loads a part, forgets with it the parts of
      // the segment that grows, and may then stand still until they have left the list.
      backBufferLength: Infinity,
      maxLiveSyncPlaybackRate: 1.08,
      manifestLoadPolicy: { default: { maxTimeToFirstByteMs: firstSegment, maxLoadTimeMs: firstSegment, timeoutRetry: null, errorRetry: null } },
    });
    this.#hls = hls;
    const { Events } = Library;
    hls.on(Events.MANIFEST_PARSED, () => this.#on.opened());
    hls.on(Events.FRAG_LOADED, (_, { payload }) => { this.bytes += payload?.byteLength ?? 0; });
    hls.on(Events.BUFFER_CODECS, (_, tracks) => this.#learn(tracks));
    hls.on(Events.LEVEL_LOADED, (_, { details }) => { if (!details.live && this.#seen) this.#on.ended(); });
    hls.on(Events.ERROR, (_, data) => this.#failed(data));
    this.#video.addEventListener('ended', this.#ended);
    hls.loadSource(this.#url);
    hls.attachMedia(this.#video);
  }

  #learn({ video, audio, audiovideo }) {
    const both = (audiovideo?.codec ?? '').split(',');
    const sound = (codec) => /^(mp4a|opus|mp3|ac-3|ec-3)/i.test(codec);
    this.codecs = {
      video: video?.codec || both.find((codec) => !sound(codec)) || this.codecs.video,
      audio: audio?.codec || both.find(sound) || this.codecs.audio,
    };
  }

  #failed(data) {
    const { fatal, type, details, error, mimeType, url } = data;
    if (!fatal) return;
    if (/CodecError|IncompatibleCodecs/i.test(details)) {
      return this.#on.failed({ kind: 'codec', codec: named(`${mimeType ?? ''} ${error?.message ?? ''}`) || this.codecs.video, track: 'video', reason: firstLine(error?.message) });
    }
    if (type === 'networkError') {
      const told = listError({ ...data, url: url ?? this.#url });
      return told.status === 404 && data.frag ? this.#missed(told) : this.#on.failed(told);
    }
    if (type === 'mediaError' && !this.#recovered) {
      this.#recovered = true;
      return this.#hls.recoverMediaError();
    }
    const late = details === 'bufferAppendError' && /SourceBuffer, but it does not exist/.test(error?.message);
    this.#on.failed({ kind: 'broken', reason: late ? 'Its sound and its picture did not begin together.' : firstLine(error?.message) || details, late });
  }

  // #missed asks for the list when a segment is not there: we may be late for it,
  // or not to have it any more.
  #missed(error) {
    const url = this.#hls.levels[0]?.uri || this.#url;
    const end = (told) => { this.#unlist(); this.#on.failed(told); };
    this.#list = new HttpSource({
      opened: () => end({ ...error, missed: true }),
      data() {}, ended() {},
      failed: end,
    });
    this.#patience = setTimeout(() => end({ kind: 'timeout', url }), 10000);
    this.#list.open(url);
  }

  #unlist() {
    clearTimeout(this.#patience);
    this.#list?.close();
    this.#list = null;
  }

  stop() {
    this.#stopped = true;
    this.#unlist();
    this.#video.removeEventListener('ended', this.#ended);
    this.#hls?.destroy();
    this.#hls = null;
    empty(this.#video);
  }

  edge() { return this.#hls?.liveSyncPosition ?? undefined; }

  // latency is by the clock where the list tells the time of day (EXT-X-PROGRAM-DATE-TIME)
  // and this computer's clock agrees with it, else behind the end of the list.
  latency() {
    const wall = this.#hls?.playingDate;
    const since = wall ? Date.now() - wall.getTime() : NaN;
    if (since > 0 && since < 300000) return since;
    const behind = this.#hls?.latency;
    return behind > 0 ? behind * 1000 : undefined;
  }
}

// Native is the browser by itself: HLS on iPhones, and files.
class Native {
  bytes = 0;
  codecs = { video: '', audio: '' };
  #video;
  #url;
  #on;

  constructor(video, url, on) {
    this.#video = video;
    this.#url = url;
    this.#on = on;
  }

  async start() {
    this.#video.onloadedmetadata = () => this.#on.opened();
    this.#video.onended = () => this.#on.ended();
    this.#video.onerror = () => this.#failed();
    this.#video.src = this.#url;
  }

  // #failed asks again, because a media element does not tell the status.
  async #failed() {
    const url = this.#url;
    const { code, message } = this.#video.error ?? {};
    const source = new HttpSource({
      opened: () => { source.close(); this.#on.failed(code === 2 ? { kind: 'network', url } : { kind: 'broken', reason: message }); },
      data() {}, ended() {},
      failed: (error) => this.#on.failed(error),
    });
    source.open(url);
  }

  stop() {
    this.#video.onloadedmetadata = this.#video.onended = this.#video.onerror = null;
    empty(this.#video);
  }

  edge() {
    const { seekable } = this.#video;
    return seekable.length ? seekable.end(seekable.length - 1) : undefined;
  }

  latency() {
    const edge = this.edge();
    return edge === undefined || edge > 1e9 ? undefined : Math.max(0, edge - this.#video.currentTime) * 1000;
  }
}

// engine chooses what plays an address; kind is what recognise told of it, and
// seen says that it has been played to its end.
export function engine(video, url, kind, on, seen) {
  if (kind.format === 'flv' || kind.format === 'ts') return new Flv(video, url, kind, on);
  if (kind.format === 'hls' && scripted()) return new Hls(video, url, on, seen);
  return new Native(video, url, on);
}
