// PostgreSQL as it fails: killed and started again under load, hung, an answer that is lost on the way, TLS. `--full` (in the
// environment: `OUTAGES=20`) kills it twenty times instead of twice.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { settle } from './lib/apps.mjs';
import { BINARY, eventually } from './lib/demo.mjs';
import { Ledger, Refused, Witness, nothing } from './lib/ledger.mjs';
import { openLoop } from './lib/load.mjs';
import { Postgres, freshDatabase } from './lib/postgres.mjs';
import { pause, pkce, pool, prepare, request } from './lib/serve.mjs';

const OUTAGES = Number(process.env.OUTAGES || 2);
const HEALED_WITHIN = 5_000;
const execute = promisify(execFile);

let server, wire, provider, web, witness, cookie, agent;

/** A cable between the provider and the server that can be cut at the worst moment. */
class Wire {
  /** What happens to the next COMMIT: `answer` loses what the server says to it, `request` loses it itself. */
  cut;

  constructor(port) {
    this.server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      const ends = [client, upstream];
      for (const end of ends) end.on('error', () => ends.forEach((other) => other.destroy()));
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
      let deaf = false;
      client.on('data', (chunk) => {
        if (this.cut && chunk.includes('COMMIT\0')) {
          const how = this.cut;
          this.cut = undefined;
          if (how === 'request') {
            client.destroy();
            return;
          }
          deaf = true;
        }
        upstream.write(chunk);
      });
      upstream.on('data', (chunk) => { if (deaf) client.destroy(); else client.write(chunk); });
    });
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this.server.address().port;
  }
}

before(async () => {
  server = await Postgres.start({ durable: true });
  wire = new Wire(server.port);
  const port = await wire.listen();
  const database = (await freshDatabase(server.url)).replace(`:${server.port}/`, `:${port}/`);
  provider = await prepare({ database, sections: { lifetimes: 'refresh_grace = "1m"' } });
  await provider.start();
  agent = pool(100);
  let native;
  ({ web, native, cookie } = await settle(provider, agent));
  witness = new Witness(provider, web, native, cookie);
});

after(async () => {
  agent?.destroy();
  const code = await provider?.close();
  wire?.server.close();
  await server?.stop();
  assert.equal(code, 0);
});

const rows = async (table) => Number(await server.sql(`SELECT count(*) FROM ${table}`, new URL(provider.database).pathname.slice(1)));

for (const [cut, what] of [['answer', 'the answer to a COMMIT'], ['request', 'a COMMIT itself']]) {
  test(`${what} is lost: the app hears what happened, and it happened once`, async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const code = await web.code(cookie);
      const grants = await rows('grants');
      wire.cut = cut;
      const answer = await web.redeem(code);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(wire.cut, undefined, 'the cable was cut');
      assert.equal(await rows('grants'), grants + 1);
      const again = await web.redeem(code);
      assert.equal(again.status, 400, again.text);
    }
  });
}

test('every connection is cut while nobody asks: the next request does not notice', async () => {
  await web.tokens(cookie);
  // Waits until they are gone.
  const cut = await server.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'signbridge'");
  // f: one that had just ended by itself.
  assert.match(cut, /^t$/m);
  assert.equal((await web.redeem(await web.code(cookie))).status, 200);
});

