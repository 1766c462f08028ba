// The provider is killed at any moment and started again on the same database: what it acknowledged holds, and a login
// under way goes on. `KILLS=200` kills that often instead of five times.
import assert from 'node:assert/strict';
import http from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { settle, waiting } from './lib/apps.mjs';
import { approve, eventually } from './lib/demo.mjs';
import { Ledger, Witness, nothing } from './lib/ledger.mjs';
import { pause, pool, prepare } from './lib/serve.mjs';

const KILLS = Number(process.env.KILLS || 5);
const START_WITHIN = 2_000;

let provider, web, native, cookie;

before(async () => {
  provider = await prepare();
  await provider.start();
  ({ web, native, cookie } = await settle(provider));
});

after(async () => { if (provider) assert.equal(await provider.close(), 0); });

const createOf = { secsign: 'create', thumbsignin: 'authenticate' };

for (const moment of ['after the restart', 'while it is down']) {
  test(`killed while a login waits for each service; the approval ${moment} finishes it in the same browser`, async () => {
    const seen = (await provider.phone.requests()).at(-1)?.seq ?? 0;
    const logins = [];
    for (const service of Object.keys(createOf)) logins.push({ service, ...await waiting(web, service, 'alice') });
    await provider.end('SIGKILL');
    if (moment === 'while it is down') for (const { service } of logins) await approve(provider, service, 'alice');
    const took = await provider.start();
    assert.ok(took <= START_WITHIN, `${took} ms to the first answer`);
    await Promise.all(logins.map(async ({ service, walker, verifier }) => {
      // The page has the same address and still waits for the same request.
      await walker.open(walker.url);
      assert.equal(walker.page, 'wait');
      if (moment === 'after the restart') {
        assert.equal(walker.main('data-login-state'), 'pending');
        await approve(provider, service, 'alice');
      }
      await eventually('the code', async () => {
        if (walker.page === 'wait') {
          assert.ok(['pending', 'fetched', 'approved'].includes(walker.main('data-login-state')), walker.main('data-login-state'));
        }
        await walker.submit('continue', {}, web.redirectUri);
        return walker.url.startsWith(web.redirectUri);
      });
      const code = new URL(walker.url).searchParams.get('code');
      assert.equal((await web.redeem({ code, verifier })).status, 200);
      const creates = (await provider.phone.requests(seen)).filter(({ operation }) => operation === createOf[service]);
      assert.equal(creates.length, 1, JSON.stringify(creates));
    }));
  });
}

/** Works until the provider is gone. A request without a whole answer was not acknowledged, and ends the worker. */
async function load(witness, ledger, chains, life) {
  const gone = (error) => error?.code === 'ECONNRESET' || error?.code === 'ECONNREFUSED' || error?.code === 'EPIPE'
    || error?.message === 'the answer was cut off' || error?.message === 'aborted';
  const worker = async (work) => {
    try {
      while (!life.over) await work();
    } catch (error) {
      if (!gone(error)) ledger.problems.push(`under load: ${error.message}`);
      else if (!life.killed) ledger.problems.push(`lost a connection before the kill: ${error.message}`);
    }
  };
  const { requests, commands } = witness.work(ledger, chains);
  await Promise.all([...requests, ...commands].map(worker));
}

test(`killed ${KILLS} times under load: nothing that was acknowledged is lost`, async (t) => {
  const useAgent = () => {
    const agent = pool(Infinity);
    Object.assign(web, { agent });
    Object.assign(native, { agent });
    return agent;
  };
  let agent = useAgent();
  const witness = new Witness(provider, web, native, cookie);
  const chains = await Promise.all(Array.from({ length: 3 }, () => witness.newChain()));
  const total = nothing();
  const starts = [];
  const lost = [];
  const problems = [];
  for (let cycle = 0; cycle < KILLS; cycle += 1) {
    const ledger = new Ledger();
    const life = { over: false, killed: false };
    const running = load(witness, ledger, chains, life);
    await pause(200 + Math.random() * 600);
    life.killed = true;
    await provider.end('SIGKILL');
    life.over = true;
    await running;
    agent.destroy();
    agent = useAgent();
    starts.push(await provider.start());
    lost.push(...(await witness.verify(ledger, chains)).map((what) => `cycle ${cycle}: ${what}`));
    problems.push(...ledger.problems.map((what) => `cycle ${cycle}: ${what}`));
    ledger.addTo(total);
    if (ledger.writes === 0) problems.push(`cycle ${cycle}: nothing was acknowledged`);
  }
  agent.destroy();
  const sorted = starts.toSorted((a, b) => a - b);
  const median = Math.round(sorted[Math.floor(sorted.length / 2)]);
  const slowest = Math.round(sorted.at(-1));
  const kinds = Object.entries(total).map(([kind, count]) => `${count} ${kind}`).join(', ');
  t.diagnostic(`${KILLS} kills; acknowledged: ${kinds}; ${lost.length} lost; `
    + `start to first answer: median ${median} ms, slowest ${slowest} ms`);
  assert.deepEqual(lost, []);
  assert.deepEqual(problems, []);
  assert.ok(slowest <= START_WITHIN, `${slowest} ms to the first answer`);
  for (const [kind, count] of Object.entries(total)) assert.ok(count > 0, `no ${kind}`);
});

test('SIGTERM ends it with 0 within 10 s, in spite of event streams, requests and a client that sends half a request', async (t) => {
  Object.assign(web, { agent: undefined });
  const { walker } = await waiting(web, 'secsign', 'alice');
  const stream = await new Promise((resolve, reject) => {
    const headers = { cookie: walker.cookie(provider.issuer), accept: 'text/event-stream' };
    http.get(new URL(walker.main('data-events-url'), provider.issuer), { headers, agent: false }, resolve).on('error', reject);
  });
  assert.equal(stream.statusCode, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  let closed;
  stream.on('data', () => {}).on('error', () => {}).on('close', () => { closed = performance.now(); });
  const half = connect(new URL(provider.issuer).port, '127.0.0.1');
  half.on('error', () => {});
  half.write('POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 500\r\n\r\ngrant');

  const answers = [];
  let over = false;
  const working = Promise.all(Array.from({ length: 8 }, async () => {
    while (!over) {
      try {
        answers.push((await web.redeem(await web.code(cookie))).status);
      } catch (error) {
        // A new connection is refused; an answer that began comes whole.
        answers.push(error.code ?? error.message);
        await pause(20);
      }
    }
  }));
  await pause(500);
  assert.equal(closed, undefined);
  const began = performance.now();
  const code = await provider.end('SIGTERM');
  const took = performance.now() - began;
  over = true;
  await working;
  half.destroy();
  t.diagnostic(`gone after ${Math.round(took)} ms, the stream after ${Math.round(closed - began)} ms`);
  assert.equal(code, 0);
  assert.ok(took < 10_000, `${took} ms`);
  assert.ok(closed - began < 3_000, `the event stream stayed open for ${closed - began} ms`);
  assert.deepEqual([...new Set(answers)].filter((answer) => ![200, 'ECONNREFUSED', 'ECONNRESET'].includes(answer)), []);
  assert.ok(answers.includes(200));

  // Nobody pressed cancel: the login goes on after the next start.
  await provider.start();
  await walker.open(walker.url);
  assert.equal(walker.main('data-login-state'), 'pending');
});
