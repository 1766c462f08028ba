// Each recipe: what it registers and prints, read as the app would read it, and then the app's own sequence of requests
// against the running binary, with the phone approving.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import jmespath from 'jmespath';
import { BINARY } from './lib/demo.mjs';
import {
  argumentsOf, basic, bearer, callback, environment, flags, fromRecipe, goQuery, ini, longPkce, post, silently, toml, verified,
} from './lib/replay.mjs';
import { prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const execute = promisify(execFile);
const PEOPLE = {
  ada: ['grafana-admins', 'grafana-editors', 'staff'], eve: ['grafana-editors', 'staff'], vic: ['staff'], nil: [],
};
let provider; let discovery;

before(async () => {
  provider = await prepare();
  await provider.start();
  discovery = await (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json();
  for (const [name, groups] of Object.entries(PEOPLE)) {
    const groupFlags = groups.flatMap((group) => ['--group', group]);
    await provider.person(name, '--email', `${name}@example.org`, '--name', `${name} Example`, ...groupFlags);
    await provider.phone.auto('secsign', name, 'approve');
  }
});
after(async () => { assert.equal(await provider.close(), 0); });

/** The metadata that discovery promises is in every file that names it. */
const endpoints = () => ({
  authorization: discovery.authorization_endpoint, token: discovery.token_endpoint, userinfo: discovery.userinfo_endpoint,
  jwks: discovery.jwks_uri, logout: discovery.end_session_endpoint,
});

test('a recipe says what it needs, and changes nothing until it has it', async () => {
  const refused = async (...words) => {
    await assert.rejects(provider.command('client', 'create', ...words), (error) => {
      refused.said = error.stderr;
      return error.code === 2;
    });
    return refused.said;
  };
  assert.match(await refused('--recipe', 'grafana'), /--url: the recipe grafana needs it/);
  assert.match(await refused('--recipe', 'keycloak', '--url', 'https://sso.example'), /--realm: the recipe keycloak needs it/);
  assert.match(await refused('--recipe', 'grafana', '--url', 'https://g.example', '--realm', 'x'), /--realm: the recipe grafana does not take it/);
  assert.match(await refused('--recipe', 'phpbb', '--url', 'https://g.example'), /keycloak, grafana, oauth2-proxy, nextcloud, gitea, kubernetes/);
  assert.match(await refused('--url', 'https://g.example'), /--recipe/);
  assert.match(await refused('--recipe', 'grafana', '--url', 'http://g.example'), /plain http is allowed for loopback/);
  assert.deepEqual(await provider.command('client', 'list'), []);
});

test('--replace: once more is no harm, other settings and lost files are mended, and a declared client stays as it is', async () => {
  const dir = join(provider.dir, 'again');
  const create = (...words) => provider.command('client', 'create', '--recipe', 'grafana', '--id', 'again', '--recipe-dir', dir, ...words);
  const held = () => ini(readFileSync(join(dir, 'grafana.ini'), 'utf8'))['auth.generic_oauth'];
  const accepted = async (secret) => {
    const form = goQuery({ grant_type: 'authorization_code', code: 'x', redirect_uri: 'https://one.example/login/generic_oauth' });
    const { json } = await post(discovery.token_endpoint, form, { authorization: basic('again', secret) });
    assert.match(json.error, /^invalid_(grant|client)$/);
    return json.error === 'invalid_grant';
  };
  const first = await create('--url', 'https://one.example', '--replace');
  assert.equal(held().client_secret, first.client_secret);
  await assert.rejects(create('--url', 'https://one.example'), (error) => error.code === 1 && /already exists/.test(error.stderr));

  const again = await create('--url', 'https://one.example', '--replace');
  assert.equal(again.client_secret, first.client_secret, 'whoever has read the files already is not shut out');
  assert.equal(held().client_secret, first.client_secret);

  const moved = await create('--url', 'https://two.example', '--admin-group', 'chiefs', '--replace');
  assert.deepEqual(moved.redirect_uris, ['https://two.example/login/generic_oauth']);
  assert.equal(moved.client_secret, first.client_secret);
  assert.match(held().role_attribute_path, /chiefs/);
  assert.ok(await accepted(first.client_secret));
  assert.deepEqual(readdirSync(dir).sort(), ['grafana.env', 'grafana.ini']);
  for (const name of readdirSync(dir)) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name);

  // Nobody knows the secret any more: a new one, and the old one is dead.
  rmSync(dir, { recursive: true });
  const lost = await create('--url', 'https://two.example', '--replace');
  assert.notEqual(lost.client_secret, first.client_secret);
  assert.equal(held().client_secret, lost.client_secret);
  assert.deepEqual([await accepted(lost.client_secret), await accepted(first.client_secret)], [true, false]);
  // So are files of another time.
  const { client_secret: rotated } = await provider.command('client', 'rotate-secret', 'again');
  const stale = await create('--url', 'https://two.example', '--replace');
  assert.ok(![rotated, lost.client_secret].includes(stale.client_secret));
  assert.equal(held().client_secret, stale.client_secret);

  await assert.rejects(provider.command('client', 'create', '--id', 'again', '--redirect-uri', 'https://x.example/', '--replace'), (error) => {
    assert.match(error.stderr, /--recipe/);
    return error.code === 2;
  });
  const declared = await prepare({ more: '[[client]]\nid = "grafana"\nsecret = "a-secret-that-the-file-declares-to-the-letter"\nredirect_uris = ["https://d.example/cb"]\n' });
  try {
    await declared.start();
    const before = await declared.command('client', 'show', 'grafana');
    await assert.rejects(
      declared.command('client', 'create', '--recipe', 'grafana', '--url', 'https://one.example', '--replace', '--recipe-dir', join(declared.dir, 'none')),
      (error) => error.code === 1 && /is declared in the configuration file/.test(error.stderr),
    );
    assert.deepEqual(await declared.command('client', 'show', 'grafana'), before);
    assert.equal(existsSync(join(declared.dir, 'none')), false);
  } finally { assert.equal(await declared.close(), 0); }
  await provider.command('client', 'delete', 'again');
});

// ---------------------------------------------------------------------------------------------------------------- Grafana

/** Every key of `[auth.generic_oauth]` in Grafana's documentation, and the two of its release of January 2026. */
const GRAFANA_KEYS = `enabled name icon client_id client_secret auth_url token_url api_url auth_style scopes empty_scopes
  allow_sign_up auto_login login_prompt id_token_attribute_name login_attribute_path name_attribute_path email_attribute_path
  email_attribute_name role_attribute_path role_attribute_strict skip_org_role_sync org_attribute_path org_mapping
  allow_assign_grafana_admin groups_attribute_path allowed_groups allowed_organizations allowed_domains team_ids
  team_ids_attribute_path teams_url tls_skip_verify_insecure tls_client_cert tls_client_key tls_client_ca use_pkce
  use_refresh_token signout_redirect_url validate_id_token jwk_set_url`.split(/\s+/);
const GRAFANA = 'https://grafana.example';

/** Grafana's way to our login page: golang.org/x/oauth2's AuthCodeURL, state in padded base64. */
function grafanaBegins(settings) {
  const pkce = longPkce();
  const state = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  assert.ok(state.endsWith('='));
  const url = `${settings.auth_url}?${goQuery({
    access_type: 'online', client_id: settings.client_id, code_challenge: pkce.challenge, code_challenge_method: 'S256',
    redirect_uri: `${GRAFANA}/login/generic_oauth`, response_type: 'code', scope: settings.scopes.split(/[\s,]+/).join(' '), state,
  })}`;
  return { url, state, verifier: pkce.verifier };
}

const grafanaToken = (settings, form, secret = settings.client_secret) => post(
  settings.token_url, goQuery(form), { authorization: basic(settings.client_id, secret) },
);

async function grafanaLogin(settings, username, walker = new Walker()) {
  const { url, state, verifier } = grafanaBegins(settings);
  const answer = await callback(url, `${GRAFANA}/login/generic_oauth`, username, walker);
  assert.equal(answer.get('state'), state);
  return { code: answer.get('code'), code_verifier: verifier, grant_type: 'authorization_code', redirect_uri: `${GRAFANA}/login/generic_oauth` };
}

let grafana; let settings;
test('grafana: every key is one of Grafana\'s documentation, with the value that discovery has', async () => {
  grafana = await fromRecipe(provider, 'grafana', '--url', `${GRAFANA}/`);
  const file = ini(grafana.files['grafana.ini']);
  settings = file['auth.generic_oauth'];
  assert.deepEqual(Object.keys(settings).filter((key) => !GRAFANA_KEYS.includes(key)), []);
  const at = endpoints();
  for (const [key, value] of Object.entries({
    enabled: 'true', client_id: grafana.client_id, client_secret: grafana.client_secret, auth_url: at.authorization,
    token_url: at.token, api_url: at.userinfo, jwk_set_url: at.jwks, validate_id_token: 'true', use_pkce: 'true',
    use_refresh_token: 'true', auth_style: 'InHeader', groups_attribute_path: 'groups', empty_scopes: undefined,
  })) assert.equal(settings[key], value, key);
  assert.deepEqual(settings.scopes.split(' ').sort(), ['email', 'groups', 'offline_access', 'openid', 'profile']);
  assert.equal(file.server.root_url, `${GRAFANA}/`);
  const variables = environment(grafana.files['grafana.env']);
  assert.equal(variables.GF_SERVER_ROOT_URL, `${GRAFANA}/`);
  for (const [key, value] of Object.entries(settings)) assert.equal(variables[`GF_AUTH_GENERIC_OAUTH_${key.toUpperCase()}`], value, key);
  assert.deepEqual(grafana.redirect_uris, [`${GRAFANA}/login/generic_oauth`]);
  assert.equal(grafana.require_pkce, true);
  assert.equal(grafana.consent, 'none');
});

test('grafana: both authentication styles in turn, and a failed one does not burn the code', async () => {
  const first = await grafanaLogin(settings, 'ada');
  const refused = await grafanaToken(settings, first, 'wrong');
  assert.equal(refused.status, 401);
  assert.equal(refused.json.error, 'invalid_client');
  const { client_id, client_secret } = settings;
  const inParams = await post(settings.token_url, goQuery({ ...first, client_id, client_secret }));
  assert.equal(inParams.status, 200, JSON.stringify(inParams.json));
  const inHeader = await grafanaToken(settings, await grafanaLogin(settings, 'ada'));
  assert.equal(inHeader.status, 200);
  assert.equal(inHeader.json.token_type.toLowerCase(), 'bearer');
  assert.ok(inHeader.json.refresh_token && inHeader.json.id_token && inHeader.json.expires_in > 0);
  const again = await grafanaToken(settings, first);
  assert.equal(again.json.error, 'invalid_grant');
});

test('grafana: without PKCE it is turned away, as the recipe wants', async () => {
  const { url } = grafanaBegins(settings);
  const bare = url.replace(/&code_challenge(_method)?=[^&]*/g, '');
  const walker = await new Walker().open(bare, `${GRAFANA}/login/generic_oauth`);
  assert.equal(new URL(walker.url).searchParams.get('error'), 'invalid_request');
});

const ROLES = { ada: 'Admin', eve: 'Editor', vic: 'Viewer', nil: 'Viewer' };
for (const [username, role] of Object.entries(ROLES)) {
  test(`grafana: ${username} becomes ${role} by the recipe's paths, from the ID token and from userinfo`, async () => {
    const { json } = await grafanaToken(settings, await grafanaLogin(settings, username));
    const fromIdToken = await verified(json.id_token, settings.jwk_set_url);
    const userinfo = await bearer(settings.api_url, json.access_token);
    for (const source of [fromIdToken, userinfo.json]) {
      assert.equal(jmespath.search(source, settings.role_attribute_path), role);
      assert.deepEqual(jmespath.search(source, settings.groups_attribute_path).toSorted(), PEOPLE[username].toSorted());
      assert.equal(jmespath.search(source, settings.login_attribute_path), username);
      assert.equal(jmespath.search(source, settings.name_attribute_path), `${username} Example`);
      assert.equal(jmespath.search(source, settings.email_attribute_path), `${username}@example.org`);
      assert.ok(source.sub);
    }
  });
}

test('grafana: an expression that ends in a role never reads userinfo, so the groups must be in the ID token', async () => {
  // What happens without the recipe's `id_token_claims`: Grafana takes the first source that gives a role.
  const expression = "contains(not_null(groups, `[]`), 'grafana-admins') && 'Admin' || 'Viewer'";
  const firstRole = (sources) => sources.map((source) => jmespath.search(source, expression)).find(Boolean);
  const minimal = await fromRecipe(provider, 'grafana', '--id', 'grafana-minimal', '--url', GRAFANA, '--id-token-claims', 'minimal');
  const login = async (of) => {
    const { json } = await grafanaToken(of, await grafanaLogin(of, 'ada'));
    return [await verified(json.id_token, of.jwk_set_url), (await bearer(of.api_url, json.access_token)).json];
  };
  const trapped = await login(ini(minimal.files['grafana.ini'])['auth.generic_oauth']);
  assert.equal(jmespath.search(trapped[1], expression), 'Admin');
  assert.equal(firstRole(trapped), 'Viewer');
  assert.equal(firstRole(await login(settings)), 'Admin');
});

test('grafana: five tabs refresh at once', async () => {
  const { json } = await grafanaToken(settings, await grafanaLogin(settings, 'eve'));
  let token = json.refresh_token;
  for (let round = 0; round < 3; round += 1) {
    const form = { grant_type: 'refresh_token', refresh_token: token };
    const answers = await Promise.all(Array.from({ length: 5 }, () => grafanaToken(settings, form)));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
    for (const answer of answers) {
      assert.equal((await verified(answer.json.id_token, settings.jwk_set_url)).sub, (await verified(json.id_token, settings.jwk_set_url)).sub);
      assert.equal((await bearer(settings.api_url, answer.json.access_token)).status, 200);
    }
    // x/oauth2 keeps the token that it has unless it gets another.
    const next = new Set(answers.map((answer) => answer.json.refresh_token ?? token));
    assert.equal(next.size, 1);
    [token] = next;
  }
});

test('grafana as a public client: five tabs that refresh at once get one successor, within the grace', async () => {
  const open = await fromRecipe(provider, 'grafana', '--id', 'grafana-public', '--url', GRAFANA, '--auth-method', 'none');
  const mine = ini(open.files['grafana.ini'])['auth.generic_oauth'];
  assert.equal(mine.client_secret, undefined);
  assert.equal(mine.auth_style, 'InParams');
  const send = (form) => post(mine.token_url, goQuery({ ...form, client_id: mine.client_id }));
  const first = (await send(await grafanaLogin(mine, 'eve'))).json.refresh_token;
  const refresh = (token) => send({ grant_type: 'refresh_token', refresh_token: token });
  const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(first)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
  const successors = new Set(answers.map(({ json }) => json.refresh_token));
  assert.equal(successors.size, 1);
  const [successor] = successors;
  assert.notEqual(successor, first);
  assert.equal((await refresh(successor)).status, 200);
  // The grace ends when the successor is used: then the old token is a theft.
  assert.equal((await refresh(first)).json.error, 'invalid_grant');
});

test('grafana: sign-out, with the ID token while the access token is good and without it later', async () => {
  const walker = new Walker();
  const { json } = await grafanaToken(settings, await grafanaLogin(settings, 'ada', walker));
  const callbackUri = `${GRAFANA}/login/generic_oauth`;
  assert.equal(await silently(grafanaBegins(settings).url, callbackUri, walker), 'code');
  const out = new URL(settings.signout_redirect_url);
  // Grafana adds the hint only where it sees this parameter.
  assert.equal(out.searchParams.get('post_logout_redirect_uri'), `${GRAFANA}/login`);
  const hinted = goQuery({ ...Object.fromEntries(out.searchParams), id_token_hint: json.id_token });
  await walker.open(`${out.origin}${out.pathname}?${hinted}`, `${GRAFANA}/login`);
  assert.equal(walker.url, `${GRAFANA}/login`);
  assert.equal(await silently(grafanaBegins(settings).url, callbackUri, walker), 'login_required');

  await grafanaToken(settings, await grafanaLogin(settings, 'ada', walker));
  await walker.open(out.href, `${GRAFANA}/login`);
  assert.equal(walker.page, 'logout');
  assert.match(walker.html, /Grafana/);
  await walker.submit('logout', {}, `${GRAFANA}/login`);
  assert.equal(walker.url, `${GRAFANA}/login`);
  assert.equal(await silently(grafanaBegins(settings).url, callbackUri, walker), 'login_required');
});

// ----------------------------------------------------------------------------------------------------------- oauth2-proxy

test('oauth2-proxy 7.15: login, refreshes with one token, and a sign-out by its server', async () => {
  const client = await fromRecipe(provider, 'oauth2-proxy', '--url', 'https://wiki.example');
  const config = toml(client.files['oauth2-proxy.cfg']);
  assert.equal(config.provider, 'oidc');
  assert.equal(config.oidc_issuer_url, discovery.issuer);
  assert.equal(config.client_secret, client.client_secret);
  assert.equal(Buffer.from(config.cookie_secret, 'base64url').length, 32);
  assert.deepEqual(client.redirect_uris, [config.redirect_url]);

  const pkce = longPkce();
  const nonce = randomBytes(32).toString('base64url');
  const state = `${randomBytes(32).toString('base64url')}:/deep/page?x=1`;
  const begin = (extra = {}) => `${discovery.authorization_endpoint}?${goQuery({
    approval_prompt: 'force', client_id: config.client_id, code_challenge: pkce.challenge,
    code_challenge_method: config.code_challenge_method, nonce, redirect_uri: config.redirect_url, response_type: 'code',
    scope: config.scope, state, ...extra,
  })}`;
  const walker = new Walker();
  const answer = await callback(begin(), config.redirect_url, 'vic', walker);
  assert.equal(answer.get('state'), state);
  const authorization = { authorization: basic(config.client_id, config.client_secret) };
  const redeemed = await post(discovery.token_endpoint, goQuery({
    code: answer.get('code'), code_verifier: pkce.verifier, grant_type: 'authorization_code', redirect_uri: config.redirect_url,
  }), authorization);
  assert.equal(redeemed.status, 200, JSON.stringify(redeemed.json));
  const claims = await verified(redeemed.json.id_token, discovery.jwks_uri);
  assert.equal(claims.nonce, nonce);
  assert.equal(claims.aud, config.client_id);
  // It refuses an address that is not verified, and wants a boolean.
  assert.equal(claims[config.oidc_email_claim], 'vic@example.org');
  assert.equal(claims.email_verified, true);
  assert.deepEqual(claims[config.oidc_groups_claim], ['staff']);

  let { id_token: idToken, refresh_token: token } = redeemed.json;
  for (let round = 0; round < 4; round += 1) {
    const refreshed = await post(discovery.token_endpoint, goQuery({
      grant_type: 'refresh_token', refresh_token: token, client_id: config.client_id, client_secret: config.client_secret,
    }));
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.json));
    idToken = refreshed.json.id_token;
    token = refreshed.json.refresh_token ?? token;
    assert.equal(token, redeemed.json.refresh_token);
  }

  // `prompt` goes along where it is configured.
  const asked = await new Walker().open(begin({ prompt: 'login' }), config.redirect_url);
  assert.equal(asked.page, 'choose');

  assert.equal(await silently(begin(), config.redirect_url, walker), 'code');
  const out = await fetch(config.backend_logout_url.replace('{id_token}', idToken), { redirect: 'manual' });
  assert.ok(out.status < 400, String(out.status));
  assert.equal(await silently(begin(), config.redirect_url, walker), 'login_required');
});

