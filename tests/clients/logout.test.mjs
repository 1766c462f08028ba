// Logout: which apps are told of it and what they are told, receivers that misbehave, a provider that is killed in between;
// and what a logout request may do without asking.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { isSigned, parts, receiver } from './lib/receiver.mjs';
import { App, each, pause, pkce, prepare, request } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const CODE_SECONDS = 6;
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

let provider;
const receivers = [];

before(async () => {
  provider = await prepare({
    lifetimes: { code: `${CODE_SECONDS}s`, id_token: '1s', key_ahead: '1s' },
    more: '[outbound]\nallow_private = true\nlogout_retry = "1s"\n',
  });
  await provider.start();
  for (const name of ['alice', 'bob']) {
    await provider.person(name);
    await provider.phone.auto('secsign', name, 'approve');
  }
});

after(async () => {
  if (provider) assert.equal(await provider.close(), 0);
  await Promise.all(receivers.map((one) => one.close()));
  const median = waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)];
  assert.ok(!(median >= 300), `half of the logouts took ${median} ms or more`);
});

async function listener(answer) {
  const one = await receiver(answer);
  receivers.push(one);
  return one;
}

let made = 0;
/** A new client; with a receiver it wants to hear of logouts. */
async function app(heard, ...extra) {
  made += 1;
  const id = `app-${made}`;
  const client = await provider.command(
    'client', 'create', '--id', id, '--name', id, '--redirect-uri', `http://localhost:9/${id}`,
    '--post-logout-redirect-uri', `http://localhost:9/${id}/out`,
    ...(heard ? ['--backchannel-logout-uri', heard.url, '--backchannel-logout-session-required'] : []), ...extra,
  );
  return new App(provider, client);
}

/** Signs in at an app; answers the browser, and the tokens. */
async function login(at, username, { walker = new Walker(), ...extra } = {}) {
  const { verifier, challenge } = pkce();
  await walker.open(at.authorizeUrl(challenge, extra), at.redirectUri);
  if (!walker.url.startsWith(at.redirectUri)) await signIn(walker, 'secsign', username, at.redirectUri, () => {});
  const code = { code: new URL(walker.url).searchParams.get('code'), verifier };
  return { walker, code };
}

async function signedIn(at, username, options) {
  const { walker, code } = await login(at, username, options);
  const answer = await at.redeem(code);
  assert.equal(answer.status, 200, answer.text);
  const tokens = answer.json();
  const { claims } = parts(tokens.id_token);
  return { walker, tokens, sid: claims.sid, sub: claims.sub, authTime: claims.auth_time, cookie: walker.cookie(provider.issuer) };
}

const logoutUrl = (query) => `${provider.issuer}/logout?${new URLSearchParams(query)}`;
/** How long each logout took: most of them less than 300 ms (check 102). */
const waits = [];
/** The logout as an app's server or a browser asks for it. It waits for no receiver: those that hang are given up after 5 s. */
async function logout(query, cookie = '') {
  const began = performance.now();
  const answer = await request('GET', logoutUrl(query), { headers: cookie ? { cookie } : {} });
  const took = performance.now() - began;
  assert.ok(took < 4_000, `${took} ms`);
  waits.push(took);
  return answer;
}
/** What `prompt=none` gives in a browser with these cookies. */
async function silent(at, cookie) {
  const answer = await request('GET', at.authorizeUrl(pkce().challenge, { prompt: 'none' }), { headers: { cookie } });
  const back = new URL(answer.location, provider.issuer).searchParams;
  return back.has('code') ? 'code' : back.get('error');
}

test('discovery says that logouts are told', async () => {
  const document = (await request('GET', `${provider.issuer}/.well-known/openid-configuration`)).json();
  assert.equal(document.backchannel_logout_supported, true);
  assert.equal(document.backchannel_logout_session_supported, true);
});

