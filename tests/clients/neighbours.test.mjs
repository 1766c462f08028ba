// What stands beside us never decides about us: other apps' cookies, proxies with ways of their own of writing hosts, addresses and
// policies, apps in the browser that send headers of their own. Each beside what must stay refused.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import * as chrome from './lib/chromium.mjs';
import { startDemo } from './lib/demo.mjs';
import { claims } from './lib/login.mjs';
import { App, pkce, prepare, request } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let browser; const closing = [];
before(async () => { browser = await chrome.launch(); });
after(async () => {
  await browser?.close();
  for (const server of closing) { server.closeAllConnections(); server.close(); }
});

/** A server on a free port of loopback. */
async function serve(handler, host = '127.0.0.1') {
  const server = http.createServer(handler).listen(0, host);
  closing.push(server);
  await once(server, 'listening');
  return server.address().port;
}

/**
 * A reverse proxy in front of `proxy.target`, which it asks from `proxy.localAddress`. `proxy.change` sees the headers that it sends
 * on, `proxy.answer` those that come back.
 */
async function reverseProxy(parts = {}) {
  const proxy = { change: () => {}, answer: () => {}, ...parts };
  proxy.port = await serve((from, to) => {
    const headers = { ...from.headers };
    proxy.change(headers);
    const sent = http.request(`${proxy.target}${from.url}`, {
      method: from.method, headers, agent: false, localAddress: proxy.localAddress,
    }, (answer) => {
      const back = { ...answer.headers };
      proxy.answer(back);
      to.writeHead(answer.statusCode, back);
      answer.pipe(to);
    });
    sent.on('error', () => to.destroy());
    from.pipe(sent);
  }, 'localhost');
  return proxy;
}

/** Text as it is sent: Node writes each character as one byte. */
const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');
const newClient = async (provider, ...extra) => new App(provider, await provider.command(
  'client', 'create', '--id', 'app', '--redirect-uri', 'https://app.example/callback', ...extra,
));

/** A browser in which a new person is signed in. */
async function signedIn(provider, app, name, ...extra) {
  await provider.person(name, ...extra);
  await provider.phone.auto('secsign', name, 'approve');
  return enter(app, name);
}
async function enter(app, name) {
  const walker = await new Walker().open(app.authorizeUrl(pkce().challenge));
  return signIn(walker, 'secsign', name, app.redirectUri, () => {});
}

