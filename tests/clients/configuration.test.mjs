// Keys of the configuration, each by what it changes from outside: `src/config/tests/effects.rs` says which test shows which.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BINARY, eventually } from './lib/demo.mjs';
import { stateOf, untilFree } from './lib/login.mjs';
import { App, configure, pause, pkce, request, simulate } from './lib/serve.mjs';
import { chosenDatabase } from './lib/postgres.mjs';
import { selfSigned } from './lib/trust.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const BACK = 'https://app.test/callback';
const SECRET = 'a-secret-of-a-declared-client-0001';
let dir; let phones;
before(async () => { dir = mkdtempSync(join(tmpdir(), 'configuration-')); phones = await simulate(); });
after(async () => {
  const gone = once(phones.simulator, 'exit');
  phones.simulator.kill('SIGTERM');
  await gone;
  rmSync(dir, { recursive: true });
});

/** A provider with these settings for `work`; its people and clients are declared. */
let providers = 0;
async function withProvider(settings, work) {
  providers += 1;
  const database = settings.database ?? await chosenDatabase();
  const of = await configure({ dir: mkdtempSync(join(dir, 'p-')), ...phones, ...settings, database });
  await of.phone.reset();
  await of.start(settings.variables);
  try { await work(of); } finally { assert.equal(await of.end(), 0); }
}

const client = (id, keys = '') => `[[client]]\nid = "${id}"\nsecret = "${SECRET}"\nredirect_uris = ["${BACK}"]\n${keys}\n`;
const person = (username) => `[[user]]\nusername = "${username}"\nsecsignid = "${username}"\n`;
const app = (of, id, more = {}) => new App(of, { client_id: id, client_secret: SECRET, redirect_uris: [BACK], ...more });
const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
const header = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url'));

/** A browser in which somebody signed in at an app; the code and its verifier. */
async function login(of, at, { name = 'alice', id = name, service = 'secsign', extra = {}, walker = new Walker() } = {}) {
  await of.phone.auto(service, id, 'approve');
  const { verifier, challenge } = pkce();
  await walker.open(at.authorizeUrl(challenge, extra), at.redirectUri);
  await signIn(walker, service, name, at.redirectUri, () => {});
  return { walker, verifier, code: new URL(walker.url).searchParams.get('code') };
}

/** What `prompt=none` answers this browser: `code`, or an error. */
async function silently(of, at, walker) {
  const answer = await request('GET', at.authorizeUrl(pkce().challenge, { prompt: 'none' }), { headers: { cookie: walker.cookie(of.issuer) } });
  const said = new URL(answer.location).searchParams;
  return said.has('code') ? 'code' : said.get('error');
}

test('[[user]]: every key is what apps are told, and what the person can type', async () => {
  const more = `${client('web')}${client('ts')}[[user]]\nusername = "alice"\nemail = "alice@example.test"\nemail_verified = false\nname = "Alice A"\n`
    + 'groups = ["Domain Users", "admins"]\nsecsignid = "alice"\nthumbsignin_user_id = "bob"\n';
  await withProvider({ more }, async (of) => {
    const web = app(of, 'web');
    const { id_token: token } = (await web.redeem(await login(of, web, { name: 'alice@example.test', id: 'alice' }))).json();
    const told = claims(token);
    assert.deepEqual(
      [told.preferred_username, told.email, told.email_verified, told.name, told.groups],
      ['alice', 'alice@example.test', false, 'Alice A', ['Domain Users', 'admins']],
    );
    const other = (await web.redeem(await login(of, web, { id: 'bob', service: 'thumbsignin' }))).json();
    assert.equal(claims(other.id_token).sub, told.sub, 'either phone is the same person');
  });
});

