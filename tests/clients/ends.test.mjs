// Ends: of an authorization, of a login, of a session and of what came out of it; and what a form does whose page is no longer
// true. Lifetimes are short, and moments are reached by waiting for them.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { approve, eventually, startDemo } from './lib/demo.mjs';
import { loginAt, stateOf } from './lib/login.mjs';
import { App, pause, pkce, prepare, request } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

/** Seconds that an authorization and a session last at the provider of short lifetimes. */
const AUTHORIZATION = 8;
const SESSION = 12;

let demo; let at; let short; let web;
before(async () => {
  [demo, short] = await Promise.all([startDemo(), prepare({
    lifetimes: { authorization: `${AUTHORIZATION}s`, login: `${AUTHORIZATION}s`, session: `${SESSION}s`, session_idle: `${SESSION}s`, remembered_browser: '365d' },
  })]);
  at = loginAt(demo);
  await short.start();
  web = new App(short, await short.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback',
    '--always-refresh=true', '--client-uri', 'https://app.example/start'));
  await short.person('alice', '--thumbsignin-user-id', 'alice');
});
after(async () => {
  assert.equal(await demo.stop(), 0);
  assert.equal(await short.close(), 0);
});
beforeEach(async () => { await demo.phone.reset(); await short.phone.reset(); });

const words = (walker) => walker.html.replaceAll(/<(script|style|svg)[\s\S]*?<\/\1>/g, '').replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');

/** A browser at the page that asks for the service, and the moment at which its authorization ends. */
async function arrive(changes = {}) {
  const { challenge, verifier } = pkce();
  const began = Date.now();
  const walker = await new Walker().open(web.authorizeUrl(challenge, { scope: 'openid', ...changes }));
  return { walker, verifier, ends: began + AUTHORIZATION * 1000 };
}
const until = (moment) => pause(Math.max(0, moment - Date.now()));
const creates = async (seq) => (await short.phone.requests(seq)).filter(({ operation }) => ['create', 'authenticate'].includes(operation)).length;
const lastSeq = async () => (await short.phone.requests()).at(-1)?.seq ?? 0;

/** The page that says that a sign-in ran out, and nothing else. */
function assertExpired(walker, what) {
  assert.deepEqual([walker.status, walker.page], [400, 'error'], `${what}: ${walker.status} ${walker.page} ${walker.url}`);
  assert.match(words(walker), /has expired/, what);
  assert.doesNotMatch(words(walker), /complete|already|not registered/, what);
  assert.match(walker.html, /href="https:\/\/app\.example\/start"/, `${what}: the way back`);
}

async function askPhone(walker, provider = 'secsign') {
  await walker.submit('provider', { provider });
  return walker.submit('identifier', { identifier: 'alice' });
}
async function approveNow() {
  await eventually('the push', async () => (await short.phone.secsign('alice')).sessions.some(({ state }) => state === 1));
  const { sessions } = await short.phone.secsign('alice');
  await short.phone.answer('alice', sessions.find(({ state }) => state === 1).authsessionid, { action: 'approve' });
}
/** Presses *continue* until the app has its answer. */
const finish = (walker) => eventually('the code', async () => {
  await walker.submit('continue', {}, web.redirectUri);
  return walker.url.startsWith(web.redirectUri) && new URL(walker.url).searchParams.get('code');
});

test('an authorization that ran out says so, one that was used says so, and one whose client is off is not known', async () => {
  const { walker } = await arrive();
  const page = walker.url;
  const identify = await new Walker().open(web.authorizeUrl(pkce().challenge));
  await identify.submit('provider', { provider: 'secsign' });
  const seq = await lastSeq();
  // From now on: the pages may have taken long.
  await pause((AUTHORIZATION + 1) * 1000);
  await walker.submit('provider', { provider: 'secsign' });
  assertExpired(walker, 'a button of a page that was left open');
  assertExpired(await walker.open(page), 'the page again');
  await identify.submit('identifier', { identifier: 'alice' });
  assertExpired(identify, 'a name');
  assert.equal(await creates(seq), 0, 'and no phone was asked');

  const used = await arrive();
  const before = used.walker.url;
  await askPhone(used.walker);
  await approveNow();
  assert.ok(await finish(used.walker));
  await used.walker.open(before);
  assert.deepEqual([used.walker.status, used.walker.page], [200, 'message']);
  assert.match(words(used.walker), /already been used/);

  const off = await arrive({ prompt: 'login' });
  const open = off.walker.url;
  await short.command('client', 'update', 'web', '--disabled=true');
  await off.walker.open(open);
  assert.deepEqual([off.walker.status, off.walker.page], [400, 'error']);
  assert.doesNotMatch(words(off.walker), /has expired|already been used/);
  await short.command('client', 'update', 'web', '--disabled=false');
});