test('F2: a neighbour’s cookie in any encoding hides neither browser nor session nor language; other headers alike', async () => {
  const provider = await prepare();
  try {
    await provider.start();
    const app = await newClient(provider);
    const walker = await signedIn(provider, app, 'fay');
    const own = walker.cookie(provider.issuer);
    const waiting = (await new Walker().open(app.authorizeUrl(pkce().challenge)));
    for (const neighbour of ['ascii=yes', utf8('displayname=Jürgen'), 'displayname=J\xfcrgen', 'x=\xff\xfe\x80', 'signbridge_=\xe9', '\xe9']) {
      for (const cookie of [`${neighbour}; ${own}`, `${own}; ${neighbour}`]) {
        assert.ok((await app.code(cookie)).code, JSON.stringify(cookie));
      }
      const page = await request('GET', waiting.url, { headers: { cookie: `${neighbour}; ${waiting.cookie(waiting.url)}` } });
      assert.equal(page.status, 200, JSON.stringify(neighbour));
      const german = await request('GET', `${provider.issuer}/`, { headers: { cookie: `${neighbour}; signbridge_language=de` } });
      assert.match(german.text, /<html[^>]* lang="de"/);
    }
    // What is said of a form's origin and is no text contradicts it.
    const form = waiting.form('provider');
    const post = (headers) => waiting.raw(
      new URL(form.action, waiting.url).href, new URLSearchParams({ ...Object.fromEntries(form.inputs), provider: 'secsign' }), headers,
    );
    for (const headers of [{ origin: '\xff' }, { origin: `${provider.issuer}\xe9` }, { 'sec-fetch-site': 'cross-site\xe9' }]) {
      assert.equal((await post(headers)).status, 403, JSON.stringify(headers));
    }
    assert.equal((await post({ origin: provider.issuer, 'sec-fetch-site': 'same-origin' })).status, 303);
    // Ours twice is none, whatever stands between.
    const session = own.match(/signbridge_session=[^;]+/)[0];
    await assert.rejects(app.code(`${own}; x=\xff; ${session}`), /no code/);
    const headers = { 'accept-language': 'de, x-\xff;q=0.5', 'user-agent': 'Brows\xe9r/1' };
    const page = await request('GET', `${provider.issuer}/nowhere`, { headers });
    assert.match(page.text, /<html[^>]* lang="de"/);
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('F2 in Chromium: another port of localhost keeps a name with an umlaut, and a person signs in', async () => {
  const demo = await startDemo();
  const { context, page } = await chrome.visitor(browser, demo);
  try {
    const port = await serve((_request, answer) => {
      answer.setHeader('content-type', 'text/html; charset=utf-8');
      answer.end('<script>document.cookie = "displayname=Jürgen; path=/";</script>');
    }, 'localhost');
    await page.goto(`http://localhost:${port}/`);
    assert.equal((await context.cookies()).find(({ name }) => name === 'displayname')?.value, 'Jürgen');
    await demo.phone.auto('secsign', 'alice', 'approve');
    await chrome.toIdentify(demo, page, 'secsign');
    await page.fill('input[name="identifier"]', 'alice');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${demo.app_url}/**`);
    assert.equal(JSON.parse(await page.textContent('pre#id-token')).sub, demo.user('alice').sub);
    await page.goto(`${demo.app_url}/login?prompt=none`);
    assert.equal(JSON.parse(await page.textContent('pre#id-token')).sub, demo.user('alice').sub, 'the session is found');
  } finally {
    await context.close();
    assert.equal(await demo.stop(), 0);
  }
});

test('F9: forms go on working behind a proxy that hides their origin, in Chromium; a bare null stays refused', async () => {
  const proxy = await reverseProxy({ answer: (headers) => { headers['referrer-policy'] = 'no-referrer'; } });
  const provider = await prepare({ issuer: `http://localhost:${proxy.port}`, sections: { top: 'trusted_proxies = ["127.0.0.1/32"]' } });
  const context = await browser.newContext();
  try {
    proxy.target = provider.origin;
    const seen = [];
    proxy.change = (headers) => {
      headers['x-forwarded-for'] = [headers['x-forwarded-for'], '127.0.0.1'].filter(Boolean).join(', ');
      // A typeface is asked for across origins by rule, and so with one.
      if (headers.origin && headers['sec-fetch-dest'] !== 'font') seen.push(`${headers.origin} ${headers['sec-fetch-site']}`);
    };
    await provider.start();
    const landing = await serve((_request, answer) => answer.end('here'));
    const app = new App(provider, await provider.command('client', 'create', '--id', 'app', '--redirect-uri', `http://127.0.0.1:${landing}/back`));
    await provider.person('gil');
    await provider.phone.auto('secsign', 'gil', 'approve');
    const page = await context.newPage();
    await page.goto(app.authorizeUrl(pkce().challenge));
    await page.click('button[name="provider"][value="secsign"]');
    await page.fill('input[name="identifier"]', 'gil');
    await page.keyboard.press('Enter');
    await page.waitForURL(`http://127.0.0.1:${landing}/back?**`);
    assert.ok(new URL(page.url()).searchParams.get('code'));
    assert.ok(seen.length >= 2 && seen.every((line) => line === 'null same-origin'), seen.join());

    const walker = await new Walker().open(app.authorizeUrl(pkce().challenge));
    const form = walker.form('provider');
    const post = (headers, changes = {}) => walker.raw(
      new URL(form.action, walker.url).href, new URLSearchParams({ ...Object.fromEntries(form.inputs), provider: 'secsign', ...changes }), headers,
    );
    for (const headers of [{ origin: 'null' }, { origin: 'null', 'sec-fetch-site': 'none' }, { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }]) {
      assert.equal((await post(headers)).status, 403, JSON.stringify(headers));
    }
    const vouched = { origin: 'null', 'sec-fetch-site': 'same-origin' };
    assert.equal((await post(vouched, { csrf: 'x' })).status, 403, 'the token is demanded all the same');
    assert.equal((await post(vouched)).status, 303);

    const checks = (await provider.command('doctor')).checks;
    assert.ok(checks.some(({ name, outcome, found }) => name === 'proxy' && outcome === 'warning' && /Referrer-Policy: no-referrer/.test(found)));
    proxy.answer = () => {};
    const quiet = (await provider.command('doctor')).checks;
    assert.deepEqual(quiet.filter(({ name, outcome }) => name === 'proxy' && outcome !== 'ok'), []);
  } finally {
    await context.close();
    assert.equal(await provider.close(), 0);
  }
});

/** The status of a request that is written byte for byte. */
async function written(origin, text) {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.end(text);
  const chunks = await socket.toArray();
  return Number(Buffer.concat(chunks).toString('latin1').match(/^HTTP\/1\.[01] (\d+)/)?.[1]);
}

test('F8: our host in every spelling is ours, and no other', async () => {
  const provider = await prepare({ issuer: 'https://id.example.com' });
  try {
    await provider.start();
    const status = async (host, more = {}) => (await request('GET', `${provider.origin}/jwks`, { headers: { host, ...more } })).status;
    for (const host of ['id.example.com', 'id.example.com:443', 'id.example.com.', 'ID.Example.com', 'id.example.com.:443']) {
      assert.equal(await status(host), 200, host);
      // A form that comes from a page there gets as far as its missing browser.
      const post = await request('POST', `${provider.origin}/logout/stay`, { headers: { host, origin: `https://${host}` }, form: {} });
      const foreign = await request('POST', `${provider.origin}/language/de`, { headers: { host, origin: 'https://evil.example' }, form: {} });
      assert.ok(post.status === 403 && foreign.status !== 303, host);
    }
    for (const host of ['id.example.com:80', 'id.example.com:8443', 'id.example.com..', 'evil.example', 'xid.example.com', 'id.example.com:443:443',
      'u@id.example.com', 'id.example.com@evil.example', 'id.example.com.evil.example', '127.0.0.1']) {
      assert.equal(await status(host), 421, host);
    }
    const end = 'Connection: close\r\n\r\n';
    const ours = 'Host: id.example.com\r\n';
    for (const [text, expected] of [
      [`GET /jwks HTTP/1.1\r\n${ours}${end}`, 200],
      [`GET https://id.example.com:443/jwks HTTP/1.1\r\n${ours}${end}`, 200],
      [`GET https://evil.example/jwks HTTP/1.1\r\n${ours}${end}`, 421],
      [`GET https://id.example.com:8443/jwks HTTP/1.1\r\n${ours}${end}`, 421],
      [`GET /jwks HTTP/1.0\r\n${end}`, 421],
    ]) assert.equal(await written(provider.origin, text), expected, text);
    const two = await written(provider.origin, `GET /jwks HTTP/1.1\r\n${ours}Host: evil.example\r\n${end}`);
    assert.ok(two >= 400 && two < 500, `two hosts: ${two}`);
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('W7, F5, F6, F7: a listener on [::] knows its IPv4 proxy, and every form of a forwarded address', async () => {
  const proxy = await reverseProxy();
  const provider = await prepare({ issuer: `http://localhost:${proxy.port}`, sections: { top: 'trusted_proxies = ["127.0.0.1/32"]' } });
  try {
    const everywhere = readFileSync(provider.config, 'utf8').replace(/^address = "127\.0\.0\.1:/m, 'address = "[::]:');
    writeFileSync(provider.config, everywhere);
    proxy.target = provider.origin;
    let forwarded;
    proxy.change = (headers) => { headers['x-forwarded-for'] = forwarded ?? [headers['x-forwarded-for'], '127.0.0.1'].filter(Boolean).join(', '); };
    await provider.start();
    const app = await newClient(provider);
    await provider.person('hal');
    await provider.phone.auto('secsign', 'hal', 'approve');
    const stored = async () => {
      await enter(app, 'hal');
      const sessions = await provider.command('session', 'list', 'hal');
      const [{ sid, address }] = sessions;
      assert.equal(sessions.length, 1);
      await provider.command('session', 'end', sid);
      return address;
    };
    const unreadable = async () => {
      const { text } = await request('GET', `${provider.management}/metrics`);
      return Number(text.match(/^signbridge_forwarded_unreadable_total (\d+)/m)?.[1] ?? 0);
    };
    for (const [written, address] of [
      ['203.0.113.9', '203.0.113.9'], ['1.1.1.1, 203.0.113.9:51812', '203.0.113.9'], ['"203.0.113.9"', '203.0.113.9'], ['203.0.113.9, ', '203.0.113.9'],
      ['::ffff:203.0.113.9', '203.0.113.9'], ['[2001:db8::7]:443', '2001:db8::7'], ['[2001:db8::7]', '2001:db8::7'], ['\xff\xfe, 203.0.113.9', '203.0.113.9'],
    ]) {
      forwarded = written;
      assert.equal(await stored(), address, written);
    }
    assert.equal(await unreadable(), 0);
    const told = () => provider.log.match(/X-Forwarded-For cannot be read/g)?.length ?? 0;
    assert.equal(told(), 0);
    forwarded = 'unknown';
    assert.equal(await stored(), '127.0.0.1');
    assert.ok(await unreadable() > 1);
    assert.equal(told(), 1, 'once, not for each request');
    const failing = await provider.command('doctor').catch(({ stdout }) => JSON.parse(stdout));
    assert.ok(failing.checks.some(({ name, outcome, found }) => name === 'proxy' && outcome === 'failed' && /cannot be read/.test(found)), JSON.stringify(failing));
    forwarded = undefined;
    assert.equal((await provider.command('doctor')).checks.find(({ name }) => name === 'proxy').outcome, 'ok');
    // Whoever is no proxy says nothing about addresses: by another address of this machine.
    proxy.localAddress = '127.0.0.2';
    const seen = await unreadable();
    for (const claim of ['203.0.113.77', 'unknown']) {
      forwarded = claim;
      assert.equal(await stored(), '127.0.0.2');
    }
    assert.equal(await unreadable(), seen, 'strangers are not counted');
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('F5: where the proxy of a listener on [::] is not trusted, doctor advises its one IPv4 address', async () => {
  const proxy = await reverseProxy({ change: (headers) => { headers['x-forwarded-for'] = '203.0.113.9'; } });
  const provider = await prepare({ issuer: `http://localhost:${proxy.port}`, sections: { top: 'trusted_proxies = ["10.0.0.0/8"]' } });
  try {
    writeFileSync(provider.config, readFileSync(provider.config, 'utf8').replace(/^address = "127\.0\.0\.1:/m, 'address = "[::]:'));
    proxy.target = provider.origin;
    await provider.start();
    const report = await provider.command('doctor').catch(({ stdout }) => JSON.parse(stdout));
    const found = report.checks.find(({ name, outcome }) => name === 'proxy' && outcome === 'failed');
    assert.match(found.advice, /"127\.0\.0\.1\/32"/);
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('F14 in Chromium: an app of another origin reads discovery, keys and its own answers with headers of its own', async () => {
  const provider = await prepare();
  const context = await browser.newContext();
  try {
    await provider.start();
    const port = await serve((_request, answer) => { answer.setHeader('content-type', 'text/html'); answer.end('<p>an app</p>'); });
    await provider.command('client', 'create', '--id', 'spa', '--redirect-uri', `http://127.0.0.1:${port}/`, '--auth-method', 'none', '--application-type', 'web');
    const call = (page, method, path, headers) => page.evaluate(async ([url, init]) => {
      try { return (await fetch(url, init)).status; } catch (error) { return String(error); }
    }, [`${provider.issuer}${path}`, { method, headers }]);
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    const own = { 'cache-control': 'no-cache', 'x-requested-with': 'XMLHttpRequest', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks']) {
      assert.equal(await call(page, 'GET', path, own), 200, path);
      assert.equal(await call(page, 'GET', path, { authorization: 'Bearer x', ...own }), 200, path);
    }
    assert.equal(await call(page, 'GET', '/userinfo', { authorization: 'Bearer x', ...own }), 401);
    for (const path of ['/token', '/revoke']) assert.equal(await call(page, 'POST', path, own), 400, path);
    // A page whose origin nobody registered reads what is everybody's, and nothing else.
    const other = await serve((_request, answer) => { answer.setHeader('content-type', 'text/html'); answer.end('<p>another</p>'); });
    await page.goto(`http://127.0.0.1:${other}/`);
    assert.equal(await call(page, 'GET', '/jwks', own), 200);
    for (const [method, path] of [['GET', '/userinfo'], ['POST', '/token'], ['POST', '/revoke'], ['GET', '/'], ['POST', '/introspect']]) {
      assert.match(String(await call(page, method, path, own)), /Failed to fetch/, path);
    }
  } finally {
    await context.close();
    assert.equal(await provider.close(), 0);
  }
});

test('F4, M6: a group is one group with its blanks, in tokens too; names beyond ASCII are refused in words', async () => {
  const provider = await prepare();
  try {
    await provider.start();
    const app = await newClient(provider);
    const walker = await signedIn(provider, app, 'ida', '--group', 'Billing Admins', '--group', 'read-only');
    const tokens = await app.tokens(walker.cookie(provider.issuer));
    assert.deepEqual(claims(tokens.id_token).groups, ['Billing Admins', 'read-only']);
    const userinfo = await request('GET', `${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    assert.deepEqual(userinfo.json().groups, ['Billing Admins', 'read-only']);
    const recipe = await provider.command('client', 'create', '--recipe', 'jupyterhub', '--url', 'https://hub.example', '--group', 'Billing Admins');
    assert.match(recipe.recipe.files[0].content, /allowed_groups = \["Billing Admins"\]/);
    await assert.rejects(provider.command('user', 'create', '--username', 'jürgen', '--secsignid', 'juergen'), /printable ASCII characters/);
    await assert.rejects(provider.command('user', 'create', '--username', 'j', '--email', 'jürgen@example.org'), /in ASCII/);
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('M3: a native client is led back to the port that it listens on, after a login and a logout; nobody else is', async () => {
  const provider = await prepare();
  try {
    await provider.start();
    const make = async (id, ...extra) => provider.command('client', 'create', '--id', id, '--redirect-uri', 'http://127.0.0.1/cb',
      '--post-logout-redirect-uri', 'http://127.0.0.1/bye', ...extra);
    await make('native', '--auth-method', 'none');
    await make('spa', '--auth-method', 'none', '--application-type', 'web');
    await make('server');
    const leads = async (id, uri) => (await request('GET', `${provider.issuer}/logout?${new URLSearchParams({
      client_id: id, post_logout_redirect_uri: uri, state: 's',
    })}`)).location;
    const asks = async (id, uri) => (await request('GET', `${provider.issuer}/authorize?${new URLSearchParams({
      client_id: id, redirect_uri: uri, response_type: 'code', scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
    })}`)).status;
    for (const id of ['native', 'spa', 'server']) {
      assert.equal(await asks(id, 'http://127.0.0.1/cb'), 303, id);
      assert.equal(await asks(id, 'http://127.0.0.1:5123/cb'), id === 'native' ? 303 : 400, id);
    }
    assert.equal(await leads('native', 'http://127.0.0.1:5123/bye'), 'http://127.0.0.1:5123/bye?state=s');
    for (const id of ['native', 'spa', 'server']) {
      assert.equal(await leads(id, 'http://127.0.0.1/bye'), 'http://127.0.0.1/bye?state=s', id);
      for (const odd of ['http://localhost:5123/bye', 'http://127.0.0.1:5123/bye/', 'http://127.0.0.1:5123@evil.example/bye', 'https://evil.example/bye']) {
        assert.equal(await leads(id, odd), undefined, `${id} ${odd}`);
      }
      if (id !== 'native') assert.equal(await leads(id, 'http://127.0.0.1:5123/bye'), undefined, id);
    }
  } finally {
    assert.equal(await provider.close(), 0);
  }
});

test('check 109 in Chromium: after a logout the back button shows nothing of who was signed in', async () => {
  const demo = await startDemo();
  const { context, page } = await chrome.visitor(browser, demo);
  try {
    await demo.phone.auto('secsign', 'alice', 'approve');
    await chrome.toIdentify(demo, page, 'secsign');
    await page.fill('input[name="identifier"]', 'alice');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${demo.app_url}/**`);
    const client = demo.client('demo-consent');
    await page.goto(`${demo.issuer}/authorize?${new URLSearchParams({
      client_id: client.client_id, redirect_uri: client.redirect_uris[0], response_type: 'code', scope: 'openid profile', state: 's', nonce: 'n',
      code_challenge: pkce().challenge, code_challenge_method: 'S256',
    })}`);
    await page.waitForSelector('main[data-page="consent"]');
    assert.match(await page.textContent('main'), /alice/i, 'what is private stood there');
    await page.goto(`${demo.issuer}/logout`);
    await page.waitForSelector('form#logout');
    assert.match(await page.textContent('main'), /alice/i);
    await page.click('form#logout button[type="submit"], form#logout button');
    await page.waitForURL(/\/logout\/done/);
    for (let steps = 1; steps <= 2; steps += 1) {
      await page.goBack();
      await page.waitForSelector('main');
      const shown = await page.content();
      assert.doesNotMatch(shown, /alice/i, `${steps} back: ${page.url()}`);
    }
  } finally {
    await context.close();
    assert.equal(await demo.stop(), 0);
  }
});