test('oauth2-proxy: a server-side sign-out with another issuer\'s token ends nothing', async () => {
  const config = toml((await fromRecipe(provider, 'oauth2-proxy', '--id', 'second-proxy', '--url', 'https://wiki.example')).files['oauth2-proxy.cfg']);
  const pkce = longPkce();
  const url = `${discovery.authorization_endpoint}?${goQuery({
    client_id: config.client_id, redirect_uri: config.redirect_url, response_type: 'code', scope: config.scope, state: 's',
    code_challenge: pkce.challenge, code_challenge_method: 'S256',
  })}`;
  const walker = new Walker();
  await callback(url, config.redirect_url, 'vic', walker);
  const forged = ['{"alg":"RS256","kid":"x"}', `{"iss":"${discovery.issuer}","sid":"x"}`, 'x'].map((text) => Buffer.from(text).toString('base64url')).join('.');
  const out = await fetch(config.backend_logout_url.replace('{id_token}', forged), { redirect: 'manual' });
  assert.equal(out.status, 400);
  assert.equal(await silently(url, config.redirect_url, walker), 'code');
});

// -------------------------------------------------------------------------------------------------------------------- dex

test('dex 2.41: openid twice, no PKCE, no nonce, an unencoded redirect URI; a refresh asks userinfo again', async () => {
  const redirectUri = 'https://dex.example/callback';
  const client = await provider.command('client', 'create', '--id', 'dex', '--redirect-uri', redirectUri, '--forwards', '--require-pkce=false');
  const url = `${discovery.authorization_endpoint}?access_type=offline&client_id=dex&prompt=consent&redirect_uri=${redirectUri}`
    + '&response_type=code&scope=openid+openid+profile+email+groups+offline_access&state=zt4pxwhmzbuoiv5lggdjvzwgd';
  const answer = await callback(url, redirectUri, 'ada');
  const authorization = { authorization: basic('dex', client.client_secret) };
  const redeemed = await post(discovery.token_endpoint, goQuery({
    code: answer.get('code'), grant_type: 'authorization_code', redirect_uri: redirectUri,
  }), authorization);
  assert.equal(redeemed.status, 200, JSON.stringify(redeemed.json));
  assert.deepEqual(redeemed.json.scope.split(' ').sort(), ['email', 'groups', 'offline_access', 'openid', 'profile']);
  const claims = await verified(redeemed.json.id_token, discovery.jwks_uri);
  assert.equal(claims.nonce, undefined);
  assert.equal(claims.email_verified, true);
  assert.equal((await bearer(discovery.userinfo_endpoint, redeemed.json.access_token)).json.sub, claims.sub);
  for (let round = 0; round < 3; round += 1) {
    const refreshed = await post(discovery.token_endpoint, goQuery({ grant_type: 'refresh_token', refresh_token: redeemed.json.refresh_token }), authorization);
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.json));
    const userinfo = await bearer(discovery.userinfo_endpoint, refreshed.json.access_token);
    assert.deepEqual(userinfo.json.groups.toSorted(), PEOPLE.ada.toSorted());
  }
});