test('no phone is asked for longer than the authorization lives, and none when hardly anything is left', async () => {
  const { walker, ends } = await arrive();
  await until(ends - 4000);
  await askPhone(walker);
  assert.equal(stateOf(walker), 'pending/');
  assert.ok(Number(walker.main('data-expires-in')) <= 4, `${walker.main('data-expires-in')} s`);
  await until(ends + 500);
  await eventually('the end', async () => { await walker.open(walker.url); return stateOf(walker) === 'expired/'; });
  await eventually('the request withdrawn', async () => (await short.phone.secsign('alice')).sessions.every(({ state }) => state !== 1));
  const seq = await lastSeq();
  await walker.submit('retry');
  assertExpired(walker, 'try again');

  const late = await arrive();
  await late.walker.submit('provider', { provider: 'secsign' });
  await until(late.ends - 1000);
  await late.walker.submit('identifier', { identifier: 'alice' });
  assertExpired(late.walker, 'a second before the end');
  assert.equal(await creates(seq), 0);
});

test('an approval in time leads to an answer, also when the authorization ran out before the browser came back for it', async () => {
  const { walker, ends, verifier } = await arrive();
  await askPhone(walker);
  await until(ends - 5000);
  await approveNow();
  await eventually('approved', async () => { await walker.open(walker.url); return walker.main('data-login-state') === 'approved'; });
  await until(ends + 500);
  const code = await finish(walker);
  assert.equal((await web.redeem({ code, verifier })).status, 200);
  await walker.open(web.authorizeUrl(pkce().challenge, { prompt: 'none' }), web.redirectUri);
  assert.ok(new URL(walker.url).searchParams.get('code'), 'and the browser is signed in');
});

