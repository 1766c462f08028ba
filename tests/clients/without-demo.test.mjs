// The program as it is installed, without the feature `demo`: no phone services, no example app, nothing that only they use.
// `./check` builds it; SIGNBRIDGE_WITHOUT_DEMO names another one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LEAN = process.env.SIGNBRIDGE_WITHOUT_DEMO ?? `${root}target/check/signbridge-without-demo`;
const WHOLE = process.env.BINARY_UNDER_TEST ?? `${root}target/release/signbridge`;
/** Crates that a provider does not need: ours, and those that come with the example app. */
const CRATES = ['signbridge-simulator', 'openidconnect', 'oauth2', 'rsa'];
/** What the compiler leaves in a program of them: paths of sources, templates, routes. */
const TRACES = ['/rsa-0.', '/openidconnect-4.', '/oauth2-5.', 'Virtual phone', '/phone/api', 'Example app', 'data-app-page', 'Whose phone is this?'];

const run = (...words) => spawnSync(LEAN, words, { encoding: 'utf8', cwd: '/', timeout: 20_000, env: {} });

function crates(...flags) {
  const words = ['tree', '--locked', '--edges', 'normal', '--package', 'signbridge', '--prefix', 'none', '--format', '{p}', ...flags];
  const { stdout, stderr, status } = spawnSync('cargo', words, { encoding: 'utf8', cwd: root, maxBuffer: 2 ** 24 });
  assert.equal(status, 0, stderr);
  return new Set(stdout.split('\n').map((line) => line.split(' ')[0]));
}

test('it depends on neither the phone services nor the example app nor what they use', () => {
  const [lean, whole] = [crates('--no-default-features'), crates()];
  for (const name of CRATES) assert.deepEqual([lean.has(name), whole.has(name)], [false, true], name);
  assert.ok(lean.has('aws-lc-rs') && lean.size < whole.size);
});

test('nothing of them is in it', async () => {
  const [lean, whole] = await Promise.all([LEAN, WHOLE].map((file) => readFile(file)));
  for (const trace of TRACES) assert.deepEqual([lean.includes(trace), whole.includes(trace)], [false, true], trace);
  assert.ok(lean.includes('authorization_code') && lean.length < whole.length);
});

for (const words of [['demo'], ['demo', '--port', '0', '--self-test'], ['simulate'], ['simulate', '--port', '0', '--format', 'json']]) {
  test(`${words.join(' ')} is refused with the reason`, () => {
    const { status, stdout, stderr } = run(...words);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /built without the demonstration.*cargo build --release/s);
  });
}

test('its help does not offer them, and everything else is there', () => {
  const { status, stdout } = run('--help');
  assert.equal(status, 0);
  assert.doesNotMatch(stdout, /^ +(demo|simulate)\b/m);
  for (const command of ['serve', 'migrate', 'client', 'user', 'doctor', 'healthcheck']) assert.match(stdout, new RegExp(`^ +${command}\\b`, 'm'));
});
