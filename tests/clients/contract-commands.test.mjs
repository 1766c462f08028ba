// Design section 3, Commands: what each command prints and does, driven from outside, with the server running beside it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BINARY, eventually, startDemo } from './lib/demo.mjs';
import { loginAt } from './lib/login.mjs';
import { freshDatabase } from './lib/postgres.mjs';
import { App, pkce, prepare, request, simulate } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

/** Runs the program to its end. */
const run = async (words, env = {}) => {
  const child = spawn(BINARY, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => { stdout += chunk; });
  child.stderr.on('data', (chunk) => { stderr += chunk; });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
};

/** The first of four ports in a row that are free at this moment. */
const fourPorts = async () => {
  for (;;) {
    // Below those that the system gives to whoever asks for any.
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const servers = [0, 1, 2, 3].map((step) => createServer().listen(first + step, '127.0.0.1'));
    const bound = await Promise.all(servers.map((server) => Promise.race([
      once(server, 'listening').then(() => true), once(server, 'error').then(() => false)])));
    await Promise.all(servers.map((server) => new Promise((done) => { server.close(done); })));
    if (bound.every(Boolean)) return first;
  }
};

const MEMBERS = ['issuer', 'upstream_url', 'phone_url', 'app_url', 'management_url', 'data_dir', 'config_file', 'clients', 'users'];

