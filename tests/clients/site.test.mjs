// The addresses that the ThumbSignIn widget asks for in the pages of another site ([[site]]): through a reverse proxy of the site, and
// across origins; what a stranger gets who knows a transaction, and what a site's servers could do with what they see.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { claims } from './lib/login.mjs';
import { freePorts, prepare, request } from './lib/serve.mjs';

const SAME = { 'sec-fetch-site': 'same-origin' };
let provider; let origin; let other; let proxy; let client; let texts;
before(async () => {
  const [port, second] = await freePorts(2);
  origin = `http://localhost:${port}`;
  other = `http://localhost:${second}`;
  // The service that takes text messages.
  texts = { messages: [], status: 200 };
  texts.server = http.createServer(async (incoming, answer) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    texts.messages.push(JSON.parse(body));
    answer.writeHead(texts.status).end();
  }).listen(0, '127.0.0.1');
  await once(texts.server, 'listening');
  const service = `sms_url = "http://127.0.0.1:${texts.server.address().port}/send?token=t0ken"\n`;
  const site = (at) => `[[site]]\norigin = "${at}"\nclient_id = "shop"\nredirect_uri = "${origin}/signed-in?from=widget"\nregister = ${at === origin}\n`;
  provider = await prepare({ sections: { thumbsignin: 'allow_unnamed = true' }, more: `[outbound]\nallow_private = true\n${site(origin)}${service}${site(other)}` });
  await provider.start();
  client = await create('shop', '--consent', 'none');
  await user('alice');
  await user('bob');
  // A site's reverse proxy, which leaves the host as the browser wrote it.
  proxy = http.createServer((incoming, outgoing) => {
    const forwarded = http.request(`${provider.origin}${incoming.url}`, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  }).listen(port, 'localhost');
  await once(proxy, 'listening');
});
after(async () => {
  texts.server.close();
  texts.server.closeAllConnections();
  proxy.close();
  proxy.closeAllConnections();
  assert.equal(await provider.close(), 0);
});
beforeEach(() => provider.phone.reset());

const command = (...words) => provider.command(...words);
const create = (id, ...more) => command(
  'client', 'create', '--id', id, '--name', 'Shop', '--redirect-uri', `${origin}/signed-in?from=widget`, '--require-pkce=false', ...more,
);
const user = (name) => command('user', 'create', '--username', name, '--thumbsignin-user-id', name);

/** A request with a JSON body. */
async function ask(method, url, headers, body = '') {
  const sent = http.request(url, { method, agent: false, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode, headers: answer.headers, text };
}

/** A browser at a site: its cookies by their names. */
class Browser {
  cookies = new Map();

  constructor(at = origin) { this.at = at; }

  async get(path, headers = SAME) {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await request('GET', `${this.at}${path}`, { headers: { ...headers, ...(cookie && { cookie }) } });
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [name, value] = line.split(';')[0].split('=');
      this.cookies.set(name, value);
      this.attributes = line;
    }
    return answer;
  }

  /** Has the link of its transaction sent, as the widget does. */
  async text(to, message = 'Send me money') {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const { status, text } = await ask('POST', `${this.at}/sendSMS`, { origin, ...SAME, cookie }, JSON.stringify({ to, message }));
    return { code: status, ...JSON.parse(text) };
  }

  async json(path, headers) {
    const answer = await this.get(path, headers);
    return { status: answer.status, headers: answer.headers, ...JSON.parse(answer.text) };
  }

  begin(action = 'authenticate', query = '') { return this.json(`/tsAuth/${action}${query}`); }

  status(id, query = '') { return this.json(`/txnStatus/${id}${query}`); }

  /** Asks until the phone has answered. */
  ended(id) {
    return eventually('the answer of the phone', async () => {
      const seen = await this.status(id);
      return !['PENDING', 'INITIATED'].includes(seen.status) && seen;
    });
  }

  /** Signs in by the widget; answers the address to which the site is led. */
  async signIn(name, query = '') {
    const begun = await this.begin('authenticate', query);
    await act(begun, { action: 'approve', userId: name });
    const { redirectUrl } = await this.ended(begun.transactionId);
    return (await this.get(redirectUrl)).headers.location;
  }
}

