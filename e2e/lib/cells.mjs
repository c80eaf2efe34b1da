// Who can publish, who can play, and what becomes of each pair. docs/matrix.md is written from it.

const aac = (rate, channels) => ({ codec: 'AAC', rate, channels });
const opus = { codec: 'Opus', rate: 48000, channels: 2 };

// publishers, by what they speak and send.
//   by       the client: chromium, ffmpeg, or our own (e2e/copy) for Enhanced RTMP
//   picture  the form of the film (see film.mjs) that is sent as it is
export const publishers = [
  { id: 'webrtc-h264', title: 'WebRTC, H264 + Opus', by: 'chromium', video: 'H264', audio: opus },
  { id: 'webrtc-vp8', title: 'WebRTC, VP8 + Opus', by: 'chromium', video: 'VP8', audio: opus },
  { id: 'webrtc-vp9', title: 'WebRTC, VP9 + Opus', by: 'chromium', video: 'VP9', audio: opus },
  { id: 'webrtc-av1', title: 'WebRTC, AV1 + Opus', by: 'chromium', video: 'AV1', audio: opus },
  { id: 'webrtc-sound', title: 'WebRTC, Opus alone', by: 'chromium', audio: opus },
  { id: 'webrtc-picture', title: 'WebRTC, H264 alone', by: 'chromium', video: 'H264' },
  { id: 'rtmp-44-stereo', title: 'RTMP, H264 + AAC, 44.1 kHz, stereo', by: 'ffmpeg', video: 'H264', picture: 'h264', audio: aac(44100, 2) },
  { id: 'rtmp-44-mono', title: 'RTMP, H264 + AAC, 44.1 kHz, mono', by: 'ffmpeg', video: 'H264', picture: 'h264', audio: aac(44100, 1) },
  { id: 'rtmp-48-stereo', title: 'RTMP, H264 + AAC, 48 kHz, stereo', by: 'ffmpeg', video: 'H264', picture: 'h264', audio: aac(48000, 2) },
  { id: 'rtmp-48-mono', title: 'RTMP, H264 + AAC, 48 kHz, mono', by: 'ffmpeg', video: 'H264', picture: 'h264', audio: aac(48000, 1) },
  { id: 'rtmp-bframes', title: 'RTMP, H264 with B-frames + AAC', by: 'ffmpeg', video: 'H264', picture: 'bframes', bframes: true, audio: aac(48000, 2) },
  { id: 'rtmp-hevc', title: 'Enhanced RTMP, H265 + AAC', by: 'copy', video: 'H265', picture: 'hevc', audio: aac(48000, 2) },
  { id: 'rtmp-av1', title: 'Enhanced RTMP, AV1 + Opus', by: 'copy', video: 'AV1', picture: 'av1', audio: opus },
  { id: 'rtmp-sound', title: 'RTMP, AAC alone', by: 'ffmpeg', audio: aac(44100, 2) },
  { id: 'rtmp-picture', title: 'RTMP, H264 alone', by: 'ffmpeg', video: 'H264', picture: 'h264' },
  { id: 'srt', title: 'SRT, MPEG-TS of H264 + AAC', by: 'srt', video: 'H264', picture: 'h264', audio: aac(48000, 2) },
];

const flv = ['H264', 'H265', 'AV1', 'VP9'];
const ts = ['H264', 'H265'];

