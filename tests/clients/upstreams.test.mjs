// Phone services that fail: one that is down is not asked and not offered; half of all status calls may fail; no fault of the
// simulator, in whatever call, signs anybody in or has a create made twice. FLAPPING says how many logins meet status calls that
// fail; FAULTY, over how many faulty logins the memory is measured.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { declared } from './lib/enumeration.mjs';
import { loginAt, stateOf, transactionOn } from './lib/login.mjs';
import { each, pause, prepare } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

const FLAPPING = Number(process.env.FLAPPING ?? 100);
const FAULTY = Number(process.env.FAULTY ?? 0);
const CREATES = { secsign: 'create', thumbsignin: 'authenticate' };

/** A provider with these people, who have a phone of each service, while `work` runs. */
async function withPeople(people, settings, work) {
  const provider = await prepare({ ...settings, more: declared(people) });
  try {
    await provider.start();
    const client = await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback');
    provider.client = () => client;
    await each(people, 8, async (name) => {
      await provider.phone.create(name);
      await enrol(provider, name);
    });
    await work(provider, loginAt(provider, 'web'));
  } finally {
    assert.equal(await provider.close(), 0);
  }
}

/** Registers a phone with ThumbSignIn as a site does: by a signed call (ThumbSignIn notes §1), which the phone approves. */
async function enrol({ upstream, phone }, name) {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const digest = (text) => createHash('sha256').update(text).digest('hex');
  const [path, query] = ['/ts/secure/register', `userId=${name}`];
  const canonical = ['get', path, query, `x-ts-date:${stamp}`, '', 'x-ts-date', digest('')].join('\n');
  const key = createHmac('sha256', upstream.secret).update(stamp.slice(0, 8)).digest();
  const signature = createHmac('sha256', key).update(`HmacSHA256\n${stamp}\n${digest(canonical)}`).digest('hex');
  const authorization = `HmacSHA256 Credential=${upstream.app_id}, SignedHeaders=x-ts-date, Signature=${signature}`;
  const answer = await fetch(`${upstream.upstream_url}${path}?${query}`, { headers: { 'x-ts-date': stamp, authorization } });
  assert.equal(answer.status, 200);
  await phone.act((await answer.json()).transactionId, { action: 'approve' });
}

/** `state/reason` of a login once its phone can answer no more. Asks rarely: many wait at once. */
async function over(walker, timeout = 30_000) {
  for (const until = Date.now() + timeout; ['pending', 'fetched'].includes(walker.main('data-login-state'));) {
    assert.ok(Date.now() < until, `still ${stateOf(walker)}`);
    await pause(400);
    await walker.open(walker.url);
  }
  return stateOf(walker);
}

/** How often each person's phone was asked at each service. */
function createsOf(calls) {
  const creates = new Map();
  for (const { provider, operation, user } of calls) {
    if (operation === CREATES[provider]) creates.set(`${provider} ${user}`, (creates.get(`${provider} ${user}`) ?? 0) + 1);
  }
  return creates;
}

