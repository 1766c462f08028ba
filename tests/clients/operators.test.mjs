// What operators do with many people: delete them, give them phones, take consents back, read the audit trail, import and export,
// keep people out of an app, look at tokens beforehand. Each command beside the running server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BINARY, eventually } from './lib/demo.mjs';
import { parts, receiver } from './lib/receiver.mjs';
import { App, pkce, prepare, request } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let provider; let web; let ear;
const command = (...words) => provider.command(...words);

before(async () => {
  ear = await receiver();
  provider = await prepare({ more: '[outbound]\nallow_private = true\n' });
  await provider.start();
  web = await client('web', '--backchannel-logout-uri', ear.url);
  for (const name of ['alice', 'bob']) await somebody(name, '--group', 'staff');
});
after(async () => {
  if (provider) assert.equal(await provider.close(), 0);
  await ear?.close();
});

async function client(id, ...words) {
  return new App(provider, await command('client', 'create', '--id', id, '--redirect-uri', `http://localhost:9/${id}`, ...words));
}

/** A person whose phone approves by itself. */
async function somebody(name, ...words) {
  await provider.phone.auto('secsign', name, 'approve');
  return provider.person(name, ...words);
}

/** Runs a command to its end, with this standard input. */
async function run(words, input = '') {
  const child = spawn(BINARY, [...words, '--config', provider.config], { stdio: 'pipe' });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => { stdout += chunk; });
  child.stderr.on('data', (chunk) => { stderr += chunk; });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

async function refused(...words) {
  const { code, stderr } = await run(words);
  assert.notEqual(code, 0, words.join(' '));
  return stderr;
}

const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** Signs in at an app and answers the browser and the address to which it was led. */
async function enter(at, name, { walker = new Walker(), service = 'secsign', ...extra } = {}) {
  const { verifier, challenge } = pkce();
  await walker.open(at.authorizeUrl(challenge, extra), at.redirectUri);
  if (!walker.url.startsWith(at.redirectUri) && walker.page !== 'consent') await signIn(walker, service, name, at.redirectUri, () => {});
  if (walker.page === 'consent') await walker.submit('consent', { decision: 'allow' }, at.redirectUri);
  const answer = new URL(walker.url).searchParams;
  return { walker, verifier, answer, code: answer.get('code') };
}

async function tokens(at, name, options) {
  const entered = await enter(at, name, options);
  const answer = await at.redeem(entered);
  assert.equal(answer.status, 200, answer.text);
  return { ...entered, tokens: answer.json() };
}

