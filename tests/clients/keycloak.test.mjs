// A real Keycloak as a broker in front of the running binary: its realms are imported from the recipe, people sign in to an
// app behind it with the virtual phone, and log out. Nothing is done by hand.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as oidc from 'openid-client';
import { chromium } from 'playwright-core';
import { approve, eventually } from './lib/demo.mjs';
import { startKeycloak, unpackKeycloak } from './lib/keycloak.mjs';
import { shoot } from './lib/pictures.mjs';
import { startRelyingParty } from './lib/relying-party.mjs';
import { freePorts, pause, prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const SHOTS = process.env.SCREENSHOTS ?? fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const say = (text) => console.log(`# ${text}`);

const unpacked = await unpackKeycloak(say).catch((error) => ({ reason: `Keycloak is not to be had: ${error.message.slice(0, 300)}` }));
const options = { skip: unpacked.reason };

let provider, keycloak, app;
/** The realms, by name: in `demo` the browser is led here to log out, in `demo-back` Keycloak's server calls. */
const realms = { demo: undefined, 'demo-back': undefined };

before(async () => {
  if (options.skip) return;
  mkdirSync(SHOTS, { recursive: true });
  provider = await prepare({ lifetimes: { key_ahead: '1s' }, more: '[outbound]\nallow_private = true\n' });
  await provider.start();
  app = await startRelyingParty();
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  for (const name of Object.keys(realms)) realms[name] = await recipe(name, url);
  realms['demo-back'].identityProviders[0].config.backchannelSupported = 'true';
  keycloak = await startKeycloak(unpacked, port, Object.values(realms), say);
});
after(async () => {
  await keycloak?.stop();
  await app?.stop();
  await provider?.close();
  if (unpacked.dir) rmSync(unpacked.dir, { recursive: true, force: true });
});

/** The realm as the recipe prints it, with an app behind it. */
async function recipe(name, url) {
  const client = await provider.command(
    'client', 'create', '--recipe', 'keycloak', '--url', url, '--realm', name, '--id', `keycloak-${name}`,
    '--group', 'staff', '--group', 'admins',
  );
  say(`client create --recipe keycloak --realm ${name}: ${client.recipe.files.map((file) => file.name)}`);
  return withApp(JSON.parse(client.recipe.files[0].content));
}

/** An app behind the realm, which is told the groups and the attribute that come from here. */
function withApp(realmOfRecipe) {
  const told = (name, protocolMapper, config) => ({
    name, protocol: 'openid-connect', protocolMapper,
    config: { 'claim.name': name, 'id.token.claim': 'true', 'jsonType.label': 'String', ...config },
  });
  return {
    ...realmOfRecipe,
    clients: [{
      clientId: 'app', protocol: 'openid-connect', publicClient: false, secret: 'app-secret', standardFlowEnabled: true,
      redirectUris: [app.callback],
      attributes: {
        'post.logout.redirect.uris': app.bye, 'backchannel.logout.url': `${app.url}/backchannel`,
        'backchannel.logout.session.required': 'true',
      },
      protocolMappers: [
        told('groups', 'oidc-group-membership-mapper', { 'full.path': 'false' }),
        told('signbridge_acr', 'oidc-usermodel-attribute-mapper', { 'user.attribute': 'signbridge_acr' }),
      ],
    }],
  };
}

/** The app's own view of Keycloak. */
const discover = (name) => oidc.discovery(new URL(`${keycloak.url}/realms/${name}`), 'app', 'app-secret', undefined, {
  execute: [oidc.allowInsecureRequests],
});

/** The app's authorization request at Keycloak. */
function request(config, extra = {}) {
  const checks = { expectedNonce: oidc.randomNonce(), expectedState: oidc.randomState() };
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: app.callback, scope: 'openid', nonce: checks.expectedNonce, state: checks.expectedState, ...extra,
  });
  return { url: url.href, checks };
}

const redeem = (config, walker, checks) => oidc.authorizationCodeGrant(config, new URL(walker.url), checks);

/** One login of a person from the app through Keycloak; answers what the app gets. */
async function login(name, username, { walker = new Walker(), extra } = {}) {
  const config = await discover(name);
  const { url, checks } = request(config, extra);
  await walker.open(url, app.callback);
  const { trail } = walker;
  if (!walker.url.startsWith(app.callback)) {
    await signIn(walker, 'secsign', username, app.callback, () => approve(provider, 'secsign', username));
  }
  assert.ok(walker.url.startsWith(app.callback), `at the app: ${walker.url}\n${walker.html.slice(0, 2000)}`);
  const tokens = await redeem(config, walker, checks);
  return { tokens, claims: tokens.claims(), walker, config, trail };
}