/** How many logins and registrations ended so far. */
async function counted() {
  const { text } = await request('GET', `${provider.management}/metrics`);
  const sum = (name) => [...text.matchAll(new RegExp(`^signbridge_${name}_total\\{.*\\} (\\d+)$`, 'gm'))].reduce((all, [, value]) => all + Number(value), 0);
  return { logins: sum('logins'), device_registrations: sum('device_registrations') };
}

/** What the phone does with the transaction whose code or link it has. */
const act = ({ deepLinkUrl }, action) => provider.phone.act(deepLinkUrl.split('/').at(-1), action);
const redeem = async (location) => (await fetch(`${provider.issuer}/token`, {
  method: 'POST',
  headers: { authorization: `Basic ${btoa(`shop:${client.client_secret}`)}`, connection: 'close' },
  body: new URLSearchParams({
    grant_type: 'authorization_code', code: new URL(location).searchParams.get('code'), redirect_uri: `${origin}/signed-in?from=widget`,
  }),
})).json();

test('a login through the site: the shapes of the widget, a code at the redirect URI, once', async () => {
  const browser = new Browser();
  const begun = await browser.begin('authenticate', '?state=st%20ate&nonce=n1&scope=openid%20profile');
  assert.equal(begun.status, 'PENDING');
  assert.equal(begun.failureReason, '');
  assert.match(begun.qrImage, /^iVBORw0KGgo/);
  assert.ok(begun.expireInSeconds > 60 && begun.expireInSeconds <= 90, `${begun.expireInSeconds}`);
  assert.match(browser.attributes, /^signbridge_site_browser=.*HttpOnly.*SameSite=Lax/);
  const { transactionId } = begun;
  assert.deepEqual(Object.keys(await browser.status(transactionId)).sort(), ['expireInSeconds', 'failureReason', 'headers', 'status', 'transactionId']);
  await act(begun, { action: 'scan' });
  await eventually('the scan', async () => (await browser.status(transactionId)).status === 'INITIATED');
  await act(begun, { action: 'approve', userId: 'alice' });
  const approved = await browser.ended(transactionId);
  assert.equal(approved.status, 'COMPLETED_SUCCESSFUL');
  assert.equal(approved.redirectUrl, `/tsAuth/return/${transactionId}`);
  const answer = await browser.get(approved.redirectUrl);
  assert.equal(answer.status, 303);
  const location = new URL(answer.headers.location);
  assert.equal(`${location.origin}${location.pathname}`, `${origin}/signed-in`);
  assert.deepEqual([...location.searchParams.keys()], ['from', 'code', 'state', 'iss']);
  assert.equal(location.searchParams.get('state'), 'st ate');
  const token = await redeem(answer.headers.location);
  const told = claims(token.id_token);
  assert.deepEqual([told.nonce, told.preferred_username, told.acr], ['n1', 'alice', 'urn:signbridge:acr:approved']);
  // Whoever loads the address again gets no second code.
  assert.equal((await browser.get(approved.redirectUrl)).status, 404);
});

test('the phone declines, is asked in vain, is given up: the words of the service, and no code', async () => {
  for (const [action, reason] of [[{ action: 'decline' }, 'DECLINED'], [{ action: 'fail', failureReason: 'NO_SUITABLE_AUTHENTICATOR' }, 'NO_SUITABLE_AUTHENTICATOR']]) {
    const browser = new Browser();
    const begun = await browser.begin('authenticate', '?state=s');
    await act(begun, action);
    const ended = await browser.ended(begun.transactionId);
    assert.deepEqual([ended.status, ended.failureReason, ended.redirectUrl], ['COMPLETED_FAILURE', reason, undefined]);
    const refused = new URL((await browser.get(`/tsAuth/return/${begun.transactionId}`)).headers.location);
    assert.deepEqual([refused.searchParams.get('error'), refused.searchParams.get('state'), refused.searchParams.get('code')], ['access_denied', 's', null]);
  }
  const browser = new Browser();
  const begun = await browser.begin();
  const cancelled = await browser.status(begun.transactionId, '?cancelled=yes');
  assert.deepEqual([cancelled.status, cancelled.failureReason], ['COMPLETED_FAILURE', 'CANCELLED']);
  const [asked] = (await provider.phone.transactions()).slice(-1);
  await assert.rejects(provider.phone.act(asked.transactionId, { action: 'approve', userId: 'alice' }), /409|over/);
  assert.equal((await browser.status(begun.transactionId)).failureReason, 'CANCELLED');
});

