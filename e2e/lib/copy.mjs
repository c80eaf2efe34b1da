// The client of e2e/copy, for what ffmpeg can't speak.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folder } from './folder.mjs';

let built;

// program is its path. It is built once for this process, as "make build" builds the server: what that one has compiled is not
// compiled a second time while a test waits.
export function program() {
  built ??= (async () => {
    const path = join(folder(), 'copy');
    const options = { cwd: new URL('../..', import.meta.url).pathname, env: { ...process.env, CGO_ENABLED: '0' } };
    await promisify(execFile)('go', ['build', '-trimpath', '-o', path, './e2e/copy'], options);
    return path;
  })();
  return built;
}

// copied gives so many seconds of a stream as Matroska to decode(), or as many as it reads.
export const copied = (url, seconds) => async (out) => {
  const child = spawn(await program(), ['-t', String(seconds), url, '-'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let enough = out.destroyed;
  const stop = () => {
    enough = true;
    child.kill();
    child.stdout.resume(); // or what it wrote before would keep the pipe open
  };
  child.stderr.on('data', (b) => { said += b; });
  child.stdout.pipe(out);
  out.once('close', stop);
  if (enough) stop();
  const [code] = await once(child, 'close');
  out.off('close', stop);
  if (code !== 0 && !enough) throw new Error(said);
};

// refused is what a server says that does not play a stream.
export async function refused(url) {
  const child = spawn(await program(), ['-t', '1', url, '-'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (b) => { said += b; });
  const [code] = await once(child, 'close');
  return code === 0 ? 'it plays' : said;
}
