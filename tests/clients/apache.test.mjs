// Apache with mod_auth_openidc (Debian: apache2-bin, libapache2-mod-auth-openidc) against the running binary: login, protected
// page, refresh, logout, back-channel logout, key rotation, and answers that come as a form.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approve, eventually } from './lib/demo.mjs';
import { answers, startProgram } from './lib/program.mjs';
import { freePorts, prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const APACHE = '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';
const missing = [APACHE, `${MODULES}/mod_auth_openidc.so`].filter((file) => !existsSync(file));
const skip = missing.length > 0 && `no ${missing.join(' and no ')}: apt-get install apache2-bin libapache2-mod-auth-openidc`;
const options = { skip };

let provider, apache, dir;
/** Two sites of one Apache, each a client of its own: one asks for the answer in the query, one as a form. */
const sites = { query: {}, form: {} };

before(async () => {
  if (skip) return;
  provider = await prepare({ lifetimes: { key_ahead: '1s' }, more: '[outbound]\nallow_private = true\n' });
  await provider.start();
  const ports = await freePorts(2);
  for (const [at, [name, site]] of Object.entries(sites).entries()) {
    site.port = ports[at];
    site.url = `http://localhost:${site.port}`;
    site.callback = `${site.url}/oidc/callback`;
    const client = await provider.command('client', 'create', '--recipe', 'apache', '--id', `apache-${name}`, '--url', site.url);
    site.recipe = client.recipe.files[0].content;
  }
  dir = await configure();
  const ready = () => answers(`${sites.form.url}/`);
  apache = await startProgram(APACHE, ['-f', join(dir, 'httpd.conf'), '-D', 'FOREGROUND'], { ready });
});
after(async () => {
  await apache?.stop();
  await provider?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** What an administrator writes: what the recipe prints as it stands, and what only this site has. */
const virtualHost = (site, responseMode) => `
Listen 127.0.0.1:${site.port}
<VirtualHost 127.0.0.1:${site.port}>
  ServerName http://localhost:${site.port}
  ${site.recipe}
  OIDCResponseMode ${responseMode}
  OIDCInfoHook access_token id_token refresh_token userinfo
  <Location /admins>
    AuthType openid-connect
    Require claim groups:admins
  </Location>
</VirtualHost>`;

async function configure() {
  const at = await mkdtemp(join(tmpdir(), 'signbridge-apache-'));
  // The workers run as another user.
  await chmod(at, 0o755);
  for (const place of ['private', 'admins']) {
    await mkdir(join(at, 'www', place), { recursive: true });
    await writeFile(join(at, 'www', place, 'index.shtml'), 'Hello <!--#echo var="REMOTE_USER" -->.\n');
  }
  await writeFile(join(at, 'www', 'index.shtml'), 'Everybody may read this.\n');
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'mime', 'include', 'auth_openidc'];
  await writeFile(join(at, 'httpd.conf'), `
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
ServerName localhost
ServerRoot ${at}
DefaultRuntimeDir ${at}
PidFile ${at}/httpd.pid
ErrorLog ${at}/error.log
LogLevel warn
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
DocumentRoot ${at}/www
DirectoryIndex index.shtml
TypesConfig /dev/null
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Directory ${at}/www>
  Options +Includes
</Directory>
${virtualHost(sites.query, 'query')}
${virtualHost(sites.form, 'form_post')}
`, { mode: 0o600 });
  return at;
}

/** Opens a page of a site and signs in on the way. */
async function enter(site, username, path = '/private/', walker = new Walker()) {
  const wanted = `${site.url}${path}`;
  await walker.open(wanted);
  const authorize = walker.trail.find((url) => url.startsWith(`${provider.issuer}/authorize`));
  await signIn(walker, 'secsign', username, undefined, () => approve(provider, 'secsign', username));
  if (/id="form-post"/.test(walker.html)) await walker.submit('form-post');
  return { walker, asked: new URL(authorize).searchParams };
}

const info = async (walker, site) => JSON.parse((await walker.open(`${site.callback}?info=json`)).html);
const claimsOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
const headerOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url'));

test('a person signs in and reads the protected page; a group opens another', options, async () => {
  await provider.person('apache-ada', '--email', 'ada@example.com', '--group', 'staff');
  const site = sites.query;
  const { walker, asked } = await enter(site, 'apache-ada');
  assert.equal(walker.status, 200);
  assert.match(walker.html, /Hello apache-ada\./);
  assert.equal(asked.get('code_challenge_method'), 'S256');
  assert.ok(asked.get('nonce') && asked.get('state'));
  const { userinfo, id_token: claims } = await info(walker, site);
  assert.deepEqual([userinfo.email, userinfo.groups], ['ada@example.com', ['staff']]);
  assert.equal(claims.iss, provider.issuer);
  assert.equal((await walker.open(`${site.url}/admins/`)).status, 401);

  await provider.person('apache-eve', '--group', 'admins');
  const other = await enter(site, 'apache-eve', '/admins/');
  assert.match(other.walker.html, /Hello apache-eve\./);
});

test('a refresh gives a new access token; one that names another token is refused', options, async () => {
  await provider.person('apache-ben');
  const site = sites.query;
  const { walker } = await enter(site, 'apache-ben');
  const before = await info(walker, site);
  assert.ok(before.refresh_token && before.access_token);
  const back = `${site.url}/`;
  const refresh = (token) => `${site.callback}?${new URLSearchParams({ refresh: back, access_token: token })}`;
  await walker.open(refresh('another'));
  assert.match(walker.url, /error_code=/);
  assert.equal((await info(walker, site)).access_token, before.access_token);
  await walker.open(refresh(before.access_token));
  assert.equal(walker.url, back);
  const now = await info(walker, site);
  assert.notEqual(now.access_token, before.access_token);
  const ask = (token) => fetch(`${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await ask(now.access_token)).status, 200);
});

test('a logout ends both sessions and the tokens, and leads back', options, async () => {
  await provider.person('apache-cyd');
  const site = sites.query;
  const { walker } = await enter(site, 'apache-cyd');
  const { access_token: token } = await info(walker, site);
  const ask = () => fetch(`${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await ask()).status, 200);
  await walker.open(`${site.callback}?logout=${encodeURIComponent(`${site.url}/`)}`);
  assert.match(walker.html, /Everybody may read this/);
  assert.ok(walker.trail.some((url) => url.startsWith(`${provider.issuer}/logout?`) && url.includes('id_token_hint=')));
  assert.equal((await ask()).status, 401);
  await walker.open(`${site.url}/private/`);
  assert.ok(walker.url.startsWith(provider.issuer), 'the page asks for a login again');
});

test('back-channel logout: who signs out elsewhere is signed out here, and nobody else', options, async () => {
  await provider.person('apache-gil');
  await provider.person('apache-hal');
  const site = sites.query;
  const gone = (await enter(site, 'apache-gil')).walker;
  const stays = (await enter(site, 'apache-hal')).walker;
  await gone.open(`${provider.issuer}/logout`);
  await gone.submit('logout');
  await eventually('Apache ends the session', async () => (await gone.open(`${site.url}/private/`)).url.startsWith(provider.issuer));
  assert.match((await stays.open(`${site.url}/private/`)).html, /Hello apache-hal\./);
});

test('after a key rotation new logins are good, and so are sessions from before', options, async () => {
  await provider.person('apache-dan');
  const site = sites.query;
  const { walker } = await enter(site, 'apache-dan');
  const kid = async () => headerOf(await hint((await enter(site, 'apache-dan')).walker, site)).kid;
  const before = await kid();
  await eventually('the next key may sign', () => provider.command('key', 'rotate', '--alg', 'RS256').then(() => true, () => false));
  const after = await eventually('the new key signs', async () => {
    const now = await kid();
    return now !== before && now;
  });
  assert.notEqual(after, before);
  assert.match((await walker.open(`${site.url}/private/`)).html, /Hello apache-dan/);
});

/** The ID token that Apache keeps, as it shows it when it asks for a logout. The browser does not go there. */
async function hint(walker, site) {
  await walker.open(`${site.callback}?logout=${encodeURIComponent(`${site.url}/`)}`, `${provider.issuer}/logout`);
  return new URL(walker.url).searchParams.get('id_token_hint');
}

test('the answer as a form', options, async () => {
  await provider.person('apache-fay');
  const site = sites.form;
  const { walker, asked } = await enter(site, 'apache-fay');
  assert.equal(asked.get('response_mode'), 'form_post');
  assert.match(walker.html, /Hello apache-fay\./);
  assert.equal(claimsOf(await hint(walker, site)).aud, 'apache-form');
});