test('[[client]]: every key is what the client may do, gets and has to bring', async () => {
  const more = [
    person('alice'), client('web', 'post_logout_redirect_uris = ["https://app.test/bye"]'), client('post', 'auth_method = "client_secret_post"'),
    '[[client]]\nid = "open"\nauth_method = "none"\napplication_type = "native"\nredirect_uris = ["http://127.0.0.1/callback"]\n',
    client('asks', 'consent = "ask"\nname = "The Asking App"\nclient_uri = "https://app.test/about"\nlogo_uri = "https://app.test/logo.png"'),
    client('short', 'grants = ["authorization_code"]\nscopes = ["openid", "profile", "offline_access"]'),
    client('keeps', 'always_refresh = true'), client('lax', 'require_pkce = false'), client('es', 'id_token_signing_alg = "ES256"'),
    client('small', 'id_token_claims = "minimal"'), client('jwt', 'access_token_format = "jwt"'),
    client('strict', 'acr_values = ["urn:signbridge:acr:matched"]'),
  ].join('');
  await withProvider({ more }, async (of) => {
    const web = app(of, 'web');
    const { walker, ...code } = await login(of, web);
    const cookie = walker.cookie(of.issuer);
    const tokens = (await web.redeem(code)).json();
    // What a plain one gets is the control of all that follows.
    assert.equal(header(tokens.id_token).alg, 'RS256');
    assert.equal(claims(tokens.id_token).preferred_username, 'alice');
    assert.equal(tokens.access_token.split('.').length, 1);
    assert.ok(tokens.refresh_token);
    assert.match(tokens.scope, /email/);
    assert.equal((await app(of, 'web', { client_secret: 'another-secret-of-32-characters-0' }).refresh(tokens.refresh_token)).status, 401);
    const of_ = async (id) => (await app(of, id).tokens(cookie));
    assert.equal(header((await of_('es')).id_token).alg, 'ES256');
    assert.equal(claims((await of_('small')).id_token).preferred_username, undefined);
    assert.equal((await of_('jwt')).access_token.split('.').length, 3);
    const short = await of_('short');
    assert.deepEqual([short.refresh_token, /email|groups/.test(short.scope)], [undefined, false]);
    const without = async (id) => {
      const at = app(of, id);
      const { verifier, challenge } = pkce();
      const answer = await request('GET', at.authorizeUrl(challenge, { scope: 'openid' }), { headers: { cookie } });
      return (await at.redeem({ code: new URL(answer.location).searchParams.get('code'), verifier })).json();
    };
    assert.deepEqual([Boolean((await without('web')).refresh_token), Boolean((await without('keeps')).refresh_token)], [false, true]);
    // Without a challenge, only where none is demanded.
    const bare = async (id) => {
      const url = new URL(app(of, id).authorizeUrl('x'));
      for (const name of ['code_challenge', 'code_challenge_method']) url.searchParams.delete(name);
      const answer = await request('GET', url, { headers: { cookie } });
      return new URL(answer.location).searchParams.get('error');
    };
    assert.deepEqual([await bare('lax'), await bare('web')], [null, 'invalid_request']);
    // By form, and a public one with nothing; its port of loopback may vary, that of a web app may not.
    const posted = app(of, 'post');
    const one = await posted.code(cookie);
    const form = { grant_type: 'authorization_code', code: one.code, code_verifier: one.verifier, redirect_uri: BACK, client_id: 'post', client_secret: SECRET };
    assert.equal((await request('POST', `${of.issuer}/token`, { form })).status, 200);
    const native = app(of, 'open', { client_secret: undefined, redirect_uris: ['http://127.0.0.1:5123/callback'] });
    assert.ok((await native.tokens(cookie)).id_token);
    const elsewhere = await request('GET', web.authorizeUrl(pkce().challenge, { redirect_uri: 'https://app.test:5123/callback' }), { headers: { cookie } });
    assert.equal(elsewhere.status, 400);
    // Consent, with the names that people read.
    const asked = await walker.open(app(of, 'asks').authorizeUrl(pkce().challenge));
    assert.equal(asked.page, 'consent');
    assert.ok(asked.html.includes('The Asking App') && asked.html.includes('href="https:&#x2f;&#x2f;app.test&#x2f;about"') || asked.html.includes('https://app.test/about'));
    assert.equal((await of.command('client', 'show', 'asks')).logo_uri, 'https://app.test/logo.png');
    // A login that is weaker than what the client wants does not satisfy it.
    assert.equal(await silently(of, app(of, 'strict'), walker), 'code');
    const leave = (to) => request('GET', `${of.issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: to, state: 'z' })}`, { headers: { cookie } });
    assert.ok(!(await leave('https://app.test/else')).location?.startsWith('https://app.test/else'));
    const { walker: again, ...second } = await login(of, web);
    tokens.id_token = (await web.redeem(second)).json().id_token;
    const bye = await request('GET', `${of.issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://app.test/bye' })}`, { headers: { cookie: again.cookie(of.issuer) } });
    assert.ok([bye.location, bye.text].join().replaceAll('&#x2f;', '/').includes('https://app.test/bye'));
    assert.ok(await of.command('user', 'list'));
  });
});