test('stray parameters in a token request are ignored, and a repeated one is not', async () => {
  // oidc-agent sends response_type, JupyterHub data, GitLab and Jenkins scope.
  const redirectUri = 'https://odd.example/cb';
  const { client_secret: secret } = await provider.command('client', 'create', '--id', 'odd', '--redirect-uri', redirectUri, '--require-pkce=false');
  const url = `${discovery.authorization_endpoint}?response_type=code&client_id=odd&redirect_uri=${redirectUri}&scope=openid&state=${'s'.repeat(600)}`;
  const authorization = { authorization: basic('odd', secret) };
  const walker = new Walker();
  const body = async () => `grant_type=authorization_code&redirect_uri=${redirectUri}&code=${(await callback(url, redirectUri, 'vic', walker)).get('code')}`;
  const stray = '&response_type=token&data=None&scope=openid+profile&audience=a&audience=b&nonsense=%00';
  const fine = await post(discovery.token_endpoint, await body() + stray, authorization);
  assert.equal(fine.status, 200, JSON.stringify(fine.json));
  assert.equal(fine.json.scope, 'openid');
  const twice = await post(discovery.token_endpoint, `${await body()}&grant_type=authorization_code`, authorization);
  assert.equal(twice.json.error, 'invalid_request');
});

test('Jenkins asks for every scope of discovery, others for scopes that do not exist: the login goes on', async () => {
  const redirectUri = 'https://jenkins.example/securityRealm/finishLogin';
  const { client_secret: secret } = await provider.command(
    'client', 'create', '--id', 'jenkins', '--redirect-uri', redirectUri, '--require-pkce=false', '--scope', 'openid profile email groups',
  );
  const granted = async (scope) => {
    const url = `${discovery.authorization_endpoint}?${new URLSearchParams({
      scope, response_type: 'code', redirect_uri: redirectUri, state: 'c3RhdGU', nonce: 'n', client_id: 'jenkins',
    })}`;
    const code = (await callback(url, redirectUri, 'ada')).get('code');
    const { json } = await post(discovery.token_endpoint, goQuery({
      grant_type: 'authorization_code', code, redirect_uri: redirectUri, scope, client_id: 'jenkins', client_secret: secret,
    }));
    return json;
  };
  const everything = await granted(discovery.scopes_supported.join(' '));
  assert.deepEqual(everything.scope.split(' ').sort(), ['email', 'groups', 'openid', 'profile']);
  assert.equal(everything.refresh_token, undefined);
  const unknown = await granted('openid read_user urn:x:y https://api.example/all email');
  assert.deepEqual(unknown.scope.split(' ').sort(), ['email', 'openid']);
});

