// Design section 3, Pages without JavaScript and Endpoints: data attributes, ids and forms, and that every page works as a
// plain form whose inputs are posted as found to its action.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, beforeEach, test } from 'node:test';
import { BINARY, approve, startDemo } from './lib/demo.mjs';
import { loginAt, stateOf } from './lib/login.mjs';
import { pause } from './lib/serve.mjs';
import { Walker, forms } from './lib/walker.mjs';

let demo; let at;
before(async () => { demo = await startDemo(); at = loginAt(demo); });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

/** Posts a form as found, with these values; it must be answered by 303. The walker stays. */
async function post(walker, name, values = {}) {
  const form = walker.form(name);
  const body = new URLSearchParams({ ...Object.fromEntries(form.inputs), ...values });
  const answer = await walker.raw(new URL(form.action, walker.url).href, body);
  assert.equal(answer.status, 303, `POST of ${name}`);
  return new URL(answer.headers.get('location'), walker.url).href;
}

/** The URL of the page shows the same page again. */
async function staysItself(walker) {
  const [page, url] = [walker.page, walker.url];
  await walker.open(url);
  assert.deepEqual([walker.page, walker.url, walker.status], [page, url, 200]);
}

const signedIn = async (clientId = 'demo-web', username = 'alice') => {
  const there = loginAt(demo, clientId);
  const walker = await there.begin('secsign', username);
  await approve(demo, 'secsign', username);
  return walker;
};

test('discovery names the endpoints under their contracted paths, and each answers', async () => {
  const documents = ['openid-configuration', 'oauth-authorization-server'].map((name) => fetch(`${demo.issuer}/.well-known/${name}`));
  for (const answer of await Promise.all(documents)) {
    const about = await answer.json();
    assert.equal(about.issuer, demo.issuer);
    for (const [member, path] of Object.entries({
      authorization_endpoint: 'authorize', token_endpoint: 'token', userinfo_endpoint: 'userinfo', jwks_uri: 'jwks',
      introspection_endpoint: 'introspect', revocation_endpoint: 'revoke', end_session_endpoint: 'logout',
    })) {
      assert.equal(about[member], `${demo.issuer}/${path}`, member);
      assert.notEqual((await fetch(about[member])).status, 404, member);
    }
    for (const [member, path] of Object.entries({
      pushed_authorization_request_endpoint: 'par', registration_endpoint: 'register', device_authorization_endpoint: 'device_authorization',
    })) assert.ok(about[member] === undefined || about[member] === `${demo.issuer}/${path}`, member);
  }
  for (const path of ['livez', 'readyz']) {
    assert.equal((await fetch(`${demo.management_url}/${path}`)).status, 200, path);
    assert.equal((await fetch(`${demo.issuer}/${path}`)).status, 404, `${path} is not for the public`);
  }
});

test('choose and identify: buttons, inputs and where they lead', async () => {
  const walker = await new Walker().open(at.address());
  assert.equal(walker.page, 'choose');
  const choose = walker.form('provider');
  assert.deepEqual(choose.buttons.filter(([name]) => name === 'provider').map(([, value]) => value), ['secsign', 'thumbsignin']);
  await staysItself(walker);
  for (const provider of ['secsign', 'thumbsignin']) {
    await walker.open(await post(walker, 'provider', { provider }));
    assert.equal(walker.page, 'identify');
    const { inputs, buttons } = walker.form('identifier');
    assert.ok(inputs.some(([name]) => name === 'identifier'));
    assert.equal(buttons.some(([name]) => name === 'unnamed'), provider === 'thumbsignin', 'a code without a name');
    await staysItself(walker);
    await walker.open(walker.url.replace(/identify\/.*/, 'choose'));
  }
  const nonsense = await walker.raw(new URL(choose.action, walker.url).href, new URLSearchParams({ ...Object.fromEntries(choose.inputs), provider: 'sms' }));
  assert.ok(nonsense.status === 303 || nonsense.status === 400);
  // What cannot be a name is said on the page, which a GET shows again.
  await walker.submit('provider', { provider: 'secsign' });
  await walker.open(await post(walker, 'identifier', { identifier: 'two words' }));
  assert.equal(walker.page, 'identify');
  assert.match(walker.html, /id="identifier-error"/);
  const shown = () => walker.form('identifier').inputs.find(([name]) => name === 'identifier')[1];
  assert.equal(shown(), 'two words', 'what was typed is there to be mended');
  assert.doesNotMatch(walker.url, /two/);
  await staysItself(walker);
  const hostile = `"><script>alert(1)</script> ${'ü'.repeat(60)}`;
  await walker.open(await post(walker, 'identifier', { identifier: hostile }));
  assert.equal(shown(), hostile);
  assert.doesNotMatch(walker.html, /<script>alert/);
  const cookie = walker.jar(demo.issuer, 'signbridge_typed');
  await walker.open(await post(walker, 'identifier', { identifier: `two ${'x'.repeat(400)}` }));
  assert.deepEqual([shown(), walker.jar(demo.issuer, 'signbridge_typed')], ['', undefined], 'what no name can be as long as is not kept');
  // It is this browser's, for this sign-in, and whole.
  const there = walker.url;
  for (const [planted, expected] of [[cookie, hostile], [`${cookie}x`, ''], [cookie.replace(/^../, 'YW'), ''], ['x', '']]) {
    walker.plant(demo.issuer, 'signbridge_typed', planted);
    await walker.open(there);
    assert.equal(shown(), expected, planted);
  }
  walker.plant(demo.issuer, 'signbridge_typed', cookie);
  await walker.open(at.address());
  await walker.submit('provider', { provider: 'secsign' });
  await walker.open(`${walker.url}?problem=malformed`);
  assert.equal(shown(), '', 'another sign-in of the same browser');
  await walker.open(there);
  // The form of the provider without JavaScript is one that answers `access_denied`.
  const denied = await post(walker, 'cancel');
  assert.equal(new URL(denied).searchParams.get('error'), 'access_denied');
});