// players, by what they speak.
//   carries  the codecs of pictures that it can carry
//   server   the settings that it needs: of its name in servers
export const players = [
  { id: 'webrtc', title: 'WebRTC', server: 'plain', carries: ['H264', 'VP8', 'VP9', 'AV1'], opus: true },
  { id: 'webrtc-hevc', title: 'WebRTC with H265', server: 'plain', carries: ['H264', 'H265'], opus: true, only: 'H265' },
  { id: 'rtmp', title: 'RTMP', server: 'plain', carries: flv, code: 'NetStream.Play.Failed' },
  { id: 'flv', title: 'HTTP-FLV', server: 'plain', carries: flv },
  { id: 'ws-flv', title: 'ws-FLV', server: 'plain', carries: flv },
  { id: 'ts', title: 'HTTP-TS', server: 'plain', carries: ts },
  { id: 'hls', title: 'HLS, MPEG-TS', server: 'plain', carries: ts },
  { id: 'hls-mp4', title: 'HLS, fMP4', server: 'mp4', carries: flv },
  { id: 'll-hls', title: 'LL-HLS', server: 'low', carries: flv },
  { id: 'dash', title: 'DASH', server: 'plain', carries: flv },
];

// servers are the settings beside those that are built in.
export const servers = {
  plain: {},
  mp4: { SRS_VHOST_HLS_HLS_USE_FMP4: 'on' },
  low: { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' },
};

// cell is what becomes of a publisher's stream at a player: refused says by which code; else sound is what comes.
export function cell(publisher, player) {
  const { video, audio } = publisher;
  if (video && !player.carries.includes(video)) return { refused: player.code ?? '406', codec: video };
  if (!audio) return {};
  const fromPackets = publisher.by === 'chromium';
  const codec = player.opus || (audio.codec === 'Opus' && !fromPackets) ? 'Opus' : 'AAC';
  const sound = codec === audio.codec ? audio : { codec, rate: 48000, channels: 2 };
  return { sound: { ...sound, sent: audio.channels }, transcoded: codec !== audio.codec };
}

// has says whether a pair is one: some players are there for one codec alone.
export const has = (publisher, player) => !player.only || player.only === publisher.video;

function describe(publisher, player) {
  const { refused, codec, sound, transcoded } = cell(publisher, player);
  if (refused) return `${refused} (${codec})`;
  const dropped = publisher.bframes && player.opus ? ', without B-frames' : '';
  return `plays${transcoded ? `, sound in ${sound.codec}` : ''}${dropped}`;
}

// document is docs/matrix.md.
export function document() {
  const columns = players.filter((p) => !p.only);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const hevc = players.find((p) => p.only);
  const rows = publishers.map((from) => line([from.title, ...columns.map((to) => {
    const also = to.opus && !to.only && has(from, hevc);
    return also ? `${describe(from, hevc)}; ${describe(from, to)} where the client has none` : describe(from, to);
  })]));
  return `${intro}
${line(['', ...columns.map((p) => p.title)])}
${line(['', ...columns].map(() => '---'))}
${rows.join('\n')}
${notes}`;
}

const intro = `# Who plays what

One stream, every protocol: each row is a publisher, each column a player. Each cell is a test with real clients
(\`make test-full\`; \`make test\` has at least one of each row, one of each column, and every refusal), which looks at the pictures
and listens to the sound that are decoded. This file is written from the same table: e2e/lib/cells.mjs.
`;

const notes = `
- **plays**: picture and sound come as they were published, but for their container.
- **sound in AAC**, **sound in Opus**: the sound is converted, once a stream and only while somebody needs it; the picture is
  not. From WebRTC it is always AAC, at 48 kHz in stereo.
- **406**: the HTTP status of the answer, whose text names the codec: to a request for a stream, a playlist or a segment, and to
  an offer by WHEP. **NetStream.Play.Failed**: the same by RTMP, in an onStatus whose description names it.
- **without B-frames**: WebRTC can't show them. They are left out, counted, and the log says how to encode without them.
- H265 (HEVC) by WebRTC depends on the browser: Safari has it, Chrome where the machine has a decoder, Firefox not.
- A setting that is off refuses too, and says so: \`rtc_to_rtmp\` to all but WebRTC for what WebRTC publishes, \`rtmp_to_rtc\` to
  WebRTC for all else.
- HLS in fMP4 is \`hls_use_fmp4 on\`, LL-HLS \`hls_low_latency on\`; both carry more codecs than HLS in MPEG-TS.
`;
