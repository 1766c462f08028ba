// A renewed certificate, and SIGHUP: what is taken while the node goes on.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import nodeTls from 'node:tls';
import { BINARY, approve, eventually } from './lib/demo.mjs';
import { App, pkce, prepare, request } from './lib/serve.mjs';
import { selfSigned, trust } from './lib/trust.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let dir;
before(() => { dir = mkdtempSync(join(tmpdir(), 'reload-')); });
after(() => rmSync(dir, { recursive: true, force: true }));

/** A new pair in a directory of its own; the requests of tests trust all of them. */
let pairs = 0; const authorities = [];
function pair(days = 2) {
  pairs += 1;
  const own = join(dir, `pair-${pairs}`);
  execFileSync('mkdir', [own]);
  const files = selfSigned(own, days);
  authorities.push(trust.ca);
  trust.ca = authorities;
  return files;
}

/** The serial number of the certificate that a new connection is shown. */
async function serial(provider) {
  const socket = nodeTls.connect({ host: '127.0.0.1', port: Number(new URL(provider.origin).port), servername: 'localhost', ...trust });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

const serialOf = ({ cert }) => execFileSync('openssl', ['x509', '-in', cert, '-noout', '-serial'], { encoding: 'utf8' }).trim().replace('serial=', '');
const metric = async (provider, name) => {
  const { text } = await request('GET', `${provider.management}/metrics`);
  return Number(text.match(new RegExp(`^signbridge_${name} (\\S+)$`, 'm'))?.[1]);
};
const said = (provider, message) => provider.log.split('\n').filter((line) => line.includes(message)).length;
/** Sends SIGHUP and waits for what is said of it, and for its last record, which is not to be taken for one of the next SIGHUP. */
async function hangup(provider, message) {
  const counts = () => [message, '"certificate":"'].map((text) => said(provider, text));
  const before = counts();
  provider.signal('SIGHUP');
  await eventually(message, () => counts().every((count, at) => count > before[at]));
}
const IN_FORCE = 'SIGHUP: what the file declares is in force';

/** A provider whose certificate is behind symbolic links, as Kubernetes and certbot have it. */
async function linked(first, work) {
  const live = join(dir, `live-${pairs}`);
  const show = ({ cert }) => {
    symlinkSync(join(cert, '..'), `${live}.new`);
    renameSync(`${live}.new`, live);
  };
  show(first);
  const provider = await prepare({ tls: { cert: join(live, 'cert.pem'), key: join(live, 'key.pem') } });
  try {
    await provider.start();
    await work(provider, show);
  } finally {
    assert.equal(await provider.close(), 0);
  }
}

test('a renewed certificate is taken by itself; connections that are open go on', async () => {
  const [first, second] = [pair(), pair()];
  await linked(first, async (provider, show) => {
    assert.equal(await serial(provider), serialOf(first));
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () => request('GET', `${provider.issuer}/jwks`, { agent });
    assert.equal((await ask()).status, 200);
    const [socket] = Object.values(agent.freeSockets)[0];
    show(second);
    let asked = 0;
    await eventually('the new serial', async () => {
      asked += 1;
      assert.equal((await ask()).status, 200);
      return await serial(provider) === serialOf(second);
    });
    assert.ok(asked > 2 && Object.values(agent.freeSockets)[0][0] === socket, 'the open connection went on');
    assert.ok(await metric(provider, 'tls_certificate_expiry_timestamp_seconds') > Date.now() / 1000 + 86_000);
    assert.ok(provider.isRunning);
    agent.destroy();
  });
});

test('at SIGHUP it is taken at once; a pair that is half written or does not fit changes nothing', async () => {
  const [first, second, third] = [pair(), pair(), pair(30)];
  await linked(first, async (provider, show) => {
    await eventually('two days are soon', () => said(provider, 'the certificate ends soon') === 1);
    show(second);
    await hangup(provider, IN_FORCE);
    assert.equal(await serial(provider), serialOf(second));
    // The chain of one, the key of another: the moment between two writes.
    writeFileSync(second.cert, readFileSync(third.cert));
    await hangup(provider, 'the files of the certificate cannot be used');
    assert.equal(await metric(provider, 'tls_certificate_refused'), 1);
    for (const half of [readFileSync(third.cert).subarray(0, 200), '', 'no certificate']) {
      writeFileSync(second.cert, half);
      await hangup(provider, 'the files of the certificate cannot be used');
    }
    rmSync(second.cert);
    await hangup(provider, 'the files of the certificate cannot be used');
    await hangup(provider, '"certificate":"refused"');
    assert.equal((await request('GET', `${provider.issuer}/jwks`)).status, 200, 'the one from before is shown');
    writeFileSync(second.cert, readFileSync(third.cert));
    writeFileSync(second.key, readFileSync(third.key));
    await hangup(provider, IN_FORCE);
    assert.equal(await serial(provider), serialOf(third));
    assert.equal(await metric(provider, 'tls_certificate_refused'), 0);
    assert.equal(said(provider, 'the certificate ends soon'), 2, 'of the first and the second, not of the third');
  });
});

const DECLARED = (name, uri) => `
[[client]]
client_id = "declared"
client_secret = "0123456789abcdef0123456789abcdef"
redirect_uris = ["${uri}"]
[[user]]
username = "dora"
name = "${name}"
secsignid = "dora"
`;

test('SIGHUP takes changed clients and people, names what needs a restart, and a broken file changes nothing', async () => {
  const provider = await prepare({ more: DECLARED('Dora', 'https://app.example/one') });
  try {
    await provider.start();
    await provider.phone.create('dora');
    const written = readFileSync(provider.config, 'utf8');
    const show = () => provider.command('client', 'show', 'declared');
    assert.deepEqual((await show()).redirect_uris, ['https://app.example/one']);
    const at = (uri) => new App(provider, { client_id: 'declared', client_secret: '0123456789abcdef0123456789abcdef', redirect_uris: [uri] });
    // A login that is under way goes on.
    const walker = new Walker();
    const { verifier, challenge } = pkce();
    await walker.open(at('https://app.example/one').authorizeUrl(challenge));
    const changed = written.replace(DECLARED('Dora', 'https://app.example/one'), DECLARED('Theodora', 'https://app.example/two'));
    writeFileSync(provider.config, `${changed}
[[client]]
client_id = "another"
client_secret = "0123456789abcdef0123456789abcdef"
redirect_uris = ["https://app.example/three"]
`);
    // Several at once are no harm.
    for (let count = 0; count < 20; count += 1) provider.signal('SIGHUP');
    await hangup(provider, IN_FORCE);
    assert.deepEqual((await show()).redirect_uris, ['https://app.example/two']);
    assert.equal((await provider.command('client', 'list')).length ?? 2, 2);
    writeFileSync(provider.config, written.replace('/one', '/one", "https://app.example/two'));
    await hangup(provider, IN_FORCE);
    await eventually('the other one is off', () => /the file no longer declares this client: it is switched off[^\n]*another/.test(provider.log));
    await signIn(walker, 'secsign', 'dora', 'https://app.example/one', () => approve(provider, 'secsign', 'dora'));
    const code = new URL(walker.url).searchParams.get('code');
    assert.equal((await at('https://app.example/one').redeem({ code, verifier })).status, 200);
    // What is read at a start only is named; nothing of it is taken.
    writeFileSync(provider.config, written.replace('profile = "off"', 'profile = "off"\npending_per_browser = 3').replace('[lifetimes]', '[lifetimes]\ncode = "30s"'));
    await hangup(provider, IN_FORCE);
    assert.match(provider.log, /"keys":"[^"]*lifetimes\.code[^"]*limits\.pending_per_browser"|"keys":"[^"]*limits\.pending_per_browser[^"]*lifetimes\.code"/);
    assert.doesNotMatch(provider.log, /"keys":"[^"]*(issuer|client|user)/);
    for (const [broken, reason] of [
      ['issuer = ', /not valid TOML/],
      [written.replace('redirect_uris', 'redirect_urls'), /redirect_uris/],
      [written.replace('https://app.example/one', 'javascript:1'), /redirect_uris/],
    ]) {
      writeFileSync(provider.config, broken);
      await hangup(provider, 'SIGHUP: the configuration is wrong');
      assert.match(provider.log.split('\n').filter((line) => line.includes('the configuration is wrong')).at(-1), reason);
      assert.equal((await request('GET', `${provider.issuer}/jwks`)).status, 200);
    }
    rmSync(provider.config);
    await hangup(provider, 'SIGHUP: the configuration is wrong');
    writeFileSync(provider.config, written);
    assert.deepEqual((await show()).redirect_uris, ['https://app.example/one'], 'as the last good file has it');
    assert.ok(provider.isRunning);
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('SIGHUP while it stops changes nothing', async () => {
  const provider = await prepare({ sections: { listen: 'drain = "1s"' } });
  try {
    await provider.start();
    const gone = provider.end();
    const hangups = setInterval(() => provider.isRunning && provider.signal('SIGHUP'), 20);
    assert.equal(await gone, 0);
    clearInterval(hangups);
    assert.match(provider.log, /"message":"stopped"/);
  } finally {
    await provider.close();
  }
});

test('SIGHUP ends neither demo nor simulate', async () => {
  const { BINARY_UNDER_TEST: _ours, ...env } = process.env;
  for (const words of [['demo', '--port', '0', '--format', 'json'], ['simulate', '--port', '0', '--format', 'json']]) {
    const child = spawn(BINARY, words, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const gone = once(child, 'exit');
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const { issuer, phone_url: phone } = JSON.parse(line);
    child.kill('SIGHUP');
    const url = issuer ? `${issuer}/jwks` : `${phone}/phone`;
    for (let count = 0; count < 5; count += 1) assert.equal((await request('GET', url)).status, 200, words[0]);
    child.kill('SIGTERM');
    assert.deepEqual(await gone, [0, null], words[0]);
  }
});
