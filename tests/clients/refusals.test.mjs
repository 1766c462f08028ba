// Wherever `serve` would refuse to start, `doctor` fails and says what to do: each broken set-up is given to both.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { BINARY } from './lib/demo.mjs';
import { prepare } from './lib/serve.mjs';

const { BINARY_UNDER_TEST: _ours, ...env } = process.env;
const PAGE = 4096;
/** How many pages get noise, each in a file of its own. */
const PAGES = process.env.REFUSALS === 'full' ? Infinity : 10;
let provider; let good; let root;
before(async () => {
  provider = await prepare({ database: 'sqlite:signbridge.db' });
  await provider.start();
  await provider.command('client', 'create', '--id', 'app', '--redirect-uri', 'https://app.test/callback');
  await provider.command('user', 'create', '--username', 'taken', '--secsignid', 'taken');
  assert.equal(await provider.end(), 0);
  good = readFileSync(provider.config, 'utf8');
  root = mkdtempSync(join(tmpdir(), 'refusals-'));
});
after(async () => {
  assert.equal(await provider.close(), 0);
  rmSync(root, { recursive: true });
});

/** A copy of the provider, broken by `spoil`. */
let copies = 0;
async function copy(spoil) {
  copies += 1;
  const dir = join(root, `copy-${copies}`);
  cpSync(provider.dir, dir, { recursive: true });
  const at = {
    dir, text: good, env: {}, file: (...names) => join(dir, ...names), undo: () => {},
    set(from, to) { assert.match(this.text, from); this.text = this.text.replace(from, to); },
  };
  await spoil(at);
  writeFileSync(at.file('signbridge.toml'), at.text);
  return at;
}

