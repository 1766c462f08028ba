// Time against approval (check 131, B19), and what a restart must not bring back (B4). The provider and the phone
// services are two processes; only the provider's stored clock decides.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { assertRefused, replay, stateOf } from './lib/login.mjs';
import { App, each, pause, pkce, prepare, request } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

/** Long enough for the polls of a busy machine. */
const LOGIN = 6_000;
const PEOPLE = 16;
const ENDS = ['code', 'expired/'];

let provider; let web; let names;
async function serve(lifetimes) {
  provider = await prepare({ lifetimes });
  await provider.start();
  web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
  names = Array.from({ length: PEOPLE }, (_, at) => `dora${at}`);
  for (const name of names) await provider.person(name);
}
before(() => serve({ login: `${LOGIN / 1000}s` }));
after(async () => { if (provider) assert.equal(await provider.close(), 0); });

/** A login whose deadline lies between `earliest` and `latest`; its request is on the phone. */
async function begin(name) {
  const walker = new Walker();
  const { verifier, challenge } = pkce();
  await walker.open(web.authorizeUrl(challenge));
  await walker.submit('provider', { provider: 'secsign' });
  const earliest = Date.now() + LOGIN;
  await walker.submit('identifier', { identifier: name });
  const latest = Date.now() + LOGIN;
  assert.equal(stateOf(walker), 'pending/', name);
  const { sessions } = await provider.phone.secsign(name);
  return { walker, verifier, name, earliest, latest, session: sessions.at(-1).authsessionid, page: walker.url, form: walker.form('continue') };
}

/** What the service says from now on: 7 *fetched*, 3 *authenticated*; also of a session that it was told to cancel. */
const say = (login, state) => provider.phone.answer(login.name, login.session, { action: 'state', state });
const until = (moment) => pause(Math.max(0, moment - Date.now()));

/** What comes of a login: `code`, or the state of its page. Whatever it is, it stays so. */
async function outcome(login) {
  const { walker, page, form } = login;
  const answer = await replay(walker, page, form);
  assert.equal(answer.status, 303, `${login.name}: ${answer.status}`);
  await walker.open(new URL(answer.headers.get('location'), page).href, web.redirectUri);
  const code = new URL(walker.url).searchParams.get('code');
  if (code) assert.equal((await web.redeem({ code, verifier: login.verifier })).status, 200);
  return code ? 'code' : stateOf(walker);
}

test('an approval before the deadline counts, also when it is finished a moment after; a later one never does', async (t) => {
  const seen = { early: 0, late: 0 };
  await each(names, 8, async (name, at) => {
    const login = await begin(name);
    await say(login, 7);
    if (at % 2) {
      await say(login, 3);
      await eventually('the approval', async () => {
        await login.walker.open(login.page);
        return login.walker.main('data-login-state') === 'approved';
      }, LOGIN - 200);
      await until(login.latest + 500);
      assert.equal(await outcome(login), 'code', 'approved in time, finished 0.5 s after the deadline');
      seen.early += 1;
    } else {
      await until(login.latest + 100);
      await say(login, 3);
      for (const wait of [0, 300, 1200]) {
        await pause(wait);
        assert.equal(await outcome(login), 'expired/', 'approved after the deadline');
      }
      seen.late += 1;
    }
  });
  t.diagnostic(`${seen.early} in time, ${seen.late} late`);
});

test('B19: an approval around the deadline: one answer, which never changes, and no 5xx', async (t) => {
  const counts = {};
  for (const round of [0, 1, 2]) {
    await each(names, PEOPLE, async (name, at) => {
      const login = await begin(name);
      await say(login, 7);
      // In even steps up to 50 ms after the latest deadline: one half from 50 ms before the earliest, the other from so long before
      // that some are seen by the last poll in time.
      const [from, to] = [login.earliest - (at % 2 ? 50 : LOGIN / 2), login.latest + 50];
      await until(from + ((to - from) * (at + round / 3)) / PEOPLE);
      await say(login, 3);
      const asked = await Promise.all([0, 5, 20, 50].map(async (wait) => {
        await pause(wait);
        const headers = { cookie: login.walker.cookie(provider.issuer) };
        const answer = await request('GET', `${login.page}/status`, { headers });
        assert.equal(answer.status, 200);
        return answer.json().state;
      }));
      const first = await outcome(login);
      // Who was told that it is over is not told otherwise later.
      const told = asked.indexOf('expired');
      if (told >= 0) assert.notEqual(first, 'code', asked.join());
      // Where the approval was not seen yet, the poll that is under way at the deadline may still bring it; then it is over.
      let last = first;
      if (!ENDS.includes(first)) {
        await until(login.latest);
        last = await eventually('the end of the login', async () => {
          const now = await outcome(login);
          return ENDS.includes(now) && now;
        });
      }
      if (last === 'expired/') {
        await pause(1_200);
        assert.equal(await outcome(login), last, `${name}: first ${first}`);
      }
      counts[last] = (counts[last] ?? 0) + 1;
    });
  }
  t.diagnostic(`${PEOPLE * 3} approvals around the deadline: ${JSON.stringify(counts)}`);
  assert.ok(counts.code > 0 && counts['expired/'] > 0, `a race that one side always wins: ${JSON.stringify(counts)}`);
});

test('B4: after a restart an approval, a code and a form that were used are still used', async () => {
  // With the usual time for an approval: how long a restart takes does not matter here.
  assert.equal(await provider.close(), 0);
  await serve({});
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    const login = await begin(names[0]);
    await say(login, 3);
    const code = await eventually('the code', async () => {
      await login.walker.submit('continue', {}, web.redirectUri);
      return new URL(login.walker.url).searchParams.get('code');
    });
    assert.equal((await web.redeem({ code, verifier: login.verifier })).status, 200);
    const session = login.walker.jar(provider.issuer, 'signbridge_session');
    await provider.end(signal);
    await provider.start();
    const { sessions } = await provider.phone.secsign(names[0]);
    assert.equal(sessions.at(-1).state, 3, 'the service still calls it authenticated');
    const answer = await replay(login.walker, login.page, login.form);
    assertRefused(answer, provider.issuer, signal);
    await login.walker.open(new URL(answer.headers.get('location'), login.page).href, web.redirectUri);
    assert.equal(login.walker.main('data-message'), 'already_done');
    assert.equal((await web.redeem({ code, verifier: login.verifier })).json().error, 'invalid_grant');
    // What was rightly won is still there.
    assert.equal(login.walker.jar(provider.issuer, 'signbridge_session'), session);
    assert.ok((await web.code(login.walker.cookie(provider.issuer))).code);
  }
});