// -------------------------------------------------------------------------------------------------------------- Nextcloud

test('nextcloud user_oidc: claims parameter, either spelling of its paths, string sid, a logout as it writes it', async () => {
  const cloud = 'https://cloud.example';
  const client = await fromRecipe(provider, 'nextcloud', '--url', cloud);
  const [command, alias, ...words] = argumentsOf('occ', client.files['nextcloud.sh']);
  assert.deepEqual([command, alias], ['user_oidc:provider', 'signbridge']);
  const given = flags(words);
  assert.deepEqual(Object.keys(given).toSorted(), ['clientid', 'clientsecret', 'discoveryuri', 'endsessionendpointuri', 'group-provisioning',
    'mapping-display-name', 'mapping-email', 'mapping-groups', 'mapping-uid', 'postlogouturi', 'scope', 'send-id-token-hint', 'unique-uid']);
  assert.equal(given.discoveryuri, `${discovery.issuer}/.well-known/openid-configuration`);
  assert.equal(given.endsessionendpointuri, discovery.end_session_endpoint);
  assert.equal(given.clientsecret, client.client_secret);
  assert.equal(client.backchannel_logout_uri, `${cloud}/index.php/apps/user_oidc/backchannel-logout/signbridge`);

  const wanted = Object.fromEntries([given['mapping-email'], given['mapping-display-name'], 'quota', given['mapping-groups']].map((name) => [name, null]));
  for (const redirectUri of [`${cloud}/apps/user_oidc/code`, `${cloud}/index.php/apps/user_oidc/code`]) {
    const pkce = longPkce();
    const query = {
      client_id: given.clientid, response_type: 'code', scope: given.scope, redirect_uri: redirectUri,
      claims: JSON.stringify({ id_token: wanted, userinfo: wanted }), state: 'LX3Q8', nonce: 'N0NCE',
      code_challenge: pkce.challenge, code_challenge_method: 'S256',
    };
    const url = `${discovery.authorization_endpoint}?${new URLSearchParams(query)}`;
    const walker = new Walker();
    const answer = await callback(url, redirectUri, 'eve', walker);
    const redeemed = await post(discovery.token_endpoint, new URLSearchParams({
      code: answer.get('code'), redirect_uri: redirectUri, grant_type: 'authorization_code', code_verifier: pkce.verifier,
      client_id: given.clientid, client_secret: given.clientsecret,
    }).toString());
    assert.equal(redeemed.status, 200, JSON.stringify(redeemed.json));
    const claims = await verified(redeemed.json.id_token, discovery.jwks_uri);
    assert.equal(typeof claims.sid, 'string');
    assert.equal(claims.iss, discovery.issuer);
    assert.equal(claims.nonce, 'N0NCE');
    assert.equal(claims.azp ?? given.clientid, given.clientid);
    assert.equal(claims[given['mapping-display-name']], 'eve Example');
    assert.deepEqual(claims[given['mapping-groups']].toSorted(), PEOPLE.eve.toSorted());
    // It glues the query together without encoding anything.
    await walker.open(`${discovery.end_session_endpoint}?post_logout_redirect_uri=${given.postlogouturi}&client_id=${given.clientid}&id_token_hint=${redeemed.json.id_token}`, given.postlogouturi);
    assert.equal(walker.url, `${cloud}/`);
    assert.equal(await silently(url, redirectUri, walker), 'login_required');
  }
});

