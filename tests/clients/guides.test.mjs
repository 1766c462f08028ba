// The guides do what they say: their shell blocks run in a fresh directory against the running binary, what they write is
// what the other side reads, and their pictures are there. Blocks marked `sh keycloak` need Keycloak (KEYCLOAK_HOME);
// blocks marked `console` belong to another machine and are only read.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BINARY, eventually } from './lib/demo.mjs';
import { LARGEST } from './lib/pictures.mjs';
import { callback, goQuery, ini, longPkce, verified, basic, post } from './lib/replay.mjs';
import { App, freePorts, prepare } from './lib/serve.mjs';
import { selfSigned } from './lib/trust.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const GUIDES = fileURLToPath(new URL('../../docs/guides/', import.meta.url));
const read = (name) => readFileSync(join(GUIDES, name), 'utf8');
const names = readdirSync(GUIDES).filter((name) => name.endsWith('.md'));
const execute = promisify(execFile);

/** The code blocks of a guide: info string and text, without the indentation of the step that they stand in. */
function blocks(text) {
  return [...text.matchAll(/^( *)```(.*)\n([\s\S]*?)^\1```$/gm)].map(([, indent, info, body]) => (
    { info, body: body.split('\n').map((line) => line.slice(indent.length)).join('\n') }
  ));
}

/** A person's shell in the provider's directory, with the program on the path. */
const shell = (provider, script) => execute('sh', ['-euc', script], {
  cwd: provider.dir, env: { ...process.env, BINARY_UNDER_TEST: undefined, PATH: `${dirname(BINARY)}:${process.env.PATH}` },
});

async function withProvider(work, options) {
  const provider = await prepare(options);
  try {
    await provider.start();
    await provider.phone.create('ada');
    await provider.phone.auto('secsign', 'ada', 'approve');
    return await work(provider);
  } finally {
    await provider.close();
  }
}

const OWN_SERVER = 'secsign-own-server.md';
// Of PostgreSQL, `backup` only says which tool does it.
const OPERATIONS = 'operations.md';

/** A simulated server that demands the account of the guide, and a provider that has it. */
function ownServer() {
  const text = read(OWN_SERVER);
  const [, user] = text.match(/^ *pin_user = "(.+)"$/m);
  const [, password] = text.match(/^ *printf %s '(.+)' > secsign\.pin$/m);
  return {
    simulated: ['--pin-account', `${user}:${password}`],
    sections: { secsign: `pin_user = "${user}"\npin_password = "${password}"` },
  };
}

