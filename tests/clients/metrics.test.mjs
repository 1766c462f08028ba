// What the management listener tells: that the process lives, whether it can answer, and figures that name nobody.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { approve, eventually, startDemo } from './lib/demo.mjs';
import { untilFree } from './lib/login.mjs';
import { pkce } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let demo; let client; let back;
before(async () => { demo = await startDemo(); client = demo.client('demo-web'); [back] = client.redirect_uris; });
after(async () => { assert.equal(await demo.stop(), 0); });

const scrape = async () => {
  const answer = await fetch(`${demo.management_url}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  return answer.text();
};

/** The samples of a scrape, by name and labels. */
const samples = (text) => new Map(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
  const [, series, value] = line.match(/^([a-z_]+(?:\{.*\})?) (\S+)$/) ?? assert.fail(`no sample: ${line}`);
  return [series, Number(value)];
}));

/** The table of the documentation: name → kind and labels. */
const table = () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `(signbridge_\w+)` \| (\w+) \| (.*?) \|/gm);
  return new Map([...rows].map(([, name, kind, labels]) => [name, { kind, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) }]));
};

/** No connection is kept from one login to the next: it may end just as it is used again. */
const get = (url, headers = {}) => fetch(url, { headers: { connection: 'close', ...headers } });
const post = (path, form) => fetch(`${demo.issuer}/${path}`, {
  method: 'POST', body: new URLSearchParams(form),
  headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`, connection: 'close' },
});

