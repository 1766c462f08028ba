// What the phone services, or somebody between, may answer; and what may be sent to them. Numbers as in `docs/requirements`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, beforeEach, test } from 'node:test';
import { BINARY, approve, eventually, startDemo } from './lib/demo.mjs';
import { loginAt, stateOf } from './lib/login.mjs';
import { refusal, startScripted, stateIs } from './lib/scripted.mjs';
import { App, pkce, prepare } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

let demo; let at;
before(async () => { demo = await startDemo(); at = loginAt(demo); });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

const isOpen = ({ state }) => state === 1 || state === 7;

test('S3: the person is named exactly once, with the right value; what could be misread is never stored nor sent', async () => {
  const create = (username, ...more) => execFileSync(BINARY,
    ['user', 'create', '--config', demo.config_file, '--username', username, ...more], { stdio: 'pipe' });
  const first = await at.lastSeq();
  for (const [number, name] of ['a.b_c-1', 'UPPER.case', '007', 'x'.repeat(60)].entries()) {
    create(`odd${number}`, '--thumbsignin-user-id', name);
    const seq = await at.lastSeq();
    const walker = await at.begin('thumbsignin', `odd${number}`);
    assert.equal(walker.main('data-login-state'), 'pending', name);
    const [call] = (await demo.phone.requests(seq)).filter(({ operation }) => operation === 'authenticate');
    const [path, query] = call.target.split(' ')[1].split('?');
    assert.equal(path, '/ts/secure/authenticate', name);
    const userIds = query.split('&').filter((pair) => pair.split('=')[0] === 'userId');
    assert.deepEqual(userIds, [`userId=${name.toLowerCase()}`], query);
    await at.giveUp(walker);
  }
  create('form', '--secsignid', 'form@acme');
  await demo.phone.create('form@acme');
  const seq = await at.lastSeq();
  await at.giveUp(await at.begin('secsign', 'form'));
  const created = (await demo.phone.requests(seq)).filter(({ operation }) => operation === 'create');
  assert.deepEqual(created.map(({ user, status }) => [user, status]), [['form@acme', 200]]);
  // Nobody waited for the five cancels, which must not be counted below.
  await eventually('the cancels', async () => (await demo.phone.requests(first))
    .filter(({ operation, cancelled }) => operation === 'cancel' || cancelled).length >= 5);

  for (const name of ['a&userId=bob', 'c=d', 'e#f', 'g h', 'i+j', 'k%26l', 'müller', '"m"', 'n?o', '../p', "q'r;s", 'a\nb', '%00']) {
    for (const flag of ['--thumbsignin-user-id', '--secsignid']) {
      assert.throws(() => create('nobody', flag, name), (error) => String(error.stderr).includes(flag.slice(2).replaceAll('-', '_')), name);
    }
    const before = await at.lastSeq();
    for (const provider of ['secsign', 'thumbsignin']) {
      const walker = await at.begin(provider, name);
      assert.ok(['identify', 'wait'].includes(walker.page) && walker.status === 200, `${name}: ${walker.status} ${walker.page}`);
      await at.giveUp(walker);
    }
    assert.deepEqual(await demo.phone.requests(before), [], `typed: ${name}`);
  }
});

test('checks 133, 140: the phone says the registered name of the app and our host, whatever a request says, and has symbols', async () => {
  const create = (id, name) => execFileSync(BINARY,
    ['client', 'create', '--config', demo.config_file, '--id', id, '--name', name, '--redirect-uri', at.back], { stdio: 'pipe' });
  assert.throws(() => create('lines', 'a\nb'), (error) => String(error.stderr).includes('control characters'));
  for (const [id, name, shown] of [['plain', 'Plain app', 'Plain app'], ['odd', 'Odd\u202e \u{1f98a}&servicename=Bank', 'Odd- --servicename-Bank']]) {
    create(id, name);
    const person = await at.person(`at-${id}`);
    const walker = await at.begin('secsign', person, new Walker(), {
      client_id: id, client_name: 'Bank', servicename: 'Bank', serviceaddress: 'bank.example', transactiontitle: 'Bank', showaccesspass: 'false',
    });
    assert.equal(stateOf(walker), 'pending/');
    const session = await at.session(person);
    assert.deepEqual([session.servicename, session.serviceaddress], [shown, new URL(demo.issuer).hostname]);
    // A text would switch the symbols off (check 133).
    assert.deepEqual([session.transactiontitle, session.transactiondescr], [null, null]);
    assert.ok(session.symbols.length >= 4, `${session.symbols.length} symbols`);
    await at.giveUp(walker);
  }
});

