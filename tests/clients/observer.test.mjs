// Whoever watches the provider can fail without the provider: its log's disk is full, the reader of its log is gone, stalls or
// has made the pipe non-blocking; nobody reads its figures; and the disk of log and database together is full.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BINARY, eventually } from './lib/demo.mjs';
import { App, configure, each, freePorts, pause, pkce, prepare, request, simulate } from './lib/serve.mjs';

/** How many anonymous requests the disk gets while it is full. */
const REQUESTS = process.env.OBSERVER === 'full' ? 10_000 : 1_000;
const { BINARY_UNDER_TEST: _ours, ...env } = process.env;
const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

let provider; let dir; let pipes = 0;
const children = new Set();
before(async () => { provider = await prepare(); dir = mkdtempSync(join(tmpdir(), 'observer-')); });
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await provider.start();
  assert.equal(await provider.close(), 0);
  rmSync(dir, { recursive: true });
});

/** A pipe, as a shell makes one: `reader` never waits. */
function pipe() {
  pipes += 1;
  const path = join(dir, `pipe-${pipes}`);
  execFileSync('mkfifo', [path]);
  return { reader: openSync(path, O_RDONLY | O_NONBLOCK), writer: openSync(path, O_WRONLY) };
}

/** What is in the pipe by now. */
function drain(reader) {
  const chunk = Buffer.alloc(65_536);
  let text = '';
  for (;;) {
    let count;
    try { count = readSync(reader, chunk); } catch (error) { if (error.code !== 'EAGAIN') throw error; count = 0; }
    if (count === 0) return text;
    text += chunk.toString('latin1', 0, count);
  }
}

/** `serve` with its standard error at this descriptor, which is closed here; answers when the provider does. */
async function serve(of, stderr, { variables = {}, keep } = {}) {
  const child = spawn(BINARY, ['serve', '--config', of.config], { env: { ...env, ...variables }, stdio: ['ignore', 'ignore', stderr] });
  children.add(child);
  if (!keep) closeSync(stderr);
  await eventually('the first answer', async () => {
    assert.ok(child.exitCode === null && child.signalCode === null, `serve ended: ${child.exitCode} ${child.signalCode}`);
    const answer = await request('GET', `${of.origin}/jwks`, { headers: { host: new URL(of.issuer).host } }).catch(() => undefined);
    return answer?.status === 200;
  });
  return {
    child,
    runs: () => assert.deepEqual([child.exitCode, child.signalCode], [null, null], 'serve ended'),
    async stop() {
      const began = performance.now();
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 12_000);
      const [code, signal] = await gone;
      clearTimeout(late);
      assert.deepEqual([code, signal], [0, null]);
      assert.ok(performance.now() - began < 10_000, 'SIGTERM takes longer than 10 s');
    },
  };
}

/** Requests of strangers that are refused, each with a record. */
async function strangers(of, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  await each(Array(count).fill(), 8, async () => {
    const answer = await request('POST', `${of.origin}/token`, {
      agent, signal: AbortSignal.timeout(10_000), headers: { host: new URL(of.issuer).host }, form: { grant_type: 'authorization_code', code: 'x', client_id: 'nobody' },
    });
    assert.ok([400, 401].includes(answer.status), `${answer.status} ${answer.text}`);
  });
  agent.destroy();
}

/** That a request which needs no log is answered at once. */
async function answers(of) {
  for (const [origin, path] of [[of.origin, '/jwks'], [of.origin, '/.well-known/openid-configuration'], [of.management, '/livez']]) {
    const headers = { host: new URL(origin === of.origin ? of.issuer : origin).host };
    const answer = await request('GET', origin + path, { headers, signal: AbortSignal.timeout(3000) });
    assert.equal(answer.status, 200, path);
  }
}

const lostRecords = (log) => [...log.matchAll(/"message":"records of the log were lost","lost":(\d+)/g)].reduce((sum, [, lost]) => sum + Number(lost), 0);

async function dropped(of) {
  const { text } = await request('GET', `${of.management}/metrics`);
  return Number(text.match(/^signbridge_log_records_dropped_total (\d+)$/m)?.[1] ?? 0);
}

test('R5: with its log on a full disk it starts, answers and stops', async () => {
  const running = await serve(provider, openSync('/dev/full', 'w'));
  await strangers(provider, 20);
  await answers(provider);
  await eventually('each is counted', async () => await dropped(provider) >= 20);
  await running.stop();
});

test('with standard error closed it starts, answers and stops', async () => {
  const child = spawn('sh', ['-c', 'exec "$0" serve --config "$1" 2>&-', BINARY, provider.config], { env, stdio: ['ignore', 'ignore', 'ignore'] });
  await eventually('the first answer', async () => (await request('GET', `${provider.origin}/jwks`, { headers: { host: new URL(provider.issuer).host } }).catch(() => undefined))?.status === 200);
  await strangers(provider, 20);
  await answers(provider);
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await gone, [0, null]);
});

