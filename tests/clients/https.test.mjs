// An https issuer: with TLS of its own, and behind a proxy that ends TLS. What a browser is given there, and a login by phone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { App, pkce, prepare, request } from './lib/serve.mjs';
import { selfSigned, trust } from './lib/trust.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let dir; let tls;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'https-'));
  tls = selfSigned(dir);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** A proxy that ends TLS and says for whom it asks. */
async function endTls() {
  const proxy = { origin: undefined };
  const server = https.createServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, (from, to) => {
    const headers = { ...from.headers, 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };
    const sent = http.request(`${proxy.origin}${from.url}`, { method: from.method, headers, agent: false }, (answer) => {
      to.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(to);
    });
    sent.on('error', () => to.destroy());
    from.pipe(sent);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, {
    issuer: `https://localhost:${server.address().port}`,
    close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  });
}

/** What holds of every https issuer. */
async function road(provider) {
  const { issuer } = provider;
  const discovery = await request('GET', `${issuer}/.well-known/openid-configuration`);
  assert.equal(discovery.status, 200);
  assert.match(discovery.headers['strict-transport-security'], /^max-age=\d{7,}/);
  const about = discovery.json();
  assert.equal(about.issuer, issuer);
  for (const [name, value] of Object.entries(about)) {
    if (name.endsWith('_endpoint') || name === 'jwks_uri') assert.ok(value.startsWith(`${issuer}/`), `${name} is ${value}`);
  }
  const web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'https://app.example/callback'));
  await provider.person('dora');
  await provider.phone.auto('secsign', 'dora', 'approve');
  const set = [];
  const walker = new Walker();
  const { verifier, challenge } = pkce();
  walker.heard = (line) => set.push(line);
  await walker.open(web.authorizeUrl(challenge));
  await signIn(walker, 'secsign', 'dora', web.redirectUri, () => {});
  const code = new URL(walker.url).searchParams.get('code');
  const answer = await web.redeem({ code, verifier });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.parse(Buffer.from(answer.json().id_token.split('.')[1], 'base64url')).iss, issuer);
  const names = new Set(set.map((line) => line.split('=')[0]));
  for (const line of set) {
    const [pair, ...attributes] = line.split(/;\s*/);
    assert.match(pair, /^__Host-/);
    for (const wanted of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) assert.ok(attributes.includes(wanted), `${wanted} in ${line}`);
    assert.ok(!attributes.some((text) => /^domain/i.test(text)), line);
  }
  assert.ok([...names].some((name) => name.endsWith('_session')), [...names].join());
  assert.ok((await web.code(walker.cookie(issuer))).code, 'single sign-on by these cookies');
  return names;
}

test('with TLS of its own: discovery, HSTS, cookies, a login; plain http is refused', async (t) => {
  const provider = await prepare({ tls });
  try {
    await provider.start();
    t.diagnostic(`cookies: ${[...await road(provider)].join(', ')}`);
    const plain = provider.issuer.replace('https:', 'http:');
    const answer = await request('GET', `${plain}/.well-known/openid-configuration`).catch((error) => error);
    assert.ok(answer instanceof Error || answer.status === 400, `http is answered ${answer.status}`);
    // Nobody who does not trust the certificate gets so far.
    const { ca } = trust;
    trust.ca = undefined;
    try {
      await assert.rejects(request('GET', `${provider.issuer}/jwks`), /self-signed certificate/);
    } finally {
      trust.ca = ca;
    }
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('behind a proxy that ends TLS: the same', async (t) => {
  const proxy = await endTls();
  const provider = await prepare({ issuer: proxy.issuer, sections: { top: 'trusted_proxies = ["127.0.0.1/32"]' } });
  try {
    proxy.origin = provider.origin;
    await provider.start();
    t.diagnostic(`cookies: ${[...await road(provider)].join(', ')}`);
  } finally {
    assert.equal(await provider.close(), 0);
    await proxy.close();
  }
});
