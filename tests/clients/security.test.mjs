// What an attacker tries from outside, each refusal beside the rightful browser that still succeeds.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { BINARY, approve, eventually, startDemo } from './lib/demo.mjs';
import { Walker } from './lib/walker.mjs';

let demo; let client; let back;
const verifier = 'v'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');
before(async () => { demo = await startDemo(); client = demo.client('demo-web'); [back] = client.redirect_uris; });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

const address = (changes = {}) => `${demo.issuer}/authorize?${new URLSearchParams({
  client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid', state: 's', nonce: 'n',
  code_challenge: challenge, code_challenge_method: 'S256', ...changes,
})}`;
const calls = async () => (await demo.phone.requests()).filter(({ operation }) => operation !== 'state').length;
const begin = async (username = 'alice', walker = new Walker()) => {
  await walker.open(address());
  await walker.submit('provider', { provider: 'secsign' });
  return walker.submit('identifier', { identifier: username });
};
const finish = (walker) => eventually('the code', async () => {
  await walker.submit('continue', {}, back);
  return new URL(walker.url).searchParams.get('code');
});
const token = async (code, changes = {}) => (await fetch(`${demo.issuer}/token`, {
  method: 'POST',
  headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` },
  body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: back, code_verifier: verifier, ...changes }),
})).json();

test('S1, B1, B3: a second browser with every address and form of the first is nobody', async () => {
  const mine = await begin();
  const other = await new Walker().open(address());
  const form = mine.form('continue');
  for (const path of ['', '/status', '/events']) {
    assert.equal((await other.open(mine.url + path)).status, 404, path);
  }
  await approve(demo, 'secsign', 'alice');
  for (const path of ['/continue', '/cancel', '/retry', '/other']) {
    const body = new URLSearchParams(Object.fromEntries(form.inputs));
    await other.open(mine.url + path, back, { method: 'POST', body });
    assert.ok([403, 404].includes(other.status), `${path}: ${other.status}`);
  }
  assert.ok(await finish(mine));
});

test('S2: odd ids in paths reach no upstream', async () => {
  const mine = await begin();
  const seen = await calls();
  for (const odd of ['..%2f', '%252e', '%3f', ';', '%0a', 'a'.repeat(10_000)]) {
    const answer = await fetch(`${demo.issuer}/login/${odd}/status`);
    assert.ok(answer.status >= 400 && answer.status < 500, `${odd.slice(0, 9)}: ${answer.status}`);
  }
  assert.equal(await calls(), seen);
  await approve(demo, 'secsign', 'alice');
  assert.ok(await finish(mine));
});

test('S6: a forged continue is refused, the own one is not', async () => {
  const mine = await begin();
  const [page, { inputs }] = [mine.url, mine.form('continue')];
  await approve(demo, 'secsign', 'alice');
  const forged = [
    [{ origin: 'https://evil.example' }, inputs], [{ 'sec-fetch-site': 'cross-site' }, inputs],
    [{}, []], [{}, [['csrf', 'x'.repeat(43)]]],
  ];
  for (const [headers, fields] of forged) {
    await mine.open(`${page}/continue`, back, { method: 'POST', headers, body: new URLSearchParams(fields) });
    assert.equal(mine.status, 403);
  }
  await mine.open(page);
  assert.ok(await finish(mine));
});

test('a code is good once, for its verifier and address, and its reuse ends the access token', async () => {
  const mine = await begin();
  await approve(demo, 'secsign', 'alice');
  const code = await finish(mine);
  assert.equal((await token(code, { code_verifier: 'w'.repeat(43) })).error, 'invalid_grant');
  assert.equal((await token(code, { redirect_uri: `${back}/x` })).error, 'invalid_grant');
  const { access_token: access } = await token(code);
  const userinfo = () => fetch(`${demo.issuer}/userinfo`, { headers: { authorization: `Bearer ${access}` } });
  assert.equal((await userinfo()).status, 200);
  assert.equal((await token(code)).error, 'invalid_grant');
  assert.equal((await userinfo()).status, 401);
});

test('S15: each state of SecSign has its own name, and only 3 is an approval', async () => {
  const table = {
    0: 'failed/technical_reason', 2: 'expired/', 4: 'denied/', 5: 'failed/suspended', 6: 'cancelled/', 8: 'failed/invalid',
    9: 'failed/technical_reason', 7: 'fetched/', 1: 'pending/', 3: 'approved/',
  };
  for (const [state, expected] of Object.entries(table)) {
    await demo.phone.reset();
    const mine = await begin(Number(state) % 2 ? 'alice' : 'bob', new Walker());
    const { secsignid } = demo.user(Number(state) % 2 ? 'alice' : 'bob');
    const { sessions: [session] } = await demo.phone.secsign(secsignid);
    await demo.phone.answer(secsignid, session.authsessionid, { action: 'state', state: Number(state) });
    await eventually(`state ${state}: ${expected}`, async () => {
      await mine.open(mine.url);
      return `${mine.main('data-login-state')}/${mine.main('data-login-reason') ?? ''}` === expected;
    }, 4000);
    if (mine.html.includes('id="cancel"')) await mine.submit('cancel', {}, back);
  }
});

test('a redirect URI that is not registered gets a page, never a redirect', async () => {
  for (const odd of [`${back}/`, `${back}?a=1`, `${back}#f`, 'https://evil.example/', 'javascript:alert(1)', `${back}/../x`]) {
    const answer = await fetch(address({ redirect_uri: odd }), { redirect: 'manual' });
    assert.equal(answer.headers.get('location'), null, odd);
    assert.match(await answer.text(), /data-reference-id="/);
  }
  assert.equal((await fetch(address(), { redirect: 'manual' })).status, 303);
});

/** A new person with a SecSign ID of the same name. */
const person = async (name) => {
  execFileSync(BINARY, ['user', 'create', '--config', demo.config_file, '--username', name, '--secsignid', name]);
  const made = await fetch(`${demo.phone.url}/phone/api/secsign/${name}`, {
    method: 'POST', body: '{"action":"create"}', headers: { 'content-type': 'application/json' },
  });
  assert.ok(made.ok, await made.text());
};

/** The parameters of an answer in the fragment. */
const fragment = async (changes) => {
  const response = await fetch(address(changes), { redirect: 'manual' });
  return new URLSearchParams(new URL(response.headers.get('location')).hash.slice(1));
};

/** The page of a login once it is no longer open, or the state it has after a while. */
const ended = async (walker) => {
  await eventually('the end', async () => {
    await walker.open(walker.url);
    return !['pending', 'fetched'].includes(walker.main('data-login-state'));
  }, 8000);
  return [walker.main('data-login-state'), walker.main('data-login-reason') ?? ''].join('/');
};
const creates = async (seq) => (await demo.phone.requests(seq)).filter(({ operation }) => operation === 'create').length;
const lastSeq = async () => (await demo.phone.requests()).at(-1)?.seq ?? 0;
const fault = async (body) => {
  const response = await fetch(`${demo.phone.url}/phone/api/faults`, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' },
  });
  assert.ok(response.ok, await response.text());
};
const beginThumb = async (username = 'alice') => {
  const walker = new Walker();
  await walker.open(address());
  await walker.submit('provider', { provider: 'thumbsignin' });
  return walker.submit('identifier', { identifier: username });
};
const openTransaction = async (username = 'alice') => {
  const found = await demo.phone.transactions(demo.user(username).thumbsignin_user_id, 'PENDING');
  return found.at(-1).transactionId;
};
const giveUp = (walker) => walker.submit('cancel', {}, back);