test('tests beside PostgreSQL fail when the program does not use it, although each of them passes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ignores-'));
  const deaf = join(dir, 'signbridge');
  await writeFile(deaf, `#!/bin/sh\nunset SIGNBRIDGE_DATABASE__URL\nexec '${BINARY}' "$@"\n`, { mode: 0o755 });
  const words = ['lib/postgres.mjs', process.execPath, '--test', '--test-reporter=tap', '--test-name-pattern=hosts that are not ours',
    'security-requests.test.mjs'];
  // It is a runner of its own, not a part of this one.
  const { NODE_TEST_CONTEXT: _inner, ...env } = process.env;
  const run = (binary) => execute(process.execPath, words, { cwd: import.meta.dirname, env: { ...env, BINARY_UNDER_TEST: binary } })
    .then((said) => ({ code: 0, ...said }), (error) => error);
  try {
    const honest = await run(BINARY);
    assert.match(honest.stdout, /^# pass 1$/m, honest.stderr);
    assert.deepEqual([honest.code, /each holds their tables/.test(honest.stderr)], [0, true], honest.stderr);
    const ignorant = await run(deaf);
    assert.match(ignorant.stdout, /^# pass 1\n# fail 0$/m);
    assert.equal(ignorant.code, 1);
    assert.match(ignorant.stderr, /PostgreSQL was not used:\ntest_\d+_1/);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test(`killed and started again under load ${OUTAGES} times: errors only while it is down, nothing acknowledged is lost`, async (t) => {
  const chains = await Promise.all(Array.from({ length: 3 }, () => witness.newChain()));
  const total = nothing();
  const lost = [];
  const problems = [];
  const healed = [];
  let refused = 0;
  assert.equal(await server.sql('SHOW fsync'), 'on');
  assert.equal(await server.sql('SHOW synchronous_commit'), 'on');
  for (let round = 0; round < OUTAGES; round += 1) {
    const ledger = new Ledger();
    const life = { over: false, down: Infinity, back: Infinity };
    let last = 0;
    const worker = async (work) => {
      while (!life.over) {
        const began = performance.now();
        try {
          await work();
        } catch (error) {
          const now = performance.now();
          refused += 1;
          const excused = error instanceof Refused ? error.status === 503 : /^no code: 503/.test(error.message);
          const inTime = now >= life.down && began <= life.back + HEALED_WITHIN;
          if (!excused || !inTime) ledger.problems.push(`${error.message.slice(0, 200)}, ${Math.round(now - life.back)} ms after its return`);
          if (error instanceof Refused && error.headers['retry-after'] === undefined) ledger.problems.push('503 without Retry-After');
          last = Math.max(last, now);
          await pause(20);
        }
      }
    };
    const running = Promise.all(witness.work(ledger, chains).requests.map(worker));
    await pause(500 + Math.random() * 1_000);
    const before = refused;
    life.down = performance.now();
    await server.kill();
    // However fast it would be back: the load meets the outage.
    await eventually('an error while it is down', () => refused > before);
    await server.up();
    life.back = performance.now();
    await pause(2_000);
    life.over = true;
    await running;
    healed.push(Math.round(Math.max(0, last - life.back)));
    lost.push(...(await witness.verify(ledger, chains)).map((what) => `round ${round}: ${what}`));
    problems.push(...ledger.problems.map((what) => `round ${round}: ${what}`));
    ledger.addTo(total);
  }
  const kinds = Object.entries(total).filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`).join(', ');
  t.diagnostic(`${OUTAGES} outages; acknowledged: ${kinds}; ${lost.length} lost; ${refused} refused while down; `
    + `the last error came at most ${Math.max(...healed)} ms after the server accepted connections again`);
  assert.deepEqual(lost, []);
  assert.deepEqual(problems, []);
  assert.ok(Math.max(...healed) <= HEALED_WITHIN, `${healed}`);
  assert.ok(refused > 0, 'the load met the outages');
  assert.ok(total.redemptions > 0 && total.refreshes > 0 && total.revocations > 0);
});

test('hung: 503 within 5 s, keys and discovery as fast as ever, healed within 5 s', async (t) => {
  const { access_token: token } = await web.tokens(cookie);
  const code = await web.code(cookie);
  const headers = { authorization: `Bearer ${token}` };
  await server.signal('SIGSTOP');
  const hung = performance.now();
  const fast = [];
  const timed = async (ask) => {
    const began = performance.now();
    const answer = await ask();
    return { answer, took: performance.now() - began };
  };
  const issuer = provider.issuer;
  // A fast one every 50 ms, as long as the slow ones wait.
  const memory = openLoop(20, {
    async discovery() {
      const { answer, took } = await timed(() => request('GET', `${issuer}/.well-known/openid-configuration`, { agent }));
      fast.push(took);
      return answer.status === 200;
    },
    async jwks() {
      const { answer, took } = await timed(() => request('GET', `${issuer}/jwks`, { agent }));
      fast.push(took);
      return answer.status === 200;
    },
  });
  const slow = await Promise.all([
    ...Array.from({ length: 30 }, () => timed(() => request('GET', `${issuer}/userinfo`, { headers, agent }))),
    timed(() => web.redeem(code)),
    timed(() => request('GET', web.authorizeUrl(pkce().challenge), { headers: { cookie }, agent })),
    // Readiness does not take one slow answer for a dead server: it says no as soon as the server is known to be hung.
    timed(async () => {
      for (;;) {
        const answer = await request('GET', `${provider.management}/readyz`, { agent: false });
        if (answer.status === 503 || performance.now() - hung > 5_000) return answer;
        await pause(50);
      }
    }),
  ]);
  const { failed } = await memory.stop();
  for (const { answer, took } of slow) {
    assert.equal(answer.status, 503, answer.text);
    assert.ok(took < 5_000, `${took} ms`);
  }
  for (const { answer } of slow.slice(0, -1)) assert.ok(answer.headers['retry-after'], answer.text);
  assert.deepEqual(failed, []);
  const median = fast.toSorted((a, b) => a - b)[Math.floor(fast.length / 2)];
  await server.signal('SIGCONT');
  const back = performance.now();
  for (;;) {
    const answer = await request('GET', `${issuer}/userinfo`, { headers, agent });
    if (answer.status === 200) break;
    assert.equal(answer.status, 503);
    assert.ok(performance.now() - back < HEALED_WITHIN);
    await pause(20);
  }
  t.diagnostic(`the slowest of ${slow.length} took ${Math.round(Math.max(...slow.map(({ took }) => took)))} ms; `
    + `${fast.length} answers from memory, median ${median.toFixed(1)} ms; healed after ${Math.round(performance.now() - back)} ms`);
  assert.ok(median < 50, `${median} ms`);
  // What waited in the server is decided by now: redeemed, or never was.
  const answer = await web.redeem(code);
  assert.ok(answer.status === 200 || answer.json().error === 'invalid_grant', answer.text);
});

test('no primary any more: writes are 503, reads go on; with a primary again, within 5 s, all is well', async () => {
  const { access_token: token } = await web.tokens(cookie);
  const code = await web.code(cookie);
  const only = (value) => server.set('default_transaction_read_only', value);
  await only('on');
  const refused = await web.redeem(code);
  assert.equal(refused.status, 503, refused.text);
  assert.ok(refused.headers['retry-after']);
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await request('GET', `${provider.issuer}/userinfo`, { headers, agent })).status, 200);
  await only('off');
  assert.equal((await web.redeem(code)).status, 200);
});

test('TLS: verified against the named authority and the name of the host, refused otherwise', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tls-'));
  const openssl = (...words) => execute('openssl', words, { cwd: dir });
  const authority = async (name) => {
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
      '-addext', 'keyUsage=critical,keyCertSign', '-keyout', `${name}.key`, '-out', `${name}.pem`);
  };
  await authority('ours');
  await authority('theirs');
  await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=db', '-keyout', 'db.key', '-out', 'db.csr');
  await writeFile(join(dir, 'names'), 'subjectAltName=DNS:localhost\n');
  await openssl('x509', '-req', '-in', 'db.csr', '-CA', 'ours.pem', '-CAkey', 'ours.key', '-days', '2', '-extfile', 'names', '-out', 'db.pem');
  const tls = await Postgres.start({ settings: {} });
  try {
    // Its owner alone may read the key.
    const { uid, gid } = await stat(tls.data);
    for (const file of ['db.key', 'db.pem']) {
      await copyFile(join(dir, file), join(tls.data, file));
      await chown(join(tls.data, file), uid, gid);
      await chmod(join(tls.data, file), 0o600);
    }
    await tls.sql("ALTER SYSTEM SET ssl_cert_file = 'db.pem'");
    await tls.sql("ALTER SYSTEM SET ssl_key_file = 'db.key'");
    await tls.set('ssl', 'on');
    const base = (await freshDatabase(tls.url)).replace('127.0.0.1', 'localhost');
    await writeFile(join(tls.data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 trust\n');
    process.kill(tls.pid, 'SIGHUP');
    await eventually('nobody gets in without TLS', () => tls.sql('SELECT 1').then(() => false, () => true));
    const migrate = async (url) => {
      const env = { ...process.env, SIGNBRIDGE_DATABASE__URL: url };
      const config = ['--config', provider.config];
      return execute(BINARY, ['migrate', ...config], { env }).then(() => 'done', ({ stderr }) => stderr);
    };
    const certificate = (name) => `sslrootcert=${join(dir, `${name}.pem`)}`;
    assert.match(await migrate(`${base}?sslmode=disable`), /no encryption|pg_hba/);
    assert.equal(await migrate(`${base}?sslmode=require`), 'done');
    assert.equal(await migrate(`${base}?sslmode=verify-full&${certificate('ours')}`), 'done');
    assert.match(await migrate(`${base}?sslmode=verify-full&${certificate('theirs')}`), /certificate|UnknownIssuer/i);
    // The certificate is for localhost.
    const byAddress = base.replace('localhost', '127.0.0.1');
    assert.match(await migrate(`${byAddress}?sslmode=verify-full&${certificate('ours')}`), /certificate|name/i);
    assert.equal(await migrate(`${byAddress}?sslmode=verify-ca&${certificate('ours')}`), 'done');
    assert.match(await migrate(`${base}?sslmode=sometimes`), /sslmode is one of/);
    assert.match(await migrate(`${base}?sslmod=require`), /unknown parameter/);
  } finally {
    await tls.stop();
    await rm(dir, { recursive: true, force: true });
  }
});
