// Migrations as operators meet them, on both engines: several programs at once, killed half-way, checked without a change, two
// releases side by side. `--full` (in the environment: `KILLS=200`) kills fifty migrations instead of eight.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { BINARY } from './lib/demo.mjs';
import { Postgres, freshDatabase } from './lib/postgres.mjs';
import { configure, pause, request } from './lib/serve.mjs';

const execute = promisify(execFile);
const ROUNDS = process.env.KILLS ? 50 : 8;

let server, dir;
before(async () => {
  server = await Postgres.start();
  dir = await mkdtemp(join(tmpdir(), 'migrations-'));
});
after(async () => {
  await rm(dir, { recursive: true, force: true });
  await server?.stop();
});

const upstream = { upstream_url: 'http://127.0.0.1:9', phone_url: 'http://127.0.0.1:9', app_id: 'a'.repeat(32), secret: 's' };
let names = 0;

/** A provider on a new database; several on the same one where `like` is given. */
async function provider(engine, like) {
  names += 1;
  const database = like?.database ?? (engine === 'postgres' ? await freshDatabase(server.url) : `sqlite:${join(dir, `db${names}`)}`);
  return configure({ dir, upstream, database, issuer: like?.issuer, name: `p${names}` });
}

/** Runs `migrate`; answers its exit code, and what it printed. */
const migrate = (node, ...words) => execute(BINARY, ['migrate', ...words, '--config', node.config, '--format', 'json'])
  .then(({ stdout }) => ({ code: 0, ...JSON.parse(stdout) }))
  .catch((error) => ({ code: error.code, stderr: error.stderr, ...(error.stdout && JSON.parse(error.stdout)) }));

for (const engine of ['sqlite', 'postgres']) {
  test(`${engine}: --check lists what is missing, fails, and changes nothing`, async () => {
    const node = await provider(engine);
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = await migrate(node, '--check');
      assert.equal(answer.code, 1);
      assert.equal(answer.up_to_date, false);
      assert.ok(answer.pending.length >= 8 && answer.unknown.length === 0, JSON.stringify(answer));
      assert.match(answer.stderr, /lacks the migrations/);
    }
    if (engine === 'sqlite') assert.equal(existsSync(node.database.slice('sqlite:'.length)), false);
    else assert.equal(await server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", new URL(node.database).pathname.slice(1)), '0');
    assert.equal((await migrate(node)).code, 0);
    const { code, pending } = await migrate(node, '--check');
    assert.deepEqual([code, pending], [0, []]);
  });

  test(`${engine}: six programs at once on an empty database: all succeed`, async () => {
    const first = await provider(engine);
    const others = [await provider(engine, first), await provider(engine, first)];
    const outcomes = await Promise.all([
      migrate(first), migrate(first), migrate(first),
      first.start(), ...others.map((other) => other.start()),
    ]);
    assert.deepEqual(outcomes.slice(0, 3).map(({ code }) => code), [0, 0, 0], JSON.stringify(outcomes));
    // One key of each kind was made, and all know it.
    const keys = await Promise.all([first, ...others].map(async (node) => (
      await request('GET', `${node.origin}/jwks`, { headers: { host: new URL(node.issuer).host } })).json().keys.map(({ kid }) => kid)));
    assert.deepEqual(new Set(keys.map(String)).size, 1);
    for (const node of [first, ...others]) assert.equal(await node.end(), 0);
  });

  test(`${engine}: killed ${ROUNDS} times while it migrates: the old schema or the new one, and the next run completes`, async (t) => {
    const whole = await provider(engine);
    const began = performance.now();
    await migrate(whole);
    const usual = performance.now() - began;
    const seen = { old: 0, new: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      const node = await provider(engine);
      const child = spawn(BINARY, ['migrate', '--config', node.config], { stdio: 'ignore' });
      const gone = once(child, 'exit');
      await pause(usual * (round + Math.random()) / ROUNDS);
      child.kill('SIGKILL');
      await gone;
      const { pending, unknown } = await migrate(node, '--check');
      const all = (await migrate(whole, '--check')).pending.length;
      assert.equal(all, 0);
      seen[pending.length === 0 ? 'new' : 'old'] += 1;
      assert.ok(pending.length === 0 || pending.length >= 8, `between: ${pending}`);
      assert.deepEqual(unknown, []);
      assert.equal((await migrate(node)).code, 0);
      assert.equal((await migrate(node, '--check')).code, 0);
    }
    t.diagnostic(`${seen.old} times old, ${seen.new} times new; a migration takes ${Math.round(usual)} ms`);
  });
}

