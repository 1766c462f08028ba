// Errors go to whom they belong, what we issue we accept, and wrong secrets are limited where they come from.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { App, each, pkce, pool, prepare, request } from './lib/serve.mjs';
import { Walker, forms, signIn } from './lib/walker.mjs';

let site;
let app;
let cookie;
let tokens;
const agent = pool(20);
const OUT = 'http://localhost:9/out';

before(async () => {
  site = await prepare({
    sections: { top: 'trusted_proxies = ["127.0.0.0/8"]' }, more: 'wrong_secrets_per_source_10min = 20\n',
  });
  await site.start();
  app = new App(site, await site.command('client', 'create', '--id', 'web', '--name', 'web', '--redirect-uri', 'http://localhost:9/callback',
    '--post-logout-redirect-uri', OUT, '--auth-method', 'client_secret_basic'), agent);
  const groups = Array.from({ length: 90 }, (_, at) => `group-${String(at).padStart(26, '0')}`);
  await site.person('alice', ...groups.flatMap((group) => ['--group', group]));
  await site.phone.auto('secsign', 'alice', 'approve');
  ({ cookie, tokens } = await signedIn());
});

after(async () => {
  agent.destroy();
  if (site) assert.equal(await site.close(), 0);
});

async function signedIn() {
  const walker = new Walker();
  const { verifier, challenge } = pkce();
  await walker.open(app.authorizeUrl(challenge), app.redirectUri);
  const url = await signIn(walker, 'secsign', 'alice', app.redirectUri, () => {});
  const code = new URL(walker.url ?? url).searchParams.get('code');
  const answer = await app.redeem({ code, verifier });
  return { walker, cookie: walker.cookie(site.issuer), tokens: answer.json() };
}

