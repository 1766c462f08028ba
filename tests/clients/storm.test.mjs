// Fifty at once: what may happen only once happens once, whoever else asks in the same moment, and nothing answers 5xx.
// `STORM=full` approves 200 logins instead of 40.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { App, each, pause, pkce, prepare, request } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const AT_ONCE = 50;
const times = (count, make) => Array.from({ length: count }, (_, at) => make(at));

let provider, web, native, agent, cookie;

before(async () => {
  provider = await prepare();
  await provider.start();
  agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
  const create = (id, uri, method) => provider.command(
    'client', 'create', '--id', id, '--name', id, '--redirect-uri', uri, '--auth-method', method,
  );
  web = new App(provider, await create('web', 'http://localhost:9/callback', 'client_secret_basic'), agent);
  native = new App(provider, await create('native', 'http://127.0.0.1/callback', 'none'), agent);
  await provider.person('carol');
  await provider.phone.auto('secsign', 'carol', 'approve');
  const walker = new Walker();
  await walker.open(web.authorizeUrl(pkce().challenge), web.redirectUri);
  await signIn(walker, 'secsign', 'carol', web.redirectUri, () => {});
  cookie = walker.cookie(provider.issuer);
});

after(async () => {
  agent?.destroy();
  if (provider) assert.equal(await provider.close(), 0);
});

/** How often each value occurs. */
const tally = (values) => values.reduce((counts, value) => ({ ...counts, [value]: (counts[value] ?? 0) + 1 }), {});

test('200 codes, each redeemed 50 times at once: one wins, the others hear invalid_grant', async (t) => {
  const began = performance.now();
  let wins = 0;
  await each(times(200, () => 0), 4, async () => {
    const code = await web.code(cookie);
    const answers = await Promise.all(times(AT_ONCE, () => web.redeem(code)));
    const won = answers.filter(({ status }) => status === 200);
    assert.ok(won.length <= 1, `${won.length} redemptions of one code`);
    wins += won.length;
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json().error, 'invalid_grant');
    }
  });
  // The first to come has no rival: a code that nobody could redeem would be a failure too.
  assert.equal(wins, 200);
  t.diagnostic(`200 × ${AT_ONCE} redemptions in ${Math.round(performance.now() - began)} ms`);
});

test('an approved login continued 50 times at once: one session, one code', async (t) => {
  const began = performance.now();
  const logins = process.env.STORM === 'full' ? 200 : 40;
  const names = times(8, (at) => `dora${at}`);
  for (const name of names) {
    await provider.person(name);
    await provider.phone.auto('secsign', name, 'approve');
  }
  // People who have a phone of the other service in the simulator from the start.
  for (const name of ['alice', 'bob']) {
    await provider.command('user', 'create', '--username', name, '--thumbsignin-user-id', name);
    await provider.phone.auto('thumbsignin', name, 'approve');
  }
  // A phone answers one login after the other: a lane for each.
  const lanes = [...names.map((name) => ['secsign', name]), ...times(4, (at) => ['thumbsignin', at % 2 ? 'alice' : 'bob'])];
  const quota = { secsign: logins / 2 / names.length, thumbsignin: logins / 2 / 4 };
  let done = 0;
  await each(lanes, lanes.length, async ([service, name]) => {
    for (let at = 0; at < Math.ceil(quota[service]); at += 1) {
      await continueAtOnce(service, name);
      done += 1;
    }
  });
  assert.ok(done >= logins, `${done} logins`);

  const sessions = await provider.command('session', 'list');
  const all = tally(sessions.map(({ username }) => username).filter((name) => name !== 'carol'));
  assert.equal(Object.values(all).reduce((sum, count) => sum + count, 0), done, JSON.stringify(all));
  for (const name of names) assert.equal(all[name], Math.ceil(quota.secsign));
  t.diagnostic(`${done} logins × ${AT_ONCE} in ${Math.round(performance.now() - began)} ms`);
});

async function continueAtOnce(service, name) {
  const walker = new Walker();
  const { verifier, challenge } = pkce();
  await walker.open(web.authorizeUrl(challenge));
  if (walker.page === 'choose') await walker.submit('provider', { provider: service });
  await walker.submit('identifier', { identifier: name });
  assert.equal(walker.page, 'wait');
  const visit = (method, path, form, cookies = walker.cookie(provider.issuer)) => (
    request(method, new URL(path, provider.issuer).href, { headers: { cookie: cookies }, form, agent }));
  await eventually(`the approval by ${name}`, async () => {
    const { state } = (await visit('GET', walker.main('data-status-url'))).json();
    assert.ok(['pending', 'fetched', 'approved'].includes(state), `${service} ${name}: ${state}`);
    return state === 'approved';
  }, 15_000);

  const form = walker.form('continue');
  const answers = await Promise.all(times(AT_ONCE, () => visit('POST', form.action, Object.fromEntries(form.inputs))));
  assert.deepEqual(tally(answers.map(({ status }) => status)), { 303: AT_ONCE });
  const jars = answers.flatMap(({ headers }) => headers['set-cookie'] ?? [])
    .map((line) => line.split(';')[0]).filter((pair) => pair.startsWith('signbridge_session='));
  assert.equal(jars.length, 1, `${jars.length} sessions from one login`);

  // Onward, with the session that was given out: again all at once.
  const [next] = new Set(answers.map(({ location }) => location));
  const browser = walker.cookie(provider.issuer).split('; ').find((pair) => pair.startsWith('signbridge_browser='));
  const onward = await Promise.all(times(AT_ONCE, () => visit('GET', next, undefined, `${browser}; ${jars[0]}`)));
  assert.deepEqual(onward.filter(({ status }) => status >= 500).map(({ text }) => text), []);
  const codes = onward.map(({ location }) => location && new URL(location, provider.issuer).searchParams.get('code')).filter(Boolean);
  assert.equal(codes.length, 1, `${codes.length} codes from one login: ${JSON.stringify(tally(onward.map(({ status }) => status)))}`);
  assert.equal((await web.redeem({ code: codes[0], verifier })).status, 200);
}

