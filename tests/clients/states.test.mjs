// Every state in which a phone service can leave a login, as the page says it: the table of design 3, each with words of its
// own in both languages; and what unknown, busy and frozen people look like to strangers and to a browser of theirs (2.7).
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { approve, eventually, startDemo } from './lib/demo.mjs';
import { loginAt, stateOf, transactionOn } from './lib/login.mjs';
import { pairs, refusal, startScripted, stateIs } from './lib/scripted.mjs';
import { App, pkce, prepare } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

let demo; let at;
before(async () => { demo = await startDemo(); at = loginAt(demo); });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

/** What a person reads on the page: the text of `<main>` without markup, without what counts down and without a name's initial. */
const words = (html) => html.match(/<main[\s\S]*<\/main>/)[0].replaceAll(/<(script|svg)[\s\S]*?<\/\1>/g, '')
  .replaceAll(/<span class="chip-initial[^>]*>[^<]*/g, '').replaceAll(/<[^>]*>/g, ' ')
  .replaceAll(/\d+:\d\d/g, '').replaceAll(/\s+/g, ' ').trim();

/** The headline and the sentences that belong to it: what tells one state from another. */
const notice = (html) => words(`<main>${html.match(/<div class="(notice|ask|status)[\s\S]*?<\/div>/g).join('')}</main>`);

const LOCALES = ['en', 'de'];

/** Collects the words of states, and fails when two states say the same. */
class Words {
  #seen = new Map();

  /** `name` stands for the person, whose name is no difference. */
  add(locale, state, walker, name) {
    assert.match(walker.html, new RegExp(`<html lang="${locale}"`), `${state} in ${locale}`);
    const said = notice(walker.html).replaceAll(name ?? 'alice', 'NAME');
    assert.ok(said.length > 30, `${state} in ${locale}: ${said}`);
    assert.doesNotMatch(walker.html, /wait\.(pending|fetched|approved|denied|expired|cancelled|failed)\./, 'a text is missing');
    const before = this.#seen.get(said);
    assert.ok(before === undefined || before === `${locale} ${state}`, `${locale} ${state} says the same as ${before}: ${said}`);
    this.#seen.set(said, `${locale} ${state}`);
  }

  get count() { return this.#seen.size; }
}

/** What design 3 asks of a page in this state. */
async function assertPage(walker, state, reason) {
  const headers = { cookie: walker.cookie(demo.issuer), connection: 'close' };
  const status = await (await fetch(new URL(walker.main('data-status-url'), demo.issuer), { headers })).json();
  assert.deepEqual(status, { state, reason: reason || null });
  const open = ['pending', 'fetched', 'approved'].includes(state);
  assert.equal(walker.html.includes('id="continue"'), open, `#continue in ${state}`);
  assert.equal(walker.html.includes('id="retry"'), !open, `#retry in ${state}`);
  assert.equal(walker.html.includes('id="access-pass"'), ['pending', 'fetched'].includes(state), `#access-pass in ${state}`);
}

/** States of SecSign that strangers are not told. */
const KNOWN_ONLY = ['5', '6', '8'];

test('SecSign: states 0 to 8 and anything else', async (t) => {
  const table = {
    1: 'pending/', 7: 'fetched/', 3: 'approved/', 4: 'denied/', 2: 'expired/', 6: 'cancelled/', 5: 'failed/suspended',
    8: 'failed/invalid', 0: 'failed/technical_reason', 9: 'failed/technical_reason', '-1': 'failed/technical_reason',
    1000000: 'failed/technical_reason', '-9007199254740991': 'failed/technical_reason',
  };
  const said = new Words();
  await Promise.all(Object.entries(table).map(async ([state, expected], number) => {
    const name = await at.person(`state${number}`);
    const known = new Walker();
    // What a service does with a request without its person is told in a browser that they used before.
    if (KNOWN_ONLY.includes(state)) {
      await at.begin('secsign', name, known);
      await demo.phone.answer(name, (await at.session(name)).authsessionid, { action: 'approve' });
      assert.ok(await at.finish(known));
    }
    for (const locale of LOCALES) {
      const walker = KNOWN_ONLY.includes(state) ? known : new Walker();
      await at.beginFree('secsign', name, walker, { ui_locales: locale, prompt: 'login' });
      const { authsessionid } = await at.session(name);
      await demo.phone.answer(name, authsessionid, { action: 'state', state: Number(state) });
      await at.until(walker, expected.split('/')[0]);
      assert.equal(stateOf(walker), expected, `state ${state}`);
      assert.equal(walker.main('data-provider'), 'secsign');
      said.add(locale, expected, walker, name);
      await assertPage(walker, ...expected.split('/'));
      await at.giveUp(walker);
      assert.equal(new URL(walker.url).searchParams.get('error'), 'access_denied');
    }
  }));
  t.diagnostic(`${said.count} different texts`);
  assert.equal(said.count, LOCALES.length * new Set(Object.values(table)).size);
});

test('ThumbSignIn: statuses and failure reasons', async (t) => {
  const said = new Words();
  const reasons = [
    ['DECLINED', 'denied/'], ['TIMEOUT', 'expired/'], ['CANCELLED', 'cancelled/'], ['NOT_REGISTERED', 'failed/not_registered'],
    ['ALREADY_REGISTERED', 'failed/already_registered'], ['NO_SUITABLE_AUTHENTICATOR', 'failed/no_suitable_authenticator'],
    ['TECHNICAL_REASON', 'failed/technical_reason'], ['SOMETHING_NEW', 'failed/technical_reason'], ['', 'failed/technical_reason'],
  ];
  await Promise.all(LOCALES.flatMap((locale) => reasons.map(async ([reason, expected]) => {
    const walker = await at.begin('thumbsignin', 'alice', new Walker(), { ui_locales: locale });
    said.add(locale, 'pending/', walker);
    await demo.phone.act(transactionOn(walker), { action: 'fail', failureReason: reason });
    assert.equal(await at.ended(walker), expected, reason);
    said.add(locale, expected, walker);
    await at.giveUp(walker);
  })));
  for (const locale of LOCALES) {
    const walker = await at.begin('thumbsignin', 'alice', new Walker(), { ui_locales: locale });
    const transaction = transactionOn(walker);
    await demo.phone.act(transaction, { action: 'scan' });
    await at.until(walker, 'fetched');
    said.add(locale, 'fetched/', walker);
    await demo.phone.act(transaction, { action: 'approve', userId: 'alice' });
    await at.until(walker, 'approved');
    said.add(locale, 'approved/', walker);
    assert.ok(await at.finish(walker));
  }
  t.diagnostic(`${said.count} different texts`);
  assert.equal(said.count, LOCALES.length * 10);
});

test('ThumbSignIn: an approval by another person, and a status that nobody knows, are no approval', async () => {
  const walker = await at.begin('thumbsignin');
  await demo.phone.act(await at.transaction(), { action: 'approve', userId: 'bob' });
  assert.equal(await at.ended(walker), 'failed/technical_reason', 'another person approved');
  for (const value of ['COMPLETED', 'completed_successful', 'SUCCESS', '3', 'COMPLETED_SUCCESSFUL ', 'APPROVED']) {
    await demo.phone.reset();
    await demo.phone.fault({ provider: 'thumbsignin', operation: 'status', fault: 'unknown_state', value, count: 0 });
    const other = await at.begin('thumbsignin');
    assert.equal(await at.ended(other), 'failed/technical_reason', value);
    await at.giveUp(other);
  }
});

test('ThumbSignIn: a code without a name, approved by somebody who has no account here, signs nobody in', async () => {
  for (const operation of ['status', 'get_user']) {
    await demo.phone.fault({ provider: 'thumbsignin', operation, fault: 'wrong_user', value: 'stranger', count: 0 });
  }
  const walker = await new Walker().open(at.address());
  await walker.submit('provider', { provider: 'thumbsignin' });
  await walker.submit('identifier', { identifier: '', unnamed: 'true' });
  await demo.phone.act(transactionOn(walker), { action: 'approve', userId: 'alice' });
  assert.equal(await at.ended(walker), 'failed/not_registered');
  await at.giveUp(walker);
  assert.equal(await at.isSignedIn(walker), false);
});

test('our own states: unreachable, replaced, too many, each with words of its own', async () => {
  const said = new Words();
  for (const locale of LOCALES) {
    for (const provider of ['secsign', 'thumbsignin']) {
      const operation = provider === 'secsign' ? 'create' : 'authenticate';
      // Somebody of their own: whether the request reached the phone is not known, so their slot stays closed (2.7).
      const name = provider === 'secsign' ? await at.person(`down-${locale}`) : 'alice';
      await demo.phone.fault({ provider, operation, fault: 'refuse', count: 1 });
      const walker = await at.begin(provider, name, new Walker(), { ui_locales: locale });
      assert.equal(await at.ended(walker), 'failed/upstream_down');
      said.add(locale, `failed/upstream_down ${provider}`, walker, name);
      await at.giveUp(walker);
    }
    const name = await at.person(`twice-${locale}`);
    const first = await at.begin('secsign', name, new Walker(), { ui_locales: locale });
    const page = first.url;
    await at.begin('secsign', name, first);
    assert.equal(stateOf(first), 'pending/');
    await first.open(page);
    assert.equal(stateOf(first), 'cancelled/replaced');
    said.add(locale, 'cancelled/replaced', first, name);
  }
  const strict = await startDemo('--limits', 'production');
  try {
    const there = loginAt(strict);
    for (const locale of LOCALES) {
      let walker;
      for (let attempt = 0; attempt < 12; attempt += 1) {
        walker = await there.begin('thumbsignin', 'bob', new Walker(), { ui_locales: locale });
        if (stateOf(walker) === 'failed/rate_limited') break;
        await there.giveUp(walker);
      }
      assert.equal(stateOf(walker), 'failed/rate_limited');
      said.add(locale, 'failed/rate_limited', walker);
    }
  } finally {
    assert.equal(await strict.stop(), 0);
  }
  assert.equal(said.count, LOCALES.length * 4);
});

/** A provider whose SecSign server is scripted. Alice can also sign in by ThumbSignIn: that makes a browser hers. */
async function scripted(work) {
  const server = await startScripted();
  const provider = await prepare({ secsign: server.url, lifetimes: { login: '6s' } });
  try {
    await provider.start();
    const client = await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback');
    const web = new App(provider, client);
    await provider.command('user', 'create', '--username', 'alice', '--secsignid', 'alice', '--thumbsignin-user-id', 'alice');
    const begin = async (walker, username = 'alice') => {
      await walker.open(web.authorizeUrl(pkce().challenge, { prompt: 'login' }));
      await walker.submit('provider', { provider: 'secsign' });
      return walker.submit('identifier', { identifier: username });
    };
    const remembered = async () => {
      await provider.phone.auto('thumbsignin', 'alice', 'approve');
      const walker = await new Walker().open(web.authorizeUrl(pkce().challenge));
      await signIn(walker, 'thumbsignin', 'alice', web.redirectUri, () => {});
      return walker;
    };
    const over = (walker) => eventually('the end of the login', async () => {
      await walker.open(walker.url);
      return !['pending', 'fetched'].includes(walker.main('data-login-state')) && stateOf(walker);
    });
    await work({ server, provider, web, begin, remembered, over });
  } finally {
    assert.equal(await provider.close(), 0);
    await server.stop();
  }
}

test('SecSign: error codes 20000, 20006, 400, 500 and HTTP errors, at the create and at a poll', async () => {
  await scripted(async ({ server, begin, remembered, over, web }) => {
    const http = (status) => () => ({ status, body: '<html>no</html>' });
    const known = await remembered();
    const table = [
      // What it says, the page of a remembered browser after the create, and after a poll.
      [refusal(500, 20000), 'failed/not_registered', 'failed/not_registered'],
      [refusal(500, undefined, 'A SecSign ID does not exist with that name.'), 'failed/not_registered', 'failed/not_registered'],
      [refusal(500, 20006), 'failed/frozen', 'failed/frozen'], [http(409), 'failed/frozen', 'failed/frozen'],
      [refusal(400), 'failed/technical_reason', 'failed/invalid'],
      [refusal(500), 'failed/technical_reason', 'failed/technical_reason'],
      [refusal(500, 20003), 'failed/technical_reason', 'failed/technical_reason'],
      [http(400), 'failed/technical_reason', 'failed/technical_reason'],
      [http(404), 'failed/technical_reason', 'failed/technical_reason'],
      // A status that was refused for a while is asked again until the deadline (2.6): then the login has expired.
      [http(500), undefined, 'expired/'], [http(429), undefined, 'expired/'], [http(503), undefined, 'expired/'],
      // Nobody knows what that means, nor whether the phone was asked: the slot stays closed, so it is the last.
      [refusal('"3"'), 'failed/technical_reason', 'failed/technical_reason'],
    ];
    for (const [number, [answer, , atPoll]] of table.entries()) {
      server.state = answer;
      await begin(known);
      assert.equal(await over(known), atPoll, `row ${number}, at a poll: ${JSON.stringify(answer({}))}`);
      await known.submit('cancel', {}, web.redirectUri);
    }
    // S15: a state is a number of the table, written as one.
    for (const state of ['', '03', '3 ', ' 3', '+3', '3.0', '3abc', '0x3', 'null', 'AUTHENTICATED', '[3]', '33', '３', '3&authsessionstate=1']) {
      server.state = stateIs(state);
      await begin(known);
      assert.equal(await over(known), 'failed/technical_reason', `state ${JSON.stringify(state)}`);
      await known.submit('cancel', {}, web.redirectUri);
    }
    // An approval that names nobody, somebody else, or another session.
    for (const fields of [{ authsessionstate: 3 }, { authsessionid: 1 }, { secsignid: 'bob' }, { secsignid: 'ALICE2' }, { secsignid: '' }]) {
      server.state = ({ authsessionid, secsignid }) => pairs('authsessionstate' in fields ? fields
        : { authsessionid, secsignid, authsessionstate: 3, ...fields });
      await begin(known);
      assert.equal(await over(known), 'failed/technical_reason', JSON.stringify(fields));
      await known.submit('cancel', {}, web.redirectUri);
    }
    // The same browser, the same person, an honest server.
    server.state = stateIs(3);
    await begin(known);
    assert.equal(await over(known), 'approved/');
    server.behave();
    for (const [number, [answer, atCreate]] of table.entries()) {
      if (!atCreate) continue;
      server.create = answer;
      await begin(known);
      assert.equal(await over(known), atCreate, `row ${number}, at the create: ${JSON.stringify(answer({}))}`);
      await known.submit('cancel', {}, web.redirectUri);
    }
  });
});

test('ThumbSignIn: HTTP errors, at the create and at a poll', async (t) => {
  await scripted(async ({ provider, web, over }) => {
    const begin = async (name) => {
      const walker = await new Walker().open(web.authorizeUrl(pkce().challenge));
      await walker.submit('provider', { provider: 'thumbsignin' });
      return walker.submit('identifier', { identifier: name });
    };
    // Somebody else for each, and all at once.
    const cases = [400, 401, 404, 429, 500, 503].flatMap((status) => ['authenticate', 'status'].map((operation) => ({ status, operation })));
    for (const one of cases) {
      one.name = `${one.operation}${one.status}`;
      await provider.command('user', 'create', '--username', one.name, '--thumbsignin-user-id', one.name);
      await provider.phone.fault({ provider: 'thumbsignin', operation: one.operation, user: one.name, fault: 'status', status: one.status, count: 0 });
    }
    const seen = Object.fromEntries(await Promise.all(cases.map(async ({ status, operation, name }) => {
      const walker = await begin(name);
      const how = await over(walker);
      const met = (await provider.phone.requests()).filter((call) => call.operation === operation && call.user === name);
      assert.ok(met.length > 0 && met.every((call) => call.status === status), `${status} ${operation} was met`);
      if (operation === 'authenticate') assert.equal(met.length, 1, 'a create is not repeated');
      await walker.submit('cancel', {}, web.redirectUri);
      assert.equal(new URL(walker.url).searchParams.get('error'), 'access_denied');
      return [`${status} ${operation}`, how];
    })));
    t.diagnostic(JSON.stringify(seen));
    // A status that was refused for a while is asked again until the deadline (2.6).
    const later = [429, 500, 503];
    for (const [what, how] of Object.entries(seen)) {
      const [status, operation] = what.split(' ');
      assert.equal(how, operation === 'status' && later.includes(Number(status)) ? 'expired/' : 'failed/technical_reason', what);
    }
    // Somebody whom no fault names.
    await provider.phone.auto('thumbsignin', 'alice', 'approve');
    const walker = await begin('alice');
    assert.equal(await over(walker), 'approved/');
  });
});

test('unknown, frozen, suspended, invalid and cancelled: a stranger sees a pending login with a pass, then an expired one, and nothing is created', async () => {
  await scripted(async ({ server, provider, begin, over, web }) => {
    const names = /alice|dora|emma|finn|kate|bare|nobody/g;
    const look = (walker) => [walker.status, walker.page, stateOf(walker), walker.html.includes('id="access-pass"'),
      words(walker.html).replaceAll(names, 'NAME')];
    for (const name of ['dora', 'emma', 'finn', 'gina', 'hans', 'ines', 'jack', 'kate']) await provider.command('user', 'create', '--username', name, '--secsignid', name);
    await provider.command('user', 'create', '--username', 'bare');
    const honest = await begin(new Walker(), 'kate');
    const expected = look(honest);
    await honest.submit('cancel', {}, web.redirectUri);
    const creates = { alice: refusal(500, 20000), dora: refusal(500, 20006) };
    const states = {
      emma: refusal(500, 20000), finn: refusal(500, 20006), gina: stateIs(5), hans: stateIs(8), ines: stateIs(6), jack: refusal(400),
    };
    server.create = (asked) => (creates[asked.secsignid] ?? server.honest.create)(asked);
    server.state = (asked) => (states[asked.secsignid] ?? server.honest.state)(asked);
    server.calls.length = 0;
    await Promise.all([
      ['no such account', 'nobody'], ['unknown at the service', 'alice'], ['frozen at the service', 'dora'], ['no phone', 'bare'],
      ['no such address', 'nobody@example.com'],
    ].map(async ([what, name]) => {
      const stranger = await begin(new Walker(), name);
      assert.deepEqual(look(stranger).slice(0, 4), expected.slice(0, 4), what);
      if (!name.includes('@')) assert.equal(look(stranger)[4], expected[4], what);
      assert.equal(await over(stranger), 'expired/', what);
    }).concat(Object.keys(states).map(async (name) => {
      // Found out while it is polled: the stranger is told no more than that it is over.
      const how = await over(await begin(new Walker(), name));
      assert.equal(how, 'expired/', `${name}: a stranger is told ${how}`);
    })));
    const asked = server.calls.filter(({ operation }) => operation === 'create').map(({ secsignid }) => secsignid);
    assert.deepEqual(asked.sort(), ['alice', 'dora', ...Object.keys(states)], 'one create each');
    const polled = new Set(server.calls.filter(({ operation }) => operation === 'state').map(({ secsignid }) => secsignid));
    assert.deepEqual([...polled].sort(), Object.keys(states), 'who is unknown or frozen from the start is not polled');
  });
});

test('busy and frozen at the simulator: told in a browser of theirs, and nobody else is', async () => {
  const known = await at.begin();
  await approve(demo, 'secsign', 'alice');
  await at.finish(known);
  // Busy: a stranger's login is open; another stranger gets no picture and asks nobody, as with a name that nobody has.
  for (const name of ['alice', 'nobody-here']) {
    const said = new Words();
    for (const locale of LOCALES) {
      const holder = await at.beginFree('secsign', name);
      const seq = await at.lastSeq();
      const other = await at.begin('secsign', name, new Walker(), { ui_locales: locale });
      assert.equal(stateOf(other), 'failed/busy', name);
      assert.equal(await at.creates(seq), 0);
      said.add(locale, 'failed/busy', other, name);
      await assertPage(other, 'failed', 'busy');
      await at.giveUp(holder);
      await eventually(`${name} is free once it was given up`, async () => {
        await other.submit('retry');
        return stateOf(other) === 'pending/';
      });
      await at.giveUp(other);
    }
    assert.equal(said.count, LOCALES.length);
  }
  await demo.phone.reset();
  // Two requests past us freeze the ID at the service.
  const ask = () => fetch(`${demo.phone.url}/`, { method: 'POST', body: new URLSearchParams({
    request: 'ReqRequestAuthSession', apimethod: 'test', secsignid: 'alice', servicename: 'x', serviceaddress: 'y' }) });
  await ask(); await ask();
  assert.equal((await demo.phone.secsign('alice')).frozen, true);
  assert.equal(stateOf(await at.beginFree()), 'pending/');
  await at.begin('secsign', 'alice', known, { prompt: 'login' });
  assert.equal(await at.ended(known), 'failed/frozen');
  // The person releases it in the app, and goes on.
  await demo.phone.call('POST', 'secsign/alice', { action: 'unfreeze' });
  await known.submit('retry');
  await approve(demo, 'secsign', 'alice');
  assert.ok(await at.finish(known));
});
