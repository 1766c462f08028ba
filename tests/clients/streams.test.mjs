// Event streams of login pages: a few of one login, so many of one node, and who opens more stops nobody. `STREAMS=4000` makes it the
// attack that was once measured.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { identifying, times, waiting } from './lib/apps.mjs';
import { eventually } from './lib/demo.mjs';
import { App, each, pause, pool, prepare, request } from './lib/serve.mjs';

const [PER_LOGIN, PER_NODE] = [4, 12];
/** A stream whose browser is gone is noticed when the next comment cannot be sent. */
const NOTICED = 30_000;
const ATTEMPTS = Number(process.env.STREAMS ?? 200);

let provider; let web; const open = new Set();
before(async () => {
  provider = await prepare({ more: `streams_per_login = ${PER_LOGIN}\nstreams_per_node = ${PER_NODE}\n` });
  await provider.start();
  web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
});
after(async () => {
  for (const stream of open) stream.sent.destroy();
  if (provider) assert.equal(await provider.close(), 0);
});

/** A stream of the login at whose page a walker stands: its status, what it said, and whether it ended. */
function listen(walker) {
  const stream = { text: '', ended: false };
  open.add(stream);
  return new Promise((resolve, reject) => {
    stream.sent = http.request(`${walker.url}/events`, { agent: false, headers: { cookie: walker.cookie(walker.url) } }, (answer) => {
      Object.assign(stream, { status: answer.statusCode, headers: answer.headers });
      answer.setEncoding('utf8').on('data', (chunk) => { stream.text += chunk; }).on('error', () => {});
      answer.on('close', () => { stream.ended = true; open.delete(stream); });
      resolve(stream);
    }).on('error', reject);
    stream.sent.end();
  });
}

const metric = async (line) => {
  const { text } = await request('GET', `${provider.management}/metrics`);
  return Number(text.split('\n').find((row) => row.startsWith(line))?.split(' ').at(-1) ?? 0);
};

test('a newer page of a login ends the oldest one\'s stream, which is told to come back later', async () => {
  const { walker } = await waiting(web, 'secsign', 'nobody1');
  const streams = [];
  for (let at = 0; at < PER_LOGIN + 2; at += 1) streams.push(await listen(walker));
  for (const old of streams.slice(0, 2)) {
    await eventually('its end', () => old.ended);
    assert.match(old.text, /"state":"pending"[\s\S]*retry: 20000/);
  }
  assert.deepEqual(streams.slice(2).map(({ ended }) => ended), streams.slice(2).map(() => false));
  assert.equal(await metric('signbridge_sse_refused_total{limit="login"}'), 2);
  await walker.submit('cancel', {}, web.redirectUri);
  for (const stream of streams.slice(2)) {
    await eventually('the end of the login', () => stream.ended);
    assert.match(stream.text, /"state":"cancelled"/);
  }
});

test('a node that holds its most refuses a stream, and its pages ask for the state', async () => {
  const { walker: late } = await waiting(web, 'secsign', 'nobody2');
  const others = [];
  for (let at = 0; at < PER_NODE / PER_LOGIN; at += 1) others.push((await waiting(web, 'secsign', `other${at}`)).walker);
  const streams = [];
  for (const other of others) for (let at = 0; at < PER_LOGIN; at += 1) streams.push(await listen(other));
  const refused = await listen(late);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '10']);
  assert.equal(await metric('signbridge_sse_refused_total{limit="node"}'), 1);
  const status = await request('GET', `${late.url}/status`, { headers: { cookie: late.cookie(late.url) } });
  assert.equal(status.json().state, 'pending');
  streams[0].sent.destroy();
  await eventually('a place', async () => {
    const stream = await listen(late);
    return stream.status === 200;
  }, NOTICED);
  for (const stream of open) stream.sent.destroy();
  await eventually('their end', async () => await metric('signbridge_sse_connections') === 0, NOTICED);
});

test(`${ATTEMPTS} streams by one cookie: the token endpoint is as fast as before`, async (t) => {
  const { walker } = await waiting(web, 'secsign', 'nobody3');
  await identifying(web, 'secsign');
  const measure = async () => {
    const took = [];
    for (let at = 0; at < 100; at += 1) {
      const began = performance.now();
      const answer = await web.redeem({ code: 'none', verifier: 'v'.repeat(43) });
      took.push(performance.now() - began);
      assert.equal(answer.status, 400);
      await pause(10);
    }
    took.sort((a, b) => a - b);
    return { p50: Math.round(took[50] * 10) / 10, p95: Math.round(took[95] * 10) / 10 };
  };
  const before_ = await measure();
  await each(Array.from({ length: ATTEMPTS }), 50, () => listen(walker).catch(() => {}));
  await eventually('the end of those that newer ones took over', async () => await metric('signbridge_sse_connections') <= PER_LOGIN);
  const held = await metric('signbridge_sse_connections');
  const under = await measure();
  t.diagnostic(`/token ${JSON.stringify(before_)} ms before, ${JSON.stringify(under)} ms with ${held} streams of ${ATTEMPTS} tried`);
  assert.ok(held <= PER_LOGIN, `${held} are open`);
});

test('check 149: a login whose state is asked for at full speed is asked for at its service once a second at most', async (t) => {
  await provider.person('polled');
  const { walker } = await waiting(web, 'secsign', 'polled');
  const [agent, headers] = [pool(20), { cookie: walker.cookie(walker.url) }];
  const requests = async (seq) => (await provider.phone.requests(seq)).filter(({ operation, user }) => operation === 'state' && user === 'polled');
  const polls = async (state, seconds) => {
    const seq = (await provider.phone.requests()).at(-1).seq;
    const began = performance.now();
    let count = 0;
    await Promise.all(times(20, async () => {
      while (performance.now() - began < seconds * 1_000) {
        const answer = await request('GET', `${walker.url}/status`, { agent, headers });
        assert.equal(answer.status, 200);
        count += 1;
      }
    }));
    const took = (performance.now() - began) / 1_000;
    const asked = (await requests(seq)).length;
    t.diagnostic(`${state}: ${Math.round(count / took)} polls/s by the browser, ${asked} in ${took.toFixed(1)} s at the service`);
    assert.ok(count > 100 * seconds, `${count} polls`);
    assert.ok(asked > 0 && asked <= took + 1, `${asked} polls at the service`);
  };
  await polls('pending', 6);
  const [session] = (await provider.phone.secsign('polled')).sessions;
  await provider.phone.answer('polled', session.authsessionid, { action: 'state', state: 7 });
  await eventually('that the phone has it', async () => (await request('GET', `${walker.url}/status`, { headers })).json().state === 'fetched');
  await polls('fetched', 4);
  await provider.phone.answer('polled', session.authsessionid, { action: 'approve' });
  await eventually('the approval', async () => (await request('GET', `${walker.url}/status`, { headers })).json().state === 'approved');
  agent.destroy();
});