test('who knows a transaction and has no cookie of its browser gets nothing', async () => {
  const browser = new Browser();
  const begun = await browser.begin();
  const { transactionId } = begun;
  const stranger = new Browser();
  await stranger.begin();
  // Cookies of this browser that the other site's servers saw.
  const thief = new Browser(provider.origin);
  thief.cookies = new Map(browser.cookies);
  const probe = async () => {
    for (const path of [`/txnStatus/${transactionId}`, `/txnStatus/${transactionId}?cancelled=true`, `/tsAuth/return/${transactionId}`]) {
      assert.equal((await stranger.get(path)).status, 404, path);
      assert.equal((await thief.get(path, { host: new URL(other).host, ...SAME })).status, 404, path);
    }
  };
  await probe();
  assert.equal((await browser.status(transactionId)).status, 'PENDING');
  await act(begun, { action: 'approve', userId: 'alice' });
  const { redirectUrl } = await browser.ended(transactionId);
  await probe();
  // Two transactions of one browser are not mixed up either.
  const second = await browser.begin();
  const [login] = transactionId.split('~');
  const [, authorization] = second.transactionId.split('~');
  assert.equal((await browser.get(`/tsAuth/return/${login}~${authorization}`)).status, 404);
  for (const junk of ['x', '~', `${login}~`, '..%2f..%2fjwks', `${transactionId}~${login}`]) assert.equal((await browser.get(`/txnStatus/${junk}`)).status, 404, junk);
  assert.match((await browser.get(redirectUrl)).headers.location, /[?&]code=/);
});

