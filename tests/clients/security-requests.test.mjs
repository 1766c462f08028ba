// What a relying party, or somebody who plays one, sends wrongly: codes, redirect URIs, parameters, hosts.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { approve, startDemo } from './lib/demo.mjs';
import { loginAt } from './lib/login.mjs';
import { Walker } from './lib/walker.mjs';

let demo; let at;
before(async () => { demo = await startDemo(); at = loginAt(demo); });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

/** The parameters of an answer in the fragment. */
const fragment = async (changes) => {
  const response = await fetch(at.address(changes), { redirect: 'manual' });
  return new URLSearchParams(new URL(response.headers.get('location')).hash.slice(1));
};

test('a code is good once, for its verifier, address and client, and its reuse ends the access token', async () => {
  const mine = await at.begin();
  await approve(demo, 'secsign', 'alice');
  const code = await at.finish(mine);
  assert.equal((await at.token(code, { code_verifier: 'w'.repeat(43) })).error, 'invalid_grant');
  assert.equal((await at.token(code, { redirect_uri: `${at.back}/x` })).error, 'invalid_grant');
  assert.equal((await loginAt(demo, 'demo-consent').token(code)).error, 'invalid_grant');
  const { access_token: access } = await at.token(code);
  const userinfo = () => fetch(`${demo.issuer}/userinfo`, { headers: { authorization: `Bearer ${access}` } });
  assert.equal((await userinfo()).status, 200);
  assert.equal((await at.token(code)).error, 'invalid_grant');
  assert.equal((await userinfo()).status, 401);
});

test('a redirect URI that is not registered gets a page, never a redirect', async () => {
  const { back } = at;
  for (const odd of [`${back}/`, `${back}?a=1`, `${back}#f`, 'https://evil.example/', 'javascript:alert(1)', `${back}/../x`,
    back.toUpperCase(), back.replace('http:', 'https:'), `${back}%2e%2e`, `${back};/`, `${back} `, back.replace('//', '//a@'),
    back.replace(/:\d+/, ':1'), back.replace('127.0.0.1', 'localhost'), back.replace('127.0.0.1', '127.0.0.1.evil.example')]) {
    const answer = await fetch(at.address({ redirect_uri: odd }), { redirect: 'manual' });
    assert.equal(answer.headers.get('location'), null, odd);
    const html = await answer.text();
    assert.match(html, /data-reference-id="/);
    // The footer's link to the other language repeats the request to us; no link leads anywhere else.
    const links = [...html.matchAll(/(?:href|action)="([^"]*)"/g)].map(([, link]) => new URL(link.replaceAll('&amp;', '&'), demo.issuer));
    assert.ok(links.length > 0);
    assert.deepEqual(links.filter(({ origin }) => origin !== demo.issuer), [], odd);
  }
  assert.equal((await fetch(at.address(), { redirect: 'manual' })).status, 303);
});

test('what a relying party sends wrongly is refused, by a redirect once it is known', async () => {
  const answer = async (changes) => new URL((await new Walker().open(at.address(changes), at.back)).url).searchParams;
  const seq = await at.lastSeq();
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
  assert.equal(await at.creates(seq), 0);
  const twice = await fetch(`${at.address()}&scope=openid`, { redirect: 'manual' });
  assert.equal(new URL(twice.headers.get('location')).searchParams.get('error'), 'invalid_request');
  const doubtful = await fetch(`${at.address()}&client_id=${demo.clients[0].client_id}`, { redirect: 'manual' });
  assert.equal(doubtful.status, 400);
  assert.equal((await new Walker().open(at.address({ extra: 'foobar' }))).page, 'choose');
});

test('headers of every kind of page, and hosts that are not ours', async () => {
  for (const path of ['/', '/authorize', '/logout/done', '/nowhere', at.address().slice(demo.issuer.length)]) {
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
