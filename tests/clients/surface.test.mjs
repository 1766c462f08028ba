// What every address answers to what it does not take, and what strangers can measure and see at the door.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { BINARY, approve, eventually, startDemo } from './lib/demo.mjs';
import { pool } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

let demo; let client; let back;
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
before(async () => { demo = await startDemo(); client = demo.client('demo-web'); [back] = client.redirect_uris; });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

const address = (changes = {}) => `${demo.issuer}/authorize?${new URLSearchParams({
  client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid', state: 's', nonce: 'n',
  code_challenge: challenge, code_challenge_method: 'S256', ...changes,
})}`;

const agent = pool(Infinity);
/** Any method, which `fetch` would not send; the whole answer. */
const send = (method, path, headers = {}, body = '') => new Promise((resolve, reject) => {
  const url = new URL(demo.issuer);
  const whole = { host: url.host, ...headers };
  const asked = request({ method, path, host: '127.0.0.1', port: url.port, headers: whole, agent, timeout: 5000 }, (answer) => {
    let text = '';
    answer.on('data', (chunk) => { text += chunk; });
    answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    answer.on('error', reject);
  });
  asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no end of the answer`)));
  asked.on('error', reject);
  asked.end(body);
});

/** A new person with a SecSign ID of the same name, which no other test keeps busy. */
const person = async (name) => {
  execFileSync(BINARY, ['user', 'create', '--config', demo.config_file, '--username', name, '--secsignid', name]);
  await demo.phone.create(name);
  return name;
};

const isPage = ({ status, headers, text }, expected, what) => {
  assert.equal(status, expected, what);
  assert.match(headers['content-type'], /^text\/html/, what);
  assert.match(text, /data-page="error"/, what);
  assert.match(text, /data-reference-id="[0-9a-f]{12}"/, what);
  assert.match(headers['content-security-policy'], /frame-ancestors 'none'/, what);
};
const isJson = ({ status, headers, text }, expected, what) => {
  assert.equal(status, expected, what);
  assert.match(headers['content-type'], /^application\/json/, what);
  assert.equal(headers['cache-control'], 'no-store', what);
  const { error, error_description: description, ...rest } = JSON.parse(text);
  assert.equal(error, 'invalid_request', what);
  assert.ok(description.length > 0 && Object.keys(rest).length === 0, what);
};

test('a method that an address does not take is 405 with Allow, in the words of the address', async () => {
  for (const [path, allow, check] of [
    ['/authorize', 'GET, HEAD, POST', isPage], ['/', 'GET, HEAD', isPage], ['/logout', 'GET, HEAD, POST', isPage],
    ['/login/x', 'GET, HEAD', isPage], ['/login/x/cancel', 'POST', isPage], ['/interaction/x/choose', 'GET, HEAD, POST', isPage],
    ['/token', 'POST, OPTIONS', isJson], ['/introspect', 'POST', isJson], ['/revoke', 'POST, OPTIONS', isJson],
    ['/userinfo', 'GET, HEAD, POST, OPTIONS', isJson], ['/jwks', 'GET, HEAD, OPTIONS', isJson],
    ['/.well-known/openid-configuration', 'GET, HEAD, OPTIONS', isJson], ['/login/x/status', 'GET, HEAD', isJson],
  ]) {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'BREW']) {
      const answer = await send(method, path);
      check(answer, 405, `${method} ${path}`);
      assert.equal(answer.headers.allow, allow, `${method} ${path}`);
    }
  }
  isJson(await send('GET', '/token'), 405, 'GET /token');
  isPage(await send('PUT', '/nowhere'), 404, 'PUT /nowhere');
});

test('HEAD answers as GET does, without the body', async () => {
  const walker = await new Walker().open(address());
  const cookie = { cookie: walker.cookie(walker.url) };
  await walker.submit('provider', { provider: 'secsign' });
  await walker.submit('identifier', { identifier: await person('head') });
  const login = new URL(walker.url).pathname;
  const asset = walker.html.match(/\/static\/[^"]+/)[0];
  for (const path of ['/', '/jwks', '/.well-known/openid-configuration', '/nowhere', '/logout/done', asset, login, `${login}/status`]) {
    const [head, get] = [await send('HEAD', path, cookie), await send('GET', path, cookie)];
    assert.equal(head.status, get.status, path);
    assert.equal(head.text, '', path);
    assert.ok(get.text.length > 0, path);
    for (const name of ['content-type', 'content-length', 'cache-control', 'allow']) {
      assert.equal(head.headers[name], get.headers[name], `${path} ${name}`);
    }
  }
  const events = await send('HEAD', `${login}/events`, cookie);
  assert.deepEqual([events.status, events.headers['content-type'], events.text], [200, 'text/event-stream', '']);
  const asked = await send('HEAD', new URL(address({ prompt: 'none' })).pathname + new URL(address({ prompt: 'none' })).search);
  assert.equal(asked.status, 303);
  await walker.submit('cancel', {}, back);
});

test('a body that is too large is 413, one that is no form 400, in the words of the address', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const large = `a=${'x'.repeat(70_000)}`;
  for (const path of ['/authorize', '/interaction/x/choose', '/interaction/x/consent', '/login/x/cancel', '/logout']) {
    isPage(await send('POST', path, form, large), 413, path);
    isPage(await send('POST', path, { 'content-type': 'text/plain' }, 'a=b'), 400, path);
  }
  for (const path of ['/token', '/introspect', '/revoke', '/userinfo']) isJson(await send('POST', path, form, large), 413, path);
  const control = await send('POST', '/token', form, `a=${'x'.repeat(60_000)}`);
  assert.equal(control.status, 400);
});

test('an issuer with a path is refused before anything is served', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'signbridge-')), 'signbridge.toml');
  const run = (issuer, ...command) => {
    writeFileSync(file, `issuer = "${issuer}"\nkeys_dir = "keys"\n[database]\nurl = "sqlite:x.db"\n[secsign]\nurl = "https://phone.example"\n`);
    return spawnSync(BINARY, [...command, '--config', file], { encoding: 'utf8', timeout: 20_000 });
  };
  assert.equal(run('https://login.example', 'config', 'check').status, 0);
  for (const command of [['config', 'check'], ['serve']]) {
    const refused = run('https://login.example/sso', ...command);
    assert.notEqual(refused.status, 0, command.join());
    assert.match(refused.stderr + refused.stdout, /issuer[\s\S]*a host of its own and write "https:\/\/login\.example"/);
  }
});

test('decision 2.15: no page that leads to a client that forwards limits where its forms lead', async () => {
  const out = 'https://broker.example/out';
  for (const [id, forwards] of [['broker', true], ['plain', false]]) {
    execFileSync(BINARY, ['client', 'create', '--config', demo.config_file, '--id', id, '--redirect-uri', back,
      '--post-logout-redirect-uri', out, `--forwards=${forwards}`, '--require-pkce=false', '--auth-method', 'client_secret_post']);
    const limits = (page, what) => {
      const policy = page.headers.get('content-security-policy');
      assert.match(policy, /frame-ancestors 'none'/, what);
      assert.equal(/form-action/.test(policy), !forwards, `${id}, ${what}: ${policy}`);
    };
    const asked = { client_id: id, response_mode: 'form_post' };
    limits(await fetch(address({ ...asked, prompt: 'none' })), 'the posted response');
    const walker = await new Walker().open(address(asked));
    const page = (url) => fetch(url, { headers: { cookie: walker.cookie(url), connection: 'close' } });
    limits(await page(walker.url), 'the choice');
    await walker.submit('provider', { provider: 'secsign' });
    limits(await page(walker.url), 'the name');
    await walker.submit('identifier', { identifier: 'alice' });
    limits(await page(walker.url), 'the wait');
    await approve(demo, 'secsign', 'alice');
    await eventually('the login', async () => {
      await walker.submit('continue', {}, back);
      return walker.page !== 'wait';
    });
    const question = `${demo.issuer}/logout?${new URLSearchParams({ client_id: id, post_logout_redirect_uri: out })}`;
    const shown = await page(question);
    limits(shown, 'the question');
    assert.match(await shown.text(), /data-page="logout"/);
  }
});

const fault = async (body) => {
  const response = await fetch(`${demo.phone.url}/phone/api/faults`, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' },
  });
  assert.ok(response.ok, await response.text());
};
const at = async (provider) => {
  const walker = await new Walker().open(address());
  return walker.submit('provider', { provider });
};

test('B20: two equal forms at once are one create, and both answers show its picture', async () => {
  for (const [provider, operation, name, creates] of [
    ['secsign', 'create', await person('double'), 1], ['thumbsignin', 'authenticate', 'alice', 1],
    ['secsign', 'create', 'nobody-here', 0], ['thumbsignin', 'authenticate', 'nobody-here', 0],
  ]) {
    await demo.phone.reset();
    const seq = (await demo.phone.requests()).at(-1)?.seq ?? 0;
    await fault({ provider, operation, fault: 'delay', delay_ms: 700, count: 0 });
    const walker = await at(provider);
    const form = walker.form('identifier');
    const body = new URLSearchParams({ ...Object.fromEntries(form.inputs), identifier: name });
    const url = new URL(form.action, walker.url).href;
    const answers = await Promise.all([walker.raw(url, body), walker.raw(url, body)]);
    const places = answers.map((answer) => answer.headers.get('location'));
    assert.deepEqual(answers.map(({ status }) => status), [303, 303]);
    assert.equal(places[0], places[1], `${provider} ${name}`);
    await walker.open(new URL(places[0], url).href);
    assert.match(walker.html, /<img[^>]*id="(access-pass|qr)"[^>]*src="data:image\/png;base64,/, `${provider} ${name}`);
    const made = (await demo.phone.requests(seq)).filter((seen) => seen.operation === operation);
    assert.equal(made.length, creates, `${provider} ${name}`);
    await walker.submit('cancel', {}, back);
  }
});

test('check 139: while the service is slow or down an unknown name takes as long and ends alike', async () => {
  const begin = async (name) => {
    const walker = await at('secsign');
    const started = performance.now();
    await walker.submit('identifier', { identifier: name });
    return [performance.now() - started, `${walker.main('data-login-state')}/${walker.main('data-login-reason') ?? ''}`];
  };
  await fault({ provider: 'secsign', operation: 'create', fault: 'delay', delay_ms: 1500, count: 0 });
  const [known, unknown] = [await begin(await person('slow')), await begin('nobody-slow')];
  assert.deepEqual([known[1], unknown[1]], ['pending/', 'pending/']);
  assert.ok(Math.min(known[0], unknown[0]) >= 1500, `${known[0]} ${unknown[0]}`);
  await demo.phone.reset();
  await fault({ provider: 'secsign', operation: 'create', fault: 'reset', count: 0 });
  const [down, alike] = [await begin(await person('down')), await begin('nobody-down')];
  assert.deepEqual([down[1], alike[1]], ['failed/upstream_down', 'failed/upstream_down']);
});