test('F1: with the reader of its log gone it goes on, and counts what was lost', async () => {
  const { reader, writer } = pipe();
  const running = await serve(provider, writer);
  await eventually('the log', () => drain(reader).includes('"ready"'));
  await strangers(provider, 3);
  assert.equal(await dropped(provider), 0, 'control: nothing is lost while somebody reads');
  closeSync(reader);
  await strangers(provider, 20);
  running.runs();
  await answers(provider);
  await eventually('each is counted', async () => await dropped(provider) >= 20);
  await running.stop();
});

test('W13: a reader that stalls stalls nobody; when it reads on it is told what it missed', async () => {
  const { reader, writer } = pipe();
  // At TRACE a request has so many records that a thousand of them are more than waits.
  const running = await serve(provider, writer, { variables: { SIGNBRIDGE_LOG: 'trace' } });
  await strangers(provider, 1_200);
  await answers(provider);
  assert.ok(await dropped(provider) > 0, 'more was logged than waits');
  let log = '';
  await eventually('the record that says what was lost', () => { log += drain(reader); return lostRecords(log) > 0; });
  await eventually('all that was lost was told', async () => { log += drain(reader); return lostRecords(log) === await dropped(provider); });
  for (const line of log.split('\n').slice(0, -1)) assert.doesNotThrow(() => JSON.parse(line), line);
  closeSync(reader);
  await running.stop();
});

test('a stop is not held up by a reader that stalls', async () => {
  const { reader, writer } = pipe();
  const running = await serve(provider, writer, { variables: { SIGNBRIDGE_LOG: 'trace' } });
  await strangers(provider, 300);
  await running.stop();
  closeSync(reader);
});

test('a pipe that somebody made non-blocking: nothing is lost while the reader is only slow', async () => {
  const { reader, writer } = pipe();
  const running = await serve(provider, writer, { keep: true });
  execFileSync('python3', ['-c', 'import fcntl,os; fcntl.fcntl(3, fcntl.F_SETFL, fcntl.fcntl(3, fcntl.F_GETFL) | os.O_NONBLOCK)'], { stdio: ['ignore', 'ignore', 'inherit', writer] });
  closeSync(writer);
  // More than a pipe holds, and less than waits.
  await strangers(provider, 1_000);
  running.runs();
  let log = '';
  await eventually('every record', () => { log += drain(reader); return log.split('"message":"refused"').length > 1_000; });
  assert.equal(await dropped(provider), 0);
  await running.stop();
  log += drain(reader);
  assert.match(log, /"message":"stopped"/, 'the last record got through');
  for (const line of log.split('\n').slice(0, -1)) assert.doesNotThrow(() => JSON.parse(line), line);
  closeSync(reader);
});

test('whoever asks for the figures and does not read them keeps nobody waiting', async () => {
  const running = await serve(provider, openSync('/dev/null', 'w'));
  const { port, host } = new URL(provider.management);
  const stalled = Array.from({ length: 200 }, () => {
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => {});
    // Many answers each, more than the system buffers.
    socket.write(`GET /metrics HTTP/1.1\r\nhost: ${host}\r\n\r\n`.repeat(50));
    return socket;
  });
  await pause(500);
  await answers(provider);
  assert.equal((await request('GET', `${provider.management}/readyz`, { signal: AbortSignal.timeout(3000) })).status, 200);
  assert.equal(await dropped(provider), 0);
  for (const socket of stalled) socket.destroy();
  await running.stop();
});

test('commands: what cannot be printed is an exit code, never a crash', async () => {
  const run = (words, stdio) => {
    const child = spawn(BINARY, words, { env, stdio });
    return once(child, 'exit');
  };
  const full = openSync('/dev/full', 'w');
  const good = ['config', 'check', '--config', provider.config];
  assert.deepEqual(await run(good, ['ignore', 'ignore', 'ignore']), [0, null], 'control');
  assert.deepEqual(await run(good, ['ignore', full, 'ignore']), [1, null]);
  assert.deepEqual(await run(['config', 'check', '--config', '/nonexistent'], ['ignore', 'ignore', full]), [2, null]);
  closeSync(full);
  // Its last words get through, and in time, even when the pipe is full and its reader slow.
  const { reader, writer } = pipe();
  writeSync(writer, 'x'.repeat(65_536));
  const ending = run(['config', 'check', '--config', '/nonexistent'], ['ignore', 'ignore', writer]);
  await pause(300);
  // It writes as soon as there is room, which may be while the pipe is still being read.
  const first = drain(reader);
  assert.deepEqual(await ending, [2, null]);
  assert.match(first + drain(reader), /signbridge: the configuration/);
  closeSync(writer);
  closeSync(reader);
});