const person = (username, ...groups) => provider.person(
  username, '--email', `${username}@example.com`, '--name', `${username} Example`, ...groups.flatMap((group) => ['--group', group]),
);
const asked = (trail) => new URL(trail.find((url) => url.startsWith(`${provider.issuer}/authorize`))).searchParams;

test('first and second login; groups and acr are mapped', options, async () => {
  await person('kc-ada', 'staff');
  const first = await login('demo', 'kc-ada');
  assert.equal(first.claims.preferred_username, 'kc-ada');
  assert.equal(first.claims.email, 'kc-ada@example.com');
  assert.deepEqual(first.claims.groups, ['staff']);
  assert.equal(first.claims.signbridge_acr, 'urn:signbridge:acr:matched');
  const second = await login('demo', 'kc-ada');
  assert.equal(second.claims.sub, first.claims.sub);
  assert.deepEqual(second.claims.groups, ['staff']);
});

test('PKCE: Keycloak sends a challenge, and without one it gets no code', options, async () => {
  const config = await discover('demo');
  const walker = new Walker();
  await walker.open(request(config).url);
  const parameters = asked(walker.trail);
  assert.equal(parameters.get('code_challenge_method'), 'S256');
  assert.equal(walker.page, 'choose');
  for (const name of ['code_challenge', 'code_challenge_method']) parameters.delete(name);
  const endpoint = `${keycloak.url}/realms/demo/broker/signbridge/endpoint`;
  await new Walker().open(`${provider.issuer}/authorize?${parameters}`, endpoint).then((refused) => {
    assert.equal(new URL(refused.url).searchParams.get('error'), 'invalid_request');
  });
});

test('what the app asks for travels on: login_hint, acr_values, ui_locales, max_age', options, async () => {
  await person('kc-hint');
  const config = await discover('demo');
  const walker = new Walker();
  const wish = { login_hint: 'kc-hint', acr_values: 'urn:signbridge:acr:matched', ui_locales: 'de', max_age: '600' };
  await walker.open(request(config, wish).url);
  const parameters = asked(walker.trail);
  for (const [name, value] of Object.entries(wish)) assert.equal(parameters.get(name), value, name);
  // ThumbSignIn cannot match a symbol, so that nothing is left to choose; and the name is there already.
  assert.equal(walker.page, 'identify');
  assert.equal(Object.fromEntries(walker.form('identifier').inputs).identifier, 'kc-hint');
  assert.match(walker.html, /<html lang="de"/);
});

/** What the app is told when it asks without a page. */
async function silently(name, walker) {
  const config = await discover(name);
  const { url, checks } = request(config, { prompt: 'none' });
  await walker.open(url, app.callback);
  const { searchParams } = new URL(walker.url);
  return searchParams.has('code') ? (await redeem(config, walker, checks)).claims().preferred_username : searchParams.get('error');
}

test('prompt=none: an error without a session here, and a login with one', options, async () => {
  await person('kc-none');
  assert.equal(await silently('demo', new Walker()), 'login_required');
  const { walker } = await login('demo', 'kc-none');
  assert.equal(await silently('demo', walker), 'kc-none', 'the session at Keycloak');
  // The other realm knows nothing of this browser: only our session can answer.
  assert.equal(await silently('demo-back', walker), 'kc-none');
  assert.equal(asked(walker.trail).get('prompt'), 'none');
});

/** What Keycloak's error page says. */
const refusal = ({ html }) => html.match(/class="instruction[^"]*">\s*([^<]+?)\s*</)?.[1];

/** Logs out at Keycloak from the app. */
async function logout({ config, tokens, walker }) {
  const url = oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: app.bye, id_token_hint: tokens.id_token });
  await walker.open(url.href, app.bye);
  assert.ok(walker.url.startsWith(app.bye), `${walker.url} ${walker.status}`);
  return walker.trail.find((visited) => visited.startsWith(`${provider.issuer}/logout`));
}

const hintOf = (url) => new URL(url).searchParams.get('id_token_hint');
const part = (jwt, at) => JSON.parse(Buffer.from(jwt.split('.')[at], 'base64url'));

