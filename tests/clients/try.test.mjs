// `signbridge try` and `--at-service`: one request to a phone service from the command line, through either API of SecSign and
// through ThumbSignIn, against simulated services that are told to misbehave. No server runs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, beforeEach, test } from 'node:test';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { BINARY, eventually } from './lib/demo.mjs';
import { ABOUT_MEMBERS, cases, enrol } from './lib/faults.mjs';
import { configure, each, prepare } from './lib/serve.mjs';

const ACCOUNT = 'pin_user = "pinuser"\npin_password = "pin:pass"';
const FILE = 'signbridge-try.png';
const { BINARY_UNDER_TEST: _ours, ...env } = process.env;
let provider; let form; let short; let phone;
before(async () => {
  provider = await prepare({ simulated: ['--pin-account', 'pinuser:pin:pass'], sections: { secsign: ACCOUNT } });
  phone = provider.phone;
  const { dir, upstream, simulator } = provider;
  form = await configure({ dir, upstream, simulator, name: 'form' });
  short = await configure({ dir, upstream, simulator, name: 'short', sections: { secsign: ACCOUNT, lifetimes: 'login = "4s"' } });
});
after(async () => {
  const gone = once(provider.simulator, 'exit');
  provider.simulator.kill('SIGTERM');
  await gone;
  await rm(provider.dir, { recursive: true, force: true });
});
beforeEach(() => phone.reset());

/** Starts a program in a directory of its own; `over` is how it ends. */
async function start(program, words, { cwd, variables = {} } = {}) {
  cwd ??= await mkdtemp(join(provider.dir, 'run-'));
  const child = spawn(program, words, { cwd, env: { ...env, ...variables }, stdio: ['ignore', 'pipe', 'pipe'] });
  const run = { child, cwd, lines: [], stderr: '', isOver: false };
  child.stdout.setEncoding('utf8');
  child.stderr.setEncoding('utf8').on('data', (chunk) => { run.stderr += chunk; });
  createInterface({ input: child.stdout }).on('line', (line) => { run.lines.push(line); });
  run.over = once(child, 'close').then(([code]) => { run.isOver = true; return code; });
  return run;
}

/** Starts `try`: `events` are what it said so far, `seen` waits for one of them. */
async function attempt(words, { config = provider.config, ...more } = {}) {
  const run = await start(BINARY, ['try', ...words, '--config', config, '--format', 'json'], more);
  const events = () => run.lines.map((line) => JSON.parse(line));
  const seen = (what) => eventually(JSON.stringify(what), () => {
    const found = events().find((event) => Object.entries(what).every(([key, value]) => event[key] === value));
    if (!found && run.isOver) throw new Error(`it ended: ${run.stderr}${run.lines.join('\n')}`);
    return found;
  });
  return Object.assign(run, { events, seen, text: () => run.stderr + run.lines.join('\n'), picture: join(run.cwd, FILE) });
}

/** What `try` came to: its exit code, its last event and its last words. */
async function outcome(run) {
  const code = await run.over;
  const [said] = run.text().match(/^signbridge: not approved: .*$/m) ?? [''];
  return { code, end: run.events().at(-1), said };
}

let people = 0;
/** A new SecSign ID on a phone. */
const person = async () => (await phone.create(`person${people += 1}`)).secsignid;
const session = async (id) => (await phone.secsign(id)).sessions.at(-1);
const transaction = async (user) => (await phone.transactions(user)).at(-1);
const calls = async (user, operation) => (await phone.requests()).filter((call) => call.user === user && call.operation === operation);
/** A new phone for somebody at ThumbSignIn. */
const register = async (user) => {
  const run = await attempt(['thumbsignin', user, '--register']);
  await run.seen({ event: 'begun' });
  const { transactionId, kind, userId } = await transaction(user.toLowerCase());
  assert.deepEqual([kind, userId], ['register', user.toLowerCase()]);
  await phone.act(transactionId, { action: 'approve', userId });
  return outcome(run);
};
const known = async (service, user) => {
  const run = await attempt([service, user, '--phones']);
  assert.equal(await run.over, 0, run.stderr);
  return JSON.parse(run.lines.join(''));
};