test('S14: fifty strangers at once ask the phone once, suspend nothing, and see a pending login', async () => {
  const seq = await lastSeq();
  const walkers = await Promise.all(Array.from({ length: 50 }, () => begin('bob')));
  assert.equal(await creates(seq), 1);
  for (const walker of walkers) assert.equal(walker.main('data-login-state'), 'pending');
  for (const walker of walkers) assert.match(walker.html, /<img[^>]*id="access-pass"[^>]*src="data:image\/png;base64,/);
  const { frozen, sessions } = await demo.phone.secsign(demo.user('bob').secsignid);
  assert.equal(frozen, false);
  assert.equal(sessions.filter(({ state }) => state === 5).length, 0);
  await approve(demo, 'secsign', 'bob');
  const codes = await eventually('one code', async () => {
    const found = [];
    for (const walker of walkers) {
      if (walker.page === 'wait') await walker.submit('continue', {}, back);
      if (walker.url.startsWith(back)) found.push(walker);
    }
    return found.length > 0 && found;
  });
  assert.equal(codes.length, 1);
});

test('S14: a browser that the person used before takes the slot back from a stranger', async () => {
  const known = await begin();
  await approve(demo, 'secsign', 'alice');
  await finish(known);
  const stranger = await begin();
  const seq = await lastSeq();
  await known.open(address({ prompt: 'login' }));
  await known.submit('provider', { provider: 'secsign' });
  await known.submit('identifier', { identifier: 'alice' });
  const after = (await demo.phone.requests(seq)).map(({ operation }) => operation);
  assert.ok(after.indexOf('cancel') >= 0 && after.indexOf('cancel') < after.indexOf('create'), after.join());
  await approve(demo, 'secsign', 'alice');
  assert.ok(await finish(known));
  assert.match(await ended(stranger), /^(cancelled|expired)/);
});

test('S14: a frozen person is told so in a browser of theirs, and nobody else is', async () => {
  const known = await begin();
  await approve(demo, 'secsign', 'alice');
  await finish(known);
  const id = demo.user('alice').secsignid;
  // Two requests past us freeze the ID at the service.
  const ask = () => fetch(`${demo.phone.url}/`, { method: 'POST', body: new URLSearchParams({
    request: 'ReqRequestAuthSession', apimethod: 'test', secsignid: id, servicename: 'x', serviceaddress: 'y' }) });
  await ask(); await ask();
  assert.equal((await demo.phone.secsign(id)).frozen, true);
  const stranger = await begin();
  assert.equal(stranger.main('data-login-state'), 'pending');
  await known.open(address({ prompt: 'login' }));
  await known.submit('provider', { provider: 'secsign' });
  await known.submit('identifier', { identifier: 'alice' });
  assert.equal(await ended(known), 'failed/frozen');
});

test('S16, S17, S21, B6, B8: nonsense of the service is never an approval', async () => {
  for (const [operation, kind] of [
    ['create', 'duplicate_key'], ['create', 'percent_encoded'], ['create', 'truncated'], ['create', 'html'], ['create', 'empty'],
    ['create', 'redirect'], ['create', 'approved_at_once'], ['create', 'non_png_icon'], ['create', 'huge_body'],
    ['state', 'duplicate_key'], ['state', 'percent_encoded'], ['state', 'html'], ['state', 'empty'], ['state', 'wrong_user'],
    ['state', 'wrong_session'], ['state', 'unknown_state'], ['state', 'huge_body'],
  ]) {
    await demo.phone.reset();
    // A person of their own, so that a slot that stays closed does not matter to the next case.
    const name = `p-${operation}-${kind}`.replaceAll('_', '-');
    await person(name);
    await fault({ provider: 'secsign', operation, fault: kind, count: 0 });
    const walker = await begin(name);
    if (operation === 'state') {
      const { sessions } = await demo.phone.secsign(name);
      // The first poll may have ended it already: then there is nothing to approve any more.
      await demo.phone.answer(name, sessions.at(-1).authsessionid, { action: 'approve' }).catch((error) => {
        assert.match(error.message, /409/);
      });
    }
    const how = await ended(walker);
    assert.match(how, /^failed\/(technical_reason|upstream_down)$/, `${operation} ${kind}: ${how}`);
    await walker.submit('cancel', {}, back);
    assert.equal(new URL(walker.url).searchParams.get('code'), null, `${operation} ${kind}`);
    assert.doesNotMatch(walker.html, /html>nonsense|Traceback|127\.0\.0\.1:\d+\/redirected/);
  }
});

test('ThumbSignIn: every failure reason has a state of its own', async () => {
  for (const [reason, expected] of [
    ['DECLINED', 'denied/'], ['TIMEOUT', 'expired/'], ['CANCELLED', 'cancelled/'], ['NOT_REGISTERED', 'failed/not_registered'],
    ['ALREADY_REGISTERED', 'failed/already_registered'], ['NO_SUITABLE_AUTHENTICATOR', 'failed/no_suitable_authenticator'],
    ['TECHNICAL_REASON', 'failed/technical_reason'], ['SOMETHING_NEW', 'failed/technical_reason'],
  ]) {
    const walker = await beginThumb();
    await demo.phone.act(await openTransaction(), { action: 'fail', failureReason: reason });
    assert.equal(await ended(walker), expected, reason);
    await giveUp(walker);
  }
  const walker = await beginThumb();
  await demo.phone.act(await openTransaction(), { action: 'approve', userId: demo.user('bob').thumbsignin_user_id });
  assert.equal(await ended(walker), 'failed/technical_reason', 'another person approved');
});

test('B17: thirty continues of one approval are one login', async () => {
  const walker = await beginThumb('bob');
  const transaction = await openTransaction('bob');
  await demo.phone.act(transaction, { action: 'approve', userId: demo.user('bob').thumbsignin_user_id });
  await eventually('the approval', async () => {
    await walker.open(walker.url);
    return walker.main('data-login-state') === 'approved';
  });
  const form = walker.form('continue');
  const post = () => walker.raw(new URL(form.action, walker.url).href, new URLSearchParams(Object.fromEntries(form.inputs)));
  const answers = await Promise.all(Array.from({ length: 30 }, post));
  for (const answer of answers) assert.equal(answer.status, 303);
  const sessions = answers.filter((answer) => answer.headers.getSetCookie().some((line) => line.includes('session=')));
  assert.equal(sessions.length, 1);
});

test('B18: after a cancel there is never a code, nor a session', async () => {
  const walker = await beginThumb('bob');
  const form = walker.form('continue');
  const page = walker.url;
  await demo.phone.act(await openTransaction('bob'), { action: 'approve', userId: demo.user('bob').thumbsignin_user_id });
  await eventually('the approval', async () => {
    await walker.open(page);
    return walker.main('data-login-state') === 'approved';
  });
  await giveUp(walker);
  assert.equal(new URL(walker.url).searchParams.get('error'), 'access_denied');
  const late = await walker.raw(new URL(form.action, page).href, new URLSearchParams(Object.fromEntries(form.inputs)));
  assert.ok(!late.headers.getSetCookie().some((line) => line.includes('session=')));
  await walker.open(address({ prompt: 'none' }), back);
  assert.equal(new URL(walker.url).searchParams.get('error'), 'login_required');
});

test('what a relying party sends wrongly is refused, by a redirect once it is known', async () => {
  const answer = async (changes) => new URL((await new Walker().open(address(changes), back)).url).searchParams;
  const seq = await lastSeq();
  for (const [changes, error] of [
    [{ response_type: 'token' }, 'unsupported_response_type'], [{ response_type: '' }, 'invalid_request'],
    [{ code_challenge: '' }, 'invalid_request'], [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'], [{ prompt: 'none' }, 'login_required'],
    [{ prompt: 'none login' }, 'invalid_request'], [{ request: 'e30.e30.' }, 'request_not_supported'],
    [{ request_uri: 'https://x.example' }, 'request_uri_not_supported'], [{ max_age: 'x' }, 'invalid_request'],
    [{ id_token_hint: 'junk' }, 'invalid_request'], [{ scope: 'unknown' }, 'invalid_scope'],
  ]) {
    const response = changes.response_type === 'token' ? await fragment(changes) : await answer(changes);
    assert.equal(response.get('error'), error, JSON.stringify(changes));
    assert.equal(response.get('iss'), demo.issuer);
    assert.equal(response.get('state'), 's');
    assert.equal(response.get('code'), null);
  }
  assert.equal(await creates(seq), 0);
  const twice = await fetch(`${address()}&scope=openid`, { redirect: 'manual' });
  assert.equal(twice.status, 400);
  assert.equal((await new Walker().open(address({ extra: 'foobar' }))).page, 'choose');
});

test('headers of every kind of page, and hosts that are not ours', async () => {
  for (const path of ['/', '/authorize', '/logout/done', '/nowhere', address().slice(demo.issuer.length)]) {
    const response = await fetch(demo.issuer + path);
    assert.match(response.headers.get('content-security-policy'), /frame-ancestors 'none'/, path);
    assert.equal(response.headers.get('cache-control'), 'no-store', path);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff', path);
  }
  assert.notEqual((await fetch(`${demo.issuer}/token`)).status, 200);
  assert.equal((await fetch(`${demo.issuer}/userinfo?access_token=x`)).status, 401);
  const status = await new Promise((resolve, reject) => {
    request({ port: new URL(demo.issuer).port, host: '127.0.0.1', headers: { host: 'evil.example' } }, (answer) => {
      answer.resume(); resolve(answer.statusCode);
    }).on('error', reject).end();
  });
  assert.equal(status, 421);
});