for (const name of names) {
  test(`${name}: at most five steps, and everything that it points to is there`, () => {
    const text = read(name);
    for (const section of text.split(/^## /m)) {
      const steps = [...section.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
      assert.ok(steps.length <= 5, `${steps.length} steps`);
      assert.deepEqual(steps, steps.map((_, at) => at + 1));
    }
    for (const [, target] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (/^https?:/.test(target)) continue;
      assert.ok(existsSync(join(GUIDES, target)), target);
      if (target.endsWith('.png')) assert.ok(statSync(join(GUIDES, target)).size <= LARGEST, `${target} is too large`);
    }
  });

  test(`${name}: its commands run in a fresh directory`, async () => {
    const scripts = blocks(read(name)).filter(({ info }) => info === 'sh');
    assert.ok(scripts.length > 0);
    await withProvider(async (provider) => {
      for (const { body } of scripts) await shell(provider, body);
      const clients = await provider.command('client', 'list');
      assert.equal(clients.length > 0, scripts.some(({ body }) => body.includes('client create')));
      for (const folder of readdirSync(provider.dir, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'keys')) {
        for (const file of readdirSync(join(provider.dir, folder.name))) {
          assert.equal(statSync(join(provider.dir, folder.name, file)).mode & 0o777, 0o600, `${file} is for the operator's eyes only`);
        }
      }
    }, { [OWN_SERVER]: ownServer(), [OPERATIONS]: { database: 'sqlite:signbridge.db' } }[name]);
  });
}

test('secsign-own-server.md: with its section, the person of the guide signs in through the REST API, and the next time there is a link into the app', async () => {
  await withProvider(async (provider) => {
    const all = blocks(read(OWN_SERVER));
    const [section] = all.filter(({ info }) => info === 'toml').map(({ body }) => body);
    const [secret, ...scripts] = all.filter(({ info }) => info === 'sh').map(({ body }) => body);
    await shell(provider, secret);
    assert.equal(statSync(join(provider.dir, 'secsign.pin')).mode & 0o777, 0o600);
    copyFileSync(selfSigned(provider.dir).cert, join(provider.dir, 'secsign-ca.pem'));
    const before = readFileSync(provider.config, 'utf8');
    const here = section.replace(/^((fallback_)?url) = ".*"$/gm, `$1 = "${provider.upstream.upstream_url}"`);
    writeFileSync(provider.config, before.replace(/^\[secsign\]\n[\s\S]*?(?=^\[thumbsignin\]$)/m, here));
    assert.equal(await provider.end(), 0);
    await provider.start();
    for (const body of scripts) await shell(provider, body);
    const { checks } = await provider.command('doctor');
    for (const name of ['secsign', 'secsign fallback']) assert.equal(checks.find((check) => check.name === name).outcome, 'ok');
    const back = 'http://localhost:9/callback';
    const app = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', back));
    const walker = await new Walker().open(app.authorizeUrl(longPkce().challenge));
    await signIn(walker, 'secsign', 'ada', back, async () => {});
    assert.ok(new URL(walker.url).searchParams.get('code'), walker.url);
    const creates = (await provider.phone.requests()).filter(({ operation }) => operation === 'create');
    assert.match(creates.at(-1).target, /\/rest\/v2\/AuthSession\?/);
    await walker.open(app.authorizeUrl(longPkce().challenge, { prompt: 'login' }));
    await walker.submit('provider', { provider: 'secsign' });
    await provider.phone.reset();
    await walker.submit('identifier', { identifier: 'ada' });
    assert.match(walker.html, /<a id="deep-link"[^>]* href="com\.example\.secsignid:\/\/authenticate\?secsignid=ada&amp;authsessionid=-?\d+&amp;[^"]*idserverurl=secsign-app\.example\.com"/);
  }, ownServer());
});

test('README.md: both examples of a configuration are accepted, and its commands make the client and the person', async () => {
  const all = blocks(readFileSync(join(GUIDES, '../../README.md'), 'utf8'));
  const [whole, more, ...others] = all.filter(({ info }) => info === 'toml').map(({ body }) => body);
  assert.ok(whole && more && others.length === 0, 'a configuration, and what may be added to it');
  // What needs the sources is the business of those who build: the rest is for whoever has the program.
  const scripts = all.filter(({ info, body }) => info === 'sh' && body.startsWith('signbridge '));
  assert.ok(scripts.length > 0);
  await withProvider(async (provider) => {
    const secret = join(provider.dir, 'thumbsignin.secret');
    writeFileSync(secret, 'a secret of thirty-two characters', { mode: 0o600 });
    const check = (text) => {
      writeFileSync(join(provider.dir, 'example.toml'), text);
      return shell(provider, 'signbridge config check --config example.toml');
    };
    await check(whole);
    await check(`${whole}\n${more}`);
    await assert.rejects(check(`${whole}\n${more.replace('app_id', 'app_idd')}`), ({ stderr }) => /app_idd/.test(stderr));
    for (const { body } of scripts) await shell(provider, body);
    const client = (await provider.command('client', 'list')).find(({ client_id: id }) => id === 'my-app');
    assert.deepEqual(client.redirect_uris, ['https://app.example.com/callback']);
    const ada = (await provider.command('user', 'list')).find(({ username }) => username === 'ada');
    assert.equal(ada.email, 'ada@example.com');
  });
});

test('grafana.md: with what it wrote, the person of the guide signs in and is an administrator', async () => {
  await withProvider(async (provider) => {
    for (const { body } of blocks(read('grafana.md')).filter(({ info }) => info === 'sh')) await shell(provider, body);
    // Grafana itself cannot be installed here: its file is read as an ini file, and its requests are played.
    const settings = ini(readFileSync(join(provider.dir, 'grafana/grafana.ini'), 'utf8'))['auth.generic_oauth'];
    const redirectUri = 'https://grafana.example.com/login/generic_oauth';
    const pkce = longPkce();
    const walker = new Walker();
    const answer = await callback(`${settings.auth_url}?${goQuery({
      access_type: 'online', client_id: settings.client_id, redirect_uri: redirectUri, response_type: 'code', state: 'c3Q=',
      scope: settings.scopes, code_challenge: pkce.challenge, code_challenge_method: 'S256',
    })}`, redirectUri, 'ada', walker);
    const { json } = await post(settings.token_url, goQuery({
      grant_type: 'authorization_code', code: answer.get('code'), code_verifier: pkce.verifier, redirect_uri: redirectUri,
    }), { authorization: basic(settings.client_id, settings.client_secret) });
    const claims = await verified(json.id_token, settings.jwk_set_url);
    assert.deepEqual(claims.groups, ['grafana-admins']);
  });
});

test('a paste is printed between marks where no directory is given, and never into a file that is there', async () => {
  await withProvider(async (provider) => {
    const create = 'signbridge client create --config signbridge.toml --recipe grafana --url https://g.example';
    const { stdout } = await shell(provider, create);
    const [, pasted] = stdout.match(/^==> grafana\.ini: [^\n]* <==\n\n([\s\S]*?)\n==> /m);
    const secret = stdout.match(/^client_secret +(\S+)$/m)[1];
    assert.equal(ini(pasted)['auth.generic_oauth'].client_secret, secret);
    await shell(provider, `${create} --id second --recipe-dir out`);
    const before = readFileSync(join(provider.dir, 'out/grafana.ini'), 'utf8');
    await assert.rejects(shell(provider, `${create} --id third --recipe-dir out`), (error) => {
      assert.match(error.stderr, /out\/grafana\.ini/);
      // The secret exists nowhere else: it is printed after all.
      assert.match(error.stdout, /==> grafana\.ini/);
      return error.code === 1;
    });
    assert.equal(readFileSync(join(provider.dir, 'out/grafana.ini'), 'utf8'), before);
  });
});

test('thumbsignin-site.md: the section that it writes is accepted, and the script of its page is one', async () => {
  const all = blocks(read('thumbsignin-site.md'));
  const written = (info) => all.filter((block) => block.info === info).map(({ body }) => body);
  await withProvider(async (provider) => {
    const section = written('toml').join('\n');
    const text = readFileSync(provider.config, 'utf8').replace(/^issuer = .*$/m, 'issuer = "https://id.example.com"');
    const check = (config) => {
      writeFileSync(join(provider.dir, 'site.toml'), config);
      return shell(provider, 'signbridge config check --config site.toml');
    };
    const unnamed = text.replace('[thumbsignin]', '[thumbsignin]\nallow_unnamed = true');
    await check(`${unnamed}\n${section}`);
    await assert.rejects(check(`${text}\n${section}`), ({ stderr }) => /allow_unnamed/.test(stderr));
    await assert.rejects(check(`${unnamed}\n${section.replace('https:', 'http:')}`), ({ stderr }) => /site\[0\]\.origin/.test(stderr));
    await assert.rejects(check(`${unnamed}\n${section.replace('client_id', 'client')}`), ({ stderr }) => /client_id/.test(stderr));
    await assert.rejects(check(`${unnamed}\n${section}\n${section}`), ({ stderr }) => /another site/.test(stderr));
  });
  const scripts = written('html').flatMap((html) => [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)]);
  assert.equal(scripts.length, 1);
  for (const [, script] of scripts) new Function(script);
});

const keycloak = process.env.KEYCLOAK_HOME;
test('keycloak.md: Keycloak imports the realm that it wrote, and the person of the guide signs in', {
  skip: !keycloak && 'needs Keycloak: set KEYCLOAK_HOME', timeout: 500_000,
}, async () => {
  await withProvider(async (provider) => {
    const [port] = await freePorts(1);
    const [start, ...others] = blocks(read('keycloak.md')).toReversed().filter(({ info }) => info.startsWith('sh'))
      .map(({ info, body }) => ({ info, body: body.replaceAll('8180', port) }));
    assert.equal(start.info, 'sh keycloak');
    for (const { body } of others.toReversed()) await shell(provider, body);
    const child = spawn('sh', ['-euc', start.body.replace(/^"\$KEYCLOAK_HOME\/bin\/kc\.sh"/m, 'exec $&')], {
      cwd: provider.dir, stdio: ['ignore', 'pipe', 'pipe'],
      // A start that does not compile for the long run, in little memory.
      env: { ...process.env, JAVA_OPTS: '-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms256m -Xmx512m' },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said = (said + chunk).slice(-4000); });
    const gone = once(child, 'exit');
    try {
      await eventually('the realm', async () => {
        if (child.exitCode !== null) throw new Error(`Keycloak ended:\n${said}`);
        return (await fetch(`http://127.0.0.1:${port}/realms/demo/.well-known/openid-configuration`).catch(() => ({ ok: false }))).ok;
      }, 400_000).catch((error) => { throw new Error(`${error.message}\n${said}`); });
      const account = `http://127.0.0.1:${port}/realms/demo/account/`;
      const walker = await new Walker().open(`http://127.0.0.1:${port}/realms/demo/protocol/openid-connect/auth?${new URLSearchParams({
        client_id: 'account-console', redirect_uri: account, response_type: 'code', scope: 'openid', state: 's',
        code_challenge: longPkce().challenge, code_challenge_method: 'S256',
      })}`);
      assert.equal(walker.page, 'choose');
      assert.match(walker.html, /Keycloak/);
      await signIn(walker, 'secsign', 'ada', account, async () => {});
      assert.ok(walker.url.startsWith(account), `${walker.url} ${walker.status}\n${walker.html.slice(0, 2000)}`);
      assert.ok(new URL(walker.url).searchParams.get('code'), walker.url);
    } finally {
      child.kill('SIGTERM');
      await gone;
    }
  });
});