test('identify takes username, e-mail address and, for SecSign, the SecSign ID; the username wins', async () => {
  const create = (username, secsignid, ...more) => {
    execFileSync(BINARY, ['user', 'create', '--config', demo.config_file, '--username', username, '--secsignid', secsignid, ...more]);
    return demo.phone.create(secsignid);
  };
  // Somebody else for each spelling: a person has one open request at a time.
  await create('carla', 'carla.phone');
  await create('dina', 'dina.phone', '--email', 'dina@example.com');
  await create('emil', 'emil.phone');
  await create('fred', 'fred.phone');
  await create('gerd', 'fred');
  for (const [typed, asked] of [['CARLA', 'carla.phone'], [' Dina@EXAMPLE.com ', 'dina.phone'], ['emil.phone', 'emil.phone'], ['fred', 'fred.phone']]) {
    const walker = await at.begin('secsign', typed);
    assert.equal(stateOf(walker), 'pending/');
    assert.ok(await at.session(asked), `${typed} asks ${asked}`);
    assert.equal(await at.session('fred'), undefined);
  }
  for (const typed of ['alice', 'alice@example.com']) {
    await demo.phone.reset();
    await at.begin('thumbsignin', typed);
    assert.equal((await demo.phone.transactions('alice', 'PENDING')).length, 1, typed);
  }
});

test('wait: attributes, forms and pictures of both services', async () => {
  for (const provider of ['secsign', 'thumbsignin']) {
    const walker = await at.begin(provider);
    assert.equal(walker.page, 'wait');
    assert.deepEqual(['data-login-state', 'data-login-reason', 'data-provider'].map((name) => walker.main(name)), ['pending', undefined, provider]);
    const left = Number(walker.main('data-expires-in'));
    assert.ok(left > 60 && left <= (provider === 'secsign' ? 120 : 90), `${left} s`);
    const headers = { cookie: walker.cookie(demo.issuer), connection: 'close' };
    const status = await fetch(new URL(walker.main('data-status-url'), demo.issuer), { headers });
    assert.deepEqual(await status.json(), { state: 'pending', reason: null });
    await staysItself(walker);
    const src = (id) => walker.html.match(new RegExp(`<img[^>]*id="${id}"[^>]*src="data:image/png;base64,([^"]*)"`))?.[1];
    if (provider === 'secsign') {
      const { symbols, servicename, serviceaddress } = await at.session();
      assert.ok(symbols.length >= 4 && new Set(symbols).size === symbols.length);
      assert.equal(symbols.filter((symbol) => symbol === src('access-pass')).length, 1, 'exactly the upstream’s PNG');
      assert.match(servicename, /Example app/);
      assert.equal(serviceaddress, 'localhost');
    } else {
      const link = walker.html.match(/<a id="deep-link"[^>]*href="([^"]*)"/)[1];
      assert.equal(link, `${demo.phone_url}/phone/t/${await at.transaction()}`);
      assert.ok(src('qr'));
    }
    assert.equal(await post(walker, 'continue'), walker.url, 'pending: back here');
    assert.deepEqual(forms(walker.html).map(({ id }) => id).filter((id) => ['continue', 'cancel', 'retry'].includes(id)), ['continue', 'cancel']);
    await demo.phone.auto(provider, 'alice', 'approve');
    const open = provider === 'secsign' ? await at.session() : { id: await at.transaction() };
    if (provider === 'secsign') await demo.phone.answer('alice', open.authsessionid, { action: 'fetch' });
    else await demo.phone.act(open.id, { action: 'scan' });
    await at.until(walker, 'fetched');
    if (provider === 'secsign') await demo.phone.answer('alice', open.authsessionid, { action: 'approve' });
    else await demo.phone.act(open.id, { action: 'approve', userId: 'alice' });
    await at.until(walker, 'approved');
    for (const id of ['continue', 'cancel']) assert.ok(walker.form(id));
    const onward = await post(walker, 'continue');
    assert.notEqual(onward, walker.url);
    await walker.open(onward, at.back);
    assert.ok(new URL(walker.url).searchParams.get('code'));
  }
});