test('client acr_values: a weaker login does not satisfy it', async () => {
  const more = `${client('web')}${client('strict', 'acr_values = ["urn:signbridge:acr:matched"]')}[[user]]\nusername = "alice"\nsecsignid = "alice"\nthumbsignin_user_id = "bob"\n`;
  await withProvider({ more }, async (of) => {
    const { walker } = await login(of, app(of, 'web'), { id: 'bob', service: 'thumbsignin' });
    assert.deepEqual([await silently(of, app(of, 'web'), walker), await silently(of, app(of, 'strict'), walker)], ['code', 'login_required']);
  });
});

test('[[client]] backchannel_logout_session_required: it is registered as written, and logout tokens always name the session', async () => {
  const keys = (value) => `backchannel_logout_uri = "https://app.test/out"\nbackchannel_logout_session_required = ${value}`;
  await withProvider({ more: client('yes', keys(true)) + client('no', keys(false)) }, async (of) => {
    for (const [id, wanted] of [['yes', true], ['no', false]]) {
      assert.equal((await of.command('client', 'show', id)).backchannel_logout_session_required ?? false, wanted);
    }
    const about = (await request('GET', `${of.issuer}/.well-known/openid-configuration`)).json();
    assert.equal(about.backchannel_logout_session_supported, true);
  });
});

