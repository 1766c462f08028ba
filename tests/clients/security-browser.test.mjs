// What binds a login to the browser that began it and to the request that it was for: each attack beside the rightful
// browser that still succeeds. Numbers are those of `docs/requirements`.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { approve, eventually, startDemo } from './lib/demo.mjs';
import { assertRefused, claims, codeIn, givesSession, loginAt, replay, transactionOn } from './lib/login.mjs';
import { each, pause } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

let demo; let at;
before(async () => { demo = await startDemo(); at = loginAt(demo); });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

const BROWSER = 'signbridge_browser';
const SESSION = 'signbridge_session';

/** A browser in which this person signed in. */
const signedIn = async (username) => {
  const walker = await at.begin('secsign', username);
  await approve(demo, 'secsign', username);
  await at.finish(walker);
  return walker;
};

/** A request as it is written here: no URL parser between, and only the cookies that are given. */
const plain = (method, path, headers = {}, body = undefined) => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(demo.issuer);
  http.request({ hostname, port, method, path, headers: { connection: 'close', ...headers } }, (answer) => {
    answer.resume();
    answer.on('end', () => resolve({ status: answer.statusCode, location: answer.headers.location }));
  }).on('error', reject).end(body);
});

test('S1, B1, B3: a second browser with every address and form of the first is nobody', async () => {
  const mine = await at.begin();
  const other = await new Walker().open(at.address());
  const form = mine.form('continue');
  for (const path of ['', '/status', '/events']) {
    assert.equal((await other.open(mine.url + path)).status, 404, path);
  }
  // Unknown and foreign are one answer: nobody learns whether a login is there (B3).
  const own = /(nonce|reference-id)="[^"]*"|<code>\w+<\/code>|'nonce-[^']*'/g;
  const shape = async (id) => {
    const answer = await fetch(`${demo.issuer}/login/${id}/status`, { headers: { cookie: other.cookie(demo.issuer) } });
    const headers = [...answer.headers].filter(([name]) => name !== 'date').map(([name, value]) => [name, value.replaceAll(own, '')]);
    return JSON.stringify([answer.status, headers, (await answer.text()).replaceAll(own, '')]);
  };
  const id = mine.url.split('/').at(-1);
  const foreign = await shape(id);
  assert.equal(JSON.parse(foreign)[0], 404);
  for (let turn = 0; turn < 200; turn += 1) {
    const unknown = turn % 2 ? `${id.slice(0, -4)}${turn.toString(16).padStart(4, '0')}` : randomUUID();
    assert.equal(await shape(unknown), foreign, unknown);
  }
  // To its own browser it says something else.
  assert.equal((await fetch(`${mine.url}/status`, { headers: { cookie: mine.cookie(demo.issuer) } })).status, 200);
  await approve(demo, 'secsign', 'alice');
  for (const path of ['/continue', '/cancel', '/retry', '/other']) {
    const body = new URLSearchParams(Object.fromEntries(form.inputs));
    await other.open(mine.url + path, at.back, { method: 'POST', body });
    assert.ok([403, 404].includes(other.status), `${path}: ${other.status}`);
  }
  assert.ok(await at.finish(mine));
});

test('S2: odd ids in path, query and form reach no phone service, from the own browser either', async () => {
  const mine = await new Walker().open(at.address());
  const seq = await at.lastSeq();
  const cookie = mine.cookie(demo.issuer);
  const { inputs } = mine.form('provider');
  const odd = ['..%2f..%2fts%2fsecure%2fgetUser%2f1', '..', '%2e%2e%2f', '%252e%252e', '%3fuserId=alice', 'a?userId=alice',
    '%23', ';', '%0a', '%0d%0aX:1', '%00', 'ä', encodeURIComponent('ä'), '%ff', 'a'.repeat(10_000)];
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const id of odd.map((text) => (text === 'ä' ? Buffer.from(text).toString('latin1') : text))) {
    for (const path of [`/login/${id}`, `/login/${id}/status`, `/login/${id}/events`, `/interaction/${id}`, `/interaction/${id}/choose`,
      `/login/x/status?id=${id}`, `/login/status?transactionId=${id}&authsessionid=${id}`]) {
      const { status } = await plain('GET', path, { cookie });
      assert.ok(status >= 400 && status < 500, `${path.slice(0, 60)}: ${status}`);
    }
    for (const step of ['continue', 'cancel', 'retry', 'other']) {
      const body = String(new URLSearchParams([...inputs, ['id', id], ['transactionId', id], ['authsessionid', id]]));
      const { status } = await plain('POST', `/login/${id}/${step}`, { cookie, ...type }, body);
      assert.ok(status >= 400 && status < 500, `POST ${step} ${id.slice(0, 40)}: ${status}`);
    }
  }
  assert.deepEqual(await demo.phone.requests(seq), []);
  // The same browser, through the front door.
  await mine.submit('provider', { provider: 'secsign' });
  await mine.submit('identifier', { identifier: 'alice' });
  assert.equal(await at.creates(seq), 1);
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(mine));
});