test('what the servers of a site see of a browser signs nobody in at the provider, nor at another site', async () => {
  const browser = new Browser();
  await browser.signIn('alice');
  const [key, session] = ['signbridge_site_browser', 'signbridge_site_session'].map((name) => browser.cookies.get(name));
  assert.ok(key && session);
  const authorize = `${provider.issuer}/authorize?${new URLSearchParams({ client_id: 'shop', redirect_uri: `${origin}/signed-in?from=widget`, response_type: 'code', scope: 'openid' })}`;
  const stolen = `signbridge_browser=${key}; signbridge_session=${session}; signbridge_site_browser=${key}; signbridge_site_session=${session}`;
  const answer = await request('GET', authorize, { headers: { cookie: stolen } });
  assert.match(answer.headers.location, /^\/interaction\//, 'a login is asked for');
  // At the other site the same cookies are another browser, without a session.
  const across = await request('GET', `${provider.origin}/tsAuth/register`, { headers: { host: new URL(other).host, cookie: stolen, ...SAME } });
  assert.equal(across.status, 401);
});

test('a phone is registered by whoever signed in a short while ago, and signs in from then on', async () => {
  const stranger = new Browser();
  const refused = await stranger.begin('register');
  assert.deepEqual([refused.status, refused.message], ['401', 'Unauthorized']);
  const browser = new Browser();
  await browser.signIn('bob');
  const already = await counted();
  const begun = await browser.begin('register', '?state=r');
  assert.equal(begun.status, 'PENDING');
  const [asked] = (await provider.phone.transactions('bob')).slice(-1);
  assert.deepEqual([asked.kind, asked.userId], ['register', 'bob']);
  await act(begun, { action: 'approve' });
  const { redirectUrl } = await browser.ended(begun.transactionId);
  const location = (await browser.get(redirectUrl)).headers.location;
  assert.equal(new URL(location).searchParams.get('state'), 'r');
  assert.equal(claims((await redeem(location)).id_token).sub, (await command('user', 'show', 'bob')).sub);
  assert.deepEqual(await counted(), { ...already, device_registrations: already.device_registrations + 1 }, 'no login');
  const given = await browser.begin('register');
  assert.equal((await browser.status(given.transactionId, '?cancelled=true')).failureReason, 'CANCELLED');
  assert.deepEqual(await counted(), { ...already, device_registrations: already.device_registrations + 2 }, 'nor is one that ends otherwise');
  const rows = await command('device', 'list', 'bob');
  assert.equal(rows.length, 1, 'a second phone of the same name there');
  // An approval that was used up is no pass to another code.
  const [used] = begun.transactionId.split('~');
  const [, fresh] = (await browser.begin()).transactionId.split('~');
  assert.match((await browser.get(`/tsAuth/return/${used}~${fresh}`)).headers.location, /error=access_denied/);
  // The other site may not, whoever signed in there.
  const elsewhere = new Browser(provider.origin);
  const headers = { host: new URL(other).host, ...SAME };
  const login = await elsewhere.json('/tsAuth/authenticate', headers);
  await act(login, { action: 'approve', userId: 'bob' });
  await eventually('the approval', async () => (await elsewhere.json(`/txnStatus/${login.transactionId}`, headers)).redirectUrl);
  assert.match((await elsewhere.get(`/tsAuth/return/${login.transactionId}`, headers)).headers.location, /[?&]code=/);
  assert.equal((await elsewhere.get('/tsAuth/register', headers)).status, 401);
});

test('a link by text message: our own words, once for a transaction, within a quota', async () => {
  const browser = new Browser();
  assert.equal((await browser.text('+15551234567')).code, 409, 'nothing is open');
  const begun = await browser.begin();
  const wrong = await browser.text('555-123');
  assert.deepEqual([wrong.code, wrong.message], [400, 'write the number with its country: +15551234567']);
  assert.deepEqual(texts.messages, []);
  assert.equal((await browser.text('+1 (555) 123-4567')).code, 200);
  assert.deepEqual(texts.messages, [{ to: '+15551234567', text: `Open this link to go on at ${new URL(origin).host}: ${begun.deepLinkUrl}` }]);
  assert.equal((await browser.text('+15557654321')).code, 429, 'another number, the same transaction');
  // A number gets two in ten minutes, whoever asks.
  const codes = [];
  for (let other = 0; other < 2; other += 1) {
    const another = new Browser();
    await another.begin();
    codes.push((await another.text('+15551234567')).code);
  }
  assert.deepEqual(codes, [200, 429]);
  texts.status = 500;
  const failing = new Browser();
  await failing.begin();
  assert.equal((await failing.text('+4917012345678')).code, 502);
  texts.status = 200;
  assert.doesNotMatch(provider.log, /t0ken/);
  // The other site sends none, and a page of elsewhere has none sent.
  const silent = new Browser(provider.origin);
  const headers = { host: new URL(other).host, ...SAME };
  await silent.json('/tsAuth/authenticate', headers);
  const cookie = [...silent.cookies].map((pair) => pair.join('=')).join('; ');
  assert.equal((await ask('POST', `${provider.origin}/sendSMS`, { ...headers, cookie }, '{"to":"+4917012345679"}')).status, 404);
  assert.equal((await ask('POST', `${origin}/sendSMS`, { origin: 'https://evil.example', ...SAME }, '{"to":"+4917012345679"}')).status, 403);
  const preflight = await ask('OPTIONS', `${provider.origin}/sendSMS`, { origin, 'access-control-request-method': 'POST', 'sec-fetch-site': 'same-site' });
  assert.deepEqual(['origin', 'headers', 'credentials'].map((name) => preflight.headers[`access-control-allow-${name}`]), [origin, 'content-type', 'true']);
});

test('a page of elsewhere begins nothing, and reads nothing', async () => {
  const paths = ['/tsAuth/authenticate', '/tsAuth/register', '/txnStatus/a~b', '/tsAuth/return/a~b'];
  for (const path of paths) {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'none' }, { origin: 'https://evil.example', ...SAME }, { origin: 'null' }]) {
      const answer = await new Browser().get(path, headers);
      assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  }
  assert.equal((await provider.phone.transactions()).length, 0);
  // The issuer's other addresses are not the site's.
  const strange = await request('GET', `${provider.origin}/authorize`, { headers: { host: new URL(origin).host } });
  assert.equal(strange.status, 421);
});

test('across origins the page of a site may read, and goes on at the provider', async () => {
  const browser = new Browser(provider.origin);
  const headers = { host: new URL(provider.issuer).host, origin, 'sec-fetch-site': 'same-site' };
  const begun = await browser.json('/tsAuth/authenticate', headers);
  assert.equal(begun.headers['access-control-allow-origin'], origin);
  assert.equal(begun.headers['access-control-allow-credentials'], 'true');
  await act(begun, { action: 'approve', userId: 'alice' });
  const approved = await eventually('the approval', async () => {
    const seen = await browser.json(`/tsAuth/txnStatus/${begun.transactionId}`, headers);
    return seen.redirectUrl && seen;
  });
  assert.equal(approved.redirectUrl, `${provider.issuer}/tsAuth/return/${begun.transactionId}`);
  const { pathname } = new URL(approved.redirectUrl);
  const answer = await browser.get(pathname, { host: headers.host, 'sec-fetch-site': 'same-site' });
  assert.match(answer.headers.location, /[?&]code=/);
});