test('secsign: the pass in a new file, every state, who approved; no database, no id of the session', async () => {
  for (const [config, api] of [[provider.config, 'REST'], [form.config, 'form']]) {
    const id = await person();
    const run = await attempt(['secsign', id.toUpperCase()], { config });
    const begun = await run.seen({ event: 'begun' });
    assert.deepEqual(begun, { event: 'begun', picture: FILE, link: null, expires_in: 120 });
    const { authsessionid, servicename, serviceaddress, symbols } = await session(id);
    assert.deepEqual([servicename, serviceaddress], ['signbridge try', 'localhost'], api);
    assert.ok(symbols.includes((await readFile(run.picture)).toString('base64')), 'byte for byte what the service sent');
    assert.equal((await stat(run.picture)).mode & 0o777, 0o600);
    await phone.answer(id, authsessionid, { action: 'fetch' });
    await run.seen({ event: 'state', state: 'fetched' });
    await phone.answer(id, authsessionid, { action: 'approve' });
    assert.equal(await run.over, 0, run.text());
    assert.deepEqual(run.events().slice(1), [
      ...['pending', 'fetched', 'approved'].map((state) => ({ event: 'state', state, reason: null })),
      { event: 'end', state: 'approved', reason: null, user: id, confirmed: null },
    ]);
    assert.ok(!run.text().includes(authsessionid));
    assert.equal((await calls(id, 'create')).length, 1);
  }
  assert.ok(!existsSync(join(provider.dir, 'signbridge.db')) && !existsSync(join(provider.dir, 'keys')));
});

test('for people: what to do, the picture, each state in a line', async () => {
  const id = await person();
  await phone.auto('secsign', id, 'approve');
  const run = await start(BINARY, ['try', 'secsign', id, '--picture', 'pass.png', '--config', provider.config]);
  assert.equal(await run.over, 0, run.stderr);
  assert.deepEqual(run.lines, ['pick this symbol on the phone', 'picture    pass.png', 'waits for  120 s', 'pending', 'approved', `${id} approved`]);
  assert.ok(existsSync(join(run.cwd, 'pass.png')) && !existsSync(join(run.cwd, FILE)));
});

test('whatever else the phone does ends it with 1 and the word for it', async () => {
  const declined = { action: 'deny' };
  const ends = [
    [declined, 'denied', null], [{ action: 'wrong_symbol' }, 'denied', null], [{ action: 'state', state: 2 }, 'expired', null],
    [{ action: 'state', state: 6 }, 'cancelled', null], [{ action: 'state', state: 5 }, 'failed', 'suspended'],
    [{ action: 'state', state: 8 }, 'failed', 'invalid'], [{ action: 'state', state: 9 }, 'failed', 'technical_reason'],
  ];
  await Promise.all(ends.map(async ([body, state, reason]) => {
    const id = await person();
    const run = await attempt(['secsign', id]);
    await run.seen({ event: 'begun' });
    await phone.answer(id, (await session(id)).authsessionid, body);
    const { code, end, said } = await outcome(run);
    assert.deepEqual([code, end.event, end.state, end.reason, end.user], [1, 'end', state, reason, null], JSON.stringify(body));
    assert.ok(said.includes(`not approved: ${reason ? `${state}/${reason}` : state}`), said);
  }));
});

test('a request expires by the clock of its service, and withdrawn by ours', async () => {
  const id = await person();
  const [push, code] = await Promise.all([attempt(['secsign', id]), attempt(['thumbsignin', 'bob'])]);
  for (const run of [push, code]) await run.seen({ event: 'state', state: 'pending' });
  await phone.call('POST', 'clock', { advance_ms: 600_000 });
  for (const run of [push, code]) {
    const ended = await outcome(run);
    assert.deepEqual([ended.code, ended.end.state], [1, 'expired'], run.text());
  }
  await phone.reset();
  const late = await attempt(['secsign', id], { config: short.config });
  assert.equal((await late.seen({ event: 'begun' })).expires_in, 4);
  const { code: status, end } = await outcome(late);
  assert.deepEqual([status, end.state, end.confirmed], [1, 'expired', true]);
  assert.equal((await session(id)).state, 6);
});

