// `doctor` and `healthcheck`: each thing that can be wrong is made wrong, and the words are looked for; beside it stands a
// provider that is well.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BINARY, eventually } from './lib/demo.mjs';
import { copyDatabase, freshDatabase, runSql } from './lib/postgres.mjs';
import { prepare } from './lib/serve.mjs';

let provider; let good;
const servers = [];
// What is done to the file of a SQLite database.
const onFile = { skip: process.env.TEST_DATABASE === 'postgres' && 'it works on the file of a SQLite database' };

before(async () => {
  provider = await prepare();
  await provider.start();
  await provider.command('client', 'create', '--id', 'app', '--redirect-uri', 'https://app.test/callback');
  good = readFileSync(provider.config, 'utf8');
});
after(async () => {
  for (const server of servers) { server.closeAllConnections(); server.close(); }
  assert.equal(await provider.close(), 0);
});

/** Runs a command with a configuration of its own, beside the good one; answers what it printed and its exit code. */
async function run(words, text = good, env = {}) {
  const file = join(provider.dir, 'changed.toml');
  writeFileSync(file, text);
  const { BINARY_UNDER_TEST: _ours, ...own } = process.env;
  return new Promise((resolve) => {
    execFile(BINARY, [...words, '--config', file], { env: { ...own, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

/** The checks of `doctor`, and its exit code. */
async function doctor(text, env) {
  const { code, stdout } = await run(['doctor', '--format', 'json'], text, env);
  const report = JSON.parse(stdout);
  assert.equal(code, report.failed === 0 ? 0 : 1, stdout);
  assert.equal(report.ok, report.failed === 0);
  return report.checks;
}

/** That a check of this name has this outcome and these words, and says what to do. */
function has(checks, name, outcome, words) {
  const found = checks.find((check) => check.name === name && check.outcome === outcome && words.test(check.found));
  assert.ok(found, `no ${name} ${outcome} ${words} in ${JSON.stringify(checks, null, 1)}`);
  if (['warning', 'failed'].includes(outcome)) assert.ok(found.advice, `${name}: what to do is missing`);
  return found;
}

/** A configuration with another database. */
const withDatabase = (url) => good.replace(/^(\[database\]\nurl = )".*"/m, `$1"${url}"`);

/** A configuration whose database is a changed copy of the provider's. */
async function changed(sql) {
  if (provider.database) {
    const copy = await copyDatabase(provider.database);
    await runSql(copy, sql);
    return withDatabase(copy);
  }
  const copy = join(provider.dir, 'copy.db');
  execFileSync('python3', ['-c', `import sqlite3,sys
a=sqlite3.connect(sys.argv[1]);b=sqlite3.connect(sys.argv[2]);a.backup(b);b.execute(sys.argv[3]);b.commit()`, join(provider.dir, 'signbridge.db'), copy, sql]);
  chmodSync(copy, 0o600);
  return withDatabase('sqlite:copy.db');
}

async function serve(handler, options) {
  const server = options ? https.createServer(options, handler) : http.createServer(handler);
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return server.address().port;
}

test('a provider that is well passes, and nothing of it was changed', async () => {
  const checks = await doctor(good);
  for (const name of ['configuration', 'database', 'master key', 'signing keys', 'clients', 'secsign', 'thumbsignin', 'clock', 'server', 'issuer', 'management']) {
    has(checks, name, 'ok', /./);
  }
  has(checks, 'certificate', 'skipped', /plain http/);
  has(checks, 'proxy', 'skipped', /no proxy/);
  assert.deepEqual(checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning'), []);
  const { code, stdout } = await run(['doctor']);
  assert.equal(code, 0);
  assert.equal(stdout.trim().split('\n').length, checks.length, 'one line each');
});

test('healthcheck: one line and 0 when ready, one line and 1 when not', async () => {
  const ready = await run(['healthcheck']);
  assert.deepEqual([ready.code, ready.stdout, ready.stderr], [0, 'ready\n', '']);
  const silent = await serve(() => {});
  const stopping = await serve((_request, answer) => { answer.writeHead(503).end('stopping\n'); });
  for (const [port, words] of [[1, /not ready: /], [stopping, /not ready: stopping/], [silent, /not ready: .*within 3s/]]) {
    const began = performance.now();
    const broken = await run(['healthcheck'], good.replace(/management = ".*"/, `management = "127.0.0.1:${port}"`));
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, words);
    assert.equal(broken.stderr.trim().split('\n').length, 1);
    assert.ok(performance.now() - began < 10_000);
  }
});

test('healthcheck --format json: one object each time, with the parts of what is wrong with the configuration', async () => {
  const asked = async (text) => {
    const { code, stdout, stderr } = await run(['healthcheck', '--format', 'json'], text);
    return { code, stderr, said: JSON.parse(stdout) };
  };
  assert.deepEqual(await asked(good), { code: 0, stderr: '', said: { ready: true, detail: null, problems: [] } });
  const away = await asked(good.replace(/management = ".*"/, 'management = "127.0.0.1:1"'));
  assert.deepEqual([away.code, away.said.ready, away.said.problems], [1, false, []]);
  assert.match(away.said.detail, /^not ready: /);
  const broken = await asked(`${good}\n[login]\nunknwon = "refuse"\n`);
  assert.deepEqual([broken.code, broken.said.ready, broken.said.problems.length], [2, false, 1]);
  assert.equal(broken.said.problems[0].key, 'login.unknwon');
  assert.match(broken.stderr, /unknwon/);
  const checked = await run(['config', 'check', '--format', 'json'], `${good}\n[login]\nunknwon = "refuse"\n`);
  assert.deepEqual(JSON.parse(checked.stdout).problems, broken.said.problems);
});

test('the configuration: every problem, and nothing else is looked at', async () => {
  const checks = await doctor(`${good}\n[login]\nunknwon = "refuse"\n`);
  has(checks, 'configuration', 'failed', /unknwon/);
  has(checks, 'everything else', 'skipped', /no configuration/);
});

test('the file of a database: missing, something else', onFile, async () => {
  has(await doctor(withDatabase('sqlite:none.db')), 'database', 'warning', /is not there/);
  assert.ok(!existsSync(join(provider.dir, 'none.db')), 'doctor makes no file');
  writeFileSync(join(provider.dir, 'garbage.db'), 'this is no database, and it is long enough to be seen as none'.repeat(100), { mode: 0o600 });
  has(await doctor(withDatabase('sqlite:garbage.db')), 'database', 'failed', /SQLite/);
});

/** The address of a database with nothing in it. */
async function emptyDatabase() {
  if (provider.database) return freshDatabase(undefined, 'empty');
  writeFileSync(join(provider.dir, 'empty.db'), '', { mode: 0o600 });
  return 'sqlite:empty.db';
}

test('the database: of a newer program, not migrated, not reachable', async () => {
  const newer = await doctor(await changed("insert into seaql_migrations (version, applied_at) values ('m29991231_000001_future', 0)"));
  assert.match(has(newer, 'database', 'failed', /newer/).advice, /newer program/);
  const empty = await doctor(withDatabase(await emptyDatabase()));
  assert.match(has(empty, 'database', 'failed', /migrat/i).advice, /signbridge migrate/);
  has(empty, 'clients', 'skipped', /database/);
  const away = withDatabase('postgres://a:canary-password@127.0.0.1:1/x');
  has(await doctor(away), 'database', 'failed', /PostgreSQL at 127\.0\.0\.1:1, database x: .*refused/);
  const { stdout } = await run(['doctor'], away);
  assert.ok(!stdout.includes('canary-password'));
  const listed = await run(['client', 'list'], away);
  assert.match(listed.stderr, /PostgreSQL at 127\.0\.0\.1:1, database x: .*refused/);
  assert.ok(!listed.stderr.includes('canary-password'));
  const shown = await run(['config', 'show'], away);
  assert.ok(shown.stdout.includes('postgres://a:(secret)@127.0.0.1:1/x'), shown.stdout);
});

test('a database that others can read', onFile, async () => {
  const path = join(provider.dir, 'signbridge.db');
  chmodSync(path, 0o644);
  try { has(await doctor(good), 'database', 'warning', /0644/); } finally { chmodSync(path, 0o600); }
});

test('the master key: readable by others, garbled, missing, of another database', async () => {
  const path = join(provider.dir, 'keys', 'master.key');
  const kept = `${path}.kept`;
  copyFileSync(path, kept);
  try {
    chmodSync(path, 0o644);
    has(await doctor(good), 'master key', 'failed', /mode 0644/);
    chmodSync(path, 0o600);
    writeFileSync(path, 'no key');
    has(await doctor(good), 'master key', 'failed', /does not hold a master key/);
    writeFileSync(path, Buffer.alloc(32, 7).toString('base64'));
    const other = await doctor(good);
    has(other, 'master key', 'failed', /not the key of this database/);
    has(other, 'signing keys', 'skipped', /master key/);
    renameSync(path, `${path}.away`);
    has(await doctor(good), 'master key', 'failed', /master\.key/);
    assert.ok(!existsSync(path), 'doctor makes no key');
  } finally {
    renameSync(kept, path);
    chmodSync(path, 0o600);
  }
});

test('signing keys: a next key that is missing, a row that was altered, none yet', async () => {
  has(await doctor(await changed('select 1')), 'signing keys', 'ok', /next/);
  has(await doctor(await changed("delete from signing_keys where state = 'next' and alg = 'RS256'")), 'signing keys', 'failed', /RS256/);
  has(await doctor(await changed("update signing_keys set sealed_private = 'AAAA' where state = 'active' and alg = 'ES256'")), 'signing keys', 'failed', /cannot be read/);
  has(await doctor(await changed('delete from signing_keys')), 'signing keys', 'warning', /none yet/);
  has(await doctor(await changed('delete from clients')), 'clients', 'warning', /no app/);
});

test('phone services: unreachable, wrong secret, something else at the address, a clock that is wrong', async () => {
  const upstream = provider.upstream.upstream_url;
  const nobody = await doctor(good.replaceAll(upstream, 'http://127.0.0.1:1'));
  has(nobody, 'secsign', 'failed', /no connection/);
  has(nobody, 'thumbsignin', 'failed', /no connection/);
  has(nobody, 'clock', 'skipped', /what time/);
  const wrong = await doctor(good.replace(provider.upstream.secret, 'another-secret'));
  has(wrong, 'thumbsignin', 'failed', /401/);
  has(wrong, 'secsign', 'ok', /./);
  const website = await serve((_request, answer) => { answer.end('<html>'); });
  const elsewhere = await doctor(good.replaceAll(upstream, `http://127.0.0.1:${website}`));
  has(elsewhere, 'secsign', 'failed', /./);
  has(elsewhere, 'thumbsignin', 'failed', /not in the words/);
  for (const [seconds, outcome] of [[20, 'warning'], [3600, 'failed']]) {
    const late = await serve((_request, answer) => {
      answer.setHeader('date', new Date(Date.now() - seconds * 1000).toUTCString());
      answer.end('error=400&errormsg=no such session');
    });
    const checks = await doctor(good.replace(`url = "${upstream}"`, `url = "http://127.0.0.1:${late}"`));
    has(checks, 'clock', outcome, new RegExp(`${String(seconds).slice(0, -1)}\\d s apart|${seconds - 1} s apart|${seconds} s apart`));
    has(checks, 'secsign', 'ok', /./);
  }
  const busy = await serve((_request, answer) => { answer.writeHead(503).end(); });
  has(await doctor(good.replaceAll(upstream, `http://127.0.0.1:${busy}`)), 'secsign', 'failed', /503/);
  assert.ok((await provider.phone.requests()).every(({ operation }) => operation !== 'create' && operation !== 'authenticate'), 'no phone was asked');
});

test('the server: not running, not ours, its management pages open to the public', async () => {
  const away = await doctor(good.replace(/management = ".*"/, 'management = "127.0.0.1:1"'));
  has(away, 'server', 'skipped', /nothing answers/);
  has(away, 'issuer', 'skipped', /does not run/);
  has(await doctor(good.replace(provider.issuer, 'http://localhost:1')), 'issuer', 'failed', /cannot be reached/);
  const website = await serve((_request, answer) => { answer.end('<html>'); });
  has(await doctor(good.replace(provider.issuer, `http://localhost:${website}`)), 'issuer', 'failed', /something else answers/);
  has(await doctor(good.replace(/management = "127.0.0.1:(\d+)"/, 'management = "0.0.0.0:$1"')), 'management', 'warning', /other machines/);
  const open = await serve((request, answer) => {
    if (request.url === '/metrics') answer.end('signbridge_build_info{version="x"} 1\n');
    else answer.end(JSON.stringify({ issuer: `http://localhost:${open}` }));
  });
  has(await doctor(good.replace(provider.issuer, `http://localhost:${open}`)), 'management', 'failed', /read by everybody/);
  const stopping = await serve((_request, answer) => { answer.writeHead(503).end('stopping\n'); });
  has(await doctor(good.replace(/management = ".*"/, `management = "127.0.0.1:${stopping}"`)), 'server', 'failed', /not ready: stopping/);
});

test('the proxy: keeps Host and appends the address, or it is said what it does instead', async (t) => {
  // The running server answers for its own issuer only: the proxy stands at another port and writes that Host, or not.
  const target = new URL(provider.issuer);
  const proxy = (change) => serve((request, answer) => {
    const { localPort } = request.socket;
    const headers = { ...request.headers, host: target.host };
    change(headers);
    http.get({ host: '127.0.0.1', port: target.port, path: request.url, headers, agent: false }, async (found) => {
      const { 'content-length': _length, ...kept } = found.headers;
      answer.writeHead(found.statusCode, kept);
      let body = '';
      for await (const chunk of found) body += chunk;
      answer.end(body.replaceAll(provider.issuer, `http://localhost:${localPort}`));
    });
  });
  const through = (port, trusted = '127.0.0.1/32') => `trusted_proxies = ["${trusted}"]\n${good.replace(provider.issuer, `http://localhost:${port}`)}`;
  const append = (headers) => { headers['x-forwarded-for'] += ', 127.0.0.1'; };
  // The file was changed, and the server that runs does not know it yet.
  has(await doctor(through(await proxy(append))), 'proxy', 'failed', /takes this visit to come from 127\.0\.0\.1/);
  const restart = async (text) => {
    writeFileSync(provider.config, text);
    assert.equal(await provider.end(), 0);
    await provider.start();
  };
  await restart(`trusted_proxies = ["127.0.0.1/32"]\n${good}`);
  t.after(() => restart(good));
  has(await doctor(through(await proxy(append))), 'proxy', 'ok', /keeps Host/);
  has(await doctor(through(await proxy((headers) => { headers['x-forwarded-for'] += ', 127.0.0.1:51812'; }))), 'proxy', 'ok', /keeps Host/);
  const untrusted = has(await doctor(through(await proxy(append), '10.0.0.0/8')), 'proxy', 'failed', /not in trusted_proxies/);
  assert.match(untrusted.advice, /"127\.0\.0\.1\/32"/);
  has(await doctor(through(await proxy((headers) => { headers['x-forwarded-for'] += ', unknown'; }))), 'proxy', 'failed', /cannot be read/);
  has(await doctor(through(await proxy(() => {}))), 'proxy', 'failed', /anybody can claim/);
  has(await doctor(through(await proxy((headers) => { delete headers['x-forwarded-for']; }))), 'proxy', 'failed', /does not say where/);
  has(await doctor(through(await proxy((headers) => { headers.host = 'internal:8080'; }))), 'issuer', 'failed', /replaces the Host header/);
  has(await doctor(through(await proxy((headers) => { delete headers['signbridge-doctor']; }))), 'proxy', 'skipped', /did not say/);
  // Nobody else learns how a request came: the question needs the master key.
  for (const question of ['1.x', `${Math.floor(Date.now() / 1000)}.${'A'.repeat(43)}`, '']) {
    const answer = await fetch(`${provider.issuer}/jwks`, { headers: { 'signbridge-doctor': question } });
    assert.equal(answer.headers.get('signbridge-doctor'), null);
  }
});

test('the certificate: trusted and long enough, about to end, not trusted', async (t) => {
  const at = (name) => join(provider.dir, name);
  const openssl = (...words) => execFileSync('openssl', words, { stdio: 'ignore' });
  const newKey = (file) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(file)];
  const make = (days) => {
    openssl('req', '-x509', ...newKey('ca.key'), '-days', '100', '-subj', '/CN=Test authority', '-out', at('ca.crt'));
    openssl('req', '-x509', ...newKey('tls.key'), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-days', String(days), '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE', '-out', at('tls.crt'));
  };
  try { make(90); } catch (error) { t.skip(`SKIPPED: openssl cannot make certificates here (${error.message})`); return; }
  const configured = async (trust) => {
    const port = await serve((request, answer) => {
      answer.end(JSON.stringify({ issuer: `https://localhost:${request.socket.localPort}` }));
    }, { key: readFileSync(at('tls.key')), cert: readFileSync(at('tls.crt')) });
    const outbound = trust ? '\n[outbound]\nca_file = "ca.crt"\n' : '';
    return good.replace(provider.issuer, `https://localhost:${port}`) + outbound;
  };
  has(await doctor(await configured(true)), 'certificate', 'ok', /good for (89|90) days/);
  has(await doctor(await configured(false)), 'issuer', 'failed', /cannot be reached/);
  make(5);
  has(await doctor(await configured(true)), 'certificate', 'warning', /ends in [45] days/);
});

test('redirect URIs that are not plausible', async () => {
  const odd = { plain: 'http://intranet.test/cb', visitor: 'http://localhost:3000/cb', copied: 'https://app.example.com/cb' };
  for (const [id, uri] of Object.entries(odd)) {
    await provider.command('client', 'create', '--id', id, '--redirect-uri', uri, '--application-type', 'web').catch((error) => {
      // What the program refuses to register cannot be found later.
      assert.match(error.stderr, /redirect/, id);
      delete odd[id];
    });
  }
  const checks = await doctor(good);
  const words = { plain: /plain http/, visitor: /own machine/, copied: /example/ };
  assert.ok(Object.keys(odd).includes('copied'));
  for (const id of Object.keys(odd)) {
    has(checks, 'clients', 'warning', new RegExp(`^${id}: .*${words[id].source}`));
  }
});

test('A3: a request that was refused: whose, what came, what is registered, and what to do', async () => {
  const query = new URLSearchParams({ client_id: 'app', redirect_uri: 'https://app.test/callback/', response_type: 'code', scope: 'openid' });
  assert.equal((await fetch(`${provider.issuer}/authorize?${query}`, { redirect: 'manual' })).status, 400);
  const checks = await eventually('the check', async () => {
    const found = await doctor(good);
    return found.some(({ name }) => name === 'refused requests') && found;
  });
  const words = /^app: .*got https:\/\/app\.test\/callback\/ – registered is https:\/\/app\.test\/callback; they differ in the slash at the end/;
  assert.match(has(checks, 'refused requests', 'warning', words).advice, /signbridge client check app/);
});