test('S8: what a service says in its errors stays in the log', async () => {
  const secret = 'jdbc:oracle at 10.1.2.3 stack trace com.vendor.Internal';
  const seen = [];
  for (const [provider, operation, order] of [
    ['secsign', 'create', { fault: 'html' }], ['secsign', 'create', { fault: 'redirect', value: 'http://10.1.2.3/internal' }],
    ['secsign', 'create', { fault: 'status', status: 500, value: secret }], ['secsign', 'create', { fault: 'status', status: 400 }],
    ['secsign', 'state', { fault: 'unknown_state', value: secret }], ['secsign', 'state', { fault: 'wrong_user', value: secret }],
    ['thumbsignin', 'authenticate', { fault: 'status', status: 400, value: secret }],
    ['thumbsignin', 'authenticate', { fault: 'html' }], ['thumbsignin', 'status', { fault: 'unknown_state', value: secret }],
    ['thumbsignin', 'get_user', { fault: 'status', status: 500 }],
  ]) {
    await demo.phone.reset();
    const name = await at.person(`s8-${seen.length}`, '--thumbsignin-user-id', `s8-${seen.length}`);
    await demo.phone.fault({ provider, operation, count: 0, ...order });
    const walker = await at.begin(provider, name);
    if (operation === 'get_user') {
      const [{ transactionId }] = await demo.phone.transactions(name, 'PENDING');
      await demo.phone.act(transactionId, { action: 'approve', userId: 'alice' });
    }
    // The service is asked again after a 5xx, so such a login may still be open: its page counts too.
    if (order.status !== 500 || operation === 'create') await at.ended(walker);
    seen.push(walker.html);
    const headers = { cookie: walker.cookie(demo.issuer), connection: 'close' };
    const status = await fetch(new URL(walker.main('data-status-url'), demo.issuer), { headers });
    seen.push(await status.text());
    await at.giveUp(walker);
    seen.push(walker.url, decodeURIComponent(walker.url), walker.html);
  }
  for (const said of seen) {
    // The link into the app is the service's own, and meant for the person.
    const text = said.replaceAll(/http:\/\/[^"\s]*\/phone\/t\/\w+/g, '');
    for (const leak of [secret, 'oracle', '10.1.2.3', 'nonsense', 'Traceback', 'ReqRequestAuthSession', '/ts/secure', new URL(demo.upstream_url).host]) {
      assert.ok(!text.includes(leak), `${leak} in ${text.slice(0, 400)}`);
    }
  }
});

test('S8: the words of a service in a refusal, an error page and nonsense reach the log, cut and escaped, and nobody else', async () => {
  const server = await startScripted();
  const provider = await prepare({ secsign: server.url, lifetimes: { login: '8s' } });
  try {
    await provider.start();
    const web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
    // Only the words of a refusal are quoted, in the log; those of anything else are nobody's.
    for (const [number, [operation, quoted, wrap]] of ['create', 'state'].flatMap((when) => [
      [when, true, (words) => refusal(500, 20003, words)],
      [when, false, (words) => () => ({ status: 400, body: words })],
      [when, false, (words) => () => ({ status: 503, body: words })],
      [when, false, (words) => () => words],
    ]).entries()) {
      server.behave();
      const mark = `jdbc-oracle-${number}-x`;
      server[operation] = wrap(`${mark} <b>stack trace</b> com.vendor.Internal \u202eforged line ${'z'.repeat(5_000)} end-${mark}`);
      const name = `s8-${number}`;
      await provider.command('user', 'create', '--username', name, '--secsignid', name);
      const walker = await new Walker().open(web.authorizeUrl(pkce().challenge));
      await walker.submit('provider', { provider: 'secsign' });
      const logged = provider.log.length;
      await walker.submit('identifier', { identifier: name });
      const seen = [walker.html];
      const headers = { cookie: walker.cookie(provider.issuer) };
      const stream = fetch(new URL(walker.main('data-events-url') ?? 'none', walker.url), { headers, signal: AbortSignal.timeout(30_000) })
        .then((answer) => answer.text());
      await eventually('the end of the login', async () => {
        seen.push(await (await fetch(new URL(walker.main('data-status-url'), walker.url), { headers })).text());
        await walker.open(walker.url);
        seen.push(walker.html);
        return !['pending', 'fetched'].includes(walker.main('data-login-state'));
      });
      seen.push(await stream);
      await walker.submit('cancel', {}, web.redirectUri);
      seen.push(walker.url, walker.html);
      for (const text of seen) assert.ok(!/jdbc|stack trace|com\.vendor|forged|zzzz/.test(text), `${operation} ${number}: ${text.slice(0, 400)}`);
      // The log is written by a queue that no answer waits for.
      if (quoted) await eventually('the line', () => provider.log.slice(logged).split('\n').slice(0, -1).some((line) => line.includes(mark)));
      const said = provider.log.slice(logged);
      const lines = said.split('\n').filter((line) => line.includes(mark));
      assert.equal(lines.length, quoted ? 1 : 0, `${operation} ${number}: ${said.slice(0, 1000)}`);
      assert.ok(!said.includes(`end-${mark}`) && !said.includes('\u202e'), 'cut and escaped');
      for (const line of lines) {
        const { message, error, detail } = JSON.parse(line);
        assert.equal(message, operation === 'create' ? 'the phone was not asked' : 'refused an answer');
        assert.match(error ?? detail, /com\.vendor\.Internal \?forged line z+$/);
        assert.ok(line.length < 2_500, `${line.length} characters`);
      }
    }
  } finally {
    assert.equal(await provider.close(), 0);
    await server.stop();
  }
});

test('S17: the smallest and the largest session id that fit are taken, and sent back as they are', async () => {
  const server = await startScripted();
  const provider = await prepare({ secsign: server.url });
  try {
    await provider.start();
    const web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
    for (const [number, [id, is]] of [['9223372036854775807', 'approved/'], ['-9223372036854775808', 'approved/'],
      ['9223372036854775808', 'failed/technical_reason'], ['-9223372036854775809', 'failed/technical_reason']].entries()) {
      server.behave();
      server.create = (asked) => server.honest.create(asked).replace(/^authsessionid=\d+/, `authsessionid=${id}`);
      server.state = stateIs(3);
      server.calls.length = 0;
      const name = `edge${number}`;
      await provider.command('user', 'create', '--username', name, '--secsignid', name);
      const walker = await new Walker().open(web.authorizeUrl(pkce().challenge));
      await walker.submit('provider', { provider: 'secsign' });
      await walker.submit('identifier', { identifier: name });
      await eventually(`the end with ${id}`, async () => {
        await walker.open(walker.url);
        return !['pending', 'fetched'].includes(walker.main('data-login-state'));
      });
      assert.equal(stateOf(walker), is, id);
      const asked = server.calls.filter(({ operation }) => operation === 'state').map(({ authsessionid }) => authsessionid);
      assert.deepEqual([...new Set(asked)], is === 'approved/' ? [id] : []);
    }
  } finally {
    assert.equal(await provider.close(), 0);
    await server.stop();
  }
});

test('S21: a service that takes longer than a create may take is given up, and the page comes all the same', async (t) => {
  const cases = [['secsign', 'create', 'slow_body'], ['secsign', 'create', 'delay'],
    ['thumbsignin', 'authenticate', 'slow_body'], ['thumbsignin', 'authenticate', 'delay']];
  for (const [number, [provider, operation, fault]] of cases.entries()) {
    const name = await at.person(`slow-${number}`, '--thumbsignin-user-id', `slow-${number}`);
    await demo.phone.fault({ provider, operation, fault, user: name, count: 1, delay_ms: 20_000 });
  }
  await Promise.all(cases.map(async ([provider, , fault], number) => {
    const walker = await new Walker().open(at.address());
    await walker.submit('provider', { provider });
    const began = performance.now();
    await walker.submit('identifier', { identifier: `slow-${number}` });
    const took = Math.round(performance.now() - began);
    const how = await at.ended(walker);
    t.diagnostic(`${provider} ${fault}: ${how} after ${took} ms`);
    assert.match(how, /^failed\/(technical_reason|upstream_down)$/, `${provider} ${fault}`);
    // At most 5 s (design 3), and not because something else went wrong at once.
    assert.ok(took > 3_000 && took < 6_500, `${took} ms`);
    await at.giveUp(walker);
    assert.equal(await at.isSignedIn(walker), false);
  }));
});

test('S14: of fifty strangers at once one asks the phone, which suspends nothing, and the others are told that it is asked', async () => {
  // A stranger's login fails like the service's latest ones (check 139): those of the test before were too slow.
  await at.giveUp(await at.begin('secsign', 'alice'));
  const seq = await at.lastSeq();
  const walkers = await Promise.all(Array.from({ length: 50 }, () => at.begin('secsign', 'bob')));
  assert.equal(await at.creates(seq), 1);
  const [first, ...more] = walkers.filter((walker) => stateOf(walker) === 'pending/');
  assert.deepEqual([more.length, walkers.filter((walker) => stateOf(walker) === 'failed/busy').length], [0, 49]);
  for (const walker of walkers) assert.equal(/<img[^>]*id="access-pass"[^>]*src="data:image\/png;base64,/.test(walker.html), walker === first);
  const { frozen, sessions } = await demo.phone.secsign(demo.user('bob').secsignid);
  assert.equal(frozen, false);
  assert.equal(sessions.filter(({ state }) => state === 5).length, 0);
  await approve(demo, 'secsign', 'bob');
  const codes = await eventually('one code', async () => {
    const found = [];
    for (const walker of walkers) {
      if (walker.html.includes('id="continue"')) await walker.submit('continue', {}, at.back);
      if (walker.url.startsWith(at.back)) found.push(walker);
    }
    return found.length > 0 && found;
  });
  assert.equal(codes.length, 1);
});

test('S14: a browser that the person used before takes the slot back from a stranger', async () => {
  const known = await at.begin();
  await approve(demo, 'secsign', 'alice');
  await at.finish(known);
  const stranger = await at.begin();
  const wait = stranger.url;
  const seq = await at.lastSeq();
  await at.begin('secsign', 'alice', known, { prompt: 'login' });
  const after = (await demo.phone.requests(seq)).map(({ operation }) => operation);
  assert.ok(after.indexOf('cancel') >= 0 && after.indexOf('cancel') < after.indexOf('create'), after.join());
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(known));
  await stranger.open(wait);
  assert.equal(stranger.main('data-login-state'), 'pending', 'the stranger must not notice');
  await at.giveUp(stranger);
});

test('S16, S17, S21, B6, B8: nonsense of the service is never an approval', async () => {
  for (const [operation, kind, value] of [
    ['create', 'duplicate_key'], ['create', 'percent_encoded'], ['create', 'truncated'], ['create', 'html'], ['create', 'empty'],
    ['create', 'redirect'], ['create', 'approved_at_once'], ['create', 'non_png_icon'], ['create', 'huge_body'],
    ['create', 'wrong_user'], ['create', 'wrong_session', 'not-a-number'], ['create', 'wrong_session', '9223372036854775808'],
    ['create', 'wrong_session', '-9223372036854775809'],
    ['state', 'duplicate_key'], ['state', 'percent_encoded'], ['state', 'html'], ['state', 'empty'], ['state', 'wrong_user'],
    ['state', 'wrong_session'], ['state', 'unknown_state'], ['state', 'huge_body'], ['state', 'truncated'],
  ]) {
    const what = `${operation} ${kind} ${value ?? ''}`;
    await demo.phone.reset();
    // A person of their own, so that a slot that stays closed does not matter to the next case.
    const name = await at.person(`p-${what.replaceAll(/[^a-z0-9]+/gi, '-')}${Buffer.from(value ?? '').toString('hex')}x`);
    await demo.phone.fault({ provider: 'secsign', operation, fault: kind, count: 0, value });
    const walker = await at.begin('secsign', name);
    if (operation === 'state') {
      const { sessions } = await demo.phone.secsign(name);
      // The first poll may have ended it already: then there is nothing to approve any more.
      await demo.phone.answer(name, sessions.at(-1).authsessionid, { action: 'approve' }).catch((error) => {
        assert.match(error.message, /409/);
      });
    }
    const how = await at.ended(walker);
    assert.match(how, /^failed\/(technical_reason|upstream_down)$/, `${what}: ${how}`);
    await walker.submit('cancel', {}, at.back);
    assert.equal(new URL(walker.url).searchParams.get('code'), null, what);
    assert.equal(await at.isSignedIn(walker), false, what);
  }
  // Beside all that: an honest answer signs in.
  await demo.phone.reset();
  const walker = await at.begin('secsign', 'alice', new Walker());
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(walker));
});

test('B6: nobody but the person who was asked can approve with ThumbSignIn', async () => {
  for (const approver of ['bob', 'Alice ', 'alice2']) {
    const walker = await at.begin('thumbsignin', 'alice');
    const transaction = await at.transaction();
    await demo.phone.fault({ provider: 'thumbsignin', operation: 'get_user', fault: 'wrong_user', value: approver, count: 0 });
    await demo.phone.act(transaction, { action: 'approve', userId: 'alice' });
    assert.equal(await at.ended(walker), 'failed/technical_reason', approver);
    await demo.phone.clearFaults();
    await at.giveUp(walker);
    assert.equal(await at.isSignedIn(walker), false);
  }
  const walker = await at.begin('thumbsignin', 'alice');
  await demo.phone.act(await at.transaction(), { action: 'approve', userId: 'alice' });
  assert.ok(await at.finish(walker));
});

test('S20, S15: an approval of a session that is not ours signs nobody in', async () => {
  const walker = await at.begin();
  const mine = await at.session();
  await demo.phone.answer('alice', mine.authsessionid, { action: 'deny' });
  assert.equal(await at.ended(walker), 'denied/');
  // Somebody asks straight at the service, in our name, and she approves that.
  const answer = await fetch(`${demo.upstream_url}/`, { method: 'POST', body: new URLSearchParams({
    request: 'ReqRequestAuthSession', apimethod: 'test', secsignid: 'alice', servicename: mine.servicename, serviceaddress: mine.serviceaddress }) });
  assert.ok(answer.ok);
  await approve(demo, 'secsign', 'alice');
  await walker.open(walker.url);
  assert.equal(stateOf(walker), 'denied/');
  assert.equal(await at.isSignedIn(walker), false);
});