test('S4: a session that was there before the login is not the one after it, at every login anew', async () => {
  const fixed = 'f'.repeat(43);
  const mine = await new Walker().open(at.address());
  mine.plant(demo.issuer, SESSION, fixed);
  await mine.submit('provider', { provider: 'secsign' });
  await mine.submit('identifier', { identifier: 'alice' });
  await approve(demo, 'secsign', 'alice');
  await at.finish(mine);
  const first = mine.jar(demo.issuer, SESSION);
  const browser = mine.jar(demo.issuer, BROWSER);
  assert.ok(first && first !== fixed);
  assert.equal(await at.whoIs(mine), 'alice');
  const withCookies = (session) => {
    const walker = new Walker();
    walker.plant(demo.issuer, BROWSER, browser);
    if (session) walker.plant(demo.issuer, SESSION, session);
    return walker;
  };
  assert.equal(await at.isSignedIn(withCookies(fixed)), false, 'the session that was planted');
  assert.equal(await at.isSignedIn(withCookies(undefined)), false, 'the cookie of before the login');
  assert.equal(await at.isSignedIn(withCookies(first)), true);

  await at.begin('secsign', 'alice', mine, { prompt: 'login' });
  await approve(demo, 'secsign', 'alice');
  await at.finish(mine);
  const second = mine.jar(demo.issuer, SESSION);
  assert.notEqual(second, first);
  assert.equal(await at.isSignedIn(withCookies(first)), false, 'the session of before the second approval');
  assert.equal(await at.isSignedIn(withCookies(second)), true);
});

test('S6: a forged continue is refused, the own one is not', async () => {
  const mine = await at.begin();
  const [page, { inputs }] = [mine.url, mine.form('continue')];
  await approve(demo, 'secsign', 'alice');
  const forged = [
    [{ origin: 'https://evil.example' }, inputs], [{ 'sec-fetch-site': 'cross-site' }, inputs], [{ origin: 'null' }, inputs],
    [{ 'sec-fetch-site': 'same-site' }, inputs], [{}, []], [{}, [['csrf', 'x'.repeat(43)]]],
  ];
  for (const [headers, fields] of forged) {
    await mine.open(`${page}/continue`, at.back, { method: 'POST', headers, body: new URLSearchParams(fields) });
    assert.equal(mine.status, 403);
  }
  assert.equal((await mine.open(`${page}/continue`)).status, 405, 'a GET continues nothing');
  await mine.open(page);
  assert.ok(await at.finish(mine));
});

test('S5: a cancel needs the cookie, the token and a POST of our own page', async () => {
  const mine = await at.begin();
  const [page, { inputs }] = [mine.url, mine.form('cancel')];
  for (const path of [`${page}?cancelled=true`, `${page}/status?cancelled=true`]) await mine.open(path);
  assert.equal((await mine.open(`${page}/cancel`)).status, 405);
  for (const [headers, fields] of [[{ origin: 'https://evil.example' }, inputs], [{}, []]]) {
    await mine.open(`${page}/cancel`, at.back, { method: 'POST', headers, body: new URLSearchParams(fields) });
    assert.equal(mine.status, 403);
  }
  await mine.open(page);
  assert.equal(mine.main('data-login-state'), 'pending');
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(mine));
});