for (const [name, how] of [['demo', 'the browser is led here'], ['demo-back', 'Keycloak\'s server calls, without a cookie']]) {
  test(`RP-initiated logout, backchannelSupported=${name === 'demo-back'}: ${how}`, options, async () => {
    const username = `kc-out-${name}`;
    await person(username);
    const session = await login(name, username);
    const other = name === 'demo' ? 'demo-back' : 'demo';
    assert.equal(await silently(other, session.walker), username, 'our session lives');
    const visited = await logout(session);
    assert.equal(visited !== undefined, name === 'demo');
    if (visited) {
      assert.equal(part(hintOf(visited), 1).aud, 'keycloak-demo');
      assert.ok(new URL(visited).searchParams.get('state'));
    }
    assert.equal(await silently(name, session.walker), 'login_required');
    await eventually('the other realm is told too', async () => await silently(other, session.walker) === 'login_required');
    const { sid } = session.claims;
    await eventually('Keycloak tells its app', () => app.logoutTokens.some((token) => part(token, 1).sid === sid));
  });
}

/** Whether Keycloak's session of the app is alive. */
const alive = ({ config, tokens }) => oidc.refreshTokenGrant(config, tokens.refresh_token).then(() => true, (error) => {
  assert.equal(error.error, 'invalid_grant', String(error.cause ?? error));
  return false;
});

test('back-channel logout: who signs out here is signed out at Keycloak, and its app is told', options, async () => {
  await person('kc-far');
  await person('kc-near');
  const [session, other] = [await login('demo', 'kc-far'), await login('demo', 'kc-near')];
  assert.equal(await alive(session), true);
  await session.walker.open(`${provider.issuer}/logout`);
  await session.walker.submit('logout');
  await eventually('Keycloak ends the session', async () => !await alive(session));
  const { sid } = session.claims;
  await eventually('and tells its app', () => app.logoutTokens.some((token) => part(token, 1).sid === sid));
  assert.equal(await alive(other), true, 'nobody else');
});

test('who signs in again as the same person stays signed in at Keycloak', options, async () => {
  await person('kc-same');
  const session = await login('demo', 'kc-same');
  await login('demo', 'kc-same', { walker: session.walker, extra: { prompt: 'login' } });
  // A logout token that was due after the login would be here by then.
  await pause(4_000);
  assert.equal(await alive(session), true);
});

test('another account in the same browser: its login ends well, and only then the first one\'s session', options, async () => {
  await person('kc-one');
  await person('kc-two');
  const first = await login('demo', 'kc-one');
  const config = await discover('demo-back');
  const { walker } = first;
  const { url, checks } = request(config, { prompt: 'login' });
  const broker = `${keycloak.url}/realms/demo-back/broker/`;
  await walker.open(url);
  await signIn(walker, 'secsign', 'kc-two', broker, () => approve(provider, 'secsign', 'kc-two'));
  // Our session is that of the second account now; Keycloak has not redeemed the code yet.
  const sessions = await provider.command('session', 'list');
  assert.deepEqual(['kc-one', 'kc-two'].map((name) => sessions.some(({ username }) => username === name)), [false, true]);
  await pause(4_000);
  assert.equal(await alive(first), true, 'no logout token before the code was redeemed (decision 2.16)');
  await walker.open(walker.url, app.callback);
  const tokens = await redeem(config, walker, checks);
  assert.equal(tokens.claims().preferred_username, 'kc-two');
  await eventually('the first account\'s session ends', async () => !await alive(first));
  assert.equal(await alive({ config, tokens }), true);
});

/** How many logout tokens were answered so far. */
async function delivered() {
  const text = await (await fetch(`${provider.management}/metrics`, { headers: { connection: 'close' } })).text();
  return Number(text.match(/^signbridge_audit_events_total\{event="logout\.delivered"\} (\d+)/m)?.[1] ?? 0);
}

test('another account in the same realm and browser: Keycloak refuses it once, then lets it in', options, async () => {
  await person('kc-tom');
  await person('kc-una');
  await login('demo', 'kc-una');
  const first = await login('demo', 'kc-tom');
  const { walker, config } = first;
  const told = await delivered();
  await walker.open(request(config, { prompt: 'login' }).url);
  await signIn(walker, 'secsign', 'kc-una', app.callback, () => approve(provider, 'secsign', 'kc-una'));
  say(`another account at Keycloak: ${walker.status} ${refusal(walker)}`);
  assert.match(refusal(walker), /already authenticated as different user/);
  // A request of that browser while Keycloak ends the session would make it live again.
  await eventually('Keycloak answers the logout token', async () => await delivered() > told);
  await eventually('the first account\'s session ends', async () => !await alive(first));
  await eventually('its cookie is forgotten', async () => await silently('demo', walker) !== 'kc-tom');
  const again = await login('demo', 'kc-una', { walker });
  assert.equal(again.claims.preferred_username, 'kc-una');
});