test('demo --format json prints one line with every member, once all listeners answer', async () => {
  const first = await fourPorts();
  const child = spawn(BINARY, ['demo', '--port', String(first), '--format', 'json'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let stdout = '';
  child.stdout.on('data', (chunk) => { stdout += chunk; });
  const line = await eventually('the line', () => stdout.includes('\n') && stdout.split('\n')[0]);
  const demo = JSON.parse(line);
  for (const url of [`${demo.issuer}/.well-known/openid-configuration`, `${demo.phone_url}/phone`, demo.app_url, `${demo.management_url}/readyz`]) {
    assert.equal((await fetch(url)).status, 200, url);
  }
  assert.deepEqual(Object.keys(demo).sort(), [...MEMBERS].sort());
  assert.deepEqual([demo.issuer, demo.upstream_url, demo.app_url, demo.management_url],
    [`http://localhost:${first}`, ...[1, 2, 3].map((step) => `http://127.0.0.1:${first + step}`)]);
  assert.equal(demo.phone_url, demo.upstream_url);
  const byId = Object.fromEntries(demo.clients.map((client) => [client.client_id, client]));
  assert.deepEqual(Object.keys(byId), ['demo-web', 'demo-consent', 'demo-native']);
  for (const client of demo.clients) {
    assert.deepEqual(Object.keys(client).sort(),
      ['auth_method', 'client_id', 'client_secret', 'consent', 'post_logout_redirect_uris', 'redirect_uris']);
  }
  assert.equal(byId['demo-web'].redirect_uris[0], `${demo.app_url}/callback`);
  assert.deepEqual([byId['demo-web'].consent, byId['demo-consent'].consent], [false, true]);
  assert.ok(byId['demo-web'].client_secret && byId['demo-consent'].client_secret);
  assert.deepEqual([byId['demo-native'].auth_method, byId['demo-native'].redirect_uris], ['none', ['http://127.0.0.1/callback']]);
  assert.deepEqual(demo.users.map(({ username }) => username), ['alice', 'bob']);
  for (const user of demo.users) {
    assert.deepEqual(Object.keys(user).sort(), ['secsignid', 'sub', 'thumbsignin_user_id', 'username']);
    assert.ok((await fetch(`${demo.phone_url}/phone/api/secsign/${user.secsignid}`)).ok);
  }
  child.kill('SIGTERM');
  assert.equal((await once(child, 'exit'))[0], 0);
  assert.equal(stdout, `${line}\n`, 'standard output carries one line');
  await assert.rejects(readFile(demo.config_file), { code: 'ENOENT' }, 'the throw-away directory is gone');
});

test('demo prints its URLs for people; --data-dir keeps everything, ports included; --listen moves the phone alone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'signbridge-kept-'));
  try {
    const first = await startDemo('--data-dir', dir);
    const { code } = await run(['client', 'create', '--config', first.config_file, '--id', 'kept', '--redirect-uri', 'http://localhost:9/cb']);
    assert.equal(code, 0);
    assert.equal(await first.stop(), 0);

    const child = spawn(BINARY, ['demo', '--data-dir', dir, '--listen', '127.0.0.2:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => { text += chunk; });
    await eventually('the page', () => text.includes('Ctrl-C'));
    for (const url of [first.issuer, first.app_url, first.management_url]) assert.ok(text.includes(url), `${url} in\n${text}`);
    const [, phone] = text.match(/(http:\/\/127\.0\.0\.\d:\d+)\/phone\b/);
    assert.notEqual(phone, first.upstream_url);
    assert.equal((await fetch(`${phone}/phone`)).status, 200);
    assert.match(await readFile(first.config_file, 'utf8'), new RegExp(`url = "${first.upstream_url}"`), 'the phone alone moved');
    const kept = await run(['client', 'show', 'kept', '--config', first.config_file, '--format', 'json']);
    assert.equal(JSON.parse(kept.stdout).client_id, 'kept');
    child.kill('SIGTERM');
    assert.equal((await once(child, 'exit'))[0], 0);

    const third = await startDemo('--data-dir', dir, '--port', new URL(first.issuer).port);
    assert.deepEqual([third.issuer, third.clients, third.users], [first.issuer, first.clients, first.users]);
    assert.equal(await third.stop(), 0);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('demo --self-test signs in through each service, prints the claims and ends with 0', async () => {
  const { code, stdout, stderr } = await run(['demo', '--port', '0', '--self-test', '--format', 'json']);
  assert.equal(code, 0, stderr);
  const text = JSON.stringify(stdout.trim().split('\n').map((line) => JSON.parse(line)));
  for (const acr of ['matched', 'named']) assert.ok(text.includes(`urn:signbridge:acr:${acr}`), acr);
  const people = await run(['demo', '--port', '0', '--self-test']);
  assert.equal(people.code, 0, people.stderr);
  assert.match(people.stdout, /"sub"/);
});

/** The event stream of the login at which the walker waits; `closed` tells when its end came. */
async function openStream(walker) {
  const stream = await fetch(`${walker.url}/events`, { headers: { cookie: walker.cookie(walker.url) } });
  const reader = stream.body.getReader();
  const text = new TextDecoder().decode((await reader.read()).value);
  assert.match(text, /event: state\ndata: \{"reason":null,"state":"pending"\}/);
  const drain = async () => {
    for (;;) if ((await reader.read()).done) return;
  };
  return { closed: drain().catch(() => {}).then(() => performance.now()) };
}

test('SIGTERM ends demo, serve and simulate with 0 within 10 s; event streams close at once', async () => {
  const demo = await startDemo();
  const alone = await prepare();
  await alone.start();
  const app = new App(alone, await alone.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
  await alone.person('dave');
  const waiting = await new Walker().open(app.authorizeUrl(pkce().challenge));
  await waiting.submit('provider', { provider: 'secsign' });
  await waiting.submit('identifier', { identifier: 'dave' });
  for (const [walker, stop] of [[await loginAt(demo).begin(), () => demo.stop()], [waiting, () => alone.close()]]) {
    const streams = await Promise.all([openStream(walker), openStream(walker)]);
    const began = performance.now();
    assert.equal(await stop(), 0);
    assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
    for (const { closed } of streams) assert.ok((await closed) - began < 2_000, 'an event stream stayed open');
  }

  const child = spawn(BINARY, ['simulate', '--port', '0', '--format', 'json'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let line = '';
  child.stdout.on('data', (chunk) => { line += chunk; });
  await eventually('the line', () => line.endsWith('\n'));
  const said = JSON.parse(line);
  assert.deepEqual(Object.keys(said).sort(), ['app_id', 'phone_url', 'secret', 'secsign_ids', 'thumbsignin_users', 'upstream_url']);
  assert.deepEqual([said.secsign_ids, said.thumbsignin_users], [['alice', 'bob'], ['alice', 'bob']]);
  assert.equal((await fetch(`${said.phone_url}/phone/api/secsign/alice`)).status, 200);
  child.kill('SIGTERM');
  assert.equal((await once(child, 'exit'))[0], 0);
});

test('simulate: credentials of ThumbSignIn that stay, and a SecSign server of another age', async () => {
  const app_id = '0123456789abcdef'.repeat(2);
  const secret = '0011223344556677'.repeat(4);
  for (const name of ['Shop', 'Bank']) {
    const { simulator, upstream } = await simulate('--app-id', app_id, '--secret', secret, '--app-name', name,
      '--app-description', 'Fruit', '--secsign-version', '10.7.4', '--legacy-release');
    assert.deepEqual([upstream.app_id, upstream.secret], [app_id, secret]);
    const apps = await (await fetch(`${upstream.phone_url}/phone/api/apps`)).json();
    assert.deepEqual(apps, [{ appId: app_id, secret, name, description: 'Fruit', logo: null }]);
    const info = await fetch(`${upstream.upstream_url}/rest/v2/PluginRegistration/ServerInfo`);
    assert.equal(info.status, 404);
    const ask = async (parameters) => {
      const body = new URLSearchParams({ apimethod: 'Test', secsignid: 'alice', ...parameters });
      return new URLSearchParams((await (await fetch(`${upstream.upstream_url}/`, { method: 'POST', body })).text()).replaceAll('+', '%2B'));
    };
    const created = await ask({ request: 'ReqRequestAuthSession', servicename: 'Shop', serviceaddress: 'shop.example' });
    const [authsessionid, requestid] = ['authsessionid', 'requestid'].map((key) => created.get(key));
    const released = await ask({ request: 'ReqReleaseAuthSession', authsessionid, requestid });
    assert.equal(released.get('authsessionstate'), '1');
    simulator.kill('SIGTERM');
    assert.equal((await once(simulator, 'exit'))[0], 0);
  }
});

let provider; let web;
const command = (...words) => provider.command(...words);
const refused = async (...words) => {
  const { code, stderr } = await run([...words, '--config', provider.config]);
  assert.notEqual(code, 0, words.join(' '));
  assert.ok(stderr.length > 10, words.join(' '));
  return stderr;
};
const starts = async (id, uri = `http://localhost:9/${id}`) => {
  const app = new App(provider, { client_id: id, redirect_uris: [uri] });
  return (await request('GET', app.authorizeUrl(pkce().challenge))).status;
};

before(async () => {
  provider = await prepare({ lifetimes: { key_ahead: '1s' } });
  await provider.start();
  web = new App(provider, await command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
});
after(async () => { if (provider) assert.equal(await provider.close(), 0); });

test('client create, list, show, update, rotate-secret and delete: in force within a second', async () => {
  assert.equal(await starts('one'), 400);
  const made = await command('client', 'create', '--id', 'one', '--name', 'One app', '--redirect-uri', 'http://localhost:9/one',
    '--redirect-uri', 'http://localhost:9/b http://localhost:9/c', '--post-logout-redirect-uri', 'http://localhost:9/bye',
    '--auth-method', 'client_secret_post', '--grant', 'authorization_code refresh_token', '--scope', 'openid email',
    '--scope', 'profile', '--require-pkce=false', '--consent=true', '--profile', 'standard');
  assert.equal(await starts('one'), 303);
  assert.ok(made.client_id === 'one' && made.client_secret.length >= 43);
  assert.deepEqual(made.redirect_uris, ['one', 'b', 'c'].map((path) => `http://localhost:9/${path}`));
  assert.deepEqual(made.post_logout_redirect_uris, ['http://localhost:9/bye']);
  assert.deepEqual(new Set(made.scope.split(' ')), new Set(['openid', 'email', 'profile']));
  assert.deepEqual(made.grant_types, ['authorization_code', 'refresh_token']);
  assert.deepEqual([made.client_name, made.token_endpoint_auth_method, made.require_pkce], ['One app', 'client_secret_post', false]);
  const shown = await command('client', 'show', 'one');
  assert.equal(shown.client_secret, undefined);
  assert.equal(shown.client_name, 'One app');
  assert.deepEqual((await command('client', 'list')).map(({ client_id: id }) => id).sort(), ['one', 'web']);

  const tokenAs = (secret) => request('POST', `${provider.issuer}/token`, { form: {
    grant_type: 'authorization_code', code: 'x', redirect_uri: 'http://localhost:9/one', client_id: 'one', client_secret: secret } });
  assert.equal((await tokenAs(made.client_secret)).json().error, 'invalid_grant');
  const rotated = await command('client', 'rotate-secret', 'one');
  assert.equal((await tokenAs(made.client_secret)).json().error, 'invalid_client');
  assert.equal((await tokenAs(rotated.client_secret)).json().error, 'invalid_grant');

  await command('client', 'update', '--id', 'one', '--redirect-uri', 'http://localhost:9/new', '--require-pkce');
  assert.equal(await starts('one'), 400);
  assert.equal(await starts('one', 'http://localhost:9/new'), 303);
  assert.equal((await command('client', 'show', '--id', 'one')).require_pkce, true);
  await command('client', 'update', 'one', '--disabled');
  assert.notEqual(await starts('one', 'http://localhost:9/new'), 303);
  await command('client', 'update', 'one', '--disabled=false');
  assert.equal(await starts('one', 'http://localhost:9/new'), 303);
  assert.equal((await command('client', 'delete', 'one')).client_id, 'one');
  assert.equal(await starts('one', 'http://localhost:9/new'), 400);
  const publicOne = await command('client', 'create', '--id', 'two', '--redirect-uri', 'http://127.0.0.1/two', '--auth-method', 'none');
  assert.equal(publicOne.client_secret, undefined);
  await refused('client', 'create', '--id', 'two', '--redirect-uri', 'http://localhost:9/x');
  await refused('client', 'show', 'nobody');
  await refused('client', 'create', '--id', 'three', '--redirect-uri', 'javascript:alert(1)');
  assert.match(await refused('client', 'create', '--id', 'three', '--redirect-uris'), /redirect-uri/);
});

test('client check: what is registered and what was refused; a name that is nearly one is suggested', async () => {
  const uri = 'http://localhost:9/grafana';
  await command('client', 'create', '--id', 'grafana', '--redirect-uri', uri);
  assert.deepEqual((await command('client', 'check', 'grafana')).refused, []);
  for (let times = 0; times < 3; times += 1) assert.equal(await starts('grafana', `${uri}/`), 400);
  const checked = await eventually('the row', async () => {
    const found = await command('client', 'check', '--id', 'grafana', '--last', '5');
    return found.refused[0]?.count === 3 && found;
  });
  assert.deepEqual(Object.keys(checked).sort(), ['client_id', 'disabled', 'redirect_uris', 'refused', 'require_pkce', 'scope']);
  const [one, ...more] = checked.refused;
  assert.deepEqual([one.field, one.got, one.registered, more], ['redirect_uri', `${uri}/`, uri, []]);
  assert.deepEqual(Object.keys(one).sort(),
    ['count', 'endpoint', 'error', 'field', 'first_at', 'got', 'hint', 'last_at', 'reason', 'registered']);
  const { stdout } = await run(['client', 'check', 'grafana', '--config', provider.config]);
  assert.match(stdout, /^redirect_uris +http:\/\/localhost:9\/grafana$/m);
  assert.match(stdout, /^\d{4}-.*Z +3 +\/authorize +invalid_request +redirect_uri +got \S+\/ – registered is \S+; they differ in the slash at the end$/m);
  assert.match(await refused('client', 'check', 'grafna'), /there is no client `grafna`; did you mean `grafana`\?/);
  await refused('client', 'check', 'grafana', '--last', '21');
  await command('client', 'delete', 'grafana');
});

test('user create, list, lock and unlock; device list and remove; session list and end', async () => {
  await provider.phone.create('carol');
  const carol = await command('user', 'create', '--username', 'Carol', '--email', 'carol@example.com', '--name', 'Carol C.', '--group', 'staff',
    '--group', 'a b', '--secsignid', 'carol', '--thumbsignin-user-id', 'alice');
  assert.ok(carol.sub && carol.username === 'carol');
  assert.deepEqual([carol.groups, carol.secsignid, carol.thumbsignin_user_id], [['a b', 'staff'], 'carol', 'alice']);
  await provider.phone.auto('secsign', 'carol', 'approve');
  const enter = async () => {
    const walker = await new Walker().open(web.authorizeUrl(pkce().challenge));
    await signIn(walker, 'secsign', 'carol@example.com', web.redirectUri, () => {});
    return walker;
  };
  const isIn = async (walker) => {
    await walker.open(web.authorizeUrl(pkce().challenge, { prompt: 'none' }), web.redirectUri);
    return new URL(walker.url).searchParams.has('code');
  };
  const walker = await enter();
  assert.equal(await isIn(walker), true);
  const [session] = await command('session', 'list', '--username', 'carol');
  assert.deepEqual([session.sub, session.username], [carol.sub, 'carol']);
  assert.deepEqual(await command('session', 'end', session.sid), { ended: 1 });
  assert.equal(await isIn(walker), false);

  const again = await enter();
  await command('user', 'lock', 'carol');
  assert.equal(await isIn(again), false);
  await command('user', 'unlock', 'carol');
  const third = await enter();
  assert.ok((await command('user', 'list')).some(({ username, locked }) => username === 'carol' && !locked));
  const devices = await command('device', 'list', 'carol');
  assert.deepEqual(devices.map(({ upstream }) => upstream).sort(), ['secsign', 'thumbsignin']);
  await command('device', 'remove', devices.find(({ upstream }) => upstream === 'secsign').id);
  assert.equal(await isIn(third), false, 'what the device approved ends with it');
  assert.equal((await command('device', 'list', 'carol')).length, 1);
  for (const words of [['user', 'lock', 'nobody'], ['device', 'remove', 'x'], ['session', 'end', 'x'], ['user', 'create', '--username', 'carol'],
    ['user', 'create', '--username', 'a b'], ['user', 'create', '--username', 'd', '--email', 'no']]) await refused(...words);
});

test('key list and rotate, migrate', async () => {
  const kids = async () => new Set((await request('GET', `${provider.issuer}/jwks`)).json().keys.map(({ kid }) => kid));
  const before = await kids();
  assert.ok((await command('key', 'list')).some(({ state }) => state === 'active'));
  // A next key that was published a moment ago may not sign yet.
  const listed = await eventually('a rotation', () => command('key', 'rotate').catch(() => undefined));
  const published = listed.map(({ kid }) => kid).filter((kid) => !before.has(kid));
  assert.ok(published.length > 0);
  await eventually('the new keys in the JWKS', async () => {
    const now = await kids();
    return published.every((kid) => now.has(kid));
  }, 3_000);
  assert.deepEqual(await command('migrate'), { up_to_date: true });
});

test('A12: without a file it is said which one was looked for; demo and simulate refuse one, and say what of the environment they ignore', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'signbridge-'));
  try {
    for (const words of [['serve'], ['client', 'list'], ['config', 'check'], ['doctor']]) {
      const child = spawn(BINARY, words, { cwd: empty, stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said += chunk; });
      const [code] = await once(child, 'close');
      assert.notEqual(code, 0, words.join(' '));
      for (const told of ['signbridge.toml', '--config']) assert.ok(said.includes(told), `${words.join(' ')}: ${said}`);
    }
  } finally { await rm(empty, { recursive: true }); }
  for (const words of [['demo'], ['simulate', '--port', '0']]) {
    const { code, stderr } = await run([...words, '--config', '/nonexist.toml']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /read no configuration file/);
  }
  const ignored = await run(['demo', '--port', '0', '--self-test'], { SIGNBRIDGE_CLIENT__3__ID: 'mine', SIGNBRIDGE_LIFETIMES__LOGIN: '90s' });
  assert.equal(ignored.code, 0, ignored.stderr);
  assert.match(ignored.stderr, /takes no notice of these variables.*SIGNBRIDGE_CLIENT__3__ID|SIGNBRIDGE_CLIENT__3__ID.*takes no notice/);
  assert.doesNotMatch(ignored.stderr, /SIGNBRIDGE_LIFETIMES__LOGIN/);
});

test('A21: a port that is taken: serve, demo and simulate say which one, and what to do', async () => {
  const { port } = new URL(provider.management);
  const file = join(provider.dir, 'taken.toml');
  const text = await readFile(provider.config, 'utf8');
  await writeFile(file, text.replace(/^address = .*$/m, `address = "127.0.0.1:${port}"`).replace(/^management = .*$/m, 'management = "127.0.0.1:0"'));
  for (const [words, hint] of [
    [['serve', '--config', file], /listen\.address.*another program has this port/],
    [['simulate', '--port', port], /another program has this port.*--port 0/],
    [['demo', '--port', port], /--port 0/],
  ]) {
    const { code, stderr } = await run(words);
    assert.notEqual(code, 0, words[0]);
    assert.ok(stderr.includes(`127.0.0.1:${port}`), stderr);
    assert.match(stderr, hint);
  }
});

test('A14: only serve, migrate and a create make a database; every other command says that there is none', async () => {
  const text = await readFile(provider.config, 'utf8');
  const elsewhere = async (url) => {
    const file = join(provider.dir, 'elsewhere.toml');
    await writeFile(file, text.replace(/^(\[database\]\nurl = )".*"/m, `$1"${url}"`));
    return file;
  };
  const asks = async (words, file) => {
    const { code, stdout, stderr } = await run([...words.split(' '), '--config', file]);
    assert.deepEqual([code, stdout], [1, ''], words);
    assert.match(stderr, /there is no database yet .*`signbridge serve` makes it/, words);
  };
  const made = join(provider.dir, 'elsewhere.db');
  const file = await elsewhere('sqlite:elsewhere.db');
  for (const words of ['client list', 'client show x', 'client check x', 'client update x --name y', 'client delete x', 'client rotate-secret x', 'user list',
    'user show a', 'user update a --name b', 'user lock a', 'user unlock a', 'user reset-limits a', 'user delete a', 'user export', 'user import f --dry-run',
    'device list', 'device add a --secsignid a', 'device rename x y', 'device remove x', 'consent list', 'consent revoke a x', 'session list', 'session end x',
    'audit list', 'audit tail', 'audit export', 'token preview x a', 'key list', 'key rotate']) {
    await asks(words, file);
    assert.equal(existsSync(made), false, words);
  }
  assert.equal((await run(['migrate', '--check', '--config', file])).code, 1);
  assert.equal(existsSync(made), false, 'migrate --check');
  const first = await run(['user', 'create', '--username', 'first', '--config', file]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /there was no database yet: one is made/);
  const second = await run(['client', 'create', '--id', 'second', '--redirect-uri', 'https://app.test/cb', '--config', file]);
  assert.deepEqual([second.code, second.stderr], [0, '']);
  const migrated = await elsewhere('sqlite:migrated.db');
  assert.equal((await run(['migrate', '--config', migrated])).code, 0);
  assert.match((await run(['user', 'list', '--config', migrated])).stdout, /there is nobody/);
  if (provider.database) await asks('user list', await elsewhere(await freshDatabase(undefined, 'nothing')));
});

test('config check, show and reference; the environment wins; unknown keys are refused with a suggestion', async () => {
  assert.equal((await command('config', 'check')).ok, true);
  const show = async (env) => (await run(['config', 'show', '--config', provider.config, '--format', 'json'], env)).stdout;
  assert.ok(!(await show()).includes(provider.upstream.secret), 'config show hides secrets');
  assert.match(await show({ SIGNBRIDGE_SECSIGN__URL: 'https://sec.example' }), /sec\.example/);
  const secretFile = join(provider.dir, 'secret.txt');
  await writeFile(secretFile, `${'s'.repeat(64)}\n`, { mode: 0o600 });
  const check = (env, file = provider.config) => run(['config', 'check', '--config', file], env);
  const withoutSecret = join(provider.dir, 'without.toml');
  await writeFile(withoutSecret, (await readFile(provider.config, 'utf8')).replace(/^secret = .*$/m, ''));
  assert.notEqual((await check({}, withoutSecret)).code, 0);
  assert.equal((await check({ SIGNBRIDGE_THUMBSIGNIN__SECRET_FILE: secretFile }, withoutSecret)).code, 0);
  assert.equal((await check({ SIGNBRIDGE_LIFETIMES__LOGIN: '90s' })).code, 0);
  for (const [env, suggested] of [
    [{ SIGNBRIDGE_SECSIGN__ULR: 'https://x' }, /SIGNBRIDGE_SECSIGN__URL/], [{ SIGNBRIDGE_ISUER: 'https://x' }, /SIGNBRIDGE_ISSUER/],
    [{ SIGNBRIDGE_LIFETIMES__LOGIN: '90' }, /LOGIN/], [{ SIGNBRIDGE_LIFETIMES__LOGIN: '3d' }, /LOGIN/],
    [{ SIGNBRIDGE_ALLOW_LOOPBACK_UPSTREAM: 'maybe' }, /true|false/],
  ]) {
    const { code, stderr } = await check(env);
    assert.notEqual(code, 0, JSON.stringify(env));
    assert.match(stderr, suggested);
  }
  const misspelt = join(provider.dir, 'misspelt.toml');
  await writeFile(misspelt, (await readFile(provider.config, 'utf8')).replace('keys_dir', 'key_dir').replace('[secsign]', '[secsing]'));
  const { code, stderr } = await check({}, misspelt);
  assert.notEqual(code, 0);
  assert.match(stderr, /keys_dir/);
  assert.match(stderr, /secsign\b/);

  const { stdout } = await run(['config', 'reference']);
  for (const key of ['issuer', 'address', 'tls_cert', 'tls_key', 'management', 'trusted_proxies', 'allow_loopback_upstream', 'url', 'keys_dir',
    'fallback_url', 'ca_file', 'app_id', 'secret', 'allow_unnamed', 'allow_private', 'profile',
    'require_pkce', 'unknown']) assert.match(stdout, new RegExp(`^#?${key} = `, 'm'), key);
});

test('serve refuses what would be unsafe: loopback and plain-http upstreams without the key, a plain-http issuer elsewhere', async () => {
  const text = await readFile(provider.config, 'utf8');
  const other = (change) => change(text.replace(/address = .*/, 'address = "127.0.0.1:0"').replace(/management = .*/, 'management = "127.0.0.1:0"')
    .replace('signbridge.db', 'other.db'));
  for (const [what, change] of [
    ['a loopback upstream', (file) => file.replace('allow_loopback_upstream = true', '')],
    ['a plain-http upstream', (file) => file.replace(/url = "http:\/\/127[^"]*"/, 'url = "http://sec.example"')],
    ['a plain-http issuer', (file) => file.replace(/issuer = .*/, 'issuer = "http://login.example"')],
    ['an issuer with a slash at its end', (file) => file.replace(/issuer = .*/, 'issuer = "https://login.example/"')],
  ]) {
    const file = join(provider.dir, 'unsafe.toml');
    await writeFile(file, other(change));
    const { code, stderr } = await run(['serve', '--config', file]);
    assert.notEqual(code, 0, what);
    assert.ok(stderr.length > 0, what);
  }
});