const opens = async (token) => (await request('GET', `${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status === 200;

test('user delete: sessions and tokens end, apps hear of it, the name is free and means somebody else', async () => {
  const dora = await somebody('dora');
  const first = await tokens(web, 'dora');
  const late = await web.code(first.walker.cookie(provider.issuer));
  const { sid } = parts(first.tokens.id_token).claims;
  assert.ok(await opens(first.tokens.access_token));
  assert.deepEqual(await command('user', 'delete', 'dora'), { sub: dora.sub, username: 'dora', deleted: true });
  assert.equal(await opens(first.tokens.access_token), false);
  assert.equal((await web.refresh(first.tokens.refresh_token)).json().error, 'invalid_grant');
  assert.equal((await web.redeem(late)).json().error, 'invalid_grant');
  const heard = await ear.heard(sid);
  assert.equal(parts(heard.token).claims.sub, dora.sub);
  const silent = await enter(web, 'dora', { walker: first.walker, prompt: 'none' });
  assert.equal(silent.answer.get('error'), 'login_required');
  assert.match(await refused('user', 'show', 'dora'), /there is no person `dora`/);
  assert.match(await refused('user', 'delete', 'dora'), /there is no person `dora`/);
  const again = await command('user', 'create', '--username', 'dora', '--secsignid', 'dora');
  assert.notEqual(again.sub, dora.sub);
  assert.equal(parts((await tokens(web, 'dora')).tokens.id_token).claims.sub, again.sub);
  await command('user', 'delete', 'dora');
});

test('device add and rename: a person whose phone is lost signs in with another one', async () => {
  await somebody('emil');
  const [lost] = await command('device', 'list', 'emil');
  await command('device', 'remove', lost.id);
  await provider.phone.create('emil-2');
  await provider.phone.auto('secsign', 'emil-2', 'approve');
  const added = await command('device', 'add', 'emil', '--secsignid', 'EMIL-2', '--label', 'New phone');
  assert.deepEqual([added.username, added.upstream, added.upstream_user, added.label], ['emil', 'secsign', 'emil-2', 'New phone']);
  assert.equal(parts((await tokens(web, 'emil')).tokens.id_token).claims.preferred_username, 'emil');
  const tablet = await command('device', 'add', 'emil', '--thumbsignin-user-id', 'emil');
  assert.equal((await command('device', 'rename', tablet.id, 'Tablet')).label, 'Tablet');
  const shown = await command('user', 'show', 'emil');
  assert.deepEqual(shown.devices.map(({ label }) => label), ['New phone', 'Tablet']);
  assert.ok(Math.abs(shown.last_login_at - Date.now() / 1000) < 60, `${shown.last_login_at}`);
  const { stdout } = await run(['user', 'show', 'emil']);
  for (const said of [added.id, tablet.id, 'Tablet', 'last login']) assert.ok(stdout.includes(said), `${said} in\n${stdout}`);
  assert.match((await run(['user', 'list'])).stdout, /^USERNAME +EMAIL +GROUPS +PHONES +LAST LOGIN/);
  assert.match(await refused('device', 'add', 'bob', '--secsignid', 'emil-2'), /already exists/);
  assert.match(await refused('device', 'add', 'nobody', '--secsignid', 'nobody'), /there is no person/);
});

test('consent list and revoke: the app loses what it had and asks again', async () => {
  const asks = await client('asks', '--consent', 'ask');
  const first = await tokens(asks, 'alice');
  const listed = await command('consent', 'list', 'alice');
  assert.deepEqual(listed.map(({ username, client_id: id }) => [username, id]), [['alice', 'asks']]);
  assert.deepEqual(listed[0].scope.split(' ').sort(), ['email', 'groups', 'offline_access', 'openid', 'profile']);
  assert.deepEqual(await command('consent', 'list', '--client', 'web'), []);
  const unused = await asks.code(first.walker.cookie(provider.issuer));
  assert.equal((await command('consent', 'revoke', 'alice', 'asks')).revoked, true);
  assert.equal(await opens(first.tokens.access_token), false);
  assert.equal((await asks.refresh(first.tokens.refresh_token)).json().error, 'invalid_grant');
  assert.equal((await asks.redeem(unused)).json().error, 'invalid_grant');
  const walker = await first.walker.open(asks.authorizeUrl(pkce().challenge), asks.redirectUri);
  assert.equal(walker.page, 'consent', 'the session is alive, and the app asks again');
  assert.ok((await tokens(asks, 'alice', { walker })).tokens.access_token);
  assert.match(await refused('consent', 'revoke', 'bob', 'asks'), /there is no consent/);
});

test('audit list, tail and export: by person, client, kind and time', async () => {
  const began = Math.floor(Date.now() / 1000) * 1000;
  const { sub } = await command('user', 'show', 'bob');
  const words = ['audit', 'tail', '--user', 'bob', '--last', '1', '--format', 'json', '--config', provider.config];
  const watched = spawn(BINARY, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  watched.stdout.on('data', (chunk) => { text += chunk; });
  const followed = () => lines(text.slice(0, text.lastIndexOf('\n') + 1));
  await eventually('the latest event', () => followed().length === 1);
  await tokens(web, 'bob');
  await eventually('those that came', () => followed().some(({ kind }) => kind === 'token.issued'));
  watched.kill();
  await once(watched, 'close');
  const kinds = followed().slice(1).map(({ kind }) => kind);
  assert.deepEqual(kinds.toSorted(), ['login.approved', 'login.new_browser', 'login.started', 'login.succeeded', 'token.issued'], 'each once');

  const list = async (...words) => lines((await run(['audit', 'list', '--format', 'json', ...words])).stdout);
  const of = await list('--user', 'bob', '--since', new Date(began).toISOString().replace(/\.\d+/, ''));
  assert.deepEqual(of.map(({ kind }) => kind).toSorted(), kinds.toSorted());
  assert.ok(of.every((event) => event.sub === sub && event.username === 'bob' && Date.parse(event.at) >= began));
  assert.deepEqual(Object.keys(of[0]).sort(),
    ['address', 'at', 'client_id', 'count', 'detail', 'id', 'kind', 'last_at', 'subject', 'sub', 'user_agent', 'username'].sort());
  assert.ok(of.find(({ kind }) => kind === 'token.issued').client_id === 'web');
  assert.ok((await list('--client', 'web', '--kind', 'token')).every(({ kind, client_id: id }) => kind.startsWith('token.') && id === 'web'));
  assert.equal((await list('--last', '2')).length, 2);
  assert.deepEqual(await list('--user', 'bob', '--since', '2999-01-01'), []);

  const exported = lines((await run(['audit', 'export'])).stdout);
  assert.deepEqual(exported.map(({ at }) => at), exported.map(({ at }) => at).toSorted(), 'the earliest first');
  assert.ok(exported.some(({ kind, detail }) => kind === 'user.changed' && detail === 'deleted'));
  // Of somebody who was deleted, by the sub.
  const gone = exported.find(({ detail }) => detail === 'deleted');
  assert.equal(gone.username, null);
  assert.ok((await list('--user', gone.sub, '--kind', 'user.changed')).length >= 2);
  const { stdout } = await run(['audit', 'list', '--user', 'bob', '--kind', 'token']);
  assert.match(stdout, /^TIME +EVENT +USER +CLIENT +ADDRESS +DETAIL +COUNT\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +token\.issued +bob +web +127\.0\.0\.1/);
  assert.match(await refused('audit', 'list', '--kind', 'logins'), /login\.failed/);
  assert.match(await refused('audit', 'list', '--user', 'nobody'), /there is no person/);
});

test('user import and export: 10,000 people, while people sign in', async (t) => {
  const file = join(provider.dir, 'people.csv');
  const people = Array.from({ length: 10_000 }, (_, number) => `user${number},user${number}@import.test,"User, ${number}","a b,staff",user${number},`);
  await writeFile(file, `username,email,name,groups,secsignid,locked\n${people.join('\n')}\n`);
  const dry = await command('user', 'import', file, '--dry-run');
  assert.deepEqual(dry, { added: 10_000, skipped: 0, dry_run: true, mistakes: [] });
  assert.match(await refused('user', 'show', 'user7'), /there is no person/);

  const began = performance.now();
  const importing = command('user', 'import', file);
  let took;
  const imported = importing.finally(() => { took = performance.now() - began; });
  while (took === undefined) await tokens(web, 'alice');
  assert.deepEqual(await imported, { added: 10_000, skipped: 0, dry_run: false, mistakes: [] });
  t.diagnostic(`10,000 people were added in ${Math.round(took)} ms`);

  await provider.phone.create('user7');
  await provider.phone.auto('secsign', 'user7', 'approve');
  const { name, groups, email } = parts((await tokens(web, 'user7')).tokens.id_token).claims;
  assert.deepEqual([name, groups, email], ['User, 7', ['a b', 'staff'], 'user7@import.test']);

  const { stdout: csv } = await run(['user', 'export']);
  assert.equal(csv.split('\n')[0], 'username,email,email_verified,name,groups,confirm_without_symbol,secsignid,thumbsignin_user_id,locked');
  assert.ok(csv.includes('user7,user7@import.test,true,"User, 7","a b,staff",,user7,,\n'), csv.slice(0, 500));
  const again = await run(['user', 'import', '-', '--skip-existing', '--format', 'json'], csv);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(JSON.parse(again.stdout).added, 0);
  const { stdout: json } = await run(['user', 'export', '--format', 'json']);
  assert.equal(lines(json).length, csv.trim().split('\n').length - 1);
  const twice = await run(['user', 'import', '-', '--format', 'json'], json);
  assert.equal(twice.code, 1);
  assert.ok(JSON.parse(twice.stdout).mistakes.length > 10_000);

  const wrong = await run(['user', 'import', '-'], 'username,email\nnew1,new1@import.test\nnew two,\nnew3,user7@import.test\nnew1,\n');
  assert.equal(wrong.code, 1);
  for (const said of [/line 3: username: /, /line 4: somebody has .*user7@import\.test/, /line 5: .*new1.* is in line 2/]) assert.match(wrong.stderr, said);
  assert.match(await refused('user', 'show', 'new1'), /there is no person/);
});

test('allowed_groups: who is in none of them is refused, and so is what they had', async () => {
  const ops = await client('ops', '--allowed-group', 'Domain Users', '--allowed-group', 'staff', '--client-uri', 'https://ops.test');
  assert.deepEqual((await command('client', 'show', 'ops')).allowed_groups, ['Domain Users', 'staff']);
  await somebody('frida');
  const entered = await tokens(ops, 'alice');
  const unused = await ops.code(entered.walker.cookie(provider.issuer));

  // After a login, and by single sign-on.
  const denied = await enter(ops, 'frida');
  assert.deepEqual([denied.answer.get('error'), denied.code], ['access_denied', null]);
  assert.match(denied.answer.get('error_description'), /none of the groups/);
  assert.equal(denied.answer.get('state'), 's');
  denied.walker.headers = { 'user-agent': 'Another/2' };
  for (const extra of [{}, { prompt: 'none' }]) {
    const silent = await enter(ops, 'frida', { walker: denied.walker, ...extra });
    assert.equal(silent.answer.get('error'), 'access_denied');
  }
  assert.ok((await tokens(web, 'frida', { walker: denied.walker })).tokens.id_token, 'other apps are open to her');
  const isAtHome = async (walker) => (await walker.open(`${provider.issuer}/`)).html.includes('ops.test');
  assert.deepEqual([await isAtHome(entered.walker), await isAtHome(denied.walker)], [true, false], 'the home page shows whom it admits');
  assert.match(provider.log, /\bops\b.*[0-9a-f-]{36} is in none of its allowed_groups/);
  const { stdout } = await run(['audit', 'list', '--user', 'frida', '--kind', 'access', '--format', 'json']);
  assert.ok(lines(stdout).every(({ client_id: id, detail }) => id === 'ops' && detail === 'allowed_groups'));
  assert.equal(lines(stdout).length, 3);
  const those = lines(stdout).filter(({ user_agent: agent }) => agent === 'Another/2');
  assert.equal(those.length, 2, 'of the request, not of the login');

  await command('client', 'update', 'ops', '--allowed-group', 'Domain Users');
  assert.equal((await ops.redeem(unused)).json().error, 'invalid_grant');
  assert.equal((await ops.refresh(entered.tokens.refresh_token)).json().error, 'invalid_grant');
  await command('client', 'update', 'ops', '--allowed-group', '');
  assert.equal((await ops.refresh(entered.tokens.refresh_token)).status, 200);
  assert.ok((await tokens(ops, 'frida', { walker: denied.walker })).tokens.id_token);
});

test('token preview: the claims that are issued then, and why a login would be refused', async () => {
  const jwt = await client('previewed', '--access-token-format', 'jwt', '--allowed-group', 'staff');
  const count = async () => lines((await run(['audit', 'export'])).stdout).length;
  const before = await count();
  const preview = await command('token', 'preview', 'previewed', 'alice');
  assert.equal(await count(), before, 'nothing is stored');
  const issued = (await tokens(jwt, 'alice')).tokens;
  const { sid, nonce, at_hash: hash, ...id } = parts(issued.id_token).claims;
  const { jti, ...access } = parts(issued.access_token).claims;
  assert.ok(sid && nonce && hash && jti);
  const timeless = ({ iat, exp, auth_time: at, ...rest }) => ({ ...rest, lives: exp - iat, has: [typeof iat, typeof at] });
  assert.deepEqual(timeless(preview.id_token), timeless(id));
  assert.deepEqual(timeless(preview.access_token), timeless(access));
  assert.deepEqual([preview.scope, preview.expires_in, preview.refresh_token], [issued.scope, issued.expires_in, true]);
  assert.deepEqual(preview.refused, []);
  const narrow = await command('token', 'preview', 'previewed', 'alice', '--scope', 'openid email');
  assert.deepEqual(Object.keys(narrow.userinfo).sort(), ['email', 'email_verified', 'sub'].filter((name) => name in preview.userinfo));
  await command('user', 'create', '--username', 'gast');
  const guest = await command('token', 'preview', 'previewed', 'gast');
  assert.deepEqual(guest.refused.map((reason) => /no device|allowed_groups/.test(reason)), [true, true]);
  assert.match((await run(['token', 'preview', 'previewed', 'gast'])).stdout, /^ID token\n\{[\s\S]*would be refused/);
  assert.match(await refused('token', 'preview', 'nobody', 'alice'), /there is no client/);
  await command('user', 'update', 'alice', '--confirm-without-symbol');
  const plain = await command('token', 'preview', 'previewed', 'alice');
  assert.deepEqual([preview.id_token.acr, plain.id_token.acr], ['urn:signbridge:acr:matched', 'urn:signbridge:acr:approved']);
});