test('signatures are validated across a key rotation, and a hint of the old key still logs out', options, async () => {
  await person('kc-turn');
  const before = await login('demo', 'kc-turn');
  await eventually('the next key may sign', () => provider.command('key', 'rotate', '--alg', 'RS256').then(() => true, () => false));
  const keys = await provider.command('key', 'list');
  const active = keys.find(({ alg, state }) => alg === 'RS256' && state === 'active').kid;
  const kid = await eventually('the new key signs', async () => {
    const session = await login('demo', 'kc-turn');
    const { kid: signedWith } = part(hintOf(await logout(session)), 0);
    return signedWith === active && signedWith;
  }, 60_000);
  const old = hintOf(await logout(before));
  assert.notEqual(part(old, 0).kid, kid);
  assert.equal(await silently('demo', before.walker), 'login_required');
});

/** Walks to the wait page and lets the person decline. */
async function declined(walker, username) {
  await walker.submit('provider', { provider: 'secsign' });
  await walker.submit('identifier', { identifier: username });
  const session = await eventually('the push', async () => {
    const { sessions } = await provider.phone.secsign(username);
    return sessions.find(({ state }) => state === 1 || state === 7);
  });
  await provider.phone.answer(username, session.authsessionid, { action: 'deny' });
  const page = walker.url;
  await eventually('the page says so', async () => (await walker.open(page)).main('data-login-state') === 'denied');
}

test('who declines stays here: retry leads on to Keycloak, cancel to its error page', options, async () => {
  await person('kc-no');
  const config = await discover('demo');
  const walker = new Walker();
  const { url, checks } = request(config);
  await walker.open(url);
  await declined(walker, 'kc-no');
  assert.ok(walker.url.startsWith(provider.issuer));
  assert.ok(walker.form('retry') && walker.form('cancel'));
  await walker.submit('retry');
  assert.equal(walker.page, 'wait');
  await approve(provider, 'secsign', 'kc-no');
  await eventually('the approval', async () => (await walker.submit('continue', {}, app.callback)).url.startsWith(app.callback));
  assert.equal((await redeem(config, walker, checks)).claims().preferred_username, 'kc-no');

  const other = new Walker();
  await other.open(request(config).url);
  await declined(other, 'kc-no');
  await other.submit('cancel', {}, app.callback);
  assert.ok(other.trail.some((visited) => new URL(visited).searchParams.get('error') === 'access_denied'));
  say(`a cancel at Keycloak: ${other.status} ${refusal(other)}`);
  assert.ok(other.url.startsWith(keycloak.url));
  assert.equal(other.status, 400);
});

test('in Chromium: the first login, a decline and a cancel', options, async () => {
  await person('kc-eva', 'staff', 'admins');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  try {
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 720, height: 820 } });
    const page = await context.newPage();
    const refused = [];
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/i.test(message.text())) refused.push(message.text());
    });
    const shot = (name) => page.screenshot({ path: `${SHOTS}/keycloak-${name}.png` });
    const config = await discover('demo');
    const toWait = async (url) => {
      await page.goto(url);
      await page.waitForSelector('main[data-page="choose"]');
      await shot('choose');
      await page.click('button[name="provider"][value="secsign"]');
      await page.waitForSelector('main[data-page="identify"]');
      await page.fill('input[name="identifier"]', 'kc-eva');
      await page.keyboard.press('Enter');
      await page.waitForSelector('main[data-page="wait"]');
      await shot('wait');
    };
    const first = request(config);
    await toWait(first.url);
    await approve(provider, 'secsign', 'kc-eva');
    await page.waitForURL(`${app.callback}?**`);
    const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), first.checks);
    assert.deepEqual(tokens.claims().groups.toSorted(), ['admins', 'staff']);
    await context.clearCookies();

    await toWait(request(config).url);
    const { sessions } = await provider.phone.secsign('kc-eva');
    await provider.phone.answer('kc-eva', sessions.at(-1).authsessionid, { action: 'deny' });
    await page.waitForSelector('main[data-login-state="denied"]');
    await shot('declined');
    await page.click('#cancel button');
    await page.waitForURL(`${keycloak.url}/**`);
    await shoot(page, 'keycloak-cancelled.png', { clip: { x: 100, y: 260, width: 520, height: 280 } });
    assert.deepEqual(refused, []);
  } finally {
    await browser.close();
  }
});
