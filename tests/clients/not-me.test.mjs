// "This wasn't me" (check 136): on a page of ours after a decline, and on the phone itself. What it ends and pauses, what it leaves
// alone, and what the operator's webhook hears. Addresses come from a trusted proxy's header.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { approve, eventually } from './lib/demo.mjs';
import { replay, stateOf } from './lib/login.mjs';
import { receiver } from './lib/receiver.mjs';
import { App, pause, pkce, prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const KEY = '0123456789abcdef0123456789abcdef';

let hook; let provider; let web;
before(async () => {
  hook = await receiver((_hit, response) => { response.statusCode = 204; response.end(); });
  provider = await prepare({
    sections: { top: 'trusted_proxies = ["127.0.0.1/32"]' },
    more: `not_me_pause = "24h"
[outbound]
allow_private = true
logout_retry = "1s"
[webhook]
url = "${hook.url}?token=t"
secret = "${KEY}"
events = ["login.disowned", "login.new_browser", "user.changed"]
`,
  });
  await provider.start();
  web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
});
after(async () => {
  await hook?.close();
  assert.equal(await provider?.close(), 0);
});

/** A browser at this address. */
const at = (address) => Object.assign(new Walker(), { headers: { 'x-forwarded-for': address } });

/** Up to the page that waits for the phone. */
async function begin(walker, name, service = 'secsign') {
  await walker.open(web.authorizeUrl(pkce().challenge, { prompt: 'login' }));
  await walker.submit('provider', { provider: service });
  return walker.submit('identifier', { identifier: name });
}

/** The tokens of the code with which the browser came back to the app. */
async function redeemed(walker, { verifier }) {
  const code = new URL(walker.url).searchParams.get('code');
  assert.ok(code, `no code at ${walker.url} (${walker.page})`);
  return (await web.redeem({ code, verifier })).json();
}

/** Signs somebody in by a phone that approves; the tokens. */
async function signedIn(walker, name) {
  const pair = pkce();
  await walker.open(web.authorizeUrl(pair.challenge, { prompt: 'login' }));
  await signIn(walker, 'secsign', name, web.redirectUri, () => approve(provider, 'secsign', name));
  return redeemed(walker, pair);
}

/** Asks by single sign-on; the PKCE pair. */
async function silently(walker, extra = {}) {
  const pair = pkce();
  await walker.open(web.authorizeUrl(pair.challenge, extra), web.redirectUri);
  return pair;
}

/** Declines somebody's request on the phone, until the page of `walker` says so. */
async function decline(walker, name) {
  const { sessions } = await provider.phone.secsign(name);
  const { authsessionid } = sessions.find(({ state }) => state === 1 || state === 7);
  await provider.phone.answer(name, authsessionid, { action: 'deny' });
  await eventually('the denial', async () => { await walker.open(walker.url); return stateOf(walker) === 'denied/'; });
}

const isAlive = async (tokens) => (await web.refresh(tokens.refresh_token)).status === 200;
const lastSeen = async () => (await provider.phone.requests()).at(-1)?.seq ?? 0;
/** Whose phone was asked since `seq`. */
const asked = async (seq) => (await provider.phone.requests(seq))
  .filter(({ operation }) => operation === 'create' || operation === 'authenticate').map(({ user }) => user);
const heard = (type, user) => hook.hits.map(({ body }) => JSON.parse(body)).filter((event) => event.type === type && event.user === user);

test('a decline is asked about once, in another browser where its person is signed in; "that was me" ends nothing', async () => {
  const { sub } = await provider.person('mia');
  const home = at('203.0.113.1');
  const tokens = await signedIn(home, 'mia');
  await silently(home);
  assert.ok(home.url.startsWith(web.redirectUri), 'nothing to ask about');
  const stranger = at('203.0.113.7');
  await decline(await begin(stranger, 'mia'), 'mia');

  // No page where none may be shown.
  await redeemed(home, await silently(home, { prompt: 'none' }));
  const pair = await silently(home);
  assert.equal(home.page, 'declined');
  assert.equal([...home.html.matchAll(/<li data-request\b/g)].length, 1);
  assert.match(home.html, /203\.0\.113\.7/);
  assert.deepEqual(home.form('declined').buttons.map((button) => button.join('=')), ['decision=mine', 'decision=not_mine']);

  // Another browser, a wrong token, none, or no decision: nothing is answered.
  const form = home.form('declined');
  const elsewhere = at('203.0.113.9');
  await signedIn(elsewhere, (await provider.person('somebody')).username);
  for (const [walker, changes] of [[elsewhere, {}], [home, { csrf: 'x' }], [home, { csrf: '' }]]) {
    const { status } = await replay(walker, home.url, form, { decision: 'not_mine', ...changes });
    assert.ok([403, 404].includes(status), `${status}`);
  }
  // Without an answer it goes on, and is asked again by the next request.
  await home.open(home.url);
  assert.equal(home.page, 'declined', 'nothing was answered so far');
  await home.submit('declined', {}, web.redirectUri);
  await redeemed(home, pair);
  const again = await silently(home);
  assert.equal(home.page, 'declined');
  await home.submit('declined', { decision: 'mine' }, web.redirectUri);
  await redeemed(home, again);
  await redeemed(home, await silently(home));
  assert.ok(await isAlive(tokens));
  // Neither in the browser that it began in, nor in another that was let in afterwards.
  await decline(await begin(stranger, 'mia'), 'mia');
  for (const walker of [stranger, at('203.0.113.7')]) {
    await signedIn(walker, 'mia');
    assert.ok(walker.url.startsWith(web.redirectUri) && !walker.trail.some((url) => url.endsWith('/declined')));
    await redeemed(walker, await silently(walker));
  }
  await silently(home);
  assert.equal(home.page, 'declined', 'the control');
  assert.deepEqual(heard('login.disowned', sub), []);
});

test('"this wasn\'t me" ends what began there and pauses strangers; other sessions and remembered browsers go on', async () => {
  const { sub } = await provider.person('nora');
  const [home, there, far] = [at('203.0.113.20'), at('203.0.113.21'), at('198.51.100.5')];
  const [own, theirs, other] = [await signedIn(home, 'nora'), await signedIn(there, 'nora'), await signedIn(far, 'nora')];
  const stranger = at('203.0.113.21');
  await decline(await begin(stranger, 'nora'), 'nora');
  assert.ok(await isAlive(theirs), 'a decline ends nothing');
  await provider.person('olga');
  const seq = await lastSeen();
  for (const name of ['nora', 'olga']) {
    const walker = await begin(at('192.0.2.40'), name);
    assert.equal(stateOf(walker), 'pending/');
    await walker.submit('cancel', {}, web.redirectUri);
    await eventually('the withdrawal', async () => !(await provider.phone.secsign(name)).sessions.some(({ state }) => state === 1 || state === 7));
  }
  assert.deepEqual(await asked(seq), ['nora', 'olga'], 'the control: strangers are not paused yet');

  const pair = await silently(home);
  assert.equal(home.page, 'declined');
  await home.submit('declined', { decision: 'not_mine' }, web.redirectUri);
  await redeemed(home, pair);
  assert.equal(await isAlive(theirs), false, 'also what was to outlive the session');
  assert.deepEqual([await isAlive(own), await isAlive(other)], [true, true]);
  await silently(there, { prompt: 'none' });
  assert.equal(new URL(there.url).searchParams.get('error'), 'login_required');
  await silently(far, { prompt: 'none' });
  assert.ok(new URL(far.url).searchParams.has('code'));

  const before_ = await lastSeen();
  for (const name of ['nora', 'olga', 'nobody-at-all']) {
    const walker = await begin(at('192.0.2.41'), name);
    assert.equal(stateOf(walker), 'pending/', name);
    assert.match(walker.html, /id="access-pass"/);
    await walker.submit('cancel', {}, web.redirectUri);
  }
  assert.deepEqual(await asked(before_), ['olga'], 'a decoy for the others');
  assert.equal(await isAlive(await signedIn(home, 'nora')), true, 'a remembered browser');
  const [event] = await eventually('the event', () => { const events = heard('login.disowned', sub); return events.length && events; });
  assert.deepEqual([event.address, event.detail], ['203.0.113.21', 'page']);

  const until = (await provider.command('user', 'show', 'nora')).strangers_until;
  assert.ok(Math.abs(until - Date.now() / 1000 - 86_400) < 600, `${until}`);
  await provider.command('user', 'reset-limits', 'nora');
  assert.equal((await provider.command('user', 'show', 'nora')).strangers_until, null);
  const last = await lastSeen();
  await eventually('a free name', async () => stateOf(await begin(at('192.0.2.42'), 'nora')) !== 'failed/busy');
  assert.deepEqual(await asked(last), ['nora'], 'strangers may ask again');
});

test('the phone says NOT_ME: the same, at once; DECLINED, or the word of another phone, does none of it', async () => {
  const user = provider.upstream.thumbsignin_users[0];
  const { sub } = await provider.person('tess', '--thumbsignin-user-id', user);
  const [home, there] = [at('203.0.113.30'), at('203.0.113.31')];
  const [own, theirs] = [await signedIn(home, 'tess'), await signedIn(there, 'tess')];
  const bystander = provider.upstream.thumbsignin_users.find((name) => name !== user);
  assert.ok(bystander);
  // The code is shown to whoever asks: they can have any phone scan it.
  const words = [['DECLINED'], ['NOT_ME'], ['NOT_ME', bystander], ['NOT_ME', 'nobody-at-all'], ['NOT_ME', user]];
  for (const [failureReason, userId] of words) {
    const [reason, ends] = [`${failureReason} ${userId}`, userId === user];
    const stranger = await begin(at('203.0.113.31'), 'tess', 'thumbsignin');
    const id = stranger.html.match(/<a id="deep-link"[^>]*href="([^"]*)"/)[1].split('/').at(-1);
    await provider.phone.act(id, { action: 'fail', failureReason, userId });
    await eventually('the end', async () => { await stranger.open(stranger.url); return stateOf(stranger) === 'denied/'; });
    assert.equal(await isAlive(theirs), !ends, reason);
    assert.equal(await isAlive(own), true, reason);
    const seq = await lastSeen();
    const other = await begin(at('192.0.2.50'), 'tess', 'thumbsignin');
    assert.equal(stateOf(other), 'pending/', reason);
    assert.deepEqual(await asked(seq), ends ? [] : [user], reason);
    if (!ends) {
      await other.submit('cancel', {}, web.redirectUri);
      await eventually('the withdrawal', async () => !(await provider.phone.transactions(user, 'PENDING')).length);
    }
    // Nobody is asked: whoever scanned the code declined it.
    await redeemed(home, await silently(home));
  }
  const [event, ...more] = await eventually('the event', () => { const events = heard('login.disowned', sub); return events.length && events; });
  assert.deepEqual([event.address, event.detail, more.length], ['203.0.113.31', 'phone', 0]);
});