test('Ctrl-C withdraws the request first, also one that is just being made', async () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    const id = await person();
    const push = await attempt(['secsign', id]);
    await push.seen({ event: 'state', state: 'pending' });
    push.child.kill(signal);
    const { code, end, said } = await outcome(push);
    assert.deepEqual([code, end.state, end.confirmed], [1, 'cancelled', true], said);
    assert.match(said, /the service confirmed/);
    assert.equal((await session(id)).state, 6);
  }
  const shown = await attempt(['thumbsignin', 'alice']);
  await shown.seen({ event: 'begun' });
  shown.child.kill('SIGINT');
  assert.equal((await outcome(shown)).end.confirmed, true);
  assert.equal((await transaction('alice')).failureReason, 'CANCELLED');
  const slow = await person();
  await phone.fault({ provider: 'secsign', operation: 'create', user: slow, fault: 'delay', delay_ms: 2_000, count: 1 });
  const early = await attempt(['secsign', slow]);
  await eventually('the create call', async () => (await calls(slow, 'create')).length === 1);
  early.child.kill('SIGINT');
  const { code, end } = await outcome(early);
  assert.deepEqual([code, end.state, end.confirmed], [1, 'cancelled', true]);
  assert.ok(!existsSync(early.picture), 'nothing was shown');
  assert.equal((await session(slow)).state, 6);
});

test('--cancel shows, withdraws at once, and says whether the service confirmed it', async () => {
  const id = await person();
  for (const [words, config] of [[['secsign', id]], [['secsign', id], form.config], [['thumbsignin', 'alice']], [['thumbsignin']], [['thumbsignin', 'dora', '--register']]]) {
    const run = await attempt([...words, '--cancel'], { config });
    const { code, end } = await outcome(run);
    assert.deepEqual([code, end.state, end.confirmed], [0, 'cancelled', true], run.text());
    assert.ok(existsSync(run.picture) && run.events()[0].event === 'begun');
  }
  assert.equal((await session(id)).state, 6);
  assert.equal((await transaction('dora')).failureReason, 'CANCELLED');
  await phone.fault({ provider: 'secsign', operation: 'cancel', user: id, fault: 'status', status: 503, count: 0 });
  const { code, end, said } = await outcome(await attempt(['secsign', id, '--cancel']));
  assert.deepEqual([code, end.state, end.confirmed], [1, 'cancelled', false]);
  assert.match(said, /may still be open on the phone/);
});

test('a service that misbehaves: one create, no approval, a sentence that says why', async () => {
  const faults = [
    ['secsign', 'create', 'wrong_user', /another SecSign ID than was asked/], ['secsign', 'create', 'empty', /unusable/],
    ['secsign', 'create', 'reset', /did not answer/], ['secsign', 'create', 'non_png_icon', /access pass/],
    ['thumbsignin', 'authenticate', 'empty', /unusable/], ['thumbsignin', 'authenticate', 'reset', /did not answer/],
    ['thumbsignin', 'authenticate', 'status', /permission/], ['thumbsignin', 'register', 'reset', /did not answer/],
  ];
  for (const config of [provider.config, form.config]) {
    for (const [service, operation, fault, words] of faults) {
      const id = service === 'secsign' ? await person() : `struck${people += 1}`;
      await phone.fault({ provider: service, operation, fault, user: id, status: 403, count: 0 });
      const run = await attempt([service, id, ...(operation === 'register' ? ['--register'] : [])], { config });
      const { code, end, said } = await outcome(run);
      assert.deepEqual([code, end.event, end.state, end.user], [1, 'end', 'failed', null], `${operation} ${fault}`);
      assert.match(said, words, `${operation} ${fault}: ${run.stderr}`);
      assert.equal((await calls(id, operation)).length, 1, `${operation} ${fault}`);
      assert.ok(!existsSync(run.picture), 'no file without a picture');
      if (fault === 'wrong_user' || fault === 'non_png_icon') assert.equal((await session(id)).state, 6, 'what was made is withdrawn');
    }
  }
  const id = await person();
  await phone.fault({ provider: 'secsign', operation: 'state', user: id, fault: 'wrong_user', count: 0 });
  const lied = await attempt(['secsign', id], { config: form.config });
  const { end, said } = await outcome(lied);
  assert.deepEqual([end.state, end.reason, end.confirmed], ['failed', 'technical_reason', true]);
  assert.match(said, /another person/);
  assert.match((await outcome(await attempt(['secsign', 'nobody-at-all']))).said, /failed\/not_registered/);
});