/** Everything that a login, its tokens and its failures touch, with values that must not be seen. */
async function fullLogin(provider, username) {
  const { verifier, challenge } = pkce();
  const address = `${demo.issuer}/authorize?${new URLSearchParams({
    client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid profile email groups offline_access',
    state: 'canary-state', nonce: 'canary-nonce', code_challenge: challenge, code_challenge_method: 'S256',
  })}`;
  const walker = await new Walker().open(address);
  await signIn(walker, provider, username, back, () => approve(demo, provider, username));
  const code = new URL(walker.url).searchParams.get('code');
  const form = { grant_type: 'authorization_code', code, redirect_uri: back, code_verifier: verifier };
  const tokens = await (await post('token', form)).json();
  const refreshed = await (await post('token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).json();
  await get(`${demo.issuer}/userinfo`, { authorization: `Bearer ${tokens.access_token}` });
  assert.equal((await post('token', { grant_type: 'refresh_token', refresh_token: 'canary-wrong' })).status, 400);
  assert.equal((await get(`${demo.issuer}/userinfo`, { authorization: 'Bearer canary-wrong' })).status, 401);
  assert.equal((await get(`${demo.issuer}/canary-path`)).status, 404);
  await walker.open(`${address}&prompt=none&max_age=canary`);
  return { code, verifier, tokens, refreshed, walker };
}

test('B50: a full login moves the figures of the table, and nothing but words of the program stands in them', async () => {
  const one = await fullLogin('secsign', 'alice');
  const other = await fullLogin('thumbsignin', 'bob');
  const text = await scrape();
  const found = samples(text);
  const value = (series) => found.get(`signbridge_${series}`) ?? 0;
  assert.equal(value('logins_total{method="secsign",outcome="succeeded",reason=""}'), 1);
  assert.equal(value('logins_total{method="thumbsignin",outcome="succeeded",reason=""}'), 1);
  assert.equal(value('login_duration_seconds_count{method="secsign"}'), 1);
  assert.equal(value('tokens_issued_total{grant_type="authorization_code"}'), 2);
  assert.equal(value('tokens_issued_total{grant_type="refresh_token"}'), 2);
  assert.equal(value('oauth_errors_total{endpoint="/token",error="invalid_grant"}'), 2);
  assert.equal(value('oauth_errors_total{endpoint="/userinfo",error="invalid_token"}'), 2);
  assert.equal(value('provider_up{provider="secsign"}'), 1);
  assert.equal(value('provider_requests_total{provider="secsign",operation="create",outcome="ok"}'), 1);
  assert.ok(value('provider_requests_total{provider="thumbsignin",operation="state",outcome="ok"}') >= 1);
  assert.equal(value('audit_events_total{event="login.succeeded"}'), 2);
  assert.equal(value('audit_events_total{event="token.issued"}'), 2);
  assert.equal(value('http_server_request_duration_seconds_count{http_request_method="POST",http_route="/token",http_response_status_code="200"}'), 4);
  assert.ok(value('http_server_request_duration_seconds_count{http_request_method="GET",http_route="none",http_response_status_code="404"}') >= 2);
  assert.ok(value('signing_key_age_seconds{alg="RS256"}') >= 0);
  assert.equal(value('devices_registered{provider="secsign"}'), 2);
  await eventually('the sessions', async () => samples(await scrape()).get('signbridge_sessions_active') === 2);
  const known = table();
  for (const series of found.keys()) {
    const [, name, labels] = series.match(/^([a-z_]+)(?:\{(.*)\})?$/);
    const base = known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    assert.ok(known.has(base), `${name} is not in docs/metrics.md`);
    const names = [...(labels ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'le');
    assert.deepEqual(names, known.get(base).labels, series);
  }
  const secrets = [one, other].flatMap(({ code, verifier, tokens, refreshed, walker }) => [
    code, verifier, tokens.access_token, tokens.refresh_token, tokens.id_token, refreshed.access_token,
    ...walker.cookie(demo.issuer).split('; ').map((cookie) => cookie.split('=')[1]),
  ]);
  const people = demo.users.flatMap(({ username, sub, secsignid }) => [username, sub, secsignid]);
  for (const canary of [...secrets, ...people, client.client_id, client.client_secret, 'canary', '127.0.0.1', 'localhost', back]) {
    assert.ok(canary && !text.includes(canary), `the scrape holds ${canary}`);
  }
});

test('counts of the database follow within their five seconds; an open event stream is counted', async () => {
  const { challenge } = pkce();
  const walker = await new Walker().open(`${demo.issuer}/authorize?${new URLSearchParams({
    client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid', state: 's',
    code_challenge: challenge, code_challenge_method: 'S256',
  })}`);
  await walker.submit('provider', { provider: 'secsign' });
  await walker.submit('identifier', { identifier: 'bob' });
  const aborter = new AbortController();
  const headers = { cookie: walker.cookie(demo.issuer) };
  const stream = await fetch(new URL(walker.main('data-events-url'), demo.issuer), { headers, signal: aborter.signal });
  assert.equal(stream.status, 200);
  await eventually('the figures', async () => {
    const found = samples(await scrape());
    return found.get('signbridge_sse_connections') === 1 && found.get('signbridge_login_pending{method="secsign"}') === 1;
  });
  await walker.submit('cancel', {}, back);
  aborter.abort();
  await eventually('the end of the login', async () => {
    const found = samples(await scrape());
    return found.get('signbridge_login_pending{method="secsign"}') === 0 && found.get('signbridge_sse_connections') === 0
      && found.get('signbridge_logins_total{method="secsign",outcome="cancelled",reason=""}') === 1;
  });
});

test('an outage of a phone service shows in its figure and does not make the node unready', async () => {
  const fault = { provider: 'thumbsignin', operation: 'authenticate', fault: 'reset', count: 0 };
  const set = (method, body) => fetch(`${demo.phone_url}/phone/api/faults`, {
    method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json' },
  });
  await set('POST', fault);
  const { challenge } = pkce();
  const walker = await new Walker().open(`${demo.issuer}/authorize?${new URLSearchParams({
    client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid', state: 's',
    code_challenge: challenge, code_challenge_method: 'S256',
  })}`);
  await walker.submit('provider', { provider: 'thumbsignin' });
  await walker.submit('identifier', { identifier: 'alice' });
  assert.equal(walker.main('data-login-reason'), 'upstream_down');
  const found = samples(await scrape());
  assert.equal(found.get('signbridge_provider_up{provider="thumbsignin"}'), 0);
  assert.equal(found.get('signbridge_logins_total{method="thumbsignin",outcome="failed",reason="upstream_down"}'), 1);
  assert.equal((await fetch(`${demo.management_url}/readyz`)).status, 200);
  await set('DELETE');
});

test('logins that a limit refuses are counted by rule, and those for nobody are no logins', async () => {
  const strict = await startDemo('--limits', 'production');
  try {
    const [to] = strict.client('demo-web').redirect_uris;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const walker = await new Walker().open(`${strict.issuer}/authorize?${new URLSearchParams({
        client_id: 'demo-web', redirect_uri: to, response_type: 'code', scope: 'openid', state: 's',
        code_challenge: pkce().challenge, code_challenge_method: 'S256',
      })}`);
      await walker.submit('provider', { provider: 'secsign' });
      await walker.submit('identifier', { identifier: 'canary-nobody' });
      await untilFree(walker);
      assert.equal(walker.main('data-login-reason') ?? '', attempt < 3 ? '' : 'rate_limited');
      await walker.submit('cancel', {}, to);
    }
    const text = await (await fetch(`${strict.management_url}/metrics`)).text();
    assert.equal(samples(text).get('signbridge_rate_limited_total{rule="asking_phones"}'), 2);
    assert.doesNotMatch(text, /signbridge_logins_total|canary/);
  } finally {
    assert.equal(await strict.stop(), 0);
  }
});

test('the management listener answers nothing of the provider, and the provider nothing of it', async () => {
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assert.equal((await get(demo.management_url + path)).status, 200, path);
    const public_ = await get(demo.issuer + path);
    assert.equal(public_.status, 404, path);
    assert.ok(!(await public_.text()).includes('signbridge_'), path);
  }
  for (const path of ['/.well-known/openid-configuration', '/jwks', '/authorize', '/token', '/userinfo', '/logout', '/']) {
    assert.equal((await get(demo.management_url + path)).status, 404, path);
    assert.notEqual((await get(demo.issuer + path)).status, 421, path);
  }
  assert.equal((await get(`${demo.issuer}/jwks`)).status, 200);
});

test('demo --bind: provider, app and phone listen there too, health and metrics stay on loopback', async () => {
  const wide = await startDemo('--bind', '0.0.0.0');
  try {
    // Another address of this machine: what listens at 127.0.0.1 alone does not answer there.
    const at = (url, path = '/') => {
      const { port, host } = new URL(url);
      return new Promise((resolve) => {
        const options = { host: '127.0.0.2', port, path, headers: { host }, agent: false };
        http.get(options, (answer) => { resolve(answer.resume().statusCode); }).on('error', ({ code }) => { resolve(code); });
      });
    };
    assert.equal(await at(wide.issuer, '/jwks'), 200);
    assert.equal(await at(wide.app_url), 200);
    assert.equal(await at(wide.phone_url, '/phone'), 200);
    assert.equal(await at(wide.management_url, '/livez'), 'ECONNREFUSED');
    assert.equal(new URL(wide.phone_url).hostname, '127.0.0.1');
    assert.equal(await at(demo.issuer, '/jwks'), 'ECONNREFUSED');
  } finally {
    assert.equal(await wide.stop(), 0);
  }
});