test('an app that got tokens hears within 5 s; the token says whose session ended, signed and typed', async () => {
  const [heard, unheard] = [await listener(), await listener()];
  const [told, untold, silentApp] = [await app(heard), await app(unheard), await app()];
  const { walker, tokens, sid, sub, cookie } = await signedIn(told, 'alice');
  await silentApp.tokens(cookie);
  const began = performance.now();
  const answer = await logout({ id_token_hint: tokens.id_token }, cookie);
  assert.equal(answer.status, 303);
  const hit = await heard.heard(sid);
  assert.ok(hit.at - began < 5_000, `${hit.at - began} ms`);
  assert.equal(hit.method, 'POST');
  assert.deepEqual(hit.fields, ['logout_token']);
  assert.equal(hit.headers['content-type'], 'application/x-www-form-urlencoded');

  const jwks = (await request('GET', `${provider.issuer}/jwks`)).json();
  assert.ok(isSigned(hit.token, jwks));
  assert.ok(!isSigned(`${hit.token.slice(0, -8)}AAAAAAAA`, jwks), 'the check of the signature can fail');
  const { header, claims } = parts(hit.token);
  assert.equal(header.typ, 'logout+jwt');
  assert.deepEqual(Object.keys(claims).sort(), ['aud', 'events', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub']);
  assert.deepEqual([claims.iss, claims.aud, claims.sub, claims.sid], [provider.issuer, told.client.client_id, sub, sid]);
  assert.deepEqual(claims.events, { [EVENT]: {} });
  assert.ok(claims.exp - claims.iat <= 120 && Math.abs(claims.iat - Date.now() / 1000) < 10);
  assert.equal(await silent(told, cookie), 'login_required');

  // A session of the other app's own: what it hears is of that one alone.
  const later = await signedIn(untold, 'alice', { walker });
  assert.equal((await logout({ id_token_hint: later.tokens.id_token })).status, 303);
  await unheard.heard(later.sid);
  assert.deepEqual(unheard.claims().map((claim) => claim.sid), [later.sid]);
  assert.deepEqual(heard.claims().map((claim) => claim.sid), [sid]);
});

test('the page after a logout names the apps that are told, to the browser that signed out alone', async () => {
  const heard = await listener();
  const [told, untold, elsewhere] = [await app(heard), await app(), await app(heard)];
  const { walker, sid, cookie } = await signedIn(told, 'alice');
  await untold.tokens(cookie);
  const named = (html) => [...html.matchAll(/<li>([^<]*)<\/li>/g)].map(([, name]) => name);
  const early = await new Walker().open(`${provider.issuer}/logout/done?session=${sid}`);
  assert.deepEqual(named(early.html), []);
  await walker.open(`${provider.issuer}/logout/done?session=${sid}`);
  assert.deepEqual(named(walker.html), [], 'nobody is told while it goes on');
  await walker.open(`${provider.issuer}/logout`);
  await walker.submit('logout');
  assert.equal(walker.main('data-message'), 'signed_out');
  const names = named(walker.html);
  assert.deepEqual(names, [told.client.client_name ?? told.client.client_id]);
  await heard.heard(sid);
  await walker.open(walker.url);
  assert.deepEqual(named(walker.html), names, 'and when the page is shown again');
  const stranger = await new Walker().open(walker.url);
  assert.deepEqual([stranger.status, stranger.main('data-message'), named(stranger.html)], [200, 'signed_out', []]);
  assert.ok(elsewhere.client.client_id !== told.client.client_id);
});

test('every way to end a session is told: without a cookie, by command, by lock, by removal of the phone', async () => {
  const heard = await listener();
  const told = await app(heard);
  const person = `carol-${made}`;
  const user = await provider.person(person);
  await provider.phone.auto('secsign', person, 'approve');
  const ways = {
    'the call of an app\'s server, without a cookie': async ({ tokens }) => {
      assert.equal((await logout({ id_token_hint: tokens.id_token, client_id: told.client.client_id })).status, 303);
    },
    'session end': ({ sid }) => provider.command('session', 'end', sid),
    'user lock': async () => {
      await provider.command('user', 'lock', person);
      await provider.command('user', 'unlock', person);
    },
    'device remove': async () => {
      const [device] = await provider.command('device', 'list', person);
      await provider.command('device', 'remove', device.id);
    },
  };
  for (const [way, end] of Object.entries(ways)) {
    const session = await signedIn(told, person);
    assert.deepEqual(heard.of(session.sid), [], way);
    await end(session);
    const { token } = await heard.heard(session.sid);
    assert.equal(parts(token).claims.sub, user.sub, way);
    assert.equal(await silent(told, session.cookie), 'login_required', way);
  }
});

test('a hint that has expired, signed by a key that has retired since, ends the session that it names, without a cookie', async () => {
  const heard = await listener();
  const told = await app(heard);
  const { tokens, sid, cookie } = await signedIn(told, 'alice');
  const { header, claims } = parts(tokens.id_token);
  await eventually('the end of the token and of the wait for the next key', () => Date.now() / 1000 > claims.exp + 1);
  const published = async () => (await request('GET', `${provider.issuer}/jwks`)).text;
  const before = await published();
  const keys = await provider.command('key', 'rotate', '--alg', 'RS256');
  await eventually('the rotation is known to the server', async () => (await published()) !== before);
  assert.equal(keys.find(({ kid }) => kid === header.kid).state, 'retired');
  const forged = `${tokens.id_token.slice(0, -8)}AAAAAAAA`;
  assert.equal((await logout({ id_token_hint: forged })).status, 400);
  assert.equal(await silent(told, cookie), 'code', 'a forged hint ends nothing');
  const began = performance.now();
  const answer = await logout({ id_token_hint: tokens.id_token, client_id: told.client.client_id, state: 's' });
  assert.equal(answer.status, 303);
  assert.equal(await silent(told, cookie), 'login_required');
  const { token, at } = await heard.heard(sid);
  assert.ok(at - began < 5_000);
  assert.notEqual(parts(token).header.kid, header.kid, 'the logout token is signed by the key that is active now');
  assert.ok(isSigned(token, (await request('GET', `${provider.issuer}/jwks`)).json()));
});

test('receivers that sleep, redirect, refuse or never end delay neither the person nor the others', async () => {
  const trap = await listener();
  const sleeping = await listener(() => {});
  const redirecting = await listener((_hit, response) => response.writeHead(302, { location: trap.url }).end());
  const endless = await listener((_hit, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536, 'x');
    const more = () => { while (!response.destroyed && response.write(chunk)); };
    response.on('drain', more);
    more();
  });
  const refusing = await listener(({ token }, response) => {
    response.writeHead(refusing.of(parts(token).claims.sid).length < 2 ? 400 : 204).end();
  });
  const good = await listener();
  const apps = [];
  for (const one of [sleeping, redirecting, endless, refusing, good]) apps.push(await app(one));
  const { tokens, sid, cookie } = await signedIn(apps[0], 'alice');
  for (const one of apps.slice(1)) await one.tokens(cookie);
  const began = performance.now();
  const answer = await logout({ id_token_hint: tokens.id_token }, cookie);
  assert.equal(answer.status, 303);
  const hit = await good.heard(sid);
  // Before any of the others can have been given up.
  assert.ok(hit.at - began < 4_000, `${hit.at - began} ms`);
  for (const one of [sleeping, redirecting, refusing]) {
    const again = await one.heard(sid, { count: 2 });
    assert.equal(parts(again.token).claims.jti, parts(one.of(sid)[0].token).claims.jti, 'the same token in another envelope');
  }
  await redirecting.heard(sid, { count: 3 });
  assert.equal(endless.of(sid).length, 1, 'a long answer is an answer');
  assert.equal(refusing.of(sid).length, 2, 'delivered at the second attempt');
  assert.equal(good.of(sid).length, 1);
  assert.deepEqual(trap.hits, [], 'no redirect is followed');
});

test('killed between the logout and its delivery: told after the restart, by the same jti', async () => {
  const [unwilling, hanging] = [await listener((_hit, response) => response.writeHead(503).end()), await listener(() => {})];
  const [one, other] = [await app(unwilling), await app(hanging)];
  const { tokens, sid, cookie } = await signedIn(one, 'alice');
  await other.tokens(cookie);
  await logout({ id_token_hint: tokens.id_token }, cookie);
  await Promise.all([unwilling.heard(sid), hanging.heard(sid)]);
  await provider.end('SIGKILL');
  const before = [unwilling, hanging].map((heard) => heard.of(sid).length);
  for (const heard of [unwilling, hanging]) heard.answer = (_hit, response) => response.end();
  await provider.start();
  // What hung when it was killed is taken over when its lease has run out.
  for (const [at, heard] of [unwilling, hanging].entries()) {
    await heard.heard(sid, { count: before[at] + 1 });
    assert.equal(new Set(heard.of(sid).map(({ token }) => parts(token).claims.jti)).size, 1);
  }
});

test('killed at once after the answer to the logout: nothing is lost', async () => {
  const heard = await listener();
  const told = await app(heard);
  const { tokens, sid, cookie } = await signedIn(told, 'alice');
  assert.equal((await logout({ id_token_hint: tokens.id_token }, cookie)).status, 303);
  await provider.end('SIGKILL');
  await provider.start();
  await heard.heard(sid);
});

test('many sessions and apps at once: bounded parallelism, and the pages stay quick', async (t) => {
  const apps = 48;
  const held = [];
  const slow = await listener((_hit, response) => held.push(response));
  const first = await app(slow);
  const { tokens, sid, cookie } = await signedIn(first, 'alice');
  await each(Array.from({ length: apps - 1 }), 2, async () => { await (await app(slow)).tokens(cookie); });
  const began = performance.now();
  await logout({ id_token_hint: tokens.id_token }, cookie);
  // None is answered before the pages are: a page that waited for one would not come before that is given up, after 5 s.
  await eventually('many at once', () => held.length >= 16);
  const pages = [];
  for (let count = 0; count < 10; count += 1) {
    const from = performance.now();
    assert.equal((await request('GET', first.authorizeUrl(pkce().challenge))).status, 303);
    pages.push(Math.round(performance.now() - from));
  }
  const { most } = slow;
  slow.answer = (_hit, response) => response.end();
  for (const response of held) response.end();
  await eventually('all of them', () => new Set(slow.of(sid).map(({ token }) => parts(token).claims.aud)).size === apps);
  t.diagnostic(`${apps} apps told in ${Math.round(performance.now() - began)} ms, ${most} at once; pages meanwhile in ${pages.join(', ')} ms`);
  assert.ok(slow.most <= 32, `${slow.most} at once`);
  assert.ok(Math.max(...pages) < 3_000, `${pages} ms`);
});

test('decision 2.16: another account in the same browser: the apps of the first hear after the code was redeemed', async () => {
  const heard = await listener();
  const [broker, next] = [await app(heard), await app()];
  const alice = await signedIn(broker, 'alice');
  const { walker } = alice;
  const { code } = await login(broker, 'bob', { walker, prompt: 'login' });
  assert.equal(await silent(broker, alice.cookie), 'login_required', 'her session has ended');
  await pause(1_500);
  assert.deepEqual(heard.of(alice.sid), [], 'the login under way is left alone');
  const redeemed = performance.now();
  assert.equal((await broker.redeem(code)).status, 200);
  assert.ok((await heard.heard(alice.sid)).at >= redeemed);
  assert.equal(heard.of(alice.sid).length, 1);

  // A code that nobody redeems holds them no longer than it lives.
  const bob = await signedIn(broker, 'bob', { walker });
  const began = performance.now();
  await login(next, 'alice', { walker, prompt: 'login' });
  const late = await heard.heard(bob.sid, { within: (CODE_SECONDS + 5) * 1000 });
  assert.ok(late.at - began >= CODE_SECONDS * 1000, `${late.at - began} ms`);
});

test('check 96: the same person again: a new cookie for the same session, and the other apps keep what they have', async () => {
  const heard = await listener();
  const [one, other] = [await app(heard, '--always-refresh'), await app()];
  const first = await signedIn(one, 'alice', { scope: 'openid' });
  assert.ok(first.tokens.refresh_token && !first.tokens.scope.includes('offline_access'));
  await eventually('another second', () => Math.floor(Date.now() / 1000) > first.authTime + 1);
  const second = await signedIn(other, 'alice', { walker: first.walker, prompt: 'login' });
  assert.equal(second.sid, first.sid);
  assert.ok(second.authTime > first.authTime);
  assert.notEqual(second.cookie, first.cookie);
  assert.equal(await silent(one, first.cookie), 'login_required', 'the old cookie is nobody');
  assert.equal(await silent(one, second.cookie), 'code');
  const refreshed = await one.refresh(first.tokens.refresh_token);
  assert.equal(refreshed.status, 200, refreshed.text);
  assert.equal(parts(refreshed.json().id_token).claims.auth_time, first.authTime, 'a refresh repeats its own login');
  assert.deepEqual(heard.hits, []);

  // Check 11: who cancels the new approval stays signed in.
  await first.walker.open(one.authorizeUrl(pkce().challenge, { prompt: 'login' }));
  if (first.walker.page === 'choose') await first.walker.submit('provider', { provider: 'secsign' });
  await first.walker.submit('cancel', {}, one.redirectUri);
  assert.equal(new URL(first.walker.url).searchParams.get('error'), 'access_denied');
  assert.equal(await silent(one, second.cookie), 'code');

  await logout({ id_token_hint: second.tokens.id_token }, second.cookie);
  await heard.heard(first.sid);
  assert.equal((await one.refresh(first.tokens.refresh_token)).json().error, 'invalid_grant');
});

test('an authorization that waits for consent goes back to the login when its session was ended', async () => {
  const asking = await app(undefined, '--consent', 'ask');
  const { verifier, challenge } = pkce();
  const walker = new Walker();
  await walker.open(asking.authorizeUrl(challenge));
  await signIn(walker, 'secsign', 'alice', asking.redirectUri, () => {});
  assert.equal(walker.page, 'consent');
  const [session] = (await provider.command('session', 'list', 'alice'));
  await provider.command('session', 'end', session.sid);
  await walker.submit('consent', { decision: 'allow' }, asking.redirectUri);
  assert.ok(['choose', 'identify'].includes(walker.page), walker.url);
  await signIn(walker, 'secsign', 'alice', asking.redirectUri, () => {});
  assert.equal(walker.page, 'consent');
  await walker.submit('consent', { decision: 'allow' }, asking.redirectUri);
  const code = new URL(walker.url).searchParams.get('code');
  assert.equal((await asking.redeem({ code, verifier })).status, 200);
});

test('check 100: a logout without a hint, or with the hint of somebody else, asks; an image ends nothing', async () => {
  const told = await app();
  const [alice, bob] = [await signedIn(told, 'alice'), await signedIn(told, 'bob')];
  const out = `${told.redirectUri}/out`;
  for (const query of [{}, { client_id: told.client.client_id }, { post_logout_redirect_uri: out, client_id: told.client.client_id },
    { id_token_hint: bob.tokens.id_token }, { id_token_hint: `${alice.tokens.id_token}x` }]) {
    const headers = { cookie: alice.cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image', referer: 'https://evil.example/' };
    const answer = await request('GET', logoutUrl(query), { headers });
    assert.equal(answer.status, 200, JSON.stringify(query));
    assert.match(answer.text, /data-page="logout"/);
    assert.equal(await silent(told, alice.cookie), 'code', `${JSON.stringify(query)} left the session alive`);
  }
  assert.equal(await silent(told, bob.cookie), 'code', 'the other session as well');
  // The yes of the person ends it.
  await alice.walker.open(logoutUrl({ client_id: told.client.client_id, post_logout_redirect_uri: out, state: 'x y' }));
  await alice.walker.submit('logout', {}, out);
  assert.equal(alice.walker.url, `${out}?state=x+y`);
  assert.equal(await silent(told, alice.cookie), 'login_required');
});

test('check 101: only a registered post_logout_redirect_uri is followed, with its state', async () => {
  const told = await app();
  const out = `${told.redirectUri}/out`;
  const odd = [`${out}/`, `${out}?a=1`, `${out}#f`, `${out}%20`, out.toUpperCase(), 'https://evil.example/', '//evil.example/',
    'javascript:alert(1)', `${out}@evil.example`, told.redirectUri, `${out}/../out`];
  for (const uri of odd) {
    const { tokens, cookie } = await signedIn(told, 'bob');
    const answer = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: uri, state: 's' }, cookie);
    assert.equal(answer.location, undefined, uri);
    const bare = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: uri, state: 's' });
    assert.ok(bare.status === 400 && bare.location === undefined, uri);
    if (uri === odd[0]) {
      const good = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: out, state: 'a&b=c' }, cookie);
      assert.deepEqual([good.status, good.location], [303, `${out}?state=a%26b%3Dc`]);
    }
  }
});