test('40 rotating refresh tokens, each used 50 times at once: one successor, then the old one kills the family', async (t) => {
  const began = performance.now();
  await each(times(40, () => 0), 2, async () => {
    const first = await native.tokens(cookie);
    const answers = await Promise.all(times(AT_ONCE, () => native.refresh(first.refresh_token)));
    // Nobody used the successor and the grace is on: none of them is refused.
    assert.deepEqual(tally(answers.map(({ status }) => status)), { 200: AT_ONCE });
    const successors = new Set(answers.map((answer) => answer.json().refresh_token));
    assert.equal(successors.size, 1, `${successors.size} successors of one token`);
    const [successor] = successors;
    assert.notEqual(successor, first.refresh_token);
    assert.equal(new Set(answers.map((answer) => answer.json().access_token)).size, AT_ONCE);

    const second = await native.refresh(successor);
    assert.equal(second.status, 200, second.text);
    const { access_token: access, refresh_token: last } = second.json();
    const userinfo = () => request('GET', `${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${access}` }, agent });
    assert.equal((await userinfo()).status, 200);
    for (const token of [first.refresh_token, successor, last]) {
      const refused = await native.refresh(token);
      assert.equal(refused.status, 400, refused.text);
      assert.equal(refused.json().error, 'invalid_grant');
    }
    assert.equal((await userinfo()).status, 401);
  });
  t.diagnostic(`40 × ${AT_ONCE} refreshes in ${Math.round(performance.now() - began)} ms`);
});

/** A browser that stands where it is asked who it is. */
async function atTheName(service, walker = new Walker()) {
  await walker.open(web.authorizeUrl(pkce().challenge));
  if (walker.page === 'choose') await walker.submit('provider', { provider: service });
  assert.equal(walker.page, 'identify');
  return walker;
}

const isOpen = ({ state }) => state === 1 || state === 7;
const createsOf = async (name, after) => (await provider.phone.requests(after))
  .filter(({ operation, user }) => operation === 'create' && user === name).length;

test('50 browsers ask for one person at once: one request on the phone', async (t) => {
  const began = performance.now();
  await provider.person('erin');
  const walkers = await Promise.all(times(AT_ONCE, () => atTheName('secsign')));
  await Promise.all(walkers.map((walker) => walker.submit('identifier', { identifier: 'erin' })));
  assert.deepEqual(tally(walkers.map((walker) => `${walker.status} ${walker.page} ${walker.main('data-login-state')}`)),
    { '200 wait pending': AT_ONCE });
  assert.equal(await createsOf('erin', 0), 1);
  const { frozen, sessions } = await provider.phone.secsign('erin');
  assert.equal(frozen, false);
  assert.deepEqual(sessions.map(isOpen), [true]);

  // The one that was asked for gets in, and only that one.
  await provider.phone.answer('erin', sessions[0].authsessionid, { action: 'approve' });
  const inside = new Set();
  await eventually('a login', async () => {
    await each(walkers, 10, async (walker) => {
      if (inside.has(walker)) return;
      await walker.submit('continue', {}, web.redirectUri);
      if (walker.url.startsWith(web.redirectUri)) inside.add(walker);
    });
    return inside.size > 0;
  });
  await pause(500);
  for (const walker of walkers.filter((other) => !inside.has(other))) {
    await walker.submit('continue', {}, web.redirectUri);
    assert.equal(walker.page, 'wait');
    assert.notEqual(walker.main('data-login-state'), 'approved');
  }
  assert.equal(inside.size, 1);
  assert.equal(await createsOf('erin', 0), 1);
  t.diagnostic(`in ${Math.round(performance.now() - began)} ms`);
});

test('one browser starts 50 logins at once: never two open requests, and the phone is not frozen', async (t) => {
  const began = performance.now();
  const walker = await atTheName('secsign');
  await provider.person('frank');
  const form = walker.form('identifier');
  const url = new URL(form.action, provider.issuer).href;
  const body = { ...Object.fromEntries(form.inputs), identifier: 'frank' };
  const headers = { cookie: walker.cookie(provider.issuer) };
  const answers = await Promise.all(times(AT_ONCE, () => request('POST', url, { headers, form: body, agent })));
  assert.deepEqual(answers.filter(({ status }) => status >= 500).map(({ text }) => text), []);
  assert.deepEqual(tally(answers.map(({ status }) => status)), { 303: AT_ONCE });
  const { frozen, sessions } = await provider.phone.secsign('frank');
  assert.equal(frozen, false);
  assert.ok(sessions.filter(isOpen).length <= 1, JSON.stringify(sessions.map(({ state }) => state)));
  // A second request while one is open would have suspended it (state 5).
  assert.deepEqual(sessions.filter(({ state }) => state === 5), []);
  t.diagnostic(`${await createsOf('frank', 0)} creates in ${Math.round(performance.now() - began)} ms`);
});
