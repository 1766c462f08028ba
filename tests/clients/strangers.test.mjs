// What strangers are told of a name, and how many phones they can have ring: never whether anybody has the name, and no more
// than the limits say, however many addresses they have. Addresses come from a trusted proxy's header.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tally, times } from './lib/apps.mjs';
import { eventually } from './lib/demo.mjs';
import { stateOf } from './lib/login.mjs';
import { App, each, pkce, prepare, request } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

const ALL_PEOPLE = 60;

let provider; let web;
before(async () => {
  provider = await prepare({
    profile: 'production', more: `push_all_people_10min = ${ALL_PEOPLE}\n`, sections: { top: 'trusted_proxies = ["127.0.0.1/32"]' },
  });
  await provider.start();
  web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
});
after(async () => { assert.equal(await provider?.close(), 0); });

/** An address that nobody else here has, each in a network of its own. */
let networks = 0;
const elsewhere = () => { networks += 1; return `2001:db8:${networks.toString(16)}::1`; };

/** The page after a name was given by a browser at this address. */
async function begin(name, address = elsewhere(), walker = new Walker()) {
  await walker.open(web.authorizeUrl(pkce().challenge, { prompt: 'login' }));
  await walker.submit('provider', { provider: 'secsign' });
  const form = walker.form('identifier');
  const body = new URLSearchParams({ ...Object.fromEntries(form.inputs), identifier: name });
  const answer = await walker.raw(new URL(form.action, walker.url).href, body, { 'x-forwarded-for': address });
  assert.equal(answer.status, 303);
  return walker.open(new URL(answer.headers.get('location'), walker.url).href);
}

const giveUp = (walker) => walker.submit('cancel', {}, web.redirectUri);

/** What a browser at this address is told, once whoever gave up the same name just now is out of the way; then it gives up. */
async function told(name, address) {
  const walker = await eventually('a free name', async () => {
    const seen = await begin(name, address);
    return stateOf(seen) !== 'failed/busy' && seen;
  });
  const state = stateOf(walker);
  await giveUp(walker);
  return state;
}

/** Requests of browsers that their person had used: no limit of strangers counts them. */
let remembered = 0;

const lastSeen = async () => (await provider.phone.requests()).at(-1)?.seq ?? 0;
const creates = async (seq) => (await provider.phone.requests(seq)).filter(({ operation }) => operation === 'create');
const metric = async (name) => {
  const { text } = await request('GET', `${provider.management}/metrics`);
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0);
};

test('12 pairs of username and e-mail address, of people and of nobody: the same answers', async (t) => {
  const pairs = times(12, (number) => [`real${number}`, `ghost${number}`]).flat();
  const heard = await Promise.all(pairs.map(async (name) => {
    const email = `${name}@example.org`;
    if (name.startsWith('real')) await provider.person(name, '--email', email);
    const said = [];
    for (const typed of [name, name, name, email, name, email, email, email]) said.push(`${typed === name ? 'name' : 'email'} ${await told(typed)}`);
    return said.join(', ');
  }));
  const answers = tally(heard);
  t.diagnostic(JSON.stringify(answers));
  assert.equal(Object.keys(answers).length, 1, JSON.stringify(answers));
  assert.equal(heard[0], ['name pending/', 'name pending/', 'name pending/', 'email pending/', 'name failed/rate_limited',
    'email pending/', 'email pending/', 'email failed/rate_limited'].join(', '));
});

test('the sign-in of its owner opens no name again for strangers', async () => {
  await provider.person('owner', '--email', 'owner@example.org');
  const owner = new Walker();
  const signsIn = async () => {
    await provider.phone.auto('secsign', 'owner', 'approve');
    await owner.open(web.authorizeUrl(pkce().challenge, { prompt: 'login' }));
    await signIn(owner, 'secsign', 'owner', web.redirectUri, () => {});
    await provider.phone.call('DELETE', 'auto');
  };
  await signsIn();
  for (const name of ['owner', 'nobody-at-all']) {
    assert.deepEqual([await told(name), await told(name), await told(name), await told(name)],
      ['pending/', 'pending/', 'pending/', 'failed/rate_limited'], name);
  }
  // From a browser that she used before, while strangers are kept out.
  await signsIn();
  remembered += 1;
  for (const name of ['owner', 'nobody-at-all']) assert.equal(await told(name), 'failed/rate_limited', name);
  // The operator's way in for a new browser of hers, which strangers cannot use up.
  await provider.command('user', 'reset-limits', 'owner');
  const seq = await lastSeen();
  assert.equal(await told('owner'), 'pending/');
  assert.deepEqual((await creates(seq)).map(({ user }) => user), ['owner'], 'her phone is asked');
});

