// Directories that are gone when the process that made them has ended.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = [];

export function folder() {
  if (made.length === 0) process.on('exit', () => made.forEach((path) => rmSync(path, { recursive: true, force: true })));
  const path = mkdtempSync(join(tmpdir(), 'oneport-e2e-'));
  made.push(path);
  return path;
}