test('[lifetimes] of tokens: code, access_token, access_token_jwt, id_token, refresh_sliding, refresh_absolute', async () => {
  const lifetimes = 'code = "2s"\naccess_token = "3s"\naccess_token_jwt = "4s"\nid_token = "5s"\nrefresh_sliding = "6s"\nrefresh_absolute = "9s"';
  await withProvider({ sections: { lifetimes }, more: person('alice') + client('web') + client('jwt', 'access_token_format = "jwt"') }, async (of) => {
    const [web, jwt] = [app(of, 'web'), app(of, 'jwt')];
    const { walker, ...code } = await login(of, web);
    const tokens = (await web.redeem(code)).json();
    const began = performance.now();
    const cookie = walker.cookie(of.issuer);
    const userinfo = () => request('GET', `${of.issuer}/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    assert.equal((await userinfo()).status, 200);
    assert.equal(tokens.expires_in, 3);
    const told = claims(tokens.id_token);
    assert.equal(told.exp - told.iat, 5);
    const readable = await jwt.tokens(cookie);
    const read = claims(readable.access_token);
    assert.deepEqual([read.exp - read.iat, readable.expires_in], [4, 4]);
    const late = await web.code(cookie);
    const unused = await web.tokens(cookie);
    await pause(2_100);
    assert.equal((await web.redeem(late)).json().error, 'invalid_grant');
    await eventually('the end of the access token', async () => (await userinfo()).status === 401);
    // Used in time a refresh token goes on, until all of its login end; one that nobody uses ends sooner.
    let at = tokens.refresh_token;
    await eventually('the end of all of them', async () => {
      const answer = await web.refresh(at);
      at = answer.status === 200 ? answer.json().refresh_token ?? at : at;
      return answer.status === 400;
    });
    assert.ok(performance.now() - began >= 7_900, 'it went on beyond refresh_sliding');
    assert.equal((await web.refresh(unused.refresh_token)).status, 400);
  });
});

test('[lifetimes] of browsers: session, session_idle', async () => {
  const of_ = (lifetimes) => ({ sections: { lifetimes }, more: person('alice') + client('web') });
  // Used all the time: over by `session` alone.
  await withProvider(of_('session = "5s"\nsession_idle = "5s"'), async (of) => {
    const web = app(of, 'web');
    const { walker } = await login(of, web);
    assert.equal(await silently(of, web, walker), 'code');
    await eventually('the end of the session', async () => await silently(of, web, walker) === 'login_required');
  });
  // Never used in between: over by `session_idle` alone.
  await withProvider(of_('session = "1h"\nsession_idle = "1s"'), async (of) => {
    const web = app(of, 'web');
    const { walker } = await login(of, web);
    await pause(1_200);
    assert.equal(await silently(of, web, walker), 'login_required');
  });
});

test('[lifetimes] login and authorization: how long a page can wait', async () => {
  await withProvider({ sections: { lifetimes: 'login = "3s"\nauthorization = "7s"' }, more: person('alice') + client('web') }, async (of) => {
    const web = app(of, 'web');
    const walker = await new Walker().open(web.authorizeUrl(pkce().challenge));
    const interaction = walker.url;
    await walker.submit('provider', { provider: 'secsign' });
    await walker.submit('identifier', { identifier: 'alice' });
    assert.ok(Number(walker.main('data-expires-in')) <= 3);
    await eventually('the end of the login', async () => { await walker.open(walker.url); return walker.main('data-login-state') === 'expired'; });
    await eventually('the end of the authorization', async () => { await walker.open(interaction); return walker.page !== 'choose' && walker.page !== 'wait'; });
  });
});

/** How many phones are asked when each of these (name, browser) begins a login, one after the other. */
async function asked(of, attempts, answer) {
  await of.phone.reset();
  const [last] = (await of.phone.requests()).slice(-1);
  const browsers = {};
  for (const [at, [name, browser]] of attempts.entries()) {
    const walker = browsers[browser] ??= new Walker();
    await walker.open(app(of, 'web').authorizeUrl(pkce().challenge, { prompt: 'login' }));
    await walker.submit('provider', { provider: 'secsign' });
    await walker.submit('identifier', { identifier: name });
    await untilFree(walker);
    await answer(of, walker, name, at);
  }
  return (await of.phone.requests(last?.seq ?? 0)).filter(({ operation }) => operation === 'create').length;
}
const giveUp = async (_of, walker) => { if (walker.main('data-login-state') === 'pending') await walker.submit('cancel', {}, BACK); };
const leaveOpen = async () => {};
const decline = async (of, walker, name) => {
  const { sessions } = await of.phone.secsign(name);
  const open = sessions.find(({ state }) => state === 1 || state === 7);
  if (!open) return;
  await of.phone.answer(name, open.authsessionid, { action: 'deny' });
  await eventually('the denial', async () => { await walker.open(walker.url); return walker.main('data-login-state') === 'denied'; });
};
/** Makes the browser known by the first login, and gives the others up. */
const approveFirst = async (of, walker, name, at) => {
  if (at > 0) return void await giveUp(of, walker);
  const { sessions } = await of.phone.secsign(name);
  const open = sessions.find(({ state }) => state === 1 || state === 7);
  if (!open) return;
  await of.phone.answer(name, open.authsessionid, { action: 'approve' });
  await eventually('the code', async () => { await walker.submit('continue', {}, BACK); return walker.page !== 'wait'; });
};

test('[limits]: each limit holds, and without it the phone is asked', async () => {
  const more = `${person('alice')}${person('bob')}${client('web')}`;
  const twice = [['alice', 1], ['alice', 2]];
  const rows = [
    ['push_per_person_10min = 1', twice, giveUp, 1],
    ['push_per_person_day = 1', twice, giveUp, 1],
    ['push_per_source_10min = 1', [['alice', 1], ['bob', 2]], giveUp, 1],
    ['denial_pause = "1m"', twice, decline, 1],
    ['pending_per_browser = 1', [['alice', 1], ['bob', 1]], leaveOpen, 1],
    ['push_per_remembered_person_10min = 1', [['alice', 1], ['alice', 1], ['alice', 1]], approveFirst, 2],
  ];
  await withProvider({ more }, async (of) => {
    for (const [limits, attempts, answer] of rows) assert.equal(await asked(of, attempts, answer), attempts.length, `control of ${limits}`);
  });
  for (const [limits, attempts, answer, calls] of rows) {
    await withProvider({ more: `${limits}\n${more}` }, async (of) => assert.equal(await asked(of, attempts, answer), calls, limits));
  }
});

test('trusted_proxies: only a proxy that is named is believed about a visitor\'s address', async () => {
  for (const [top, calls] of [['trusted_proxies = ["127.0.0.0/8"]', 2], ['trusted_proxies = ["10.0.0.0/8"]', 1]]) {
    await withProvider({ sections: { top }, profile: 'off', more: `push_per_source_10min = 1\n${person('alice')}${person('bob')}${client('web')}` }, async (of) => {
      const creates = async () => (await of.phone.requests()).filter(({ operation }) => operation === 'create').length;
      const before_ = await creates();
      for (const [name, address] of [['alice', '203.0.113.1'], ['bob', '198.51.100.1']]) {
        const walker = await new Walker().open(app(of, 'web').authorizeUrl(pkce().challenge));
        await walker.submit('provider', { provider: 'secsign' });
        const form = walker.form('identifier');
        await walker.raw(new URL(form.action, walker.url).href, new URLSearchParams({ ...Object.fromEntries(form.inputs), identifier: name }), {
          'x-forwarded-for': address,
        });
      }
      assert.equal(await creates() - before_, calls, top);
    });
  }
});

test('hsts: the policy that was written, nothing where it is off, and nothing on plain http', async () => {
  const tls = selfSigned(dir);
  for (const [top, wanted, how] of [
    ['', 'max-age=31536000; includeSubDomains', { tls }],
    ['hsts = "max-age=3600"', 'max-age=3600', { tls }],
    ['hsts = "max-age=63072000; includeSubDomains; preload"', 'max-age=63072000; includeSubDomains; preload', { tls }],
    ['hsts = "off"', undefined, { tls }],
    ['hsts = "max-age=3600"', undefined, {}],
  ]) {
    await withProvider({ sections: { top }, ...how }, async (of) => {
      for (const path of ['/jwks', '/nothing']) {
        assert.equal((await request('GET', of.issuer + path)).headers['strict-transport-security'], wanted, `${top} ${path}`);
      }
    });
  }
});

const picture = (colour) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 36"><rect width="72" height="36" fill="${colour}"/></svg>`;
/** A logo of this colour in a file, which is named. */
const logo = (name, colour) => {
  writeFileSync(join(dir, `${name}.svg`), picture(colour));
  return join(dir, `${name}.svg`);
};

test('[brand]: every key is on the pages, and all that they load comes from here', async () => {
  const brand = (accent) => `[brand]\nname = "Example & Sons"\nlogo = "${logo('light', '#7a1fa2')}"\nlogo_dark = "${logo('dark', '#c096d3')}"\naccent = "${accent}"
support_url = "mailto:help@example.test"\nsupport_text = "Extension 4000"\nimprint_url = "https://www.example.test/imprint"\nprivacy_url = "https://www.example.test/privacy"\n`;
  await withProvider({ more: brand('#7a1fa2') }, async (of) => {
    const { status, headers, text: html } = await request('GET', `${of.issuer}/nowhere`);
    assert.equal(status, 404);
    assert.match(headers['content-security-policy'], /style-src 'self'; font-src 'self'; img-src 'self' data:/);
    assert.match(html, /· Example &amp; Sons<\/title>/);
    assert.match(html, /<a href="mailto:help@example\.test"[^>]*>Extension 4000<\/a>/);
    for (const page of ['imprint', 'privacy']) assert.ok(html.includes(`href="https://www.example.test/${page}"`), page);
    const loaded = [...html.matchAll(/(?:\ssrc|\ssrcset|<link rel="stylesheet" href)="([^"]*)"/g)].map(([, path]) => path);
    assert.ok(loaded.every((path) => path.startsWith('/static/')), loaded.join());
    const load = async (name) => request('GET', of.issuer + loaded.find((path) => path.startsWith(`/static/${name}.`)));
    const style = await load('brand');
    assert.match(style.headers['content-type'], /^text\/css/);
    assert.match(style.text, /^:root \{\s+--accent: #7a1fa2;[\s\S]*prefers-color-scheme: dark[\s\S]*--accent: #c096d3;/);
    for (const [name, colour] of [['logo', '#7a1fa2'], ['logo-dark', '#c096d3']]) {
      const file = await load(name);
      assert.deepEqual([file.status, file.headers['content-type'], file.text], [200, 'image/svg+xml', picture(colour)]);
      assert.match(file.headers['content-security-policy'], /^default-src 'none';.*; sandbox$/);
      assert.doesNotMatch(file.headers['content-security-policy'], /script-src/);
      assert.match(file.headers['cache-control'], /immutable/);
    }
    assert.equal((await request('GET', `${of.issuer}/static/logo.svg`)).status, 404);
  });
  const pale = await configure({ dir: mkdtempSync(join(dir, 'p-')), ...phones, more: brand('#ffcc00') });
  const { code, stderr } = await run(['config', 'check', '--config', pale.config]);
  assert.equal(code, 2);
  assert.match(stderr, /brand\.accent: #ffcc00 has a contrast of 1\.36:1 .* the nearest tone that passes is .?"#ab8900/);
});

/** The path of the logo on the first page of a login for this client. */
async function shownLogo(of, id) {
  const { html } = await new Walker().open(app(of, id).authorizeUrl(pkce().challenge));
  return html.match(/<img class="app-logo" src="([^"]*)"/)?.[1];
}

test('[[client]] logo: the pages of its logins show it, also another one after SIGHUP', async () => {
  const more = `${client('web', `name = "Web"\nlogo = "${logo('web', '#33cc33')}"`)}${client('plain')}`;
  await withProvider({ more }, async (of) => {
    const first = await shownLogo(of, 'web');
    assert.match(first, /^\/static\/app-logo\.[0-9a-f]{16}\.svg$/);
    assert.equal((await request('GET', of.issuer + first)).text, picture('#33cc33'));
    assert.equal(await shownLogo(of, 'plain'), undefined);
    await assert.rejects(of.command('client', 'update', 'web', '--logo', ''), /declared in the configuration file/);
    logo('web', '#cc3333');
    of.signal('SIGHUP');
    const second = await eventually('the other logo', async () => {
      const path = await shownLogo(of, 'web');
      return path !== first && path;
    });
    assert.equal((await request('GET', of.issuer + second)).text, picture('#cc3333'));
    assert.equal((await request('GET', of.issuer + first)).status, 404);
  });
});

test('client create and update --logo: every login of it shows the logo, until it is taken away', async () => {
  await withProvider({}, async (of) => {
    const blue = logo('blue', '#3333cc');
    const made = await of.command('client', 'create', '--id', 'made', '--redirect-uri', BACK, '--logo', blue);
    const path = await shownLogo(of, 'made');
    assert.equal(path, `/static/${made.logo}`);
    const file = await request('GET', of.issuer + path);
    assert.deepEqual([file.headers['content-type'], file.text], ['image/svg+xml', picture('#3333cc')]);
    assert.match(file.headers['content-security-policy'], /; sandbox$/);
    await assert.rejects(of.command('client', 'update', 'made', '--logo', of.config), /neither a \.svg nor a \.png/);
    assert.equal(await shownLogo(of, 'made'), path, 'as it was');
    assert.equal((await of.command('client', 'update', 'made', '--name', 'Made')).logo, made.logo);
    assert.equal((await of.command('client', 'update', 'made', '--logo', '')).logo, undefined);
    assert.equal(await shownLogo(of, 'made'), undefined);
    assert.equal((await request('GET', of.issuer + path)).status, 404);
  });
});

test('keys_dir, listen and database.url: files and ports are where they say', async () => {
  await withProvider({ database: 'sqlite:elsewhere.db' }, async (of) => {
    assert.ok(existsSync(join(of.dir, 'elsewhere.db')) && existsSync(join(of.dir, 'keys', 'master.key')));
    assert.equal((await request('GET', `${of.management}/livez`)).status, 200);
    assert.equal((await request('GET', `${of.origin}/jwks`, { headers: { host: new URL(of.issuer).host } })).status, 200);
  });
});

test('database.connections: no more are made than were asked for', {
  skip: process.env.TEST_DATABASE !== 'postgres' && 'SQLite has a number of its own',
}, async () => {
  for (const most of [2, 5]) {
    await withProvider({ sections: { database: `connections = ${most}` } }, async (of) => {
      const ask = () => request('GET', `${of.issuer}/authorize?client_id=nobody`);
      await Promise.all(Array.from({ length: 40 }, ask));
      const { text } = await request('GET', `${of.management}/metrics`);
      const count = [...text.matchAll(/^signbridge_db_pool_connections\{.*\} (\d+(?:\.\d+)?)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
      assert.ok(count >= 1 && count <= most, `${count} of ${most}`);
    });
  }
});

test('secsign.mobile_url and app_scheme: a link into the app, in a browser that its user signed in from before; strangers get none', async () => {
  const secsign = 'mobile_url = "https://id1.app.test:8443"\napp_scheme = "com.example.id"';
  const link = ({ html }) => html.match(/<a id="deep-link"[^>]*href="([^"]*)"/)?.[1].replaceAll('&amp;', '&');
  await withProvider({ sections: { secsign }, more: `${client('web')}${person('alice')}` }, async (of) => {
    const at = app(of, 'web');
    const begin = async (walker, name) => {
      await walker.open(at.authorizeUrl(pkce().challenge, { prompt: 'login' }));
      await walker.submit('provider', { provider: 'secsign' });
      return untilFree(await walker.submit('identifier', { identifier: name }));
    };
    const session = async () => String((await of.phone.secsign('alice')).sessions.at(-1).authsessionid);
    const { walker } = await login(of, at);
    await of.phone.reset();
    const known = await begin(walker, 'alice');
    const back = encodeURIComponent(known.url);
    assert.equal(link(known),
      `com.example.id://authenticate?secsignid=alice&authsessionid=${await session()}&returnurl=${back}&idserverurl=id1.app.test:8443`);
    assert.doesNotMatch(known.html, /requestid|[0-9A-F]{64}/);
    await known.submit('cancel', {}, BACK);
    for (const name of ['alice', 'nobody']) {
      const stranger = await begin(new Walker(), name);
      assert.deepEqual([stateOf(stranger), link(stranger)], ['pending/', undefined], name);
      for (const told of [await session(), 'id1.app.test', 'com.example.id']) assert.ok(!stranger.html.includes(told), `${name}: ${told}`);
      await stranger.submit('cancel', {}, BACK);
    }
  });
});

test('secsign.release: the server is told once that an approval was read, and the login goes on though it refuses', async () => {
  for (const [secsign, told] of [['release = true', [['alice', 200]]], ['', []]]) {
    await withProvider({ sections: { secsign }, more: `${client('web')}${person('alice')}` }, async (of) => {
      const { seq = 0 } = (await of.phone.requests()).at(-1) ?? {};
      const releases = async () => (await of.phone.requests(seq)).filter(({ operation }) => operation === 'release').map(({ user, status }) => [user, status]);
      assert.ok((await login(of, app(of, 'web'))).code);
      if (told.length > 0) await eventually('the release', async () => (await releases()).some(([, status]) => status));
      await pause(300);
      assert.deepEqual(await releases(), told);
    });
  }
});

test('log.format: text or JSON', async () => {
  for (const [format, wanted] of [['text', /^\S+Z +INFO signbridge::app: ready/m], ['json', /^\{"timestamp":.*"message":"ready"/m]]) {
    await withProvider({ more: `[log]\nformat = "${format}"\n` }, async (of) => {
      await eventually('the log', () => of.log.includes('ready'));
      assert.match(of.log, wanted);
    });
  }
});

test('login.unknown: whoever has no account here is not let in', async () => {
  await withProvider({ more: `[login]\nunknown = "refuse"\n${client('web')}` }, async (of) => {
    await of.phone.auto('secsign', 'alice', 'approve');
    const walker = await new Walker().open(app(of, 'web').authorizeUrl(pkce().challenge));
    await walker.submit('provider', { provider: 'secsign' });
    await walker.submit('identifier', { identifier: 'alice' });
    await pause(1_500);
    await walker.submit('continue', {}, BACK);
    assert.ok(!walker.url.includes('code='));
  });
});

/** Runs a command; its exit code and what it printed. */
const run = (words, env = {}) => new Promise((resolve) => {
  const { BINARY_UNDER_TEST: _ours, ...own } = process.env;
  execFile(BINARY, words, { env: { ...own, ...env } }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
});

test('F10: what Kubernetes, compose and links set is no mistake; what is surely ours and wrong is', async () => {
  const of = await configure({ dir: mkdtempSync(join(dir, 'p-')), ...phones });
  const check = (env) => run(['config', 'check', '--config', of.config], env);
  const kubernetes = { SIGNBRIDGE_DB_SERVICE_HOST: '10.0.0.1', SIGNBRIDGE_DB_SERVICE_PORT: '5432', SIGNBRIDGE_DB_PORT: 'tcp://10.0.0.1:5432', SIGNBRIDGE_DB_PORT_5432_TCP_ADDR: '10.0.0.1' };
  const quiet = await check(kubernetes);
  assert.deepEqual([quiet.code, /SIGNBRIDGE_/.test(quiet.stdout)], [0, false], quiet.stderr);
  const warned = await check({ SIGNBRIDGE_VERSION: '1.2', SIGNBRIDGE_NAME: 'login' });
  assert.equal(warned.code, 0, warned.stderr);
  assert.match(warned.stdout, /SIGNBRIDGE_NAME is no variable[\s\S]*SIGNBRIDGE_VERSION is no variable/);
  const wrong = await check({ SIGNBRIDGE_SECSIGN_URL: 'https://x.test' });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /did you mean SIGNBRIDGE_SECSIGN__URL/);
});

test('what would do nothing is refused as not available yet', async () => {
  const of = await configure({ dir: mkdtempSync(join(dir, 'p-')), ...phones });
  const good = readFileSync(of.config, 'utf8');
  for (const [from, to] of [
    ['[lifetimes]', '[lifetimes]\nrequest_uri = "90s"'], ['[limits]', '[registration]\nrequire_pkce = true\n[limits]'],
    ['[limits]', '[login]\nunknown = "invite"\n[limits]'], ['[limits]', '[login]\nunknown = "create"\n[limits]'],
  ]) {
    writeFileSync(of.config, good.replace(from, to));
    const { code, stderr } = await run(['config', 'check', '--config', of.config]);
    assert.equal(code, 2, to);
    assert.match(stderr, /not available yet/, to);
  }
});