test('what was not granted to outlive its session ends with it, and what was goes on', async () => {
  const walker = new Walker();
  const tokens = async (scope) => {
    const { verifier, challenge } = pkce();
    await walker.open(web.authorizeUrl(challenge, { scope }), web.redirectUri);
    if (walker.page === 'choose') {
      await askPhone(walker);
      await approveNow();
      await finish(walker);
    }
    const answer = await web.redeem({ code: new URL(walker.url).searchParams.get('code'), verifier });
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  const online = await tokens('openid');
  const ends = Date.now() + online.expires_in * 1000;
  assert.ok(online.expires_in <= SESSION && online.expires_in > 0, `${online.expires_in} s`);
  const offline = await tokens('openid offline_access');
  assert.equal(offline.expires_in, 600);
  const opens = async (token) => (await request('GET', `${short.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status;
  const active = async (token) => (await web.post('introspect', { token })).json().active;
  const refreshed = await web.refresh(online.refresh_token);
  assert.ok(refreshed.json().expires_in <= SESSION, 'a refresh says no more either');
  assert.deepEqual([refreshed.status, await opens(online.access_token), await active(online.refresh_token)], [200, 200, true]);
  await until(ends + 1500);
  const late = await web.refresh(online.refresh_token);
  assert.deepEqual([late.status, late.json().error], [400, 'invalid_grant']);
  for (const token of [online.access_token, refreshed.json().access_token]) {
    assert.deepEqual([await opens(token), await active(token)], [401, false]);
  }
  assert.equal(await active(online.refresh_token), false);
  assert.deepEqual([(await web.refresh(offline.refresh_token)).status, await opens(offline.access_token)], [200, 200]);
});

test('each login sets the cookies of browser and language again, as they are and for as long as is configured', async () => {
  const { walker } = await arrive({ prompt: 'login' });
  await walker.open(`${short.issuer}/language/de?to=${encodeURIComponent(new URL(walker.url).pathname)}`);
  const known = walker.jar(short.issuer, 'signbridge_browser');
  for (let time = 0; time < 2; time += 1) {
    await walker.open(web.authorizeUrl(pkce().challenge, { prompt: 'login' }));
    await askPhone(walker);
    await approveNow();
    const heard = [];
    walker.heard = (line) => heard.push(line);
    await finish(walker);
    walker.heard = undefined;
    for (const [name, value] of [['signbridge_browser', known], ['signbridge_language', 'de']]) {
      const line = heard.find((text) => text.startsWith(`${name}=`));
      assert.ok(line?.startsWith(`${name}=${value};`), `${name}: ${line}`);
      assert.match(line, /Max-Age=31536000\b/);
    }
  }
});

/** A tab: what a browser shows, apart from its cookies. */
const tab = ({ url, status, html }) => ({ url, status, html });
const show = (walker, shown) => Object.assign(walker, shown);
const codeAt = (walker) => new URL(walker.url).searchParams.get('code');

async function signInAt(walker, changes = {}) {
  await at.begin('secsign', 'alice', walker, changes);
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(walker));
}

test('a second tab asks no phone once the browser is signed in', async () => {
  const walker = new Walker();
  const tabs = {};
  await walker.open(at.address());
  tabs.choose = tab(walker);
  for (const provider of ['secsign', 'thumbsignin']) {
    await walker.open(at.address());
    await walker.submit('provider', { provider });
    tabs[provider] = tab(walker);
  }
  await walker.open(at.address());
  await walker.submit('provider', { provider: 'thumbsignin' });
  tabs.unnamed = tab(walker);
  await signInAt(walker);
  const seq = await at.lastSeq();
  const press = async (shown, name, values) => {
    await show(walker, shown).submit(name, values, at.back);
    assert.ok(codeAt(walker), `${name}: ${walker.page} ${walker.url}`);
  };
  await press(tabs.choose, 'provider', { provider: 'secsign' });
  await press(tabs.secsign, 'identifier', { identifier: 'alice' });
  await press(tabs.thumbsignin, 'identifier', { identifier: ' ALICE@example.com' });
  await press(tabs.unnamed, 'unnamed', { unnamed: '1' });
  assert.equal(await at.creates(seq), 0);
});

test('a tab whose request was replaced goes on by a reload and by *try again*', async () => {
  const walker = new Walker();
  const replaced = [];
  for (let time = 0; time < 2; time += 1) {
    await at.begin('secsign', 'alice', walker);
    replaced.push(tab(walker));
  }
  await signInAt(walker);
  const seq = await at.lastSeq();
  await walker.open(replaced[0].url, at.back);
  assert.ok(codeAt(walker), `a reload: ${walker.page}`);
  // The page as it was before the other tab was through.
  const page = await (await walker.raw(`${replaced[1].url}/retry`, new URLSearchParams(Object.fromEntries(show(walker, replaced[1]).form('continue').inputs)))).headers.get('location');
  await walker.open(new URL(page, demo.issuer).href, at.back);
  assert.ok(codeAt(walker), `try again: ${walker.page}`);
  assert.equal(await at.creates(seq), 0);
});

test('a phone is asked where the app wants a new approval, or another name is typed, known or not', async () => {
  const walker = new Walker();
  const tabs = [];
  for (const changes of [{ prompt: 'login' }, { max_age: '0' }, {}, {}]) {
    await walker.open(at.address(changes));
    await walker.submit('provider', { provider: 'secsign' });
    tabs.push(tab(walker));
  }
  await signInAt(walker);
  const names = ['alice', 'alice', 'bob', 'nobody'];
  const seq = await at.lastSeq();
  for (const [number, shown] of tabs.entries()) {
    await show(walker, shown).submit('identifier', { identifier: names[number] }, at.back);
    assert.equal(`${walker.page} ${stateOf(walker)}`, 'wait pending/', `tab ${number}`);
    await at.giveUp(walker);
  }
  assert.equal(await at.creates(seq), 3, 'nobody has no phone');
});

test('a yes to sign out does not sign out somebody else', async () => {
  const walker = new Walker();
  await signInAt(walker);
  await walker.open(`${demo.issuer}/logout`);
  assert.match(words(walker), /alice/);
  const asked = tab(walker);
  await at.begin('secsign', 'bob', walker, { prompt: 'login' });
  await approve(demo, 'secsign', 'bob');
  assert.ok(await at.finish(walker));
  await show(walker, asked).submit('logout');
  assert.equal(walker.page, 'logout', 'bob is asked');
  assert.match(words(walker), /bob/);
  assert.equal(await at.whoIs(walker), 'bob');
  await walker.open(`${demo.issuer}/logout`);
  await walker.submit('logout');
  assert.equal(await at.isSignedIn(walker), false);
});

test('a form without the cookie of its browser is told so, and one with a wrong token is told something else', async () => {
  const walker = await new Walker().open(at.address());
  const form = walker.form('provider');
  const body = (csrf) => new URLSearchParams({ ...Object.fromEntries(form.inputs), provider: 'secsign', ...csrf });
  const url = new URL(form.action, walker.url).href;
  const stranger = await new Walker().raw(url, body());
  assert.deepEqual([stranger.status, /another browser/.test(await stranger.text())], [403, true]);
  const wrong = await walker.raw(url, body({ csrf: 'x' }));
  assert.deepEqual([wrong.status, /another browser/.test(await wrong.text())], [403, false]);
});