test('S10, S11: ids in form fields mean nothing: an approval of another person completes no login', async () => {
  const bob = await at.begin('secsign', 'bob');
  const his = await at.session('bob');
  await demo.phone.answer('bob', his.authsessionid, { action: 'approve' });
  await at.until(bob, 'approved');
  const thumb = await at.begin('thumbsignin', 'bob');
  const transaction = await at.transaction('bob');
  await demo.phone.act(transaction, { action: 'approve', userId: 'bob' });

  const alice = await at.begin('secsign', 'alice');
  const [page, form] = [alice.url, alice.form('continue')];
  const [hisId, herId] = [bob, alice].map((walker) => walker.url.split('/').at(-1));
  for (const [what, fields] of Object.entries({
    'the ids of the seed': { secsignid: 'bob', authsessionid: his.authsessionid, requestid: 'A'.repeat(64), authsessionstate: '3' },
    'her name with his session': { secsignid: 'alice', authsessionid: his.authsessionid },
    'his transaction': { transactionId: transaction, userId: 'bob', status: 'COMPLETED_SUCCESSFUL' },
    'our own names': { login: hisId, login_id: hisId, id: hisId, state: 'approved', identifier: 'bob' },
    'service texts': { servicename: 'Evil', serviceaddress: 'evil.example' },
  })) {
    const answer = await replay(alice, page, form, fields);
    assertRefused(answer, demo.issuer, what);
    assert.equal(new URL(answer.headers.get('location'), page).pathname, `/login/${herId}`, what);
    assert.equal((await alice.open(page)).main('data-login-state'), 'pending', what);
  }
  // His address with her cookie and token; her address with his token.
  for (const [url, fields] of [[bob.url, form.inputs], [page, bob.form('continue').inputs]]) {
    const answer = await alice.raw(`${url}/continue`, new URLSearchParams(Object.fromEntries(fields)));
    assert.ok([403, 404].includes(answer.status), `${url}: ${answer.status}`);
  }
  await approve(demo, 'secsign', 'alice');
  await at.finish(alice);
  assert.equal(await at.whoIs(alice), 'alice');
  for (const his of [bob, thumb]) {
    await at.finish(his);
    assert.equal(await at.whoIs(his), 'bob');
  }
});

test('decision 2.2: no id of a phone service reaches the browser, but for the link and the code that lead there', async () => {
  for (const provider of ['secsign', 'thumbsignin']) {
    const walker = await at.begin(provider);
    const id = provider === 'secsign' ? (await at.session()).authsessionid : await at.transaction();
    const seen = [];
    const look = async () => {
      const headers = { cookie: walker.cookie(demo.issuer), connection: 'close' };
      const status = await fetch(new URL(walker.main('data-status-url'), demo.issuer), { headers });
      seen.push(walker.url, walker.html, walker.cookie(demo.issuer), JSON.stringify([...status.headers]), await status.text());
    };
    await look();
    await approve(demo, provider, 'alice');
    await at.until(walker, 'approved');
    await look();
    await at.finish(walker);
    seen.push(walker.url, walker.html, walker.cookie(demo.issuer));
    for (const said of seen) {
      const text = said.replaceAll(`${demo.phone_url}/phone/t/${id}`, '');
      for (const leak of [id, 'authsessionid', 'requestid', 'transactionId']) {
        assert.ok(!text.includes(leak), `${provider}: ${leak} in ${text.slice(0, 400)}`);
      }
    }
  }
});

test('S12, B4: the service still says authenticated, and yet an approval signs in once', async () => {
  const mine = await at.begin();
  const [page, form] = [mine.url, mine.form('continue')];
  const interaction = await eventually('the approval', async () => {
    const open = await at.session();
    if (open) await demo.phone.answer('alice', open.authsessionid, { action: 'approve' });
    const answer = await replay(mine, page, form);
    return answer.headers.get('location').includes('/interaction/') && new URL(answer.headers.get('location'), page).href;
  });
  assert.equal(await at.isSignedIn(mine), true);
  const first = await mine.open(interaction, at.back);
  assert.ok(new URL(first.url).searchParams.get('code'), 'the first finish');
  const { sessions } = await demo.phone.secsign('alice');
  assert.equal(sessions.at(-1).state, 3, 'the service has not forgotten the approval');

  const session = mine.jar(demo.issuer, SESSION);
  for (const fresh of [undefined, 'another authorize request', 'another client']) {
    const other = loginAt(demo, 'demo-consent');
    if (fresh) await mine.open(fresh.endsWith('client') ? other.address({ prompt: 'login' }) : at.address({ prompt: 'login' }));
    const answer = await replay(mine, page, form);
    assertRefused(answer, demo.issuer, fresh);
    await mine.open(new URL(answer.headers.get('location'), page).href, at.back);
    assert.equal(mine.main('data-message'), 'already_done', fresh);
  }
  assert.equal(mine.jar(demo.issuer, SESSION), session);
  // In a browser that has signed out, the used approval signs nobody in.
  mine.plant(demo.issuer, SESSION, undefined);
  assertRefused(await replay(mine, page, form), demo.issuer, 'without the session');
  assert.equal(await at.isSignedIn(mine), false);
});