test('retry and cancel at every end; a retry asks again', async () => {
  const name = await at.person('henry');
  const walker = await at.begin('secsign', name);
  const { authsessionid } = await at.session(name);
  await demo.phone.answer(name, authsessionid, { action: 'deny' });
  assert.equal(await at.ended(walker), 'denied/');
  for (const id of ['retry', 'cancel']) assert.ok(walker.form(id));
  const seq = await at.lastSeq();
  await staysItself(walker);
  assert.equal(await at.creates(seq), 0, 'a GET begins nothing');
  await walker.open(await post(walker, 'retry'));
  assert.equal(stateOf(walker), 'pending/');
  assert.equal(await at.creates(seq), 1);
  assert.equal(new URL(await post(walker, 'cancel')).searchParams.get('error'), 'access_denied');
});

test('a QR code without a name: the page names the account and waits for #continue', async () => {
  const walker = await new Walker().open(at.address());
  await walker.submit('provider', { provider: 'thumbsignin' });
  await walker.open(await post(walker, 'identifier', { identifier: '', unnamed: 'true' }));
  assert.equal(stateOf(walker), 'pending/');
  const id = walker.html.match(/<a id="deep-link"[^>]*href="([^"]*)"/)[1].split('/').at(-1);
  await demo.phone.act(id, { action: 'approve', userId: 'bob' });
  await at.until(walker, 'approved');
  assert.match(walker.html, /bob/);
  const page = walker.url;
  assert.equal(await at.isSignedIn(walker), false, 'approved, and not confirmed (check 143)');
  await walker.open(page);
  assert.ok(await at.finish(walker));
  assert.equal(await at.whoIs(walker), 'bob');
});

test('consent: form#consent with decision, li[data-scope]', async () => {
  const asking = loginAt(demo, 'demo-consent');
  const walker = await asking.begin('secsign', 'alice', new Walker(), { scope: 'openid profile email groups offline_access' });
  await approve(demo, 'secsign', 'alice');
  await at.until(walker, 'approved');
  await walker.submit('continue');
  assert.equal(walker.page, 'consent');
  await staysItself(walker);
  const scopes = [...walker.html.matchAll(/<li data-scope="([^"]*)"/g)].map(([, scope]) => scope);
  assert.deepEqual(scopes, ['profile', 'email', 'groups', 'offline_access'], 'in the order that people read, and nothing for openid');
  assert.deepEqual(walker.form('consent').buttons.map((button) => button.join('=')).sort(), ['decision=allow', 'decision=deny']);
  const denied = new URL(await post(walker, 'consent', { decision: 'deny' }));
  assert.equal(denied.searchParams.get('error'), 'access_denied');
  const again = await walker.open(asking.address({ scope: 'openid email' }));
  assert.equal(again.page, 'consent', 'a refusal is not remembered as a yes');
  assert.ok(new URL(await post(walker, 'consent', { decision: 'allow' }).then((url) => walker.open(url, asking.back)).then(({ url }) => url))
    .searchParams.get('code'));
});

