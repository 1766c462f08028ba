// What strangers may have us keep: anonymous requests at full speed, and the file an hour later by the clock of the test (a provider
// that is started again with libfaketime). `FLOOD=60` floods for 60 s in all instead of 3.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { App, pause, pkce, pool, prepare, request } from './lib/serve.mjs';
import { Walker, forms, signIn } from './lib/walker.mjs';

const SECONDS = Number(process.env.FLOOD ?? 3);
const FAKETIME = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1']
  .find((path) => existsSync(path));
const MB = 1024 * 1024;
let site;
let app;
const agent = pool(64);

before(async () => {
  site = await prepare({ profile: 'production', sections: { top: 'trusted_proxies = ["127.0.0.0/8"]' }, database: 'sqlite:signbridge.db' });
  await site.start();
  app = new App(site, await site.command('client', 'create', '--id', 'web', '--name', 'web', '--redirect-uri', 'http://localhost:9/callback',
    '--auth-method', 'client_secret_basic'), agent);
});

after(async () => {
  agent.destroy();
  if (site) assert.equal(await site.close(), 0);
});

const size = () => ['signbridge.db', 'signbridge.db-wal'].map((name) => join(site.dir, name))
  .reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);

const from = (address) => ({ 'x-forwarded-for': address });
let addresses = 0;
const anew = () => { addresses += 1; return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`; };

/** Sends requests for a while, `width` at a time; answers how many of each status there were. */
async function flood(seconds, width, one) {
  const counts = {};
  const until = performance.now() + seconds * 1000;
  await Promise.all(Array.from({ length: width }, async () => {
    while (performance.now() < until) {
      const status = await one().catch((error) => error.code ?? error.message);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }));
  return counts;
}

const garbage = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, 'x'.repeat(4000)]));
const long = { state: 'x'.repeat(4000), nonce: 'y'.repeat(4000), login_hint: 'z'.repeat(4000) };
const parameters = (extra) => Object.fromEntries(new URL(app.authorizeUrl(pkce().challenge, extra)).searchParams);
const post = async (form, address) => (await request('POST', `${site.issuer}/authorize`, { form, agent, headers: from(address) })).status;
const get = async (extra, address) => (await request('GET', app.authorizeUrl(pkce().challenge, extra), { agent, headers: from(address) })).status;

/** A login begun from an address of its own, for a name of its own, as far as the page that waits. */
async function start() {
  const headers = from(anew());
  const ask = async (method, url, form, cookie) => {
    const answer = await request(method, url, { agent, form, headers: { ...headers, ...(cookie && { cookie }), origin: site.issuer } });
    return { ...answer, to: answer.location && new URL(answer.location, url).href };
  };
  const begun = await ask('GET', app.authorizeUrl(pkce().challenge));
  const cookie = begun.headers['set-cookie'].map((line) => line.split(';')[0]).join('; ');
  const page = await ask('GET', begun.to.replace(/\/choose$/, '/identify/secsign'), undefined, cookie);
  const form = forms(page.text).find(({ inputs }) => inputs.some(([name]) => name === 'identifier'));
  const inputs = { ...Object.fromEntries(form.inputs), identifier: `nobody${addresses}` };
  return (await ask('POST', new URL(form.action, begun.to).href, inputs, cookie)).status;
}

test('B35: anonymous requests at full speed leave little, and nothing an hour later; honest people sign in meanwhile', async (t) => {
  await site.person('alice');
  await site.phone.auto('secsign', 'alice', 'approve');
  const honest = { times: [], failed: [], on: true };
  const people = (async () => {
    for (let number = 0; honest.on; number += 1) {
      const began = performance.now();
      const walker = new Walker();
      try {
        // Remembered from the first time on: her own quota.
        honest.walker ??= walker;
        await honest.walker.open(app.authorizeUrl(pkce().challenge, { prompt: 'login' }), app.redirectUri);
        honest.times.push(performance.now() - began);
        if (number < 3) await signIn(honest.walker, 'secsign', 'alice', app.redirectUri, () => {});
      } catch (error) { honest.failed.push(String(error)); }
      await pause(300);
    }
  })();
  await pause(1_500);
  const empty = size();
  const share = SECONDS / 5;
  const floods = {
    'POST of garbage': [32, () => post(garbage, '192.0.2.1')],
    'POST with 12 KB': [32, () => post(parameters(long), '192.0.2.1')],
    'GET with 12 KB': [32, () => get(long, '192.0.2.1')],
    'GET from ever new addresses': [32, () => get({ state: 'x'.repeat(900) }, anew())],
    'logins from ever new addresses': [16, start],
  };
  for (const [name, [width, one]] of Object.entries(floods)) {
    const before = size();
    const counts = await flood(share, width, one);
    t.diagnostic(`${name}: ${JSON.stringify(counts)}, ${((size() - before) / MB).toFixed(1)} MB`);
  }
  const full = size();
  honest.on = false;
  await people;
  honest.times.sort((a, b) => a - b);
  const p99 = honest.times[Math.ceil(honest.times.length * 0.99) - 1];
  t.diagnostic(`grown by ${((full - empty) / MB).toFixed(1)} MB in ${SECONDS} s; honest first pages p99 ${Math.round(p99)} ms of ${honest.times.length}`);
  assert.deepEqual(honest.failed, []);
  assert.ok(full - empty <= 20 * MB, `${full - empty} bytes`);
  if (SECONDS >= 60) assert.ok(p99 < 1_000, `${p99} ms`);
  if (!FAKETIME) return t.skip('libfaketime is not there');
  await site.end();
  await site.start({ LD_PRELOAD: FAKETIME, FAKETIME: '+3600s', FAKETIME_DONT_FAKE_MONOTONIC: '1' });
  const until = performance.now() + 90_000;
  // What stays: 1 MiB that the file keeps free, the pushes of a day, and the audit trail.
  while (size() > empty + 3 * MB && performance.now() < until) await pause(500);
  t.diagnostic(`an hour later: ${((size() - empty) / MB).toFixed(2)} MB more than before`);
  assert.ok(size() <= empty + 3 * MB, `${size() - empty} bytes`);
});

test('readyz fails while writes fail, and heals by itself', async () => {
  const ready = async () => (await request('GET', `${site.management}/readyz`)).status;
  const becomes = async (status) => {
    const until = performance.now() + 30_000;
    while (await ready() !== status && performance.now() < until) await pause(200);
    assert.equal(await ready(), status);
  };
  await becomes(200);
  // Another program keeps the file locked: nobody else can write.
  const other = spawn('python3', ['-c', `
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()`, join(site.dir, 'signbridge.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(other.stdout, 'data');
  await becomes(503);
  assert.equal((await request('GET', `${site.issuer}/jwks`)).status, 200, 'reads go on');
  other.stdin.end();
  await once(other, 'exit');
  await becomes(200);
});
