// What the front page tells people to paste works as it stands.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { folder } from '../lib/folder.mjs';
import { scene } from '../lib/scene.mjs';
import { freePort } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

const run = promisify(execFile);

// film is a minute of picture and sound in a directory of its own, under the name that the recipes have.
function film() {
  const directory = folder();
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=320x240:r=15', '-f', 'lavfi', '-i', 'sine=440:r=48000', '-t', '60',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '15', '-bf', '0', '-pix_fmt', 'yuv420p', '-c:a', 'aac', 'input.mp4'], { cwd: directory });
  return directory;
}

scene('the front page\'s commands publish, and its addresses play', async (s) => {
  const cwd = film();
  const port = await freePort();
  const { origin } = await s.server({ add: { SRS_SRT_SERVER_ENABLED: 'on', SRS_SRT_SERVER_LISTEN: await freePort(), SRS_LISTEN: `shared ${port}` } });
  const front = await s.open(origin);
  for (const recipe of ['publish-ffmpeg-rtmp', 'publish-ffmpeg-srt']) {
    await front.page.locator('#name').fill(recipe);
    const command = await front.page.locator(`[data-recipe=${recipe}] input`).inputValue();
    const ffmpeg = spawn('sh', ['-c', `exec ${command}`], { cwd, stdio: 'ignore' });
    const ended = once(ffmpeg, 'exit');
    try {
      const row = front.page.locator(`[data-stream="live/${recipe}"]`);
      await until(`${command} publishes`, () => row.locator('.live:not(.off)').isVisible());
      await row.getByRole('button', { name: 'Addresses' }).click();
      for (const name of ['HTTP-FLV', 'HTTP-TS', 'HLS', 'RTMP', 'SRT']) {
        const url = await row.locator('.more label', { hasText: new RegExp(`^${name}`) }).locator('input').inputValue();
        const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', url], { timeout: 60_000 });
        assert.deepEqual([...new Set(stdout.split('\n').filter(Boolean))].sort(), ['aac', 'h264'], url);
      }
    } finally {
      ffmpeg.kill('SIGKILL');
      await ended;
    }
  }
});
