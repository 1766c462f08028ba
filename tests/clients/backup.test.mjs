// A backup that is taken under load holds everything that was acknowledged before it began, and goes back in place where nobody
// uses the database. SQLite only: PostgreSQL has tools of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { settle } from './lib/apps.mjs';
import { BINARY } from './lib/demo.mjs';
import { openLoop } from './lib/load.mjs';
import { each, pause, pool, prepare } from './lib/serve.mjs';

/** Requests a second; each kind makes two writes or three. */
const RATE = 100;
const PAGE = 4096;

let provider; let web; let native; let cookie; let agent;

before(async () => {
  provider = await prepare({ database: 'sqlite:signbridge.db' });
  await provider.start();
  ({ web, native, cookie } = await settle(provider));
  useAgent();
});
after(async () => {
  agent?.destroy();
  if (provider) assert.equal(await provider.close(), 0);
});

function useAgent() {
  agent?.destroy();
  agent = pool(64);
  for (const app of [web, native]) Object.assign(app, { agent });
}

/** Runs a command to its end. */
async function run(config, ...words) {
  const child = spawn(BINARY, [...words, '--config', config, '--format', 'json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => { stdout += chunk; });
  child.stderr.on('data', (chunk) => { stderr += chunk; });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}

/** A directory with the provider's configuration and master key, and no database. */
function another(name) {
  const dir = join(provider.dir, name);
  mkdirSync(join(dir, 'keys'), { recursive: true, mode: 0o700 });
  copyFileSync(provider.config, join(dir, 'signbridge.toml'));
  copyFileSync(join(provider.dir, 'keys/master.key'), join(dir, 'keys/master.key'));
  return { dir, config: join(dir, 'signbridge.toml'), key: join(dir, 'keys/master.key') };
}

const active = async (token) => (await web.post('introspect', { token })).json().active;
const isRefused = (answer) => answer.status === 400 && answer.json().error === 'invalid_grant';
const file = () => join(provider.dir, 'backup.db');

/** What was acknowledged, each with the moment of its answer. */
const redeemed = []; const revoked = [];
let began; let ended; let unused; let chain;

test('a backup is taken while others write', async (t) => {
  unused = await web.code(cookie);
  chain = (await native.tokens(cookie)).refresh_token;
  let writes = 0;
  const exchange = async () => {
    const code = await web.code(cookie);
    const answer = await web.redeem(code);
    if (answer.status !== 200) return false;
    writes += 2;
    const { access_token: access, refresh_token: refresh } = answer.json();
    redeemed.push({ code, access, refresh, at: performance.now() });
    return true;
  };
  const revocation = async () => {
    const { access_token: access } = await web.tokens(cookie);
    if ((await web.post('revoke', { token: access })).status !== 200) return false;
    writes += 3;
    revoked.push({ access, at: performance.now() });
    return true;
  };
  const start = performance.now();
  const load = openLoop(RATE, { exchange, revocation });
  await pause(2_000);
  began = performance.now();
  const said = await provider.command('backup', file(), '--verify');
  ended = performance.now();
  await pause(1_000);
  const rate = writes / ((performance.now() - start) / 1_000);
  const { failed, slowest } = await load.stop();
  assert.deepEqual(failed, []);
  const took = Math.round(ended - began);
  t.diagnostic(`${Math.round(rate)} acknowledged writes/s; the backup took ${took} ms; the slowest request ${slowest} ms`);
  assert.ok(writes >= 100, `${writes} writes`);

  assert.equal(statSync(file()).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(provider.dir).filter((name) => name.startsWith('backup')), ['backup.db'], 'one file, and nothing beside it');
  assert.deepEqual([said.file, said.bytes, said.verified, said.issuer], [file(), statSync(file()).size, true, provider.issuer]);
  assert.match(said.migration, /^m\d{8}_\d{6}_/);
  assert.deepEqual([said.rows.clients, said.rows.users], [2, 3]);
  assert.match(said.master_key.fingerprint, /^[\w-]{43}$/);
  assert.equal(said.master_key.included, false);
  assert.ok(!readFileSync(file()).includes(readFileSync(join(provider.dir, 'keys/master.key'), 'utf8').trim()));

  const again = await run(provider.config, 'backup', file());
  assert.equal(again.code, 1);
  assert.match(again.stderr, /is there already/);
  assert.equal(statSync(file()).size, said.bytes);
});

test('a restore is refused where the server runs, with another master key, and of a file that was changed', async () => {
  const served = await run(provider.config, 'restore', file(), '--replace');
  assert.equal(served.code, 1);
  assert.match(served.stderr, /in use: stop `signbridge serve`/);
  assert.match((await run(provider.config, 'restore', file())).stderr, /--replace/);
  assert.equal(await active(redeemed.at(-1).access), true, 'the server goes on with its own');

  const other = another('other-key');
  const { fingerprint } = (await run(provider.config, 'backup', join(other.dir, 'copy.db'))).json().master_key;
  for (const spoil of [() => writeFileSync(other.key, randomBytes(32).toString('base64')), () => renameSync(other.key, `${other.key}.away`)]) {
    spoil();
    const { code, stderr } = await run(other.config, 'restore', file());
    assert.equal(code, 1);
    assert.ok(stderr.includes(fingerprint), stderr);
  }
  const foreign = another('other-issuer');
  writeFileSync(foreign.config, readFileSync(foreign.config, 'utf8').replace(/^issuer = .*$/m, 'issuer = "https://elsewhere.example"'));
  assert.match((await run(foreign.config, 'restore', file())).stderr, /another issuer/);

  const spoiled = another('spoiled');
  const whole = readFileSync(file());
  const noise = Buffer.from(whole);
  noise.fill(0x5a, 3 * PAGE, 4 * PAGE);
  for (const [what, content] of [['noise', noise], ['cut', whole.subarray(0, Math.floor(whole.length / PAGE / 2) * PAGE)], ['text', 'no database']]) {
    writeFileSync(join(spoiled.dir, 'spoiled.db'), content);
    const { code, stderr } = await run(spoiled.config, 'restore', join(spoiled.dir, 'spoiled.db'));
    assert.equal(code, 1, what);
    assert.match(stderr, /is damaged/, what);
  }
  for (const { dir } of [other, foreign, spoiled]) {
    assert.deepEqual(readdirSync(dir).filter((name) => name.startsWith('signbridge.db')), [], `${dir}: nothing was made`);
  }
  const postgres = another('postgres');
  writeFileSync(postgres.config, readFileSync(postgres.config, 'utf8').replace('sqlite:signbridge.db', 'postgres://bridge:hunter2@db.example:5433/people'));
  for (const [command, tool] of [['backup', /pg_dump .*--file=x\.dump --host=db\.example --port=5433 --username=bridge people$/m], ['restore', /pg_restore .* --dbname=people x\.dump$/m]]) {
    const { code, stderr } = await run(postgres.config, command, 'x.dump');
    assert.equal(code, 1);
    assert.match(stderr, tool);
    assert.ok(!stderr.includes('hunter2'));
  }
});

test('a server on the restored database has all that was acknowledged before the backup began, and nothing is used twice', async (t) => {
  const late = await web.tokens(cookie);
  await provider.end('SIGKILL');
  const place = another('restored');
  const said = (await run(place.config, 'restore', file())).json();
  assert.equal(said.former_database, null);
  assert.ok(said.ended.codes >= 1, JSON.stringify(said.ended));
  assert.equal(said.ended.token_families, 1);
  const first = { dir: provider.dir, config: provider.config };
  provider.config = place.config;
  await provider.start();
  useAgent();

  const before = redeemed.filter(({ at }) => at < began);
  const later = redeemed.filter(({ at }) => at > ended + 200);
  assert.ok(before.length > 50 && later.length > 10, `${before.length} before, ${later.length} later`);
  const problems = [];
  const hold = (holds, what) => { if (!holds) problems.push(what); };
  await each(before, 8, async ({ code, access, refresh }, at) => {
    hold(await active(access) === true, 'an access token is gone');
    if (at % 5 === 0) hold((await web.refresh(refresh)).status === 200, 'a refresh token is gone');
    hold(isRefused(await web.redeem(code)), 'a redeemed code came back to life');
  });
  await each(revoked.filter(({ at }) => at < began), 8, async ({ access }) => hold(await active(access) === false, 'a revocation is gone'));
  assert.deepEqual(problems, []);
  // The other way round: what came after the backup is not there.
  const kept = [];
  await each([...later, { access: late.access_token }], 8, async ({ access }) => { if (await active(access)) kept.push(access); });
  assert.deepEqual(kept, []);
  t.diagnostic(`${before.length} redemptions before the backup are there, ${later.length} after it are not`);

  // Nobody knows whether these were used since.
  assert.ok(isRefused(await web.redeem(unused)));
  assert.ok(isRefused(await native.refresh(chain)));
  assert.ok((await web.tokens(cookie)).id_token, 'the browser is signed in');
  const event = (await run(place.config, 'audit', 'list', '--kind', 'database')).json();
  assert.equal(event.kind, 'database.restored');
  assert.match(event.detail, /^as of \d{4}-\d\d-\d\dT/);

  // Back over the first database, which was killed and keeps what its log held.
  assert.equal(await provider.end(), 0);
  provider.config = first.config;
  const back = (await run(first.config, 'restore', file(), '--replace')).json();
  assert.match(back.former_database, /signbridge\.db\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
  await provider.start();
  useAgent();
  assert.equal(await active(late.access_token), false);
  assert.equal(await provider.end(), 0);
  const former = another('former');
  copyFileSync(back.former_database, join(former.dir, 'signbridge.db'));
  provider.config = former.config;
  await provider.start();
  useAgent();
  assert.equal(await active(late.access_token), true, 'the former database has what came after the backup');
});