test('the webhook hears of what it was told to, signed, and again until it answers', async () => {
  const { sub } = await provider.person('pia');
  await signedIn(at('203.0.113.40'), 'pia');
  await eventually('a new browser', () => heard('login.new_browser', sub).length === 1);
  // A command is heard of as well, and nothing that is not among the events.
  let failures = 2;
  hook.answer = (_hit, response) => {
    failures -= 1;
    response.statusCode = failures >= 0 ? 500 : 200;
    response.end();
  };
  const seen = hook.hits.length;
  const began = Date.now();
  await provider.command('user', 'lock', 'pia');
  await eventually('the third attempt', () => heard('user.changed', sub).filter(({ detail }) => detail === 'locked').length === 3);
  assert.ok(Date.now() - began > 3_000, 'the pauses grow');
  const attempts = hook.hits.slice(seen);
  assert.equal(new Set(attempts.map(({ body }) => body)).size, 1, 'the same, under the same id');
  for (const { body, headers, method, url } of attempts) {
    assert.deepEqual([method, url, headers['content-type']], ['POST', '/out?token=t', 'application/json']);
    const [, seconds, signature] = headers['signbridge-signature'].match(/^t=(\d+),v1=([0-9a-f]{64})$/);
    assert.equal(signature, createHmac('sha256', KEY).update(`${seconds}.${body}`).digest('hex'));
    assert.ok(Math.abs(seconds - Date.now() / 1000) < 120);
    assert.deepEqual(Object.keys(JSON.parse(body)).sort(), ['address', 'at', 'client', 'detail', 'id', 'subject', 'type', 'user', 'user_agent']);
  }
  await pause(2_500);
  assert.equal(hook.hits.length - seen, 3, 'it was heard');
  assert.ok(hook.hits.every(({ body }) => ['login.disowned', 'login.new_browser', 'user.changed'].includes(JSON.parse(body).type)));
  const text = await (await fetch(`${provider.management}/metrics`)).text();
  const counted = (outcome) => Number(text.match(new RegExp(`^signbridge_webhook_events_total\\{outcome="${outcome}"\\} (\\d+)`, 'm'))?.[1] ?? 0);
  assert.ok(counted('failed') >= 2 && counted('delivered') > 0);
  assert.ok(!provider.log.includes('token=t') && !provider.log.includes(KEY), 'neither address nor key in the log');
});
