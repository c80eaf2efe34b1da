// What srs_player.html plays, and what it says of it.

import { until } from './until.mjs';

// played runs in the page: what has been decoded and what the page says of it.
function played() {
  const video = document.getElementById('video');
  const { playback, stats } = window.oneport;
  return {
    state: playback.state, error: playback.error, way: playback.kind?.name, stats, renewals: playback.renewals,
    time: video.currentTime, paused: video.paused, muted: video.muted,
    frames: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount,
  };
}

export const look = (viewer) => viewer.page.evaluate(played);
export const text = (viewer, id) => viewer.page.getByTestId(id).innerText();

// plays waits until pictures and sound are decoded, and the picture on the screen changes.
export async function plays(viewer) {
  await viewer.reaches('live');
  const from = await look(viewer);
  const now = await until('pictures and sound are decoded', async () => {
    const p = await look(viewer);
    return p.frames >= from.frames + 20 && p.sound >= from.sound + 2000 && p.time > from.time + 0.5 && p;
  });
  await viewer.moves();
  return now;
}

// near waits until the buffer is as small as a live one is.
export const near = (viewer, most) => until(`less than ${most} s are ahead`, async () => {
  const p = await look(viewer);
  return p.state === 'live' && p.stats.ahead < most && p;
});
