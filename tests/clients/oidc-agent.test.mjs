// oidc-agent (Debian: oidc-agent-cli) against the running binary: an account by the code flow with a listener on loopback,
// access tokens, refreshes, and the end of the account. It writes its redirect URI unencoded, uses a long state, and sends a
// stray `response_type` to the token endpoint.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approve, eventually } from './lib/demo.mjs';
import { run, startProgram } from './lib/program.mjs';
import { freePorts, prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const AGENT = '/usr/bin/oidc-agent';
const options = { skip: !existsSync(AGENT) && `no ${AGENT}: apt-get install oidc-agent-cli` };

let provider, agent, dir, env;

before(async () => {
  if (options.skip) return;
  provider = await prepare();
  await provider.start();
  dir = await mkdtemp(join(tmpdir(), 'signbridge-agent-'));
  await mkdir(join(dir, 'accounts'));
  env = { HOME: dir, TMPDIR: dir, OIDC_CONFIG_DIR: join(dir, 'accounts'), OIDC_SOCK: join(dir, 'socket'), ACCOUNT_PASSWORD: 'secret' };
  agent = await startProgram(AGENT, ['--console', '--no-scheme', `--socket-path=${env.OIDC_SOCK}`], {
    env, ready: () => existsSync(env.OIDC_SOCK),
  });
});
after(async () => {
  await agent?.stop();
  await provider?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** The words of the command that the recipe prints, without the continuation of lines. */
const words = ({ recipe }) => recipe.files[0].content.split(' \\\n').map((word) => word.trim().replace(/^'(.*)'$/, '$1'));

/**
 * Runs the command of the recipe, at a free port; in between the person signs in at the address that it shows. Answers that
 * address.
 */
async function generate(client, username) {
  // Any port of loopback will do (RFC 8252 §7.3); only `http://localhost` is registered.
  const [port] = await freePorts(1);
  const [program, ...given] = words(client).map((word) => word.replace('http://localhost:4242', `http://localhost:${port}`));
  const child = spawn(program, [...given, '--no-url-call', '--pw-env=ACCOUNT_PASSWORD', '--confirm-default', '--prompt=none'], {
    env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000,
  });
  const ended = once(child, 'close');
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { printed += chunk; });
  const url = await eventually('the address to visit', () => {
    assert.equal(child.exitCode, null, printed);
    return printed.match(/^http:\S+\/authorize\?\S+/m)?.[0];
  });
  const walker = new Walker();
  await walker.open(url);
  await signIn(walker, 'secsign', username, undefined, () => approve(provider, 'secsign', username));
  assert.equal(walker.page, 'consent', 'it sends prompt=consent');
  await walker.submit('consent', { decision: 'allow' });
  assert.ok(walker.url.startsWith(`http://localhost:${port}`), walker.url);
  assert.equal(walker.status, 200, walker.html);
  const [code] = await ended;
  assert.equal(code, 0, `${printed}\n${provider.log}`);
  return url;
}

const token = async (...words) => (await run('oidc-token', words, { env })).trim();
const userinfo = (bearer) => fetch(`${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${bearer}` } });

for (const method of ['none', 'client_secret_basic']) {
  test(`an account, a token and a refresh (${method})`, options, async () => {
    const name = method === 'none' ? 'public' : 'confidential';
    await provider.person(`agent-${name}`);
    const client = await provider.command(
      'client', 'create', '--recipe', 'oidc-agent', '--id', `oidc-agent-${name}`, '--alias', name, '--auth-method', method,
    );
    const url = await generate(client, `agent-${name}`);
    assert.match(url, /redirect_uri=http:\/\/localhost:\d+&/, 'unencoded, as it always does');
    assert.equal(new URL(url).searchParams.get('code_challenge_method'), 'S256');

    const first = await token(name);
    const about = await (await userinfo(first)).json();
    assert.equal(about.preferred_username, `agent-${name}`);
    assert.equal(await token(name), first, 'as long as it lives it is the same');
    const second = await token('--force-new', name);
    assert.notEqual(second, first);
    const third = await token('--force-new', name);
    assert.notEqual(third, second);
    assert.equal((await userinfo(third)).status, 200);
    // It revokes its refresh token when the account is deleted, and with that goes what came from it (RFC 7009 §2.1).
    await run('oidc-gen', ['--delete', name, '--pw-env=ACCOUNT_PASSWORD', '--confirm-yes'], { env });
    assert.equal((await userinfo(third)).status, 401);
  });
}

test('the device grant', { skip: 'it is not built: there is no /device_authorization' }, () => {});