test('a state that cannot be asked for is asked for again, and said once', async () => {
  const id = await person();
  await phone.fault({ provider: 'secsign', operation: 'state', user: id, fault: 'status', status: 503, count: 2 });
  const run = await attempt(['secsign', id]);
  await eventually('the second question', async () => (await calls(id, 'state')).length >= 2);
  await phone.answer(id, (await session(id)).authsessionid, { action: 'approve' });
  assert.equal((await outcome(run)).code, 0);
  assert.equal(run.text().match(/it is asked again/g).length, 1, run.text());
});

test('thumbsignin: the code and its link, named and unnamed, a phone that is registered', async () => {
  const named = await attempt(['thumbsignin', 'Alice']);
  const begun = await named.seen({ event: 'begun' });
  const { data, width, height } = PNG.sync.read(await readFile(named.picture));
  assert.equal(jsQR(new Uint8ClampedArray(data), width, height).data, begun.link);
  assert.ok(begun.expires_in > 60 && begun.expires_in <= 120);
  await phone.scan(begun.link);
  await named.seen({ event: 'state', state: 'fetched' });
  await phone.act((await transaction('alice')).transactionId, { action: 'approve' });
  assert.equal((await outcome(named)).end.user, 'alice');

  const unnamed = await attempt(['thumbsignin']);
  const { link } = await unnamed.seen({ event: 'begun' });
  await phone.act(link.split('/').at(-1), { action: 'approve', userId: 'bob' });
  assert.deepEqual((await outcome(unnamed)).end, { event: 'end', state: 'approved', reason: null, user: 'bob', confirmed: null });

  assert.deepEqual((await known('thumbsignin', 'Carol.X_1-y')).phones, []);
  const { code, end } = await register('Carol.X_1-y');
  assert.deepEqual([code, end.state, end.user], [0, 'approved', 'carol.x_1-y']);
  const { count, phones } = await known('thumbsignin', 'carol.x_1-y');
  assert.deepEqual([count, phones.length, phones[0].name], [1, 1, 'Virtual phone']);
});

test('secsign --enrol shows the code by which the app makes the ID, and ends once it is on a phone', async () => {
  const id = 'new.comer-1@acme';
  assert.equal((await known('secsign', id)).count, 0);
  const late = attempt(['secsign', id, '--enrol'], { config: short.config });
  const run = await attempt(['secsign', id, '--enrol']);
  const begun = await run.seen({ event: 'begun' });
  assert.ok(begun.link && existsSync(run.picture));
  const { code: status, end: ended } = await outcome(await late);
  assert.deepEqual([status, ended.state, ended.confirmed], [1, 'expired', null]);
  await phone.create(id);
  const { code, end } = await outcome(run);
  assert.deepEqual([code, end.state, end.user], [0, 'approved', id]);
  assert.equal((await known('secsign', id)).count, 1);
  for (const flag of ['--enrol', '--phones']) {
    const without = await attempt(['secsign', id, flag], { config: form.config });
    assert.equal(await without.over, 2);
    assert.match(without.stderr, /pin_user and pin_password/);
  }
});

test('what is missing is said before a phone is asked', async () => {
  const text = await readFile(provider.config, 'utf8');
  for (const [section, words, keys] of [['thumbsignin', ['thumbsignin', 'alice'], /app_id and secret/], ['secsign', ['secsign', 'alice'], /url/]]) {
    const file = join(provider.dir, `without-${section}.toml`);
    await writeFile(file, text.replace(new RegExp(`\\[${section}\\][^[]*`), ''));
    const run = await attempt(words, { config: file });
    assert.equal(await run.over, 2, run.text());
    assert.match(run.stderr, new RegExp(`no \\[${section}\\] section`));
    assert.match(run.stderr, keys);
  }
  const id = await person();
  const first = await attempt(['secsign', id, '--cancel']);
  assert.equal(await first.over, 0);
  const shown = await readFile(first.picture);
  const second = await attempt(['secsign', id], { cwd: first.cwd });
  assert.equal(await second.over, 1);
  assert.match(second.stderr, new RegExp(`${FILE}: .*--picture`));
  assert.deepEqual(await readFile(first.picture), shown, 'the other picture is as it was');
  assert.equal((await calls(id, 'create')).length, 1);
});