test('B2: a login of somebody else, pushed into a browser, changes nothing there', async () => {
  const alice = await signedIn('alice');
  const mallory = await at.begin('secsign', 'bob');
  await approve(demo, 'secsign', 'bob');
  await at.until(mallory, 'approved');
  const [page, form] = [mallory.url, mallory.form('continue')];
  assert.equal((await alice.open(page)).status, 404);
  assert.equal((await replay(alice, page, form)).status, 404);
  assert.equal(await at.whoIs(alice), 'alice');

  // His code, sent to her app, is stopped by the app's own state; here: it was made for his request, not for hers.
  await at.finish(mallory);
  const [his, hers] = [mallory, alice].map((walker) => ({
    browser: walker.jar(demo.issuer, BROWSER), session: walker.jar(demo.issuer, SESSION),
  }));
  const ask = async (cookie) => {
    const answer = await fetch(at.address({ prompt: 'none', scope: 'openid profile' }), { redirect: 'manual', headers: { cookie } });
    const code = codeIn(answer, demo.issuer);
    return code ? claims((await at.token(code)).id_token).preferred_username : null;
  };
  // Cookie tossing: a neighbour that can write cookies for this host (B45).
  for (const [what, cookie, expected] of [
    ['her own', `${BROWSER}=${hers.browser}; ${SESSION}=${hers.session}`, 'alice'],
    ['his session beside her browser cookie', `${BROWSER}=${hers.browser}; ${SESSION}=${his.session}`, null],
    ['his browser cookie beside her session', `${BROWSER}=${his.browser}; ${SESSION}=${hers.session}`, null],
    ['two sessions, his first', `${BROWSER}=${hers.browser}; ${SESSION}=${his.session}; ${SESSION}=${hers.session}`, null],
    ['two sessions, hers first', `${BROWSER}=${hers.browser}; ${SESSION}=${hers.session}; ${SESSION}=${his.session}`, null],
    ['two of each', `${BROWSER}=${his.browser}; ${SESSION}=${his.session}; ${BROWSER}=${hers.browser}; ${SESSION}=${hers.session}`, null],
    ['a shadow with the prefix', `__Host-${BROWSER}=${his.browser}; __Host-${SESSION}=${his.session}; ${BROWSER}=${hers.browser}; ${SESSION}=${hers.session}`, 'alice'],
  ]) {
    assert.equal(await ask(cookie), expected, what);
  }
});

test('B5: the approval of one request is no answer to another, and its parameters cannot be changed', async () => {
  const other = loginAt(demo, 'demo-consent');
  const mine = await at.begin('secsign', 'alice');
  const [page, form] = [mine.url, mine.form('continue')];
  const wider = await mine.open(other.address({ scope: 'openid email groups offline_access' }));
  const second = wider.url.replace(/\/choose$/, '');
  await approve(demo, 'secsign', 'alice');
  await mine.open(page);
  await at.until(mine, 'approved');
  // The other request is still at its first step, and the token of this one does not move it.
  assert.equal((await mine.open(second)).page, 'choose');
  const stray = await mine.raw(`${second}/choose`, new URLSearchParams({ ...Object.fromEntries(form.inputs), provider: 'secsign' }));
  assert.equal(stray.status, 403);

  const answer = await replay(mine, page, form, {
    client_id: 'demo-consent', scope: 'openid email groups offline_access', redirect_uri: other.back, state: 'x', nonce: 'x',
    interaction: second.split('/').at(-1), authorization: second.split('/').at(-1),
  });
  assert.ok(givesSession(answer));
  await mine.open(new URL(answer.headers.get('location'), page).href, at.back);
  const { searchParams } = new URL(mine.url);
  assert.equal(searchParams.get('state'), 's');
  const tokens = await at.token(searchParams.get('code'));
  assert.equal(tokens.scope, 'openid');
  assert.equal(tokens.refresh_token, undefined);
  const { aud, nonce } = claims(tokens.id_token);
  assert.deepEqual([aud, nonce], ['demo-web', 'n']);
  // The second request now has a session, and still asks what it has to ask.
  assert.equal((await mine.open(second)).page, 'consent');
});