/** The value of a metric by its series, without the prefix. */
async function figure(provider, series) {
  const text = await (await fetch(`${provider.management}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`signbridge_${series} `));
  return line && Number(line.split(' ').at(-1));
}

/** How often the log has this message; what is written there comes by a queue. */
const logged = (provider, message) => provider.log.split('\n').filter((line) => line.includes(`"message":"${message}`)).length;

test('a service that is down is not asked and not offered, by whatever name, until it works again', async (t) => {
  const first = ['down0', 'down1', 'down2', 'down3', 'down4'];
  await withPeople([...first, 'sixth'], {}, async (provider, at) => {
    // They have the form of SecSign before them when it goes down: one has a phone, the other one is nobody.
    const forms = await Promise.all(['sixth', 'nobody'].map(async (name) => {
      const walker = await new Walker().open(at.address());
      return { name, walker: await walker.submit('provider', { provider: 'secsign' }) };
    }));
    await provider.phone.fault({ provider: 'secsign', fault: 'refuse', delay_ms: 1_500, count: 0 });
    await each(first, first.length, async (name) => {
      assert.equal(await over(await at.begin('secsign', name)), 'failed/upstream_down', name);
    });
    const creates = async () => (await provider.phone.requests()).filter(({ operation }) => operation === 'create').length;
    assert.equal(await creates(), first.length);
    for (const { name, walker } of forms) {
      const began = performance.now();
      await walker.submit('identifier', { identifier: name });
      const took = Math.round(performance.now() - began);
      assert.equal(stateOf(walker), 'failed/upstream_down', name);
      assert.ok(took < 1_000, `${name}: ${took} ms`);
    }
    const newcomer = await new Walker().open(at.address());
    assert.deepEqual([newcomer.page, newcomer.main('data-provider')], ['identify', 'thumbsignin']);
    const isOtherShown = (walker) => walker.html.includes('id="other-method"');
    assert.ok(!isOtherShown(newcomer), 'there is no other method');
    await newcomer.submit('identifier', { identifier: 'down0' });
    assert.deepEqual([stateOf(newcomer), isOtherShown(newcomer)], ['pending/', false]);
    // Where nothing else is strong enough, it stays.
    const strict = await new Walker().open(at.address({ acr_values: 'urn:signbridge:acr:matched' }));
    assert.deepEqual([strict.page, strict.main('data-provider')], ['identify', 'secsign']);
    await strict.submit('identifier', { identifier: 'sixth' });
    assert.deepEqual([stateOf(strict), isOtherShown(strict)], ['failed/upstream_down', false]);
    assert.equal(await creates(), first.length, 'no phone was asked any more');
    assert.equal(await figure(provider, 'provider_up{provider="secsign"}'), 0);

    // The button of the page that says so leads to the other service.
    const [{ walker: sixth }] = forms;
    await sixth.submit('other-method');
    assert.deepEqual([sixth.page, sixth.main('data-provider')], ['identify', 'thumbsignin']);
    for (const service of ['secsign', 'thumbsignin']) await provider.phone.auto(service, 'sixth', 'approve');
    await sixth.submit('identifier', { identifier: 'sixth' });
    assert.ok(await at.finish(sixth));
    assert.equal(await at.whoIs(sixth), 'sixth');
    assert.equal(await figure(provider, 'provider_up{provider="thumbsignin"}'), 1);

    await provider.phone.clearFaults();
    const began = performance.now();
    await eventually('SecSign is offered again', async () => {
      await pause(200);
      return (await new Walker().open(at.address())).page === 'choose';
    });
    const took = Math.round(performance.now() - began);
    t.diagnostic(`offered again after ${took} ms`);
    // Asked every 5 s, and a question that was under way may have had to be refused first.
    assert.ok(took < 9_000, `${took} ms`);
    assert.equal(await figure(provider, 'provider_up{provider="secsign"}'), 1);
    assert.equal(await figure(provider, 'provider_requests_total{provider="secsign",operation="probe",outcome="ok"}'), 1);
    await newcomer.open(newcomer.url);
    assert.deepEqual([stateOf(newcomer), isOtherShown(newcomer)], ['pending/', true]);
    const nobody = await at.begin('secsign', 'nobody-else');
    assert.equal(stateOf(nobody), 'pending/', 'as for somebody');
    const again = await at.begin('secsign', 'sixth');
    assert.ok(await at.finish(again));
    assert.equal(await at.whoIs(again), 'sixth');
    for (const message of ['a phone service is down', 'a phone service works again']) {
      await eventually(message, () => logged(provider, message) > 0);
      assert.equal(logged(provider, message), 1, message);
    }
  });
});

test('R22: half of all status calls fail, and at least 99 of 100 approved logins are finished', async (t) => {
  const people = Array.from({ length: 25 }, (_, number) => `flap${number}`);
  await withPeople(people, {}, async (provider, at) => {
    for (const [service, operations] of [['secsign', ['state']], ['thumbsignin', ['status', 'get_user']]]) {
      await provider.phone.auto(service, '*', 'approve');
      for (const operation of operations) {
        await provider.phone.fault({ provider: service, operation, fault: 'status', status: 500, probability: 0.5, count: 0 });
      }
      const seq = await at.lastSeq();
      let finished = 0;
      await each(people, people.length, async (name, lane) => {
        for (let number = lane; number < FLAPPING; number += people.length) {
          const walker = await at.begin(service, name);
          const how = await over(walker, 130_000);
          if (how === 'approved/' && await at.finish(walker)) finished += 1;
          else t.diagnostic(`${service} ${name}: ${how}`);
        }
      });
      await provider.phone.clearFaults();
      const calls = (await provider.phone.requests(seq)).filter(({ operation }) => operations.includes(operation));
      const failed = calls.filter(({ status }) => status === 500).length;
      t.diagnostic(`${service}: ${finished} of ${FLAPPING} logins finished, ${failed} of ${calls.length} calls failed`);
      assert.ok(failed > calls.length / 4, `${failed} of ${calls.length} calls failed`);
      assert.ok(finished >= FLAPPING * 0.99, `${service}: ${finished} of ${FLAPPING}`);
    }
  });
});

test('R23: when an outage ends nothing that was begun in it reaches a phone, and the logins that wait do not all come at once', async (t) => {
  const waiting = Array.from({ length: 40 }, (_, number) => `waiting${number}`);
  const late = Array.from({ length: 10 }, (_, number) => `late${number}`);
  await withPeople([...waiting, ...late], {}, async (provider, at) => {
    const PERIOD = 6_000;
    const WINDOW = 300;
    /** The most questions about logins within any 300 ms, of those of the next six seconds. */
    const busiest = async () => {
      const seq = await at.lastSeq();
      await pause(PERIOD);
      const times = (await provider.phone.requests(seq)).filter(({ operation }) => operation === 'state').map((call) => call.at).sort((one, other) => one - other);
      assert.ok(times.length > waiting.length, `${times.length} questions: each asks in two seconds`);
      return Math.max(...times.map((from, first) => times.slice(first).filter((time) => time < from + WINDOW).length));
    };
    const walkers = new Map();
    await each(waiting, 8, async (name) => walkers.set(name, await at.begin('secsign', name)));
    await pause(2_000);
    const ordinary = await busiest();

    const before = await at.lastSeq();
    await provider.phone.fault({ provider: 'secsign', fault: 'refuse', delay_ms: 1_000, count: 0 });
    const newcomers = await Promise.all(late.map(async (name) => {
      const walker = await new Walker().open(at.address());
      return { name, walker: await walker.submit('provider', { provider: 'secsign' }) };
    }));
    await each(newcomers, 5, async ({ name, walker }) => {
      await walker.submit('identifier', { identifier: name });
      assert.equal(await over(walker), 'failed/upstream_down', name);
    });
    await pause(6_000);
    const asked = createsOf(await provider.phone.requests(before));
    // Of the others' requests nobody knows what became: their IDs are not asked again before the deadline.
    const heldBack = newcomers.filter(({ name }) => !asked.has(`secsign ${name}`));
    assert.ok(asked.size >= 5 && heldBack.length > 0, `${asked.size} creates, ${heldBack.length} people were held back`);
    const after = await at.lastSeq();
    await provider.phone.clearFaults();
    const afterwards = await busiest();
    t.diagnostic(`at most ${ordinary} questions within ${WINDOW} ms before, ${afterwards} after the outage`);
    assert.ok(afterwards <= 2 * ordinary, `${afterwards} within ${WINDOW} ms, ${ordinary} ordinarily`);
    await eventually('SecSign is offered again', async () => {
      await pause(200);
      return (await new Walker().open(at.address())).page === 'choose';
    });
    assert.deepEqual([...createsOf(await provider.phone.requests(after))], [], 'no phone is asked for what was begun in the outage');

    // Those who waited are still heard, and whoever tries again is asked once.
    await each(waiting.slice(0, 5), 5, async (name) => {
      const { authsessionid } = await at.session(name);
      await provider.phone.answer(name, authsessionid, { action: 'approve' });
      assert.ok(await at.finish(walkers.get(name)), name);
    });
    await each(heldBack, 5, async ({ name, walker }) => {
      await walker.submit('retry');
      assert.equal(stateOf(walker), 'pending/', name);
    });
    assert.deepEqual([...createsOf(await provider.phone.requests(after)).values()], heldBack.map(() => 1));
  });
});

/** Every kind of fault that the simulator has; `truncated` in both of its forms. */
const FAULTS = [
  { fault: 'delay', delay_ms: 20_000 }, { fault: 'refuse' }, { fault: 'reset' }, { fault: 'drop_before' }, { fault: 'drop_after' },
  { fault: 'slow_body' }, { fault: 'huge_body' }, { fault: 'redirect' }, { fault: 'status', status: 503 }, { fault: 'empty' },
  { fault: 'html' }, { fault: 'truncated' }, { fault: 'truncated', value: 'wire' }, { fault: 'duplicate_key' },
  { fault: 'percent_encoded' }, { fault: 'non_png_icon' }, { fault: 'wrong_user' }, { fault: 'wrong_session' },
  { fault: 'unknown_state' }, { fault: 'approved_at_once' },
];
/** Faults of members that the answers of a call do not have, or need not: the login may go on. */
const IN_VAIN = {
  authenticate: ['wrong_user'],
  state: ['non_png_icon', 'approved_at_once'],
  status: ['non_png_icon', 'approved_at_once'],
  get_user: ['non_png_icon', 'approved_at_once', 'wrong_session', 'unknown_state'],
};

/** Each fault in these calls of a service, by somebody of their own. */
const cases = (service, operations) => operations.flatMap((operation) => FAULTS.map((order, number) => ({
  service, operation, order: { ...order, provider: service, operation }, name: `${service}-${operation.replace('_', '-')}-${number}`,
  what: `${service} ${operation} ${order.fault} ${order.value ?? ''}`,
})));

test('every fault in every call: nobody is signed in by it, and no create is repeated', async (t) => {
  const services = { secsign: ['state', 'cancel'], thumbsignin: ['status', 'get_user', 'cancel'] };
  const asking = Object.entries(services).flatMap(([service, operations]) => cases(service, operations));
  const creating = Object.entries(CREATES).map(([service, operation]) => cases(service, [operation]));
  const all = [...asking, ...creating.flat()];
  const honest = Array.from({ length: FAULTS.length / 4 }, (_, number) => `honest${number}`);
  await withPeople([...all.map(({ name }) => name), ...honest], { lifetimes: { login: '6s' } }, async (provider, at) => {
    const seen = {};
    for (const { order, name } of all) await provider.phone.fault({ ...order, user: name, count: 0 });

    /** A login whose phone approves whatever it is asked. */
    const approved = async ({ service, operation, order, name, what }) => {
      await provider.phone.auto(service, name, 'approve');
      const walker = await at.begin(service, name);
      const how = await over(walker);
      seen[how] = (seen[how] ?? 0) + 1;
      if (how === 'approved/') {
        assert.ok(IN_VAIN[operation]?.includes(order.fault), `${what}: approved`);
        assert.ok(await at.finish(walker), what);
        assert.equal(await at.whoIs(walker), name, what);
        return;
      }
      assert.match(how, /^(expired\/|failed\/(technical_reason|upstream_down))$/, what);
      await at.giveUp(walker);
      assert.equal(await at.isSignedIn(walker), false, what);
    };

    /** A login that is given up, and another one for the same name; only then the phone approves the first. */
    const givenUp = async ({ service, name, what }) => {
      const walker = await at.begin(service, name);
      assert.equal(stateOf(walker), 'pending/', what);
      const first = service === 'secsign' ? (await at.session(name)).authsessionid : transactionOn(walker);
      const seq = await at.lastSeq();
      await at.giveUp(walker);
      await eventually(`${what}: the cancel`, async () => {
        await pause(300);
        return (await provider.phone.requests(seq)).some((call) => call.user === name && (call.operation === 'cancel' || call.cancelled));
      });
      const second = await at.begin(service, name);
      const approve = { action: 'approve' };
      await (service === 'secsign' ? provider.phone.answer(name, first, approve) : provider.phone.act(first, approve))
        .catch((late) => { assert.match(late.message, /: (404|409) /, what); });
      await pause(2_500);
      for (const browser of [walker, second]) assert.equal(await at.isSignedIn(browser), false, what);
    };

    await Promise.all([
      each(asking, 40, (one) => (one.operation === 'cancel' ? givenUp(one) : approved(one))),
      ...creating.map(async (those) => {
        // Never five in a row: the service would be taken to be down, and not asked any more.
        for (let from = 0; from < those.length; from += 4) {
          await each(those.slice(from, from + 4), 4, approved);
          assert.equal(stateOf(await at.begin(those[0].service, honest[from / 4])), 'pending/');
        }
      }),
    ]);
    t.diagnostic(JSON.stringify(seen));
    assert.equal(logged(provider, 'a phone service is down'), 0);
    const calls = await provider.phone.requests();
    assert.deepEqual(calls.filter(({ operation }) => operation === 'redirected'), [], 'no redirect is followed');
    const creates = createsOf(calls);
    for (const { service, operation, name, what } of all) {
      const made = creates.get(`${service} ${name}`);
      assert.ok(operation === 'cancel' ? made <= 2 : made === 1, `${what}: ${made} creates`);
      if (service === 'secsign') {
        // A create beside an open session would have suspended that, and frozen the ID.
        const { frozen, sessions } = await provider.phone.secsign(name);
        assert.deepEqual([frozen, sessions.filter(({ state }) => state === 5).length], [false, 0], what);
      }
    }
  });
});

/** Has calls struck by one of these faults each, with this probability. */
async function armAll(provider, operation, orders, probability) {
  const share = probability / orders.length;
  for (const [at, order] of orders.entries()) {
    // Each is tried where those before it did not strike.
    await provider.phone.fault({ ...order, operation, count: 0, probability: Math.min(1, share / (1 - at * share)) });
  }
}

if (FAULTY > 0) {
  test(`memory: ${FAULTY} faulty logins leave less than 8 MiB behind`, async (t) => {
    const WARM_UP = 200;
    const people = Array.from({ length: WARM_UP + FAULTY }, (_, number) => `faulty${number}`);
    await withPeople(people, { lifetimes: { login: '6s' } }, async (provider, at) => {
      // Half of the creates get an answer, a bad one: without an answer the service would be taken to be down. All other calls meet
      // some fault that is quick.
      const slow = ['delay', 'slow_body'];
      const lost = [...slow, 'refuse', 'reset', 'drop_before', 'drop_after', 'huge_body', 'status'];
      const answered = FAULTS.filter(({ fault, value }) => !lost.includes(fault) && value !== 'wire');
      for (const operation of ['create', 'authenticate']) await armAll(provider, operation, answered, 0.5);
      const quick = FAULTS.filter(({ fault }) => !slow.includes(fault));
      for (const operation of ['state', 'status', 'get_user', 'cancel']) await armAll(provider, operation, quick, 1);
      const memory = () => Number(readFileSync(`/proc/${provider.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;
      const seen = {};
      const run = async (names) => {
        await each(names, 40, async (name, number) => {
          const walker = await at.begin(Object.keys(CREATES)[number % 2], name);
          const how = await over(walker);
          seen[how] = (seen[how] ?? 0) + 1;
          await at.giveUp(walker);
        });
        await pause(5_000);
        return memory();
      };
      const before = await run(people.slice(0, WARM_UP));
      const grown = await run(people.slice(WARM_UP)) - before;
      t.diagnostic(`${before.toFixed(1)} MiB, then ${grown.toFixed(1)} more; ${JSON.stringify(seen)}`);
      assert.equal(seen['approved/'], undefined);
      assert.deepEqual([...createsOf(await provider.phone.requests()).values()].filter((made) => made > 1), []);
      assert.ok(grown < 8, `${grown.toFixed(1)} MiB more`);
    });
  });
}
