// The limits on requests to phones are those of the whole provider, not of a node: two nodes on one PostgreSQL behind a proxy,
// asked by many browsers at once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { identifying, tally, times } from './lib/apps.mjs';
import { cluster } from './lib/cluster.mjs';
import { eventually } from './lib/demo.mjs';
import { Postgres } from './lib/postgres.mjs';
import { App, request } from './lib/serve.mjs';

/** Requests to one person in 10 minutes by browsers that they never signed in from (docs/configuration.md). */
const PER_PERSON = 3;
const AT_ONCE = 50;

let server; let nodes; let web;
before(async () => {
  server = await Postgres.start();
  // Every key that is not written is that of production. All browsers here have one address, so that its limit is wider.
  nodes = await cluster(server, { more: 'push_per_source_10min = 1000\n', profile: 'production' });
  await nodes.ready();
  web = new App(nodes, await nodes.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
});
after(async () => {
  const codes = await nodes?.close();
  await server?.stop();
  assert.deepEqual(codes, [0, 0]);
});

const person = (name) => nodes.command('user', 'create', '--username', name, '--thumbsignin-user-id', name, '--secsignid', name)
  .then(() => nodes.phone.create(name));
const lastSeen = async () => (await nodes.phone.requests()).at(-1)?.seq ?? 0;
const creates = async (seq, user) => (await nodes.phone.requests(seq))
  .filter((call) => /create|authenticate/.test(call.operation) && call.user === user);

/** A browser that has only to name the person. */
const ready = async (service) => (await identifying(web, service)).walker;

const state = (walker) => `${walker.main('data-login-state')}/${walker.main('data-login-reason') ?? ''}`;

test(`${AT_ONCE} browsers at both nodes ask for one person: the phone service sees the limit's number, and others can go on`, async (t) => {
  await person('mallory');
  await person('other');
  const seq = await lastSeen();
  const walkers = await Promise.all(times(AT_ONCE, () => ready('thumbsignin')));
  await Promise.all(walkers.map((walker) => walker.submit('identifier', { identifier: 'mallory' })));
  const states = tally(walkers.map(state));
  t.diagnostic(`${(await creates(seq, 'mallory')).length} requests; ${JSON.stringify(states)}`);
  assert.equal((await creates(seq, 'mallory')).length, PER_PERSON, 'the limit is reached, and not passed');
  assert.deepEqual(states, { 'pending/': PER_PERSON, 'failed/rate_limited': AT_ONCE - PER_PERSON });
  // Neither node forgets it, and neither takes it for somebody else's.
  for (const node of [0, 1]) {
    nodes.proxy.pin = node;
    const late = await ready('thumbsignin');
    await late.submit('identifier', { identifier: 'mallory' });
    assert.equal(state(late), 'failed/rate_limited', `node ${node}`);
    const free = await ready('thumbsignin');
    await free.submit('identifier', { identifier: 'other' });
    assert.equal(state(free), 'pending/', `node ${node}`);
  }
  nodes.proxy.pin = undefined;
  assert.equal((await creates(seq, 'mallory')).length, PER_PERSON);
  assert.equal((await creates(seq, 'other')).length, 2);
});

test(`${AT_ONCE} browsers, one person with SecSign: one request`, async () => {
  await person('fifty');
  const seq = await lastSeen();
  const walkers = await Promise.all(times(AT_ONCE, () => ready('secsign')));
  await Promise.all(walkers.map((walker) => walker.submit('identifier', { identifier: 'fifty' })));
  assert.equal((await creates(seq, 'fifty')).length, 1);
  assert.deepEqual(tally(walkers.map(state)), { 'pending/': 1, 'failed/busy': AT_ONCE - 1 }, 'of both nodes');
  // So it is with a name that nobody has.
  const others = await Promise.all(times(AT_ONCE, () => ready('secsign')));
  await Promise.all(others.map((walker) => walker.submit('identifier', { identifier: 'nobody' })));
  assert.deepEqual(tally(others.map(state)), { 'pending/': 1, 'failed/busy': AT_ONCE - 1 });
  // Whoever was turned away has used nothing up.
  const first = walkers.find((walker) => state(walker) === 'pending/');
  await first.submit('cancel', {}, web.redirectUri);
  const late = await ready('secsign');
  await late.submit('identifier', { identifier: 'fifty' });
  await eventually('a free name', async () => {
    if (state(late) === 'failed/busy') await late.submit('retry');
    return state(late) === 'pending/';
  });
  assert.equal((await creates(seq, 'fifty')).length, 2);
});

test(`one browser sends its form ${AT_ONCE} times at once to both nodes: one request`, async (t) => {
  for (const service of ['secsign', 'thumbsignin']) {
    const name = `one-${service}`;
    await person(name);
    const seq = await lastSeen();
    const walker = await ready(service);
    const form = walker.form('identifier');
    const body = { ...Object.fromEntries(form.inputs), identifier: name };
    const headers = { cookie: walker.cookie(walker.url) };
    const answers = await Promise.all(times(AT_ONCE, () => (
      request('POST', new URL(form.action, walker.url).href, { headers, form: body }))));
    const served = tally(answers.map((answer) => answer.headers['x-node']));
    t.diagnostic(`${service}: answers by node ${JSON.stringify(served)}, statuses ${JSON.stringify(tally(answers.map(({ status }) => status)))}`);
    assert.deepEqual(Object.keys(served).sort(), ['0', '1'], 'both took part');
    assert.equal((await creates(seq, name)).length, 1, service);
    assert.deepEqual(answers.filter(({ status }) => status >= 500), []);
  }
});