test('every fault in every question about phones: no answer but a true one, and words that say why there is none', async () => {
  const UNKNOWN = /could not be asked|unusable/;
  /** Asks what a service knows of somebody who has a phone there, while a fault strikes. */
  const looked = async ({ service, order, what }, name, config) => {
    const run = await attempt([service, name, '--phones'], { config });
    const code = await run.over;
    if (code === 0) {
      assert.ok(ABOUT_MEMBERS.includes(order.fault), `${what}: answered`);
      assert.equal(JSON.parse(run.lines.join('')).count, 1, what);
      return;
    }
    assert.match(run.stderr, UNKNOWN, what);
    assert.deepEqual(run.lines, [], what);
  };
  const strike = ({ order }, user, at = phone) => at.fault({ ...order, user, count: 0 });

  await each([...cases('secsign', ['exist', 'device_count']), ...cases('thumbsignin', ['devices'])], 8, async (one) => {
    await (one.service === 'secsign' ? phone.create(one.name) : enrol(provider, one.name));
    await strike(one, one.name);
    await looked(one, one.name, provider.config);
  });

  // The version is asked for nobody.
  const anybody = await person();
  for (const one of cases('secsign', ['server_info'])) {
    await strike(one, undefined);
    await looked(one, anybody, provider.config);
    await phone.clearFaults();
  }

  const older = await prepare({ simulated: ['--pin-account', 'pinuser:pin:pass', '--secsign-version', '10.7.4'], sections: { secsign: ACCOUNT } });
  try {
    await each(cases('secsign', ['devices']), 8, async (one) => {
      await older.phone.create(one.name);
      await strike(one, one.name, older.phone);
      await looked(one, one.name, older.config);
    });
  } finally {
    const gone = once(older.simulator, 'exit');
    older.simulator.kill('SIGTERM');
    await gone;
    await rm(older.dir, { recursive: true, force: true });
  }
});

test('every fault in the code by which an app makes an ID: nobody is made, and nobody is said to have a phone', async () => {
  await each(cases('secsign', ['create_qr_code']), 8, async ({ order, name, what }) => {
    await phone.fault({ ...order, user: name, count: 0 });
    const run = await attempt(['secsign', name, '--enrol'], { config: short.config });
    const { code, end, said } = await outcome(run);
    assert.deepEqual([code, end.event, end.user], [1, 'end', null], what);
    if (end.state === 'expired') {
      assert.ok(ABOUT_MEMBERS.includes(order.fault), `${what}: there was a code`);
    } else {
      assert.equal(end.state, 'failed', what);
      assert.match(said, /could not be reached|unusable/, `${what}: ${run.stderr}`);
      assert.ok(!existsSync(run.picture), what);
    }
    assert.deepEqual(await calls(name, 'create'), [], what);
  });
});

test('every fault in a removal: a phone that is said to be gone is gone', async () => {
  const all = cases('thumbsignin', ['deregister']);
  await each(all, 1, async ({ name }) => {
    await enrol(provider, name);
    await provider.command('user', 'create', '--username', name, '--thumbsignin-user-id', name);
  });
  const rows = new Map((await provider.command('device', 'list')).map(({ username, id }) => [username, id]));
  await each(all, 4, async ({ order, name, what }) => {
    await phone.fault({ ...order, user: name, count: 0 });
    const run = await start(BINARY, ['device', 'remove', rows.get(name), '--at-service', '--config', provider.config, '--format', 'json']);
    const code = await run.over;
    const { removed, at_service: there } = JSON.parse(run.lines.join('\n'));
    assert.equal(removed, true, `${what}: here it is gone in any case`);
    if (code === 0) {
      assert.ok(ABOUT_MEMBERS.includes(order.fault), `${what}: said to be gone`);
      assert.deepEqual([there.removed.length, there.kept], [1, []], what);
      assert.equal((await known('thumbsignin', name)).count, 0, what);
    } else {
      assert.deepEqual([there.removed, there.kept.length], [[], 1], what);
      assert.match(run.stderr, /not everything at ThumbSignIn/, what);
    }
  });
});

/** Runs `try` in a terminal. */
const PTY = 'import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
const inTerminal = (words, TERM) => start('python3', ['-c', PTY, BINARY, 'try', ...words, '--config', provider.config], { variables: { TERM } });