test('two releases side by side: a migration of the next one that serves this one does not keep it from starting', async () => {
  const node = await provider('postgres');
  await node.start();
  const name = new URL(node.database).pathname.slice(1);
  const sql = (statement) => server.sql(statement, name);
  const latest = await sql('SELECT max(version) FROM seaql_migrations');
  // What the next release does: a new table, a nullable column, and the word that this one can live with both.
  const future = 'm29990101_000001_future';
  await sql('CREATE TABLE novelties (id TEXT PRIMARY KEY); ALTER TABLE clients ADD COLUMN novelty TEXT;'
    + `INSERT INTO seaql_migrations (version, applied_at) VALUES ('${future}', 0);`
    + `INSERT INTO schema_compatibility VALUES ('${future}', '${latest}')`);
  const create = (id) => node.command('client', 'create', '--id', id, '--name', id, '--redirect-uri', 'https://app.example/cb');
  await create('running');
  assert.equal(await node.end(), 0);
  await node.start();
  await create('restarted');
  const checked = await migrate(node, '--check');
  assert.deepEqual([checked.code, checked.newer, checked.unknown], [0, [future], []]);
  assert.equal(await node.end(), 0);

  // The release after that contracts: programs that do not know it are shut out.
  await sql(`UPDATE schema_compatibility SET compatible_since = '${future}' WHERE migration = '${future}'`);
  await assert.rejects(node.start(), /was upgraded by a newer Signbridge/);
  const refused = await migrate(node, '--check');
  assert.deepEqual([refused.code, refused.unknown], [1, [future]]);
});

test('the database of the release before is taken over: its people, its clients and their tokens', async () => {
  const node = await provider('postgres');
  await migrate(node);
  const rows = await readFile(new URL('../../src/store/tests/rows_of_77ee0d4.sql', import.meta.url), 'utf8');
  const name = new URL(node.database).pathname.slice(1);
  await server.sql(rows, name);
  // What was issued then has run out by now.
  const never = 4102444800000;
  await server.sql(`UPDATE refresh_tokens SET expires_at = ${never}; UPDATE grants SET expires_at = ${never}`, name);
  await node.start();
  const client = { client_id: 'web', client_secret: '1Mq7_c2M9C7e1mD6W88TYpw4DRjw6ukT_9uZj-UPPtg' };
  const post = (path, form) => request('POST', `${node.origin}/${path}`, { headers: { host: new URL(node.issuer).host }, form: { ...client, ...form } });
  const refreshed = await post('token', { grant_type: 'refresh_token', refresh_token: 'anZS33UEnwPUFWH6xzeVgh8DpuMh13kZkeZUTya73hg' });
  assert.equal(refreshed.status, 200, refreshed.text);
  const described = (await post('introspect', { token: refreshed.json().access_token })).json();
  assert.deepEqual([described.active, described.username, described.acr], [true, 'alice', 'urn:signbridge:acr:matched']);
  // Written back by this program, and by one that knows less: what a newer one added stays.
  const noted = `UPDATE clients SET metadata = replace(metadata, '{"client_name"', '{"tos_uri":"https://app.example/tos","client_name"') WHERE id = 'web'`;
  await server.sql(noted, name);
  await node.command('client', 'update', 'web', '--name', 'Renamed');
  const metadata = JSON.parse(await server.sql("SELECT metadata FROM clients WHERE id = 'web'", name));
  assert.deepEqual([metadata.client_name, metadata.tos_uri], ['Renamed', 'https://app.example/tos']);
  assert.equal((await node.command('client', 'list')).length, 2);
  assert.equal(await node.end(), 0);
});

// `OLDER_BINARY` is the program of the release before, where somebody has it.
test('a node of the release before goes on beside this one, on the database that this one migrated', { skip: !process.env.OLDER_BINARY }, async () => {
  const first = await provider('postgres');
  await execute(process.env.OLDER_BINARY, ['migrate', '--config', first.config]);
  const second = await provider('postgres', first);
  await second.start();
  const older = spawn(process.env.OLDER_BINARY, ['serve', '--config', first.config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  older.stderr.on('data', (chunk) => { log += chunk; });
  try {
    const host = new URL(first.issuer).host;
    const serves = (node) => request('GET', `${node.origin}/jwks`, { headers: { host } }).then(({ status }) => status === 200, () => false);
    for (let tries = 0; !await serves(first); tries += 1) {
      assert.ok(older.exitCode === null && tries < 200, log);
      await pause(100);
    }
    await second.command('client', 'create', '--id', 'web', '--redirect-uri', 'https://app.example/cb');
    for (const node of [first, second]) {
      const query = new URLSearchParams({ client_id: 'web', redirect_uri: 'https://app.example/cb', response_type: 'code', scope: 'openid', prompt: 'none', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' });
      const answer = await request('GET', `${node.origin}/authorize?${query}`, { headers: { host } });
      assert.match(answer.location ?? answer.text, /error=login_required/);
    }
  } finally {
    older.kill('SIGTERM');
    await once(older, 'exit');
    assert.equal(await second.end(), 0);
  }
});