test('logout: the question, its form, and the pages after it', async () => {
  const walker = await signedIn();
  await at.finish(walker);
  await walker.open(`${demo.issuer}/logout`);
  assert.equal(walker.page, 'logout');
  assert.ok(walker.form('logout'));
  await staysItself(walker);
  const question = walker.url;
  await walker.open(await post(walker, 'stay'));
  assert.equal(walker.page, 'message');
  assert.equal(walker.main('data-message'), 'still_signed_in');
  await staysItself(walker);
  assert.equal(await at.isSignedIn(walker), true, 'a no changes nothing');
  const forged = await walker.raw(`${demo.issuer}/logout/stay`, new URLSearchParams({ csrf: 'x' }));
  assert.equal(forged.status, 403);
  await walker.open(question);
  await walker.open(await post(walker, 'logout'));
  assert.equal(walker.page, 'message');
  assert.equal(walker.main('data-message'), 'signed_out');
  await staysItself(walker);
  assert.equal(await at.isSignedIn(walker), false);
});

test('form_post: form#form-post with the answer as hidden inputs', async () => {
  const walker = await at.begin('secsign', 'alice', new Walker(), { response_mode: 'form_post' });
  await approve(demo, 'secsign', 'alice');
  await at.until(walker, 'approved');
  await walker.submit('continue');
  const form = walker.form('form-post');
  assert.equal(form.action, at.back);
  assert.match(walker.html, /<h1[^>]*>Back to Example app<\/h1>/, 'the app by its name');
  assert.doesNotMatch(walker.html, /hreflang/, 'no way away from an answer that is given once');
  assert.deepEqual(form.inputs.map(([name]) => name), ['code', 'state', 'iss']);
});

test('errors are pages with a reference id and the right status, in the language that the browser reads', async () => {
  for (const [path, status] of [['/nowhere', 404], ['/authorize?client_id=nobody', 400], ['/authorize', 400], [`/login/${'a'.repeat(22)}`, 404],
    ['/authorize?client_id=demo-web&redirect_uri=http://evil.example', 400]]) {
    for (const language of ['en', 'de']) {
      const answer = await fetch(demo.issuer + path, { headers: { 'accept-language': language }, redirect: 'manual' });
      assert.equal(answer.status, status, path);
      const html = await answer.text();
      assert.match(html, /<main[^>]*data-page="error"[^>]*data-reference-id="[^"]{6,}"/, path);
      assert.match(html, new RegExp(`<html lang="${language}"`));
    }
  }
});

/** Where the footer's link to a language leads. */
const switchTo = (walker, tag) => {
  const link = walker.html.match(new RegExp(`<footer[\\s\\S]*<a href="([^"]*)" hreflang="${tag}"`));
  return link && new URL(link[1].replaceAll('&amp;', '&'), walker.url).href;
};
const language = (walker) => walker.html.match(/<html lang="([^"]*)"/)[1];

test('the switch of languages keeps the transaction, and comes before what the app asks for', async () => {
  const walker = await new Walker().open(at.address({ ui_locales: 'de' }));
  const { url } = walker;
  assert.deepEqual([language(walker), walker.page, switchTo(walker, 'de')], ['de', 'choose', null]);
  await walker.open(switchTo(walker, 'en'));
  assert.deepEqual([language(walker), walker.url], ['en', url], 'the same page, though the app asks for German');
  await staysItself(walker);
  assert.equal(language(walker), 'en');
  await walker.submit('provider', { provider: 'secsign' });
  assert.deepEqual([language(walker), walker.page], ['en', 'identify']);
  await walker.open(await post(walker, 'identifier', { identifier: 'two words' }));
  const refused = walker.url;
  await walker.open(switchTo(walker, 'de'));
  assert.deepEqual([language(walker), walker.url], ['de', refused], 'with its query');
  assert.match(walker.html, /id="identifier-error"/);
  await walker.submit('identifier', { identifier: 'alice' });
  assert.deepEqual([language(walker), walker.page], ['de', 'wait']);
  const seq = await at.lastSeq();
  await walker.open(switchTo(walker, 'en'));
  assert.deepEqual([language(walker), walker.page, stateOf(walker)], ['en', 'wait', 'pending/']);
  assert.equal(await at.creates(seq), 0, 'and the phone is not asked again');
  await approve(demo, 'secsign', 'alice');
  await at.until(walker, 'approved');
  assert.ok(await at.finish(walker));
  // Errors have it too, with the parameters that led to them; what was posted has none.
  await walker.open(`${demo.issuer}/authorize?client_id=nobody&state=a%26b`);
  assert.deepEqual([walker.status, language(walker)], [400, 'en']);
  const wrong = walker.url;
  await walker.open(switchTo(walker, 'de'));
  assert.deepEqual([walker.status, language(walker), walker.url], [400, 'de', wrong]);
  const posted = await (await walker.raw(`${demo.issuer}/logout/stay`, new URLSearchParams())).text();
  assert.match(posted, /<html lang="de"[\s\S]*data-page="error"/);
  assert.doesNotMatch(posted, /hreflang/);
});