// ------------------------------------------------------------------------------------------------------------------ Gitea

test('gitea: no PKCE, no nonce, Basic, userinfo', async () => {
  const client = await fromRecipe(provider, 'gitea', '--url', 'https://git.example', '--admin-group', 'staff');
  const [...words] = argumentsOf('gitea', client.files['gitea.sh']);
  assert.deepEqual(words.slice(0, 3), ['admin', 'auth', 'add-oauth']);
  const given = flags(words);
  assert.deepEqual(Object.keys(given).toSorted(), ['admin-group', 'auto-discover-url', 'group-claim-name', 'key', 'name', 'provider', 'scopes', 'secret']);
  assert.equal(given.provider, 'openidConnect');
  const found = await (await fetch(given['auto-discover-url'])).json();
  assert.equal(found.issuer, discovery.issuer);
  const redirectUri = `https://git.example/user/oauth2/${given.name}/callback`;
  assert.deepEqual(client.redirect_uris, [redirectUri]);
  const url = `${found.authorization_endpoint}?${goQuery({
    client_id: given.key, redirect_uri: redirectUri, response_type: 'code', scope: given.scopes.join(' '), state: '6f2e7a1c-uuid',
  })}`;
  const answer = await callback(url, redirectUri, 'vic');
  const redeemed = await post(found.token_endpoint, goQuery({
    code: answer.get('code'), grant_type: 'authorization_code', redirect_uri: redirectUri,
  }), { authorization: basic(given.key, given.secret) });
  assert.equal(redeemed.status, 200, JSON.stringify(redeemed.json));
  const userinfo = (await bearer(found.userinfo_endpoint, redeemed.json.access_token)).json;
  assert.equal(userinfo.sub, (await verified(redeemed.json.id_token, found.jwks_uri)).sub);
  assert.equal(userinfo.preferred_username, 'vic');
  assert.ok(userinfo[given['group-claim-name']].includes(given['admin-group']));
});

