// JupyterHub with oauthenticator (PyPI; its proxy from npm) against the running binary: login, protected page, groups,
// refresh, and a logout that is a bare redirect to the end-session endpoint.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { approve, eventually } from './lib/demo.mjs';
import { answers, startProgram } from './lib/program.mjs';
import { freePorts, prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const PYTHON = process.env.JUPYTERHUB_PYTHON ?? fileURLToPath(new URL('../../target/check/jupyterhub/bin/python', import.meta.url));
const PROXY = fileURLToPath(new URL('node_modules/.bin/configurable-http-proxy', import.meta.url));
const missing = [PYTHON, PROXY].filter((file) => !existsSync(file));
const options = { skip: missing.length > 0 && `no ${missing.join(' and no ')}: pip install jupyterhub oauthenticator, npm ci` };

let provider, hub, dir, site;

before(async () => {
  if (options.skip) return;
  // Access tokens end soon, so that the hub has to refresh them.
  provider = await prepare({ lifetimes: { access_token: '5s' } });
  await provider.start();
  dir = await mkdtemp(join(tmpdir(), 'signbridge-jupyterhub-'));
  const [port, hubPort, proxyPort] = await freePorts(3);
  site = `http://localhost:${port}`;
  const { recipe } = await provider.command(
    'client', 'create', '--recipe', 'jupyterhub', '--url', site, '--group', 'staff', '--admin-group', 'admins',
  );
  await writeFile(join(dir, 'jupyterhub_config.py'), configuration({ port, hubPort, proxyPort, recipe }), { mode: 0o600 });
  hub = await startProgram(PYTHON, ['-m', 'jupyterhub', '-f', join(dir, 'jupyterhub_config.py')], {
    cwd: dir, ready: () => answers(`${site}/hub/login`, 302),
    env: { PATH: `${process.env.PATH}:${join(PROXY, '..')}`, JUPYTERHUB_CRYPT_KEY: randomBytes(32).toString('hex'), CONFIGPROXY_AUTH_TOKEN: randomBytes(32).toString('hex') },
  });
});
after(async () => {
  await hub?.stop();
  await provider?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** What an administrator writes: what the recipe prints as it stands, and what only this hub has. */
const configuration = ({ port, hubPort, proxyPort, recipe }) => `
c.JupyterHub.bind_url = "http://localhost:${port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:${hubPort}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:${proxyPort}"
c.ConfigurableHTTPProxy.command = ["${PROXY}"]
c.JupyterHub.db_url = "sqlite:///${dir}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "${dir}/cookie_secret"
c.JupyterHub.log_level = "DEBUG"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.auto_login = True
c.Authenticator.auth_refresh_age = 1
${recipe.files[0].content}`;

async function enter(username) {
  const walker = new Walker();
  await walker.open(`${site}/hub/home`);
  const asked = new URL(walker.trail.find((url) => url.startsWith(`${provider.issuer}/authorize`))).searchParams;
  await signIn(walker, 'secsign', username, undefined, () => approve(provider, 'secsign', username));
  return { walker, asked };
}

test('a person signs in and reads a protected page; who is in no allowed group does not', options, async () => {
  await provider.person('hub-ada', '--group', 'staff');
  const { walker, asked } = await enter('hub-ada');
  assert.equal(asked.get('code_challenge_method'), 'S256');
  assert.equal(walker.status, 200, walker.html.slice(0, 3000));
  assert.ok(walker.url.startsWith(`${site}/hub/home`), walker.url);
  assert.match(walker.html, /hub-ada/);
  assert.equal((await walker.open(`${site}/hub/admin`)).status, 403);

  await provider.person('hub-eve', '--group', 'other');
  assert.equal((await enter('hub-eve')).walker.status, 403);
  await provider.person('hub-kim', '--group', 'admins');
  assert.equal((await (await enter('hub-kim')).walker.open(`${site}/hub/admin`)).status, 200);
});

test('the hub refreshes an access token that has ended', options, async () => {
  await provider.person('hub-ben', '--group', 'staff');
  const { walker } = await enter('hub-ben');
  assert.equal(walker.status, 200);
  await eventually('a refresh', async () => {
    await walker.open(`${site}/hub/home`);
    assert.equal(walker.status, 200);
    assert.ok(walker.url.startsWith(site), 'without a login');
    return /fresh access_token for hub-ben via refresh_token/.test(hub.log());
  });
});

test('a logout leads here without a hint: the person is asked, and is out', options, async () => {
  await provider.person('hub-cyd', '--group', 'staff');
  const { walker } = await enter('hub-cyd');
  await walker.open(`${site}/hub/logout`);
  assert.equal(walker.trail.at(-1), `${provider.issuer}/logout`);
  assert.equal(walker.page, 'logout');
  await walker.submit('logout');
  assert.equal(walker.page, 'message');
  await walker.open(`${site}/hub/home`);
  assert.ok(walker.url.startsWith(provider.issuer), 'the hub asks for a login again, and so do we');
});