test('servers: standard output that cannot be written stops nothing', async () => {
  const [port] = await freePorts(1);
  const full = openSync('/dev/full', 'w');
  const { reader, writer } = pipe();
  writeSync(writer, 'x'.repeat(65_536));
  for (const stdout of [full, writer]) {
    const child = spawn(BINARY, ['simulate', '--port', String(port)], { env, stdio: ['ignore', stdout, 'ignore'] });
    await eventually('the phone', async () => (await request('GET', `http://127.0.0.1:${port}/phone`).catch(() => undefined))?.status === 200);
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await gone, [0, null]);
  }
  for (const descriptor of [full, reader, writer]) closeSync(descriptor);
});

/** A file system of 8 MB for `use`, or a skipped test. */
async function onSmallDisk(t, use) {
  const small = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small], { stdio: 'pipe' });
  } catch (error) {
    rmSync(small, { recursive: true });
    t.skip(`SKIPPED: no file system can be mounted here (${error.message.trim()})`);
    return;
  }
  try { await use(small); } finally {
    execFileSync('umount', [small]);
    rmSync(small, { recursive: true });
  }
}

/** Fills the file system to its last byte; returns how to make room again. */
function fill(small) {
  const ballast = join(small, 'ballast');
  const file = openSync(ballast, 'a');
  for (let size = 65_536; size >= 1;) {
    try { writeSync(file, Buffer.alloc(size)); } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      size = Math.floor(size / 2);
    }
  }
  closeSync(file);
  return () => rmSync(ballast);
}

const observers = {
  'its log is there too': (small) => ({ stderr: openSync(join(small, 'log'), 'a'), log: () => readFileSync(join(small, 'log'), 'utf8') }),
  'the reader of its log is gone': () => { const { reader, writer } = pipe(); return { stderr: writer, ready: () => closeSync(reader) }; },
  'nobody reads its log': () => { const { reader, writer } = pipe(); return { stderr: writer, end: () => closeSync(reader) }; },
};

for (const [name, make] of Object.entries(observers)) {
  test(`R4: the disk of its database is full, ${name}: reads go on, writes are 503, and it heals`, { skip: process.env.TEST_DATABASE === 'postgres' && 'it fills the disk of a SQLite database' }, async (t) => {
    await onSmallDisk(t, async (small) => {
      const phones = await simulate();
      const of = await configure({ dir: small, ...phones });
      const { stderr, ready, log, end } = make(small);
      const running = await serve(of, stderr);
      ready?.();
      const client = await of.command('client', 'create', '--id', 'app', '--redirect-uri', 'https://app.test/callback');
      const app = new App(of, { ...client, redirect_uris: ['https://app.test/callback'] });
      const begin = () => request('GET', app.authorizeUrl(pkce().challenge), { signal: AbortSignal.timeout(10_000) });
      assert.ok((await begin()).status < 400, 'control: with room a login begins');
      const makeRoom = fill(small);
      const counts = {};
      const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
      const host = new URL(of.issuer).host;
      await each(Array(REQUESTS).fill(), 8, async (_nothing, at) => {
        const form = at % 3 === 0 ? { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'nobody' } : { scope: 'x'.repeat(1000) };
        const path = at % 3 === 0 ? '/token' : '/authorize';
        const answer = at % 3 === 2 ? await request('GET', app.authorizeUrl(pkce().challenge), { agent })
          : await request('POST', of.origin + path, { agent, headers: { host }, form });
        const kind = `${at % 3 === 2 ? 'GET /authorize' : path} ${answer.status}`;
        counts[kind] = (counts[kind] ?? 0) + 1;
        if (answer.status === 503) assert.ok(Number(answer.headers['retry-after']) > 0, 'Retry-After');
        assert.ok(answer.status < 500 || answer.status === 503, `${answer.status} ${answer.text.slice(0, 200)}`);
        if (at % 100 === 0) await answers(of);
      });
      agent.destroy();
      running.runs();
      t.diagnostic(`${REQUESTS} requests on a full disk: ${JSON.stringify(counts)}`);
      assert.ok(counts['GET /authorize 503'] > 0, 'a write is refused');
      assert.equal((await begin()).status, 503);
      makeRoom();
      const began = performance.now();
      await eventually('a login begins again', async () => (await begin()).status < 400);
      t.diagnostic(`it healed ${Math.round(performance.now() - began)} ms after there was room`);
      await answers(of);
      await strangers(of, 3);
      if (log) {
        await eventually('the log goes on', () => lostRecords(log()) > 0);
        await eventually('all that was lost was told', async () => lostRecords(log()) === await dropped(of));
        for (const line of log().split('\n').slice(0, -1).filter((text) => text.endsWith('}'))) assert.doesNotThrow(() => JSON.parse(line), line);
      }
      running.runs();
      await running.stop();
      end?.();
      const gone = once(phones.simulator, 'exit');
      phones.simulator.kill('SIGTERM');
      await gone;
    });
  });
}