// ------------------------------------------------------------------------------------------------------------- Kubernetes

test('kubernetes with kubelogin: public, PKCE, either port, an empty Basic header first, offline_access that rotates', async () => {
  const client = await fromRecipe(provider, 'kubernetes');
  assert.equal(client.client_secret, undefined);
  const kubeconfig = JSON.parse(client.files['kubeconfig-user.json']);
  const exec = kubeconfig.users[0].user.exec;
  assert.deepEqual([exec.command, ...exec.args.slice(0, 2)], ['kubectl', 'oidc-login', 'get-token']);
  const given = flags(exec.args);
  assert.deepEqual(flags(argumentsOf('kubectl', client.files['kubelogin.sh'])), given);
  const server = flags(client.files['kube-apiserver.flags'].trim().split('\n'));
  assert.equal(server['oidc-issuer-url'], discovery.issuer);
  assert.equal(server['oidc-client-id'], given['oidc-client-id']);
  const found = await (await fetch(`${given['oidc-issuer-url']}/.well-known/openid-configuration`)).json();
  assert.ok(found.code_challenge_methods_supported.includes('S256'));

  for (const redirectUri of ['http://localhost:8000', 'http://localhost:18000', 'http://localhost:8765']) {
    const pkce = longPkce();
    const url = `${found.authorization_endpoint}?${goQuery({
      access_type: 'offline', client_id: given['oidc-client-id'], code_challenge: pkce.challenge, code_challenge_method: 'S256',
      nonce: 'kube-nonce', redirect_uri: redirectUri, response_type: 'code', scope: [...given['oidc-extra-scope'], 'openid'].join(' '), state: 'kube-state',
    })}`;
    const answer = await callback(url, redirectUri, 'ada');
    const form = { code: answer.get('code'), code_verifier: pkce.verifier, grant_type: 'authorization_code', redirect_uri: redirectUri };
    // x/oauth2 tries the header first, also without a secret, and then the form.
    let redeemed = await post(found.token_endpoint, goQuery(form), { authorization: basic(given['oidc-client-id'], '') });
    if (redeemed.status !== 200) redeemed = await post(found.token_endpoint, goQuery({ ...form, client_id: given['oidc-client-id'] }));
    assert.equal(redeemed.status, 200, JSON.stringify(redeemed.json));
    const claims = await verified(redeemed.json.id_token, found.jwks_uri);
    assert.equal(claims.aud, server['oidc-client-id']);
    assert.equal(claims[server['oidc-username-claim']], 'ada');
    assert.deepEqual(claims[server['oidc-groups-claim']].toSorted(), PEOPLE.ada.toSorted());
    assert.equal(claims.nonce, 'kube-nonce');
    const refreshed = await post(found.token_endpoint, goQuery({
      grant_type: 'refresh_token', refresh_token: redeemed.json.refresh_token, client_id: given['oidc-client-id'],
    }));
    assert.notEqual(refreshed.json.refresh_token, redeemed.json.refresh_token);
    assert.equal((await verified(refreshed.json.id_token, found.jwks_uri)).sub, claims.sub);
  }
  const elsewhere = await new Walker().open(`${found.authorization_endpoint}?client_id=kubernetes&response_type=code&scope=openid&redirect_uri=http://127.0.0.1:8000`);
  assert.equal(elsewhere.status, 400);
  assert.equal(elsewhere.page, 'error');
});