test('B20: reload, back, double click and a second tab ask the phone once', async () => {
  const seq = await at.lastSeq();
  const mine = await new Walker().open(at.address());
  await mine.submit('provider', { provider: 'secsign' });
  const [identify, form] = [mine.url, mine.form('identifier')];
  const click = () => replay(mine, identify, form, { identifier: 'alice' });
  const answers = [...await Promise.all([click(), click()]), await click()];
  const pages = new Set(answers.map((answer) => answer.headers.get('location')));
  assert.equal(pages.size, 1, [...pages].join());
  const page = new URL([...pages][0], identify).href;
  for (let reload = 0; reload < 20; reload += 1) assert.equal((await mine.open(page)).main('data-login-state'), 'pending');
  // Back to the form and to the start, and forward again.
  for (const url of [identify, identify.replace(/\/identify.*/, '/choose'), identify.replace(/\/identify.*/, '')]) await mine.open(url);
  await mine.open(identify);
  await mine.submit('identifier', { identifier: 'alice' });
  assert.equal(mine.url, page);
  assert.equal(await at.creates(seq), 1);
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(mine));
});

test('B17: thirty continues of one approval are one login', async () => {
  const walker = await at.begin('thumbsignin', 'bob');
  await demo.phone.act(await at.transaction('bob'), { action: 'approve', userId: 'bob' });
  await at.until(walker, 'approved');
  const [page, form] = [walker.url, walker.form('continue')];
  const answers = await Promise.all(Array.from({ length: 30 }, () => replay(walker, page, form)));
  for (const answer of answers) assert.equal(answer.status, 303);
  assert.equal(answers.filter(givesSession).length, 1);
});

test('B18: after a cancel there is never a code, nor a session', async () => {
  const walker = await at.begin('thumbsignin', 'bob');
  const [page, form] = [walker.url, walker.form('continue')];
  await demo.phone.act(await at.transaction('bob'), { action: 'approve', userId: 'bob' });
  await at.until(walker, 'approved');
  await at.giveUp(walker);
  assert.equal(new URL(walker.url).searchParams.get('error'), 'access_denied');
  assertRefused(await replay(walker, page, form), demo.issuer, 'after the cancel');
  assert.equal(await at.isSignedIn(walker), false);
});

test('B18: cancel and continue at the same moment: a code or access_denied, never both', async (t) => {
  const approved = await Promise.all(Array.from({ length: 20 }, async () => {
    const walker = await at.begin('thumbsignin', 'bob');
    const forms = [walker.url, walker.form('continue'), walker.form('cancel')];
    await demo.phone.act(transactionOn(walker), { action: 'approve', userId: 'bob' });
    await at.until(walker, 'approved');
    return [walker, ...forms];
  }));
  const outcomes = [];
  // Few at a time: what each hand has in advance must be more than its way takes on a busy machine.
  await each(approved, 4, async ([walker, page, go, stop], round) => {
    // One hand goes on up to the app, the other cancels: each later in one half of the rounds, by up to a second.
    const later = (ms) => pause(Math.max(0, ms));
    const goOn = async () => {
      await later((10 - round) ** 3);
      const on = await replay(walker, page, go);
      assert.equal(on.status, 303);
      await walker.open(new URL(on.headers.get('location'), page).href, at.back);
    };
    const giveUp = async () => {
      await later((round - 10) ** 3);
      return replay(walker, page, stop);
    };
    const [, off] = await Promise.all([goOn(), giveUp()]);
    assert.equal(off.status, 303);
    const denied = (off.headers.get('location') ?? '').includes('access_denied');
    const code = new URL(walker.url).searchParams.get('code');
    assert.ok(!(denied && code), `round ${round}: a code after the cancel was acknowledged`);
    assert.ok(denied || code, `round ${round}: neither`);
    outcomes[round] = denied ? 'denied' : 'code';
  });
  t.diagnostic(outcomes.join());
  assert.deepEqual([...new Set(outcomes)].sort(), ['code', 'denied'], 'each hand won at least once');
});