test('three browsers at one moment shut nobody out', async () => {
  await provider.person('crowded');
  for (const name of ['crowded', 'nobody-crowded']) {
    const walkers = await Promise.all(times(3, () => begin(name)));
    assert.deepEqual(tally(walkers.map(stateOf)), { 'pending/': 1, 'failed/busy': 2 }, name);
    for (const walker of walkers) await giveUp(walker);
    assert.equal(await told(name), 'pending/', name);
  }
});

/** What an attacker writes for one person: spellings of a name and of an address, and one that is no name (check 138). */
const SPELLINGS = ['victim', 'VICTIM', ' Victim ', 'victim@example.org', 'Victim@Example.org\t', 'ｖｉｃｔｉｍ'];

test('checks 134, 135: 200 starts against one person from 50 addresses: three requests, and the owner gets in at the first try', async (t) => {
  await provider.person('victim', '--email', 'victim@example.org');
  await provider.person('bystander');
  // Her own requests are those of an app that strangers do not use.
  const mine = new App(provider, await provider.command('client', 'create', '--id', 'mine', '--name', 'Mine', '--redirect-uri', 'http://localhost:9/mine'));
  const owner = new Walker();
  const opens = async () => {
    await owner.open(mine.authorizeUrl(pkce().challenge, { prompt: 'login' }));
    await owner.submit('provider', { provider: 'secsign' });
    await owner.submit('identifier', { identifier: 'victim' });
    return stateOf(owner);
  };
  const sessions = async () => (await provider.phone.secsign('victim')).sessions;
  const approves = async () => {
    const open = (await sessions()).find(({ state, servicename }) => [1, 7].includes(state) && servicename === 'Mine');
    await provider.phone.answer('victim', open.authsessionid, { action: 'approve' });
    return eventually('the code', async () => {
      await owner.submit('continue', {}, mine.redirectUri);
      return new URL(owner.url).searchParams.get('code');
    });
  };
  assert.equal(await opens(), 'pending/');
  assert.ok(await approves(), 'a browser that she used before, from now on');

  const seq = await lastSeen();
  const addresses = times(50, () => elsewhere());
  const states = [];
  const start = async (number, name = SPELLINGS[number % SPELLINGS.length]) => {
    const walker = await begin(name, addresses[number % addresses.length]);
    states.push(walker.page === 'wait' ? stateOf(walker) : walker.page);
    return walker;
  };
  const attack = (from, to) => each(times(to - from, (at) => from + at), 5, async (number) => giveUp(await start(number)));
  for (const number of [0, 1]) await giveUp(await start(number, 'victim'));
  // The third one stays open: her own request takes the phone from it.
  const squatter = await start(2, 'victim@example.org');
  assert.deepEqual(states, ['pending/', 'pending/', 'pending/']);
  await attack(3, 100);
  const rest = attack(100, 200);
  assert.equal(await opens(), 'pending/', 'asked at the first try');
  assert.ok(await approves(), 'and in');
  await rest;
  await giveUp(squatter);

  const asked = (await creates(seq)).map(({ user }) => user);
  const own = (await sessions()).filter(({ servicename }) => servicename === 'Mine').length - 1;
  t.diagnostic(`${asked.length} requests, ${own} of them hers; ${JSON.stringify(tally(states))}`);
  assert.deepEqual(tally(asked), { victim: own + 3 }, 'the limit is reached, and not passed');
  assert.equal(states.length, 200);
  assert.equal(tally(states).identify, 33, 'what is no name is said, and asks nobody');
  // The same addresses ask somebody else, so they are in nobody's way.
  assert.equal(await told('bystander', addresses[1]), 'pending/');
  assert.equal((await creates(seq)).at(-1).user, 'bystander');
  remembered += own;
});

