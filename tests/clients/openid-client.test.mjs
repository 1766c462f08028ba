// npm openid-client against the running binary: discovery, login through each phone service, code exchange, validation,
// userinfo, refresh, introspection, revocation and logout.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as oidc from 'openid-client';
import { approve, startDemo } from './lib/demo.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { assert.equal(await demo.stop(), 0); });

const discover = (client, authentication) => oidc.discovery(
  new URL(demo.issuer), client.client_id, client.client_secret, authentication, { execute: [oidc.allowInsecureRequests] },
);

/** One login by the book; returns the tokens and the browser. */
async function login(config, redirectUri, provider, username, extra = {}, walker = new Walker()) {
  const verifier = oidc.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedNonce: oidc.randomNonce(), expectedState: oidc.randomState() };
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope: 'openid profile email groups offline_access', ...extra,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    nonce: checks.expectedNonce, state: checks.expectedState,
  });
  await walker.open(url.href, redirectUri);
  if (['choose', 'identify'].includes(walker.page)) {
    await signIn(walker, provider, username, redirectUri, () => approve(demo, provider, username));
  }
  if (walker.page === 'consent') await walker.submit('consent', { decision: 'allow' }, redirectUri);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(walker.url), checks);
  return { tokens, walker };
}

for (const provider of ['secsign', 'thumbsignin']) {
  test(`${provider}: a confidential client from discovery to logout`, async () => {
    const client = demo.client('demo-web');
    const config = await discover(client);
    const { tokens, walker } = await login(config, client.redirect_uris[0], provider, 'alice');
    const claims = tokens.claims();
    assert.equal(claims.iss, demo.issuer);
    assert.equal(claims.sub, demo.user('alice').sub);
    assert.equal(claims.aud, client.client_id);
    assert.deepEqual(claims.amr, ['mca']);
    assert.equal(claims.acr, provider === 'secsign' ? 'urn:signbridge:acr:matched' : 'urn:signbridge:acr:named');
    assert.ok(claims.sid && claims.auth_time && claims.at_hash);

    const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(userinfo.preferred_username, 'alice');
    assert.equal(typeof userinfo.email_verified, 'boolean');
    assert.ok(Array.isArray(userinfo.groups));

    const again = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(again.claims().sub, claims.sub);
    assert.equal(again.claims().auth_time, claims.auth_time);
    assert.equal((await oidc.tokenIntrospection(config, again.access_token)).active, true);
    await oidc.tokenRevocation(config, again.refresh_token ?? tokens.refresh_token);
    assert.equal((await oidc.tokenIntrospection(config, again.access_token)).active, false);

    const [goodbye] = client.post_logout_redirect_uris;
    const logout = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token, post_logout_redirect_uri: goodbye, state: 'bye',
    });
    await walker.open(logout.href, goodbye);
    assert.equal(new URL(walker.url).searchParams.get('state'), 'bye');
    const silent = new URL(oidc.buildAuthorizationUrl(config, {
      redirect_uri: client.redirect_uris[0], scope: 'openid', prompt: 'none', code_challenge_method: 'S256',
      code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()),
    }));
    await walker.open(silent.href, client.redirect_uris[0]);
    assert.equal(new URL(walker.url).searchParams.get('error'), 'login_required');
  });
}

test('a public client on a loopback port of its own rotates its refresh token', async () => {
  const config = await discover(demo.client('demo-native'), oidc.None());
  const { tokens } = await login(config, 'http://127.0.0.1:51789/callback', 'secsign', 'bob');
  const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  const third = await oidc.refreshTokenGrant(config, next.refresh_token);
  assert.ok(third.access_token);
  // The successor was used: the first token coming back now is a theft, and kills the family.
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  await assert.rejects(oidc.refreshTokenGrant(config, third.refresh_token), { error: 'invalid_grant' });
});

test('single sign-on: a second app needs no phone, and asks for consent', async () => {
  const web = demo.client('demo-web');
  const { walker, tokens } = await login(await discover(web), web.redirect_uris[0], 'secsign', 'bob');
  const { seq } = (await demo.phone.requests()).at(-1);
  const asking = demo.client('demo-consent');
  const second = await login(await discover(asking), asking.redirect_uris[0], 'secsign', 'bob', {}, walker);
  assert.equal(second.tokens.claims().sub, tokens.claims().sub);
  assert.equal(second.tokens.claims().sid, tokens.claims().sid);
  const creates = (await demo.phone.requests(seq)).filter(({ operation }) => operation === 'create');
  assert.deepEqual(creates, []);
});

test('form_post brings code, state and iss as a form', async () => {
  const client = demo.client('demo-web');
  const config = await discover(client);
  const verifier = oidc.randomPKCECodeVerifier();
  const walker = new Walker();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: client.redirect_uris[0], scope: 'openid', response_mode: 'form_post', state: '"><script>', nonce: 'n',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  await walker.open(url.href);
  await signIn(walker, 'secsign', 'alice', undefined, () => approve(demo, 'secsign', 'alice'));
  const form = walker.form('form-post');
  assert.equal(form.action, client.redirect_uris[0]);
  const fields = Object.fromEntries(form.inputs);
  assert.deepEqual(Object.keys(fields), ['code', 'state', 'iss']);
  assert.equal(fields.state, '"><script>');
  const request = new Request(form.action, { method: 'POST', body: new URLSearchParams(fields) });
  const tokens = await oidc.authorizationCodeGrant(config, request, {
    pkceCodeVerifier: verifier, expectedNonce: 'n', expectedState: '"><script>',
  });
  assert.equal(tokens.claims().sub, demo.user('alice').sub);
});