/** What came of `serve`: its exit code, or 'runs', and what it wrote. */
async function serve(at) {
  const child = spawn(BINARY, ['serve', '--config', at.file('signbridge.toml')], { env: { ...env, ...at.env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const gone = once(child, 'close');
  let runs = false;
  child.stderr.on('data', (chunk) => {
    said += chunk;
    if (said.includes('"message":"ready"') && !runs) { runs = true; child.kill('SIGTERM'); }
  });
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const [code] = await gone;
  clearTimeout(late);
  return { outcome: runs ? 'runs' : code, said };
}

function doctor(at) {
  return new Promise((resolve) => {
    execFile(BINARY, ['doctor', '--config', at.file('signbridge.toml'), '--format', 'json'], { env: { ...env, ...at.env } }, (error, stdout) => {
      resolve({ code: error ? error.code : 0, failed: JSON.parse(stdout).checks.filter(({ outcome }) => outcome === 'failed') });
    });
  });
}

function noise(file, page) {
  const open = openSync(file, 'r+');
  writeSync(open, randomBytes(PAGE), 0, PAGE, page * PAGE);
  closeSync(open);
}

const sql = (at, statement) => execFileSync('python3', ['-c', 'import sqlite3,sys\nc=sqlite3.connect(sys.argv[1]);c.execute(sys.argv[2]);c.commit();c.close()', at.file('signbridge.db'), statement]);

async function other(at, key, server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  at.set(new RegExp(`^${key} = ".*"`, 'm'), `${key} = "127.0.0.1:${server.address().port}"`);
  at.undo = () => { server.closeAllConnections?.(); server.close(); };
}

const key = (at) => at.file('keys', 'master.key');
const website = () => http.createServer((_request, answer) => { answer.writeHead(404).end('{not_found}'); });
const silent = () => createServer((socket) => { socket.on('error', () => {}); });

/** (what is broken, how, words of doctor's finding or advice) */
const BROKEN = [
  ['the configuration', (at) => { at.text += '\n[login]\nunknwon = "refuse"\n'; }, /unknwon/],
  ['the issuer is another one', (at) => at.set(/^issuer = ".*"/m, 'issuer = "http://localhost:9"'), /belongs to the issuer/],
  ['the directory of the database is missing', (at) => at.set(/sqlite:signbridge\.db/, 'sqlite:none/x.db'), /no file can be made in .*none/],
  ['the directory of the database takes no files', (at) => at.set(/sqlite:signbridge\.db/, 'sqlite:/proc/x.db'), /no file can be made in \/proc/],
  ['the database is garbage', (at) => writeFileSync(at.file('signbridge.db'), 'this is no database, and long enough to be seen as none'.repeat(300)), /restore the file from a backup/],
  ['the database is cut', (at) => truncateSync(at.file('signbridge.db'), Math.floor(statSync(at.file('signbridge.db')).size / PAGE / 2) * PAGE), /restore the file from a backup/],
  ['the database is of a newer program', (at) => sql(at, "insert into seaql_migrations (version, applied_at) values ('m29991231_000001_future', 0)"), /newer program/],
  ['the master key is missing', (at) => renameSync(key(at), at.file('elsewhere')), /master\.key.*restore it from the backup/s],
  ['the directory of keys is missing', (at) => rmSync(at.file('keys'), { recursive: true }), /restore it from the backup/],
  ['the master key is another one', (at) => writeFileSync(key(at), randomBytes(32).toString('base64')), /restore it from the backup/],
  ['the master key can be read by others', (at) => chmodSync(key(at), 0o644), /chmod 600/],
  ['the master key is garbled', (at) => writeFileSync(key(at), 'no key'), /does not hold a master key/],
  ['everybody can replace the master key', (at) => chmodSync(at.file('keys'), 0o777), /chmod 700/],
  ['the named file of the master key is missing', (at) => { at.env.SIGNBRIDGE_MASTER_KEY_FILE = at.file('nowhere'); at.set(/sqlite:signbridge\.db/, 'sqlite:new.db'); }, /nowhere/],
  ['no key can be made', (at) => { at.set(/sqlite:signbridge\.db/, 'sqlite:new.db'); at.set(/keys_dir = ".*"/, 'keys_dir = "/proc/keys"'); }, /no key can be made in \/proc\/keys/],
  ['a signing key was altered', (at) => sql(at, "update signing_keys set sealed_private = 'AAAA' where state = 'active' and alg = 'ES256'"), /cannot be read/],
  ['another program has the port of the provider', (at) => other(at, 'address', website()), /cannot listen on .*listen\.address/],
  ['another program has the port of management', (at) => other(at, 'management', website()), /another program answers/],
  ['a program that says nothing has the port of management', (at) => other(at, 'management', silent()), /cannot listen on .*listen\.management/],
  ['the certificate is none', (at) => at.set(/^\[listen\]/m, '[listen]\ntls_cert = "keys/master.key"\ntls_key = "keys/master.key"'), /tls_cert/],
  ['the authority of SecSign is none', (at) => at.set(/^\[secsign\]/m, '[secsign]\nca_file = "keys/master.key"'), /secsign\.ca_file/],
  ['the authority of clients is none', (at) => { at.text += '\n[outbound]\nca_file = "keys/master.key"\n'; }, /outbound\.ca_file/],
  ['a declared phone belongs to somebody else', (at) => { at.text += '\n[[user]]\nusername = "new"\nsecsignid = "taken"\n'; }, /taken/],
];

test('control: a copy that nothing was done to runs, and doctor finds nothing that fails', async () => {
  const at = await copy(() => {});
  assert.deepEqual(await doctor(at), { code: 0, failed: [] });
  const { outcome, said } = await serve(at);
  assert.equal(outcome, 'runs', said);
});

for (const [what, spoil, words] of BROKEN) {
  test(`${what}: serve refuses, doctor fails, and says what to do`, async () => {
    const at = await copy(spoil);
    try {
      const before_ = existsSync(key(at));
      const examined = await doctor(at);
      const started = await serve(at);
      assert.ok(![0, 'runs', null].includes(started.outcome), `serve: ${started.outcome}\n${started.said}`);
      assert.match(started.said, /signbridge: /);
      assert.equal(examined.code, 1, started.said);
      const found = examined.failed.map((check) => `${check.found} → ${check.advice}`).join('\n');
      assert.match(found, words);
      assert.ok(examined.failed.every(({ advice }) => advice), found);
      assert.equal(existsSync(key(at)), before_, 'A7: no master key is made for a database that belongs to another');
    } finally { at.undo(); }
  });
}

test('A7: what a start says of a missing or wrong master key names the file and what to do', async () => {
  for (const spoil of [(at) => rmSync(key(at)), (at) => writeFileSync(key(at), randomBytes(32).toString('base64'))]) {
    const at = await copy(spoil);
    const { said } = await serve(at);
    assert.ok(said.includes(key(at)), said);
    assert.match(said, /restore it from the backup/);
    if (existsSync(key(at))) assert.match(said, /\(fingerprint \S+\) is not the master key of this database \(fingerprint \S+\)/);
  }
});

test('W19: whole pages of noise are found at a start, wherever they are', async (t) => {
  const pages = statSync(join(provider.dir, 'signbridge.db')).size / PAGE;
  const step = Math.max(1, Math.floor(pages / PAGES));
  const missed = [];
  let looked = 0;
  for (let page = 0; page < pages; page += step) {
    const at = await copy((broken) => noise(broken.file('signbridge.db'), page));
    const { outcome, said } = await serve(at);
    looked += 1;
    if (outcome === 'runs' || !/restore it from a backup/.test(said)) missed.push(`page ${page}: ${outcome} ${said.slice(0, 300)}`);
    if (looked % 5 === 0) assert.equal((await doctor(at)).code, 1);
    rmSync(at.dir, { recursive: true });
  }
  t.diagnostic(`${looked} of ${pages} pages, ${missed.length} not found`);
  assert.deepEqual(missed, []);
});
