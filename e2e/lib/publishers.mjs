// The matrix' publishers: real clients that send the numbered film.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { program } from './copy.mjs';
import { height, paint, script, width } from './film.mjs';

// publish begins to publish at each server, and returns what ends it.
export async function publish(publisher, servers, { films, open }) {
  const begin = publisher.by === 'chromium' ? browser : encoder;
  return Promise.all(servers.map((server) => begin(publisher, server, { films, open })));
}

// capture runs in the page before its own scripts: the camera films each picture once, one after the other as fast as the
// machine lets it, and window.filmed tells when; the microphone hears the tone as it is; and a kind that is not published has no device.
// The camera waits for the microphone's first sound, which a busy machine may be a second late with: both are to begin together.
function capture({ video, audio, script }) {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (want) => {
    if ((want.video && !video) || (want.audio && !audio)) throw new DOMException('there is no such device', 'NotFoundError');
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = want.audio ? await real({ audio: plain }) : new MediaStream();
    if (want.video) stream.addTrack(camera(heard(stream.getAudioTracks()[0])));
    return stream;
  };

  // heard waits for the first sound of a track.
  async function heard(track) {
    if (!track) return;
    const copy = track.clone();
    const { value } = await new MediaStreamTrackProcessor({ track: copy }).readable.getReader().read();
    value?.close();
    copy.stop();
  }

  function camera(begin) {
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    const size = { format: 'I420', codedWidth: script.width, codedHeight: script.height };
    const epoch = Date.now() - performance.now();
    let n = 0;
    window.filmed = [];
    begin.then(() => setInterval(() => {
      if (writer.desiredSize <= 0) return; // the picture before it has not been taken yet
      window.filmed.push([n % script.words.length, epoch + performance.now()]);
      const picture = paint(script, n++ % script.words.length);
      writer.write(new VideoFrame(picture, { ...size, timestamp: performance.now() * 1000 }));
    }, 1000 / script.fps));
    return track;
  }
}

// camera is the script of a publisher's page.
export function camera({ video, audio }) {
  return `${paint}\n(${capture})(${JSON.stringify({ video: Boolean(video), audio: Boolean(audio), script })});`;
}

async function browser(publisher, { origin }, { open }) {
  const codec = publisher.video ? `&codec=${publisher.video.toLowerCase()}` : '';
  const client = await open(`${origin}/players/whip.html?autostart=true&stream=${publisher.id}${codec}&width=${width}&height=${height}&bitrate=500`,
    { script: camera(publisher) });
  await client.reaches('live');
  if (publisher.video) await client.rises('video', 'framesSent', 1); // Its sound may be there before it.
  return { stop: () => client.page.context().close() };
}

// encoder is a process that sends a file again and again, in real time.
async function encoder(publisher, server, { films }) {
  const file = await films.file({ picture: publisher.picture, sound: publisher.audio });
  const to = `rtmp://127.0.0.1:${server.port}/live/${publisher.id}`;
  const again = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', '-f'];
  const [command, ...args] = {
    copy: [await program(), file, to],
    ffmpeg: ['ffmpeg', ...again, 'flv', to],
    srt: ['ffmpeg', ...again, 'mpegts', `srt://127.0.0.1:${server.srt}?streamid=#!::r=live/${publisher.id},m=publish`],
  }[publisher.by];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (b) => { said += b; });
  const ended = once(child, 'close');
  return {
    stop: async () => {
      assert.equal(child.exitCode, null, `the publisher has ended: ${said}`);
      child.kill('SIGTERM');
      await ended;
    },
  };
}