test('a terminal shows the code so that a phone reads it, and the pass; a dumb one does not', async () => {
  const drawn = (run) => run.lines.map((line) => line.match(/^\u001b\[38;5;16;48;5;231m([ ▀▄█]+)\u001b\[0m\r?$/)?.[1]).filter(Boolean);
  const code = await inTerminal(['thumbsignin', 'alice', '--cancel'], 'xterm-256color');
  assert.equal(await code.over, 0, code.stderr + code.lines.join('\n'));
  const cells = drawn(code);
  assert.ok(cells.length > 15 && cells[0].length <= 80);
  // Each half of a cell as four by four pixels.
  const [width, height] = [cells[0].length * 4, cells.length * 8];
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const dark = (y % 8 < 4 ? '▀█' : '▄█').includes(cells[Math.floor(y / 8)][Math.floor(x / 4)]);
      if (dark) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  const [, link] = code.lines.join('\n').match(/^link +(\S+)/m);
  assert.equal(jsQR(pixels, width, height).data, link);
  assert.ok(!existsSync(join(code.cwd, FILE)), 'what is drawn needs no file');

  const id = await person();
  const pass = await inTerminal(['secsign', id, '--cancel', '--picture', 'pass.png'], 'xterm');
  assert.equal(await pass.over, 0);
  assert.ok(drawn(pass).length > 8 && existsSync(join(pass.cwd, 'pass.png')));
  const dumb = await inTerminal(['secsign', id, '--cancel'], 'dumb');
  assert.equal(await dumb.over, 0);
  assert.deepEqual([drawn(dumb), existsSync(join(dumb.cwd, FILE))], [[], true]);
});

test('device list and remove --at-service: what each service knows, what it took away, and what it kept', async () => {
  const command = (...words) => provider.command(...words);
  const failing = (...words) => command(...words).then(() => assert.fail('it went well'), (error) => error);
  await phone.create('zoe.o-x_1@acme');
  await command('user', 'create', '--username', 'Zoe', '--secsignid', 'Zoe.O-x_1@ACME', '--thumbsignin-user-id', 'Zoe.O-x_1');
  await command('user', 'create', '--username', 'yan', '--thumbsignin-user-id', 'yan');
  for (const user of ['Zoe.O-x_1', 'Zoe.O-x_1', 'yan']) assert.equal((await register(user)).code, 0);
  const listed = async () => Object.fromEntries((await command('device', 'list', '--at-service')).map((device) => [`${device.username}/${device.upstream}`, device]));
  const all = await listed();
  assert.deepEqual([all['zoe/secsign'].at_service.known, all['zoe/secsign'].at_service.count], [true, 1]);
  assert.deepEqual(all['zoe/thumbsignin'].at_service.phones.map(({ name }) => name), ['Virtual phone', 'Virtual phone 2']);
  assert.equal((await command('device', 'list')).some((device) => 'at_service' in device), false);
  const table = await start(BINARY, ['device', 'list', 'zoe', '--at-service', '--config', provider.config]);
  assert.equal(await table.over, 0);
  assert.match(table.lines.join('\n'), /AT THE SERVICE[^]*2 phones: Virtual phone, Virtual phone 2/);

  await phone.fault({ provider: 'thumbsignin', operation: 'devices', user: 'yan', fault: 'refuse', count: 0 });
  assert.match((await listed())['yan/thumbsignin'].at_service.error, /could not be asked/);
  await phone.clearFaults();

  const gone = await command('device', 'remove', all['zoe/thumbsignin'].id, '--at-service');
  assert.deepEqual([gone.removed, gone.at_service.removed.length, gone.at_service.kept], [true, 2, []]);
  assert.equal((await known('thumbsignin', 'zoe.o-x_1')).count, 0);

  await phone.fault({ provider: 'thumbsignin', operation: 'deregister', user: 'yan', fault: 'status', status: 503, count: 0 });
  const kept = await failing('device', 'remove', all['yan/thumbsignin'].id, '--at-service');
  assert.equal(kept.code, 1);
  assert.match(kept.stderr, /removed here, but not everything at ThumbSignIn: Virtual phone: /);
  assert.deepEqual([JSON.parse(kept.stdout).removed, JSON.parse(kept.stdout).at_service.kept.length], [true, 1]);
  assert.equal((await known('thumbsignin', 'yan')).count, 1);

  const counted = await failing('device', 'remove', all['zoe/secsign'].id, '--at-service');
  assert.equal(counted.code, 1);
  assert.match(counted.stderr, /not everything at SecSign ID/);
  assert.deepEqual(await command('device', 'list'), [], 'what was removed here stays removed');
});