/** A good request with `extra` pairs behind it, by GET or POST; answers where the error went. */
async function refused(method, extra, change = (query) => query) {
  const query = change(new URLSearchParams(new URL(app.authorizeUrl(pkce().challenge)).search));
  for (const [name, value] of extra) query.append(name, value);
  const url = `${site.issuer}/authorize`;
  const answer = method === 'GET' ? await request('GET', `${url}?${query}`, { agent }) : await request('POST', url, { form: query, agent });
  return {
    status: answer.status, location: answer.location, text: answer.text,
    sent: answer.location?.startsWith(app.redirectUri) ? new URL(answer.location.replace(/#$/, '')).searchParams : undefined,
    form: answer.status === 200 ? Object.fromEntries(forms(answer.text)[0]?.inputs ?? []) : undefined,
    action: answer.status === 200 ? forms(answer.text)[0]?.action : undefined,
  };
}

for (const method of ['GET', 'POST']) {
  test(`F13: ${method}: once client and redirect URI are good, what is wrong with a parameter is told to the app`, async () => {
    for (const [name, value] of [['prompt', 'login'], ['nonce', 'n'], ['scope', 'openid'], ['ui_locales', 'de'], ['response_type', 'code'],
      ['code_challenge', 'x']]) {
      const { sent } = await refused(method, [[name, value], [name, value]]);
      assert.equal(sent?.get('error'), 'invalid_request', name);
      assert.equal(sent.get('state'), 's', name);
      assert.match(sent.get('error_description'), new RegExp(name));
    }
    for (const extra of [[['login_hint', 'x'.repeat(5_000)]], [['login_hint', 'x'.repeat(2_000)]]]) {
      assert.equal((await refused(method, extra)).sent?.get('error'), 'invalid_request');
    }
    const twice = await refused(method, [['state', 't']]);
    assert.deepEqual([twice.sent?.get('error'), twice.sent?.has('state')], ['invalid_request', false]);
    const long = await refused(method, [], (query) => { query.set('state', 'x'.repeat(4_097)); return query; });
    assert.deepEqual([long.sent?.get('error'), long.sent?.has('state')], ['invalid_request', false]);
    const posted = await refused(method, [['response_mode', 'form_post'], ['prompt', 'login'], ['prompt', 'login']]);
    assert.deepEqual([posted.form?.error, posted.form?.state], ['invalid_request', 's']);
  });

  test(`F13: ${method}: a doubtful client or redirect URI stays here, and unknown parameters are ignored`, async () => {
    for (const [name, value] of [['client_id', 'web'], ['redirect_uri', app.redirectUri]]) {
      const answer = await refused(method, [[name, value]]);
      assert.deepEqual([answer.status, answer.location], [400, undefined], name);
    }
    const good = await refused(method, [['utm', '1'], ['utm', '2'], ['code', '1'], ['code', '2'], ['junk', 'x'.repeat(6_000)]]);
    assert.equal(good.status, 303);
    assert.ok(new URL(good.location, site.issuer).href.startsWith(site.issuer), good.location);
  });

  test(`a refused request object says how its refusal travels where the query does not: ${method}`, async () => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const object = (claims) => `${part({ alg: 'none' })}.${part(claims)}.`;
    const without = (query) => { query.delete('state'); return query; };
    const evil = { redirect_uri: 'https://evil.example/', client_id: 'other' };
    const posted = await refused(method, [['request', object({ response_mode: 'form_post', state: 'inner', ...evil })]], without);
    assert.deepEqual([posted.form?.error, posted.form?.state], ['request_not_supported', 'inner']);
    assert.equal(posted.action, app.redirectUri);
    assert.ok(!posted.text.includes('evil.example'));
    const outer = await refused(method, [['request', object({ response_mode: 'nonsense', state: 'inner' })]]);
    assert.deepEqual([outer.sent?.get('error'), outer.sent?.get('state')], ['request_not_supported', 's']);
    for (const junk of ['x', 'a.b.c', `${part({})}.${part([])}.`]) {
      assert.equal((await refused(method, [['request', junk]])).sent?.get('error'), 'request_not_supported', junk);
    }
  });
}

/** The records of refused authorization requests; a first line may be cut. */
const records = () => site.log.split('\n').filter((line) => line.includes('"message":"refused"') && line.startsWith('{') && line.endsWith('}'))
  .map((line) => JSON.parse(line)).filter(({ client }) => client !== undefined);
const record = (expected) => eventually(`the record ${JSON.stringify(expected)}`,
  () => records().findLast((found) => Object.entries(expected).every(([name, value]) => found[name] === value)));

test('A3: of a redirect URI that is not registered the log says what came and what is; the page names the client and shows nothing that came', async () => {
  const wrong = (redirect) => refused('GET', [], (query) => { query.set('redirect_uri', redirect); return query; });
  const page = await wrong(`${app.redirectUri}/`);
  assert.deepEqual([page.status, page.location], [400, undefined]);
  assert.match(page.text, /<dd>web: the redirect_uri is not registered for this client<\/dd>/);
  const [, reference] = page.text.match(/data-reference-id="([0-9a-f]{12})"/);
  const told = await record({ request_id: reference });
  assert.deepEqual([told.client, told.field, told.error], ['web', 'redirect_uri', 'invalid_request']);
  assert.equal(told.hint, `got ${app.redirectUri}/ – registered is ${app.redirectUri}; they differ in the slash at the end`);
  await wrong(`http://ann:canary-password@localhost:9/callback?token=canary-token&x\n=1${'y'.repeat(3_000)}`);
  const hidden = await eventually('the record of the odd one', () => records().findLast(({ hint }) => hint?.includes('***@')));
  assert.ok(hidden.hint.startsWith('got http://***@localhost:9/callback?token=***&x\\n=***') && hidden.hint.length < 500, hidden.hint);
  assert.ok(!site.log.includes('canary-'), 'no value of a query and no user information');
  const nobody = await refused('GET', [], (query) => { query.set('client_id', 'wbe\u001b[2J'); return query; });
  assert.match(nobody.text, /<dd>the client_id is not registered here<\/dd>/);
  await record({ client: 'wbe\\u{1b}[2J', field: 'client_id', description: 'the client_id is not registered here' });
});

test('A4: an error that goes to the app by redirect leaves a record too, and client check shows what can be mended', async () => {
  const without = (name) => (query) => { query.delete(name); return query; };
  const set = (name, value) => (query) => { query.set(name, value); return query; };
  for (const [change, expected, hint] of [
    [(query) => without('code_challenge_method')(without('code_challenge')(query)), { field: 'code_challenge', description: 'code_challenge is required' }],
    [set('code_challenge_method', 'plain'), { field: 'code_challenge_method', error: 'invalid_request' }, 'got plain'],
    [set('response_type', 'token'), { field: 'response_type', error: 'unsupported_response_type' }, 'got token'],
    [set('scope', 'phone'), { field: 'scope', error: 'invalid_scope' }, /^got phone – registered is .*openid/],
    [set('prompt', 'none'), { field: '', error: 'login_required' }],
  ]) {
    const { location } = await refused('GET', [], change);
    assert.ok(location?.startsWith(app.redirectUri), location);
    const told = await record({ client: 'web', ...expected });
    if (hint instanceof RegExp) assert.match(told.hint, hint); else assert.equal(told.hint, hint);
  }
  await app.post('token', { grant_type: 'authorization_code', code: 'canary-code', redirect_uri: app.redirectUri });
  await new App(site, { ...app.client, client_secret: 'canary-secret' }, agent).post('token', { grant_type: 'refresh_token', refresh_token: 'x' });
  const checked = await eventually('the rows', async () => {
    const found = await site.command('client', 'check', 'web', '--last', '20');
    return ['client_secret', 'code', 'scope', 'redirect_uri'].every((name) => found.refused.some(({ field }) => field === name)) && found;
  });
  assert.deepEqual([checked.client_id, checked.disabled, checked.redirect_uris], ['web', false, [app.redirectUri]]);
  const slash = checked.refused.find(({ got }) => got === `${app.redirectUri}/`);
  assert.deepEqual([slash.registered, slash.endpoint, slash.error], [app.redirectUri, '/authorize', 'invalid_request']);
  assert.ok(checked.refused.every(({ last_at: at }, place) => at <= (checked.refused[place - 1]?.last_at ?? Infinity)), 'the latest first');
  assert.ok(!checked.refused.some(({ error }) => error === 'login_required'), 'nothing is wrong with that');
  assert.ok(!JSON.stringify(checked).includes('canary-'));
  assert.equal((await site.command('client', 'check', 'web', '--last', '1')).refused.length, 1);
});

test('F13: the token endpoint ignores what it does not know and refuses what it knows twice', async () => {
  const send = (body) => fetch(`${site.issuer}/token`, {
    method: 'POST', body, headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`web:${app.client.client_secret}`).toString('base64')}`,
    },
  });
  const code = new URLSearchParams({ grant_type: 'authorization_code', redirect_uri: app.redirectUri });
  const { code: text, verifier } = await app.code(cookie);
  code.set('code', text);
  code.set('code_verifier', verifier);
  const twice = await send(`${code}&grant_type=authorization_code`);
  assert.deepEqual([twice.status, (await twice.json()).error], [400, 'invalid_request']);
  assert.equal((await send(`${code}&utm=1&utm=2&junk=${'x'.repeat(6_000)}`)).status, 200);
});

test('F3: a person in ninety groups signs out by GET and POST, by a server\'s call, and is renewed silently', async () => {
  assert.ok(tokens.id_token.length > 5_000, `${tokens.id_token.length}`);
  const hint = { id_token_hint: tokens.id_token };
  const silent = async (own) => new URL((await request('GET', app.authorizeUrl(pkce().challenge, { prompt: 'none', ...hint }), { headers: { cookie: own }, agent }))
    .location).searchParams;
  assert.ok((await silent(cookie)).has('code'));
  const ended = async (own) => (await silent(own)).get('error') === 'login_required';

  const byGet = await request('GET', `${site.issuer}/logout?${new URLSearchParams({ ...hint, post_logout_redirect_uri: OUT, state: 'x' })}`, { headers: { cookie }, agent });
  assert.equal(byGet.location, `${OUT}?state=x`);
  assert.ok(await ended(cookie));

  const again = await signedIn();
  const posted = await request('POST', `${site.issuer}/logout`, { form: { id_token_hint: again.tokens.id_token, post_logout_redirect_uri: OUT }, agent });
  assert.equal(posted.status, 303);
  assert.ok(posted.location.length < 1_000 && !posted.location.includes(again.tokens.id_token.slice(0, 20)), posted.location);
  const led = await request('GET', new URL(posted.location, site.issuer), { headers: { cookie: again.cookie }, agent });
  assert.equal(led.location, OUT);
  assert.ok(await ended(again.cookie));

  const third = await signedIn();
  assert.equal((await request('GET', `${site.issuer}/logout?${new URLSearchParams({ id_token_hint: third.tokens.id_token })}`, { agent })).status, 303);
  assert.ok(await ended(third.cookie));
});

test('a posted logout that must be asked is asked, and its yes leads to the app', async () => {
  const { walker, cookie: own } = await signedIn();
  await walker.open(`${site.issuer}/logout`, undefined, {
    method: 'POST', body: new URLSearchParams({ client_id: 'web', post_logout_redirect_uri: OUT, state: 'a b' }),
  });
  assert.equal(walker.page, 'logout');
  assert.ok(!walker.url.includes('localhost%3A9'));
  await walker.submit('logout', {}, OUT);
  assert.ok(walker.url.startsWith(OUT), walker.url);
  const after = await request('GET', app.authorizeUrl(pkce().challenge, { prompt: 'none' }), { headers: { cookie: own }, agent });
  assert.equal(new URL(after.location).searchParams.get('error'), 'login_required');
  for (const forged of ['v1.AAAA', 'x', `v1.${'A'.repeat(200)}`]) {
    for (const place of ['logout', 'authorize']) {
      assert.equal((await request('GET', `${site.issuer}/${place}/posted/${forged}`, { agent })).status, 400, place);
    }
  }
});

test('check 40: a thousand wrong secrets from one address: 429 there, and the client is not locked out elsewhere', async () => {
  const call = (address, secret) => request('POST', `${site.issuer}/token`, {
    agent, form: { grant_type: 'refresh_token', refresh_token: 'x' },
    headers: { 'x-forwarded-for': address, authorization: `Basic ${Buffer.from(`web:${secret}`).toString('base64')}` },
  });
  const statuses = {};
  let last;
  await each(Array.from({ length: 1_000 }), 20, async () => {
    last = await call('192.0.2.66', 'wrong');
    statuses[last.status] = (statuses[last.status] ?? 0) + 1;
  });
  assert.deepEqual([statuses[401], statuses[429]], [20, 980]);
  assert.ok(Number(last.headers['retry-after']) > 0 && Number(last.headers['retry-after']) <= 601, last.headers['retry-after']);
  const right = app.client.client_secret;
  // The secret is right and the token is not: 400, not 401.
  assert.equal((await call('192.0.2.66', right)).status, 429, 'nothing from there is compared');
  assert.equal((await call('192.0.2.67', right)).status, 400);
  assert.equal((await call('2001:db8::1', 'wrong')).status, 401);
  // Where the client proved itself it cannot be locked out by its neighbours.
  await each(Array.from({ length: 40 }), 10, () => call('192.0.2.67', 'wrong'));
  assert.equal((await call('192.0.2.67', 'wrong')).status, 429);
  assert.equal((await call('192.0.2.67', right)).status, 400);
});

test('check 29: a client that sends one challenge again and again is named in the log, once', async () => {
  const told = () => site.log.split('\n').filter((line) => line.includes('the same value in every request') && line.includes('code_challenge'));
  const { challenge } = pkce();
  assert.equal(told().length, 0);
  for (let count = 0; count < 45; count += 1) await request('GET', app.authorizeUrl(challenge), { agent });
  await eventually('the log', () => told().length > 0);
  assert.equal(told().length, 1);
  assert.match(told()[0], /web/);
});
