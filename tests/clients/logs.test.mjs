// What stands in the log, and what never does, at any level.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approve, eventually, startDemo } from './lib/demo.mjs';
import { pkce } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let demo; let client; let back;
before(async () => {
  process.env.SIGNBRIDGE_LOG = 'trace';
  demo = await startDemo();
  delete process.env.SIGNBRIDGE_LOG;
  client = demo.client('demo-web');
  [back] = client.redirect_uris;
});
after(async () => { assert.equal(await demo.stop(), 0); });

const post = (path, form, headers = {}) => fetch(`${demo.issuer}/${path}`, {
  method: 'POST', body: new URLSearchParams(form),
  headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`, ...headers },
});
const authorize = (changes = {}) => `${demo.issuer}/authorize?${new URLSearchParams({
  client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid offline_access', state: 's', nonce: 'n', ...changes,
})}`;

/** The records of a log; each line must be one. */
const records = (log) => log.split('\n').filter(Boolean).map((line) => {
  try { return JSON.parse(line); } catch (error) { return assert.fail(`${error.message}: ${line.slice(0, 300)}`); }
});
/** Everything that was logged by now: the log comes through a pipe, so a last record is provoked and waited for. */
const logged = async () => {
  const page = await (await fetch(`${demo.issuer}/nothing`)).text();
  const [, reference] = page.match(/data-reference-id="([0-9a-f]{12})"/);
  await eventually('the log', () => demo.log().includes(`"reference_id":"${reference}"`));
  return demo.log();
};

/** A text in every form in which it might stand in a log. */
function forms(text) {
  const found = new Set([text, encodeURIComponent(text), encodeURIComponent(text).toLowerCase()]);
  for (const pad of ['', ' ', '  ']) {
    // The middle of its base64, wherever in a longer text it began.
    for (const kind of ['base64', 'base64url']) {
      const encoded = Buffer.from(pad + text).toString(kind).replace(/=+$/, '');
      found.add(encoded.slice(pad ? 4 : 0, -4));
    }
  }
  return [...found].filter((form) => form.length >= 8);
}

test('check 161: a login with everything around it leaves no secret in the log at TRACE', async () => {
  const secrets = new Map();
  const { secret: hmac, app_id: appId, consent_secret: other } = JSON.parse(readFileSync(join(demo.data_dir, 'demo.json'), 'utf8'));
  assert.ok(hmac && appId);
  secrets.set('HMAC key', hmac).set('another client secret', other).set('client secret', client.client_secret);
  secrets.set('master key', readFileSync(join(demo.data_dir, 'keys', 'master.key'), 'utf8').trim());
  for (const [provider, username] of [['secsign', 'alice'], ['thumbsignin', 'bob']]) {
    const { verifier, challenge } = pkce();
    const walker = await new Walker().open(authorize({ code_challenge: challenge, code_challenge_method: 'S256' }));
    let session;
    await signIn(walker, provider, username, back, async () => {
      secrets.set(`${provider} form token`, new Map(walker.form('continue').inputs).get('csrf'));
      if (provider === 'secsign') {
        ({ sessions: [session] } = await demo.phone.secsign(username));
        secrets.set('authsessionid', session.authsessionid);
        session.symbols.forEach((symbol, at) => { secrets.set(`symbol ${at}`, symbol); });
        const [, shown] = walker.html.match(/id="access-pass"[^>]*src="data:image\/png;base64,([^"]+)"/) ?? walker.html.match(/base64,([^"]+)"/);
        secrets.set('access pass', shown);
      } else {
        const [transaction] = await demo.phone.transactions(username, 'PENDING');
        secrets.set('transactionId', transaction.transactionId);
        secrets.set('QR code', walker.html.match(/base64,([^"]+)"/)[1]);
      }
      await approve(demo, provider, username);
    });
    const code = new URL(walker.url).searchParams.get('code');
    const form = { grant_type: 'authorization_code', code, redirect_uri: back };
    assert.equal((await post('token', { ...form, code_verifier: 'w'.repeat(43) })).status, 400);
    const tokens = await (await post('token', { ...form, code_verifier: verifier })).json();
    const refreshed = await (await post('token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).json();
    assert.equal((await fetch(`${demo.issuer}/userinfo`, { headers: { authorization: `Bearer ${refreshed.access_token}` } })).status, 200);
    assert.equal((await post('introspect', { token: tokens.access_token })).status, 200);
    secrets.set(`${provider} code`, code).set(`${provider} verifier`, verifier);
    for (const [kind, token] of Object.entries({ ...tokens, ...Object.fromEntries(Object.entries(refreshed).map(([name, value]) => [`new ${name}`, value])) })) {
      if (/_token$/.test(kind)) secrets.set(`${provider} ${kind}`, token);
      if (/id_token$/.test(kind)) secrets.set(`${provider} ${kind} signature`, token.split('.')[2]);
    }
    for (const cookie of walker.cookie(demo.issuer).split('; ')) secrets.set(`${provider} cookie ${cookie.split('=')[0]}`, cookie.slice(cookie.indexOf('=') + 1));
    // Failures that hold secrets of their own.
    const wrong = { 'a wrong secret': `canary-wrong-secret-${provider}`, 'a wrong token': `canary-wrong-token-${provider}`, 'a wrong code': `canary-wrong-code-${provider}` };
    await post('token', { ...form, code_verifier: verifier }, { authorization: `Basic ${btoa(`${client.client_id}:${wrong['a wrong secret']}`)}` });
    await post('token', { ...form, code: wrong['a wrong code'], code_verifier: verifier });
    await fetch(`${demo.issuer}/userinfo`, { headers: { authorization: `Bearer ${wrong['a wrong token']}` } });
    await fetch(`${demo.issuer}/userinfo?access_token=${wrong['a wrong token']}`);
    await post(`token?client_secret=${wrong['a wrong secret']}`, form);
    await post('revoke', { token: refreshed.refresh_token });
    for (const [what, value] of Object.entries(wrong)) secrets.set(`${what} (${provider})`, value);
    await walker.open(`${demo.issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token, client_id: client.client_id })}`);
  }
  const log = await logged();
  assert.ok(records(log).some(({ level }) => level === 'TRACE'), 'the log is not at TRACE');
  // The search finds what is there.
  assert.ok(forms(demo.issuer).some((form) => log.includes(form)));
  assert.ok(log.includes('"request_id":"'));
  const hits = [];
  for (const [what, secret] of secrets) {
    assert.ok(secret && secret.length >= 8, `${what}: ${secret}`);
    for (const form of forms(secret)) {
      const at = log.indexOf(form);
      if (at >= 0) hits.push(`${what} in: ${log.slice(Math.max(log.lastIndexOf('\n', at) + 1, at - 200), at + form.length + 60)}`);
    }
  }
  assert.deepEqual(hits, []);
});

test('check 160: whatever a request brings, a record is one line of JSON with the same members', async () => {
  const hostile = ['a\r\nb', '\n{"level":"ERROR","message":"forged"}', '\x1b[2J\x1b]0;x\x07', 'x\u2028y\u2029z\u202e', 'long '.repeat(4000), '"\\', '\x00'];
  const before = records(await logged()).length;
  for (const text of hostile) {
    assert.equal((await fetch(authorize({ client_id: text }), { redirect: 'manual' })).status, 400);
    await fetch(authorize({ state: text, response_type: text }), { redirect: 'manual' });
    await post('token', { grant_type: 'refresh_token', refresh_token: text, client_id: text }, { authorization: `Basic ${btoa(`${encodeURIComponent(text)}:${encodeURIComponent(text)}`)}` });
    await post('token', { grant_type: 'authorization_code', code: text, code_verifier: text });
    const walker = await new Walker().open(authorize({ code_challenge: pkce().challenge, code_challenge_method: 'S256' }));
    await walker.submit('provider', { provider: 'secsign' });
    await walker.submit('identifier', { identifier: text });
  }
  // A header with bytes that fetch does not send.
  const socket = connect(new URL(demo.issuer).port, '127.0.0.1');
  socket.end(`GET /nothing HTTP/1.1\r\nhost: ${new URL(demo.issuer).host}\r\nuser-agent: a\u2028\u202e${'u'.repeat(5000)}\r\nconnection: close\r\n\r\n`);
  await once(socket.resume(), 'close');
  const log = await logged();
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(log.replaceAll('\n', ''), /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
  const all = records(log);
  assert.ok(all.length > before + 3 * hostile.length, 'every refusal has its record');
  for (const record of all) {
    assert.match(record.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.match(record.level, /^(ERROR|WARN|INFO|DEBUG|TRACE)$/);
    assert.equal(typeof record.message, 'string');
    assert.equal(typeof record.target, 'string');
    assert.notEqual(record.message, 'forged');
    for (const value of Object.values(record)) assert.ok(String(value).length <= 2100, 'a long value is cut');
  }
});

test('a refusal has its request id, which is the reference id of its page', async () => {
  const answer = await fetch(authorize({ client_id: 'nobody' }));
  const [, reference] = (await answer.text()).match(/data-reference-id="([0-9a-f]{12})"/);
  await post('token', { grant_type: 'authorization_code', code: 'x' });
  const all = records(await logged());
  const page = all.find(({ reference_id: id }) => id === reference);
  assert.equal(page.request_id, reference);
  assert.equal(page.message, 'error page');
  const refused = all.filter(({ message, target }) => message === 'refused' && target === 'signbridge::web::error');
  assert.ok(refused.length >= 2);
  const ids = refused.map(({ request_id: id }) => id);
  assert.ok(ids.every((id) => /^[0-9a-f]{12}$/.test(id)));
  assert.equal(new Set(ids).size, ids.length, 'each request has its own');
});