// --------------------------------------------------------------------------------------------------------------- Keycloak

test('keycloak: the realm names what discovery names; its requests in their order, and both of its logouts', async () => {
  const sso = 'https://sso.example';
  const client = await fromRecipe(provider, 'keycloak', '--url', sso, '--realm', 'staff', '--group', 'staff', '--group', 'ops');
  const realm = JSON.parse(client.files['staff-realm.json']);
  const [{ alias, config }] = realm.identityProviders;
  const at = endpoints();
  for (const [key, value] of Object.entries({
    issuer: discovery.issuer, authorizationUrl: at.authorization, tokenUrl: at.token, userInfoUrl: at.userinfo, jwksUrl: at.jwks,
    logoutUrl: at.logout, clientId: client.client_id, clientSecret: client.client_secret,
  })) assert.equal(config[key], value, key);
  const endpoint = `${sso}/realms/staff/broker/${alias}/endpoint`;
  assert.deepEqual(client.redirect_uris, [endpoint]);
  assert.deepEqual(client.post_logout_redirect_uris, [`${endpoint}/logout_response`]);
  assert.equal(client.backchannel_logout_uri, `${sso}/realms/staff/protocol/openid-connect/logout/backchannel-logout`);
  assert.equal(client.forwards, true);
  const mapped = realm.identityProviderMappers.filter(({ config: { group } }) => group).map((mapper) => mapper.config.group);
  assert.deepEqual(mapped, realm.groups.map(({ name }) => `/${name}`));

  const login = async (walker) => {
    const pkce = longPkce();
    const url = `${config.authorizationUrl}?${new URLSearchParams({
      scope: config.defaultScope, state: 'J2Zk1k.Xq8ueJ4yW9o.cnBAZGVtbw', response_type: 'code', client_id: config.clientId, redirect_uri: endpoint,
      login_hint: 'eve', ui_locales: 'de', code_challenge: pkce.challenge, code_challenge_method: 'S256',
      acr_values: 'urn:signbridge:acr:named', nonce: 'kc-nonce', max_age: '600',
    })}`;
    const { seq } = (await provider.phone.requests()).at(-1);
    await walker.open(url, endpoint);
    assert.match(walker.html, /<html lang="de">/);
    await walker.submit('provider', { provider: 'secsign' });
    // The hint is filled in, and nothing is sent to a phone before the person says so.
    assert.deepEqual(walker.form('identifier').inputs.find(([name]) => name === 'identifier'), ['identifier', 'eve']);
    assert.deepEqual((await provider.phone.requests(seq)).filter(({ operation }) => operation === 'create'), []);
    await signIn(walker, 'secsign', 'eve', endpoint, async () => {});
    const answer = new URL(walker.url).searchParams;
    const redeemed = await post(config.tokenUrl, new URLSearchParams({
      code: answer.get('code'), grant_type: 'authorization_code', redirect_uri: endpoint, code_verifier: pkce.verifier,
    }).toString(), { authorization: basic(config.clientId, config.clientSecret) });
    assert.equal(redeemed.status, 200, JSON.stringify(redeemed.json));
    const claims = await verified(redeemed.json.id_token, config.jwksUrl);
    assert.equal(claims.acr, 'urn:signbridge:acr:matched');
    assert.equal(claims.nonce, 'kc-nonce');
    assert.ok(claims.auth_time);
    assert.equal((await bearer(config.userInfoUrl, redeemed.json.access_token)).json.email, 'eve@example.org');
    return { url, idToken: redeemed.json.id_token };
  };
  // By the browser (backchannelSupported false).
  const walker = new Walker();
  const first = await login(walker);
  await walker.open(`${config.logoutUrl}?${new URLSearchParams({
    state: 'out', id_token_hint: first.idToken, client_id: config.clientId, post_logout_redirect_uri: `${endpoint}/logout_response`,
  })}`, endpoint);
  assert.equal(walker.url, `${endpoint}/logout_response?state=out`);
  assert.equal(await silently(first.url, endpoint, walker), 'login_required');
  // By its server, without a cookie (backchannelSupported true).
  const second = await login(walker);
  assert.equal(await silently(second.url, endpoint, walker), 'code');
  const out = await fetch(`${config.logoutUrl}?${new URLSearchParams({ state: 'out', id_token_hint: second.idToken, client_id: config.clientId })}`, { redirect: 'manual' });
  assert.ok(out.status < 400);
  assert.equal(await silently(second.url, endpoint, walker), 'login_required');
});

test('what is to be pasted is never logged, not even at the loudest', async () => {
  const { BINARY_UNDER_TEST: _ours, ...env } = process.env;
  const words = ['client', 'create', '--recipe', 'oauth2-proxy', '--id', 'quiet', '--url', 'https://q.example', '--config', provider.config];
  const { stdout, stderr } = await execute(BINARY, words, { env: { ...env, SIGNBRIDGE_LOG: 'trace' } });
  // The log was on (releases go down to INFO), and the paste was printed.
  assert.match(stderr, /INFO/);
  const secret = stdout.match(/^client_secret = "(\S+)"$/m)[1];
  const cookie = stdout.match(/^cookie_secret = "(\S+)"$/m)[1];
  for (const word of [secret, cookie, 'cookie_secret']) assert.ok(!stderr.includes(word), word);
  assert.ok(provider.log.length > 0);
  for (const word of [grafana.client_secret, 'role_attribute_path']) assert.ok(!provider.log.includes(word), word);
});
