// The pictures of the guides: taken by tests, and compared with those that are kept. `GUIDE_IMAGES=write` replaces them.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const TAKEN = at('../../../target/guide-images/');
const KEPT = at('../../../docs/guides/images/');
/** Of one picture, in bytes. */
export const LARGEST = 96 * 1024;

/** Takes a picture. The symbol differs in each run and fonts on each machine: what is noticed is another page or layout. */
export async function shoot(page, name, options = {}) {
  mkdirSync(TAKEN, { recursive: true });
  const taken = await page.screenshot({ path: `${TAKEN}${name}`, animations: 'disabled', caret: 'hide', ...options });
  if (process.env.GUIDE_IMAGES === 'write') {
    assert.ok(taken.length <= LARGEST, `${name} has ${taken.length} bytes`);
    writeFileSync(`${KEPT}${name}`, taken);
  }
  const kept = PNG.sync.read(readFileSync(`${KEPT}${name}`));
  const now = PNG.sync.read(taken);
  assert.deepEqual([now.width, now.height], [kept.width, kept.height]);
  let different = 0;
  for (let pixel = 0; pixel < now.data.length; pixel += 4) {
    if (Math.abs(now.data[pixel] - kept.data[pixel]) > 64) different += 1;
  }
  const share = different / (now.width * now.height);
  assert.ok(share < 0.1, `${name} is out of date: ${(share * 100).toFixed(1)} % differ; GUIDE_IMAGES=write takes new ones`);
}