/** Requests that were made straight at the service. */
let direct = 0;

test('what the service does with a request without its person is not told to strangers', async () => {
  await provider.person('erin');
  const walkers = await Promise.all(['erin', 'nobody-erin'].map((name) => begin(name)));
  assert.deepEqual(walkers.map(stateOf), ['pending/', 'pending/']);
  // Somebody asks straight at the service, which suspends the first request (S20).
  for (const secsignid of ['erin', 'nobody-erin']) {
    direct += 1;
    await fetch(`${provider.upstream.upstream_url}/`, { method: 'POST', body: new URLSearchParams({
      request: 'ReqRequestAuthSession', apimethod: 'test', secsignid, servicename: 'x', serviceaddress: 'y' }) });
  }
  const { sessions } = await provider.phone.secsign('erin');
  assert.ok(sessions.some(({ state }) => state === 5), 'suspended');
  const seq = await lastSeen();
  await eventually('two more polls', async () => (
    (await provider.phone.requests(seq)).filter(({ operation, user }) => operation === 'state' && user === 'erin').length > 1));
  for (const walker of walkers) await walker.open(walker.url);
  assert.deepEqual(walkers.map(stateOf), ['pending/', 'pending/']);
  for (const walker of walkers) await giveUp(walker);
});

test('a source is a /64, and the next address of it is paused after a denial as well', async () => {
  const seq = await lastSeen();
  const states = [];
  for (const number of times(30, (at) => at)) states.push(await told(`six-${number}`, `2001:db8:ffff:1::${number.toString(16)}`));
  assert.deepEqual(tally(states), { 'pending/': 20, 'failed/rate_limited': 10 });
  assert.deepEqual(await creates(seq), []);
  const mapped = [];
  for (const number of times(24, (at) => at)) mapped.push(await told(`four-${number}`, number % 2 ? '203.0.113.6' : '::ffff:203.0.113.6'));
  assert.deepEqual(tally(mapped), { 'pending/': 20, 'failed/rate_limited': 4 }, 'one host, written in two ways');

  await provider.person('denier');
  const walker = await begin('denier', '2001:db8:fffe:1::1');
  const [session] = (await provider.phone.secsign('denier')).sessions;
  await provider.phone.answer('denier', session.authsessionid, { action: 'deny' });
  await eventually('the denial', async () => { await walker.open(walker.url); return stateOf(walker) === 'denied/'; });
  assert.equal(await told('denier', '2001:db8:fffe:1::2'), 'failed/rate_limited');
  assert.equal(await told('denier', '2001:db8:fffe:2::2'), 'pending/', 'another source');
});

// The last one: afterwards nobody is asked for strangers.
test('B12: strangers from everywhere ask so many people, all together, and there is an alarm', async (t) => {
  const people = times(ALL_PEOPLE, (number) => `mass${number}`);
  await each(people, 4, (name) => provider.person(name));
  const before = await metric('signbridge_rate_limited_total{rule="all_people"}');
  assert.equal(before, 0);
  const seq = await lastSeen();
  const sentBefore = (await creates(0)).length;
  const states = [];
  await each(people, 4, async (name) => { states.push(await told(name)); });
  const sent = (await creates(seq)).length;
  t.diagnostic(`${people.length} people asked for: ${sent} requests beside ${sentBefore} before; ${JSON.stringify(tally(states))}`);
  assert.equal(sentBefore - remembered - direct + sent, ALL_PEOPLE, 'the rate is reached, and not passed');
  assert.ok(sent > 0 && sent < people.length);
  assert.equal(tally(states)['failed/rate_limited'], people.length - sent);
  assert.equal(await told('nobody-in-the-mass'), 'failed/rate_limited', 'said whatever was typed');
  assert.ok(await metric('signbridge_rate_limited_total{rule="all_people"}') > 0);
  assert.equal(await metric('signbridge_audit_events_total{event="login.flood"}'), 1);
  const lines = provider.log.split('\n').filter((line) => line.includes('unknown browsers ask too many people'));
  assert.equal(lines.length, 1, 'told once');
});