test('the switch of languages sets one cookie, and leads nowhere but to paths of ours', async () => {
  const ask = (path, headers = {}) => fetch(demo.issuer + path, { redirect: 'manual', headers: { connection: 'close', ...headers } });
  const good = await ask('/language/de?to=%2Flogout%2Fdone', { 'sec-fetch-site': 'same-origin' });
  assert.deepEqual([good.status, good.headers.get('location')], [303, '/logout/done']);
  const [cookie, ...more] = good.headers.getSetCookie();
  assert.equal(more.length, 0);
  assert.match(cookie, /^signbridge_language=de;/);
  for (const part of ['HttpOnly', 'SameSite=Lax', 'Path=/']) assert.ok(cookie.includes(part), cookie);
  for (const [path, status, headers] of [
    ['/language/fr?to=%2F', 404], ['/language/DE?to=%2F', 404], ['/language/de?to=%2F', 403, { 'sec-fetch-site': 'cross-site' }],
    ['/language/de?to=%2F%2Fevil.example', 400], ['/language/de?to=%2F%5Cevil.example', 400], ['/language/de?to=%2F.%2F%2Fevil.example', 400],
    ['/language/de?to=https%3A%2F%2Fevil.example', 400], ['/language/de?to=%2F&to=%2F', 400],
  ]) {
    const answer = await ask(path, headers);
    assert.equal(answer.status, status, path);
    assert.deepEqual([answer.headers.get('location'), answer.headers.getSetCookie()], [null, []], path);
  }
  const odd = await ask('/', { cookie: 'signbridge_language="><script>', 'accept-language': 'de' });
  assert.match(await odd.text(), /<html lang="de"/);
});

const SERVICES = { secsign: 'urn:signbridge:acr:matched', thumbsignin: undefined };
for (const [service, acr] of Object.entries(SERVICES)) {
  test(`the example app with ${service}: /login passes parameters on; the result page has its ids; refresh and sign-out work`, async () => {
    const walker = await new Walker().open(`${demo.app_url}/login?${new URLSearchParams({ ...(acr && { acr_values: acr }), login_hint: 'bob', ui_locales: 'de' })}`);
    // Only one service reaches `matched`: the choice is skipped.
    assert.equal(walker.page, acr ? 'identify' : 'choose');
    if (walker.page === 'choose') await walker.submit('provider', { provider: service });
    assert.match(walker.html, /<html lang="de"/);
    assert.match(walker.html, /name="identifier"[^>]*value="bob"/);
    await walker.submit('identifier');
    assert.equal(walker.main('data-provider'), service);
    await approve(demo, service, 'bob');
    await at.until(walker, 'approved');
    await walker.submit('continue');
    const pre = (id) => JSON.parse(walker.html.match(new RegExp(`<pre id="${id}"[^>]*>([\\s\\S]*?)</pre>`))[1].replaceAll('&quot;', '"').replaceAll('&#x2f;', '/'));
    const first = pre('id-token');
    assert.equal(first.sub, demo.user('bob').sub);
    if (acr) assert.equal(first.acr, acr);
    assert.equal(pre('userinfo').preferred_username, 'bob');
    // The second may be of the same second: then `iat` shows nothing.
    await pause(1_100);
    await walker.submit('refresh');
    const second = pre('id-token');
    assert.ok(second.iat > first.iat, `${second.iat} after ${first.iat}`);
    assert.notEqual(second.at_hash, first.at_hash, 'another access token');
    for (const kept of ['iss', 'sub', 'aud', 'auth_time', 'acr', 'sid']) assert.deepEqual(second[kept], first[kept], kept);
    const out = walker.html.match(/<a[^>]*id="sign-out"[^>]*href="([^"]*)"/)?.[1] ?? walker.html.match(/<a[^>]*href="([^"]*)"[^>]*id="sign-out"/)[1];
    await walker.open(new URL(out, demo.app_url).href);
    assert.match(walker.html, /signed out here and at the provider/);
    assert.equal(await at.isSignedIn(walker), false);
  });
}