test('check 17: browser clients of registered origins read token, userinfo and revocation; nobody reads anything else', async () => {
  const page = 'https://spa.example';
  await provider.command('client', 'create', '--id', 'spa', '--redirect-uri', `${page}/cb`, '--auth-method', 'none');
  await app(undefined, '--cors-origin', 'https://panel.example');
  const routes = {
    readable: ['/token', '/userinfo', '/revoke'],
    public: ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks'],
    closed: ['/authorize', '/introspect', '/logout', '/logout/done', '/', '/interaction/x', '/login/x/status', '/static/app.css', '/nowhere'],
  };
  const cors = ({ headers }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));
  const ask = (method, path, origin) => request(method, `${provider.issuer}${path}`, {
    headers: {
      ...(origin && { origin }),
      ...(method === 'OPTIONS' && { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }),
    },
  });
  await eventually('the new clients are known', async () => cors(await ask('OPTIONS', '/token', page))['access-control-allow-origin']);
  const strangers = [undefined, 'https://evil.example', 'null', 'http://spa.example', 'https://spa.example.evil', 'https://spa.example:444'];
  for (const path of routes.readable) {
    for (const origin of [page, 'https://panel.example']) {
      const preflight = await ask('OPTIONS', path, origin);
      assert.equal(preflight.status, 204);
      assert.deepEqual(cors(preflight), {
        'access-control-allow-origin': origin, 'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': '*, Authorization', 'access-control-max-age': '600',
      }, path);
      const answer = await ask('POST', path, origin);
      assert.deepEqual(cors(answer), { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'WWW-Authenticate' }, path);
      assert.match(answer.headers.vary, /Origin/);
    }
    for (const origin of strangers) {
      for (const method of ['OPTIONS', 'POST']) {
        const answer = await ask(method, path, origin);
        assert.deepEqual(cors(answer), {}, `${method} ${path} ${origin}`);
        assert.match(answer.headers.vary, /Origin/);
      }
    }
  }
  for (const path of routes.public) {
    for (const origin of [page, ...strangers]) {
      assert.deepEqual(cors(await ask('GET', path, origin)), { 'access-control-allow-origin': '*' }, path);
      const preflight = await ask('OPTIONS', path, origin);
      assert.equal(preflight.status, 204);
      assert.deepEqual(cors(preflight), {
        'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET',
        'access-control-allow-headers': '*, Authorization', 'access-control-max-age': '600',
      }, path);
    }
  }
  for (const path of routes.closed) {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      assert.deepEqual(cors(await ask(method, path, page)), {}, `${method} ${path}`);
    }
  }
});