test('across origins the page of a site reads a refusal as well, whoever refused, and no other page does', async () => {
  const host = new URL(provider.issuer).host;
  const from = { host, 'sec-fetch-site': 'same-site' };
  const refused = [
    [403, 'GET', '/tsAuth/authenticate', { ...from, 'sec-fetch-site': 'cross-site' }],
    [404, 'GET', '/tsAuth/nothing', from],
    [404, 'GET', '/txnStatus/a~b', from],
    [405, 'POST', '/tsAuth/authenticate', from],
    [421, 'GET', '/tsAuth/authenticate', { ...from, host: 'elsewhere.example' }],
  ];
  for (const [status, method, path, headers] of refused) {
    for (const page of [origin, 'https://evil.example']) {
      const answer = await request(method, `${provider.origin}${path}`, { headers: { ...headers, origin: page } });
      const label = `${status} ${path} ${page}`;
      if (page === origin) assert.equal(answer.status, status, label);
      const told = ['origin', 'credentials'].map((name) => answer.headers[`access-control-allow-${name}`]);
      assert.deepEqual(told, page === origin ? [origin, 'true'] : [undefined, undefined], label);
      assert.match(answer.headers.vary, /Origin/, label);
    }
  }
  const elsewhere = await request('GET', `${provider.origin}/nothing`, { headers: { ...from, origin } });
  assert.equal(elsewhere.headers['access-control-allow-origin'], undefined, 'what the widget does not ask for');
});

test('the service fails: 502, too often: 429, a site that is set up wrongly: 400 with the reason', async () => {
  await provider.phone.fault({ provider: 'thumbsignin', operation: 'authenticate', fault: 'drop_before', count: 0 });
  const down = await new Browser().get('/tsAuth/authenticate');
  assert.deepEqual([down.status, JSON.parse(down.text).status], [502, 'SERVER_ERROR']);
  await provider.phone.clearFaults();
  const twice = await new Browser().get('/tsAuth/authenticate?state=a&state=b');
  assert.deepEqual([twice.status, JSON.parse(twice.text).status], [400, 'INVALID_REQUEST']);
  await command('client', 'update', 'shop', '--consent', 'ask');
  const asks = await new Browser().get('/tsAuth/authenticate');
  assert.equal(asks.status, 400);
  assert.match(JSON.parse(asks.text).message, /consent/);
  await command('client', 'update', 'shop', '--consent', 'none', '--require-pkce=true');
  assert.match(JSON.parse((await new Browser().get('/tsAuth/authenticate')).text).message, /code_challenge is required/);
  await command('client', 'update', 'shop', '--require-pkce=false');
});

test('a page that is loaded again and again leaves nothing behind that is in its way', async () => {
  const browser = new Browser();
  const begun = [];
  for (let load = 0; load < 6; load += 1) begun.push(await browser.begin());
  assert.deepEqual(begun.map(({ status }) => status), Array(6).fill('PENDING'));
  const states = await Promise.all(begun.map(({ transactionId }) => browser.status(transactionId)));
  assert.deepEqual(states.map(({ status }) => status), [...Array(4).fill('COMPLETED_FAILURE'), 'PENDING', 'PENDING']);
});

test('the widget and its declarations are served to pages of any origin', async () => {
  for (const [path, kind] of [['/thumbsign_widget.js', 'text/javascript'], ['/thumbsign_widget.d.ts', 'text/plain']]) {
    for (const host of [new URL(provider.issuer).host, new URL(origin).host]) {
      const answer = await request('GET', `${provider.origin}${path}`, { headers: { host } });
      assert.equal(answer.status, 200);
      assert.ok(answer.headers['content-type'].startsWith(kind));
      assert.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin');
      assert.match(answer.text, /thumbSignIn/);
    }
  }
});

test('without a site none of it exists', async () => {
  const plain = await prepare();
  await plain.start();
  for (const path of ['/thumbsign_widget.js', '/tsAuth/authenticate', '/tsAuth/register', '/txnStatus/a~b', '/ts/secure/authStatus/a~b', '/tsAuth/return/a~b']) {
    assert.equal((await request('GET', `${plain.origin}${path}`, { headers: { host: new URL(plain.issuer).host, ...SAME } })).status, 404, path);
  }
  assert.equal(await plain.close(), 0);
});
