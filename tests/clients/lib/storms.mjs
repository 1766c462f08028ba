// Fifty at once: what may happen only once happens once, whoever else asks in the same moment and at whichever node, and nothing
// answers 5xx.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifying, tally, times, waiting } from './apps.mjs';
import { eventually } from './demo.mjs';
import { each, pause, request } from './serve.mjs';

const AT_ONCE = 50;
const isOpen = ({ state }) => state === 1 || state === 7;

/**
 * Tests with so many `codes`, `logins` and `chains` of refresh tokens. Once they run, `at` tells what they storm: `site`, a provider
 * or a cluster, and what `settle` made there, with its `agent`. `where` stands behind what happens at once in the names of the tests.
 */
export function storms(at, { codes, logins, chains, where = '' }) {
  const visit = (walker, method, path, { form, cookie = walker.cookie(at().site.issuer) } = {}) => (
    request(method, new URL(path, at().site.issuer).href, { headers: { cookie }, form, agent: at().agent }));
  const createsOf = async (name) => (await at().site.phone.requests())
    .filter(({ operation, user }) => operation === 'create' && user === name).length;
  const nodes = () => at().site.nodes ?? [at().site];
  /** What each node itself says of an access token. */
  const userinfos = (token) => Promise.all(nodes().map(async ({ origin }) => {
    const headers = { host: new URL(at().site.issuer).host, authorization: `Bearer ${token}` };
    return (await request('GET', `${origin}/userinfo`, { headers })).status;
  }));

  test(`${codes} codes, each redeemed ${AT_ONCE} times at once${where}: one wins, the others hear invalid_grant`, async (t) => {
    const { web, cookie } = at();
    const began = performance.now();
    let wins = 0;
    const served = new Set();
    await each(times(codes, () => 0), 4, async () => {
      const code = await web.code(cookie);
      const answers = await Promise.all(times(AT_ONCE, () => web.redeem(code)));
      const won = answers.filter(({ status }) => status === 200);
      assert.ok(won.length <= 1, `${won.length} redemptions of one code`);
      wins += won.length;
      for (const answer of answers) served.add(answer.headers['x-node'] ?? '0');
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        assert.equal(answer.status, 400, answer.text);
        assert.equal(answer.json().error, 'invalid_grant');
      }
    });
    // The first to come has no rival: a code that nobody could redeem would be a failure too.
    assert.equal(wins, codes);
    assert.deepEqual([...served].sort(), nodes().map((_, node) => String(node)), 'all took part');
    t.diagnostic(`${codes} × ${AT_ONCE} redemptions in ${Math.round(performance.now() - began)} ms`);
  });

  async function continueAtOnce(service, name) {
    const { walker, verifier } = await waiting(at().web, service, name);
    await eventually(`the approval by ${name}`, async () => {
      const { state } = (await visit(walker, 'GET', walker.main('data-status-url'))).json();
      assert.ok(['pending', 'fetched', 'approved'].includes(state), `${service} ${name}: ${state}`);
      return state === 'approved';
    });

    const form = walker.form('continue');
    const answers = await Promise.all(times(AT_ONCE, () => visit(walker, 'POST', form.action, { form: Object.fromEntries(form.inputs) })));
    assert.deepEqual(tally(answers.map(({ status }) => status)), { 303: AT_ONCE });
    const jars = answers.flatMap(({ headers }) => headers['set-cookie'] ?? [])
      .map((line) => line.split(';')[0]).filter((pair) => pair.startsWith('signbridge_session='));
    assert.equal(jars.length, 1, `${jars.length} sessions from one login`);

    // Onward, with the session that was given out: again all at once.
    const [next] = new Set(answers.map(({ location }) => location));
    const browser = walker.cookie(at().site.issuer).split('; ').find((pair) => pair.startsWith('signbridge_browser='));
    const onward = await Promise.all(times(AT_ONCE, () => visit(walker, 'GET', next, { cookie: `${browser}; ${jars[0]}` })));
    assert.deepEqual(onward.filter(({ status }) => status >= 500).map(({ text }) => text), []);
    const found = onward.map(({ location }) => location && new URL(location, at().site.issuer).searchParams.get('code')).filter(Boolean);
    assert.equal(found.length, 1, `${found.length} codes from one login: ${JSON.stringify(tally(onward.map(({ status }) => status)))}`);
    assert.equal((await at().web.redeem({ code: found[0], verifier })).status, 200);
  }

  test(`${logins} approved logins, each continued ${AT_ONCE} times at once${where}: one session, one code`, async (t) => {
    const { site } = at();
    const began = performance.now();
    const names = times(Math.min(8, logins / 2), (number) => `dora${number}`);
    for (const name of names) {
      await site.person(name);
      await site.phone.auto('secsign', name, 'approve');
    }
    for (const name of ['alice', 'bob']) await site.phone.auto('thumbsignin', name, 'approve');
    // A phone answers one login after the other: a lane for each.
    const lanes = [...names.map((name) => ['secsign', name]), ...times(4, (lane) => ['thumbsignin', lane % 2 ? 'alice' : 'bob'])];
    const quota = { secsign: Math.ceil(logins / 2 / names.length), thumbsignin: Math.ceil(logins / 2 / 4) };
    const sessions = async () => tally((await site.command('session', 'list')).map(({ username }) => username));
    const before = await sessions();
    let done = 0;
    await each(lanes, lanes.length, async ([service, name]) => {
      for (let turn = 0; turn < quota[service]; turn += 1) {
        await continueAtOnce(service, name);
        done += 1;
      }
    });
    await site.phone.call('DELETE', 'auto');
    assert.ok(done >= logins, `${done} logins`);

    const all = await sessions();
    const made = Object.fromEntries(Object.entries(all).map(([name, count]) => [name, count - (before[name] ?? 0)]));
    assert.equal(Object.values(made).reduce((sum, count) => sum + count, 0), done, JSON.stringify(made));
    for (const name of names) assert.equal(made[name], quota.secsign);
    t.diagnostic(`${done} logins × ${AT_ONCE} in ${Math.round(performance.now() - began)} ms`);
  });

  test(`${chains} rotating refresh tokens, each used ${AT_ONCE} times at once${where}: one successor, then the old one kills the family`, async (t) => {
    const { native, cookie } = at();
    const began = performance.now();
    await each(times(chains, () => 0), 2, async () => {
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
      assert.deepEqual(await userinfos(access), nodes().map(() => 200));
      // The first is a reuse: whoever has the newest of the family has nothing any more, at any node.
      for (const token of [first.refresh_token, successor, last]) {
        const refused = await native.refresh(token);
        assert.equal(refused.status, 400, refused.text);
        assert.equal(refused.json().error, 'invalid_grant');
        assert.deepEqual(await userinfos(access), nodes().map(() => 401), 'the family lives');
      }
    });
    t.diagnostic(`${chains} × ${AT_ONCE} refreshes in ${Math.round(performance.now() - began)} ms`);
  });

  test(`${AT_ONCE} browsers ask for one person at once${where}: one request on the phone, and the others are told of it`, async (t) => {
    const { site, web } = at();
    const began = performance.now();
    await site.person('erin');
    const walkers = await Promise.all(times(AT_ONCE, async () => (await identifying(web, 'secsign')).walker));
    await Promise.all(walkers.map((walker) => walker.submit('identifier', { identifier: 'erin' })));
    const look = (walker) => [walker.status, walker.page, walker.main('data-login-state'), walker.main('data-login-reason') ?? '',
      walker.html.includes('id="access-pass"')].join(' ');
    assert.deepEqual(tally(walkers.map(look)), { '200 wait pending  true': 1, '200 wait failed busy false': AT_ONCE - 1 });
    assert.equal(await createsOf('erin'), 1);
    const { frozen, sessions } = await site.phone.secsign('erin');
    assert.equal(frozen, false);
    assert.deepEqual(sessions.map(isOpen), [true]);

    // The one that was asked for gets in, and only that one.
    await site.phone.answer('erin', sessions[0].authsessionid, { action: 'approve' });
    const inside = new Set();
    await eventually('a login', async () => {
      await each(walkers, 10, async (walker) => {
        if (inside.has(walker) || walker.main('data-login-state') === 'failed') return;
        await walker.submit('continue', {}, web.redirectUri);
        if (walker.url.startsWith(web.redirectUri)) inside.add(walker);
      });
      return inside.size > 0;
    });
    await pause(500);
    for (const walker of walkers.filter((other) => !inside.has(other))) {
      await walker.open(walker.url);
      assert.equal(walker.page, 'wait');
      assert.notEqual(walker.main('data-login-state'), 'approved');
    }
    assert.equal(inside.size, 1);
    assert.equal(await createsOf('erin'), 1);
    t.diagnostic(`in ${Math.round(performance.now() - began)} ms`);
  });

  test(`one browser starts ${AT_ONCE} logins at once${where}: never two open requests, and the phone is not frozen`, async (t) => {
    const { site, web, agent } = at();
    const began = performance.now();
    await site.person('frank');
    const { walker } = await identifying(web, 'secsign');
    const form = walker.form('identifier');
    const url = new URL(form.action, site.issuer).href;
    const body = { ...Object.fromEntries(form.inputs), identifier: 'frank' };
    const headers = { cookie: walker.cookie(site.issuer) };
    const answers = await Promise.all(times(AT_ONCE, () => request('POST', url, { headers, form: body, agent })));
    assert.deepEqual(answers.filter(({ status }) => status >= 500).map(({ text }) => text), []);
    assert.deepEqual(tally(answers.map(({ status }) => status)), { 303: AT_ONCE });
    const { frozen, sessions } = await site.phone.secsign('frank');
    assert.equal(frozen, false);
    assert.ok(sessions.filter(isOpen).length <= 1, JSON.stringify(sessions.map(({ state }) => state)));
    // A second request while one is open would have suspended it (state 5).
    assert.deepEqual(sessions.filter(({ state }) => state === 5), []);
    t.diagnostic(`${await createsOf('frank')} creates in ${Math.round(performance.now() - began)} ms`);
  });
}
