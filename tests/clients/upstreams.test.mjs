// Phone services that fail: one that is down is not asked and not offered; half of all status calls may fail; no fault of the
// simulator, in whatever call, signs anybody in or has a create made twice. FLAPPING says how many logins meet status calls that
// fail; FAULTY, over how many faulty logins, and registrations, the memory is measured.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { declared } from './lib/enumeration.mjs';
import { cases, enrol, FAULTS } from './lib/faults.mjs';
import { loginAt, stateOf, transactionOn } from './lib/login.mjs';
import { each, freePorts, pause, pkce, prepare, request } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

const FLAPPING = Number(process.env.FLAPPING ?? 100);
const FAULTY = Number(process.env.FAULTY ?? 0);
const CREATES = { secsign: 'create', thumbsignin: 'authenticate' };

/** A provider with these people, who have a phone of each service, while `work` runs. */
async function withPeople(people, settings, work) {
  const provider = await prepare({ ...settings, more: `${settings.more ?? ''}${declared(people)}` });
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

/** Faults of members that the answers of a call do not have, or need not: the login may go on. */
const IN_VAIN = {
  authenticate: ['wrong_user'],
  state: ['non_png_icon', 'approved_at_once'],
  status: ['non_png_icon', 'approved_at_once'],
  get_user: ['non_png_icon', 'approved_at_once', 'wrong_session', 'unknown_state'],
  // Nothing comes of it any more.
  release: FAULTS.map(({ fault }) => fault),
  register: ['wrong_user'],
};

/** What each API of SecSign has of its own, and ThumbSignIn. */
const APIS = {
  'the form API and ThumbSignIn': {
    services: { secsign: ['state', 'cancel', 'release'], thumbsignin: ['status', 'get_user', 'cancel'] },
    settings: { simulated: ['--legacy-release'], sections: { secsign: 'release = true' } },
    inVain: IN_VAIN,
  },
  'the REST API': {
    services: { secsign: ['state', 'cancel'] },
    settings: { simulated: ['--pin-account', 'pinuser:pin:pass'], sections: { secsign: 'pin_user = "pinuser"\npin_password = "pin:pass"' } },
    // A create tells no state there, and a state nobody's name (SecSign notes §2.2).
    inVain: { create: ['unknown_state', 'approved_at_once'], state: ['non_png_icon', 'approved_at_once', 'wrong_user', 'wrong_session'] },
  },
};

for (const [api, { services, settings, inVain }] of Object.entries(APIS)) {
  test(`every fault in every call, ${api}: nobody is signed in by it, and no create is repeated`, async (t) => {
    const asking = Object.entries(services).flatMap(([service, operations]) => cases(service, operations));
    const creating = Object.keys(services).map((service) => cases(service, [CREATES[service]]));
    const all = [...asking, ...creating.flat()];
    const honest = Array.from({ length: FAULTS.length / 4 }, (_, number) => `honest${number}`);
    await withPeople([...all.map(({ name }) => name), ...honest], { ...settings, lifetimes: { login: '6s' } }, async (provider, at) => {
      const seen = {};
      for (const { order, name } of all) await provider.phone.fault({ ...order, user: name, count: 0 });

      /** A login whose phone approves whatever it is asked. */
      const approved = async ({ service, operation, order, name, what }) => {
        await provider.phone.auto(service, name, 'approve');
        const walker = await at.begin(service, name);
        const how = await over(walker);
        seen[how] = (seen[how] ?? 0) + 1;
        if (how === 'approved/') {
          assert.ok(inVain[operation]?.includes(order.fault), `${what}: approved`);
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
}

/** A [[site]] whose pages register phones; what it asks comes by its host. */
async function registering() {
  const [port] = await freePorts(1);
  const host = `localhost:${port}`;
  const section = `[[site]]\norigin = "http://${host}"\nclient_id = "web"\nredirect_uri = "http://localhost:9/callback"\nregister = true\n`;
  const { challenge } = pkce();
  /** A browser in its pages, with cookies of its own. */
  const browser = (provider) => {
    const cookies = new Map();
    const get = async (path) => {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
      const headers = { host, 'sec-fetch-site': 'same-origin', ...(cookie && { cookie }) };
      const answer = await request('GET', `${provider.origin}${path}`, { headers });
      for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
        const [name, value] = line.split(';')[0].split('=');
        cookies.set(name, value);
      }
      return answer;
    };
    const begin = async (action) => {
      const { status, text } = await get(`/tsAuth/${action}?code_challenge=${challenge}&code_challenge_method=S256`);
      return { code: status, ...JSON.parse(text) };
    };
    /** How a transaction ended, and where its page is led then. */
    const ended = async ({ transactionId }) => {
      const path = `/txnStatus/${transactionId}`;
      let seen = JSON.parse((await get(path)).text);
      for (const until = Date.now() + 30_000; ['PENDING', 'INITIATED'].includes(seen.status); seen = JSON.parse((await get(path)).text)) {
        assert.ok(Date.now() < until, `still ${seen.status}`);
        await pause(400);
      }
      const { location } = (await get(`/tsAuth/return/${transactionId}`)).headers;
      return { ...seen, hasCode: /[?&]code=/.test(location), isRefused: /[?&]error=access_denied/.test(location) };
    };
    const approve = ({ deepLinkUrl }, more = {}) => provider.phone.act(deepLinkUrl.split('/').at(-1), { action: 'approve', ...more });
    const signIn = async (name) => {
      const begun = await begin('authenticate');
      await approve(begun, { userId: name });
      assert.ok((await ended(begun)).hasCode, name);
    };
    return { begin, ended, approve, signIn };
  };
  const settings = { more: section, sections: { thumbsignin: 'allow_unnamed = true' }, lifetimes: { login: '6s' } };
  return { settings, browser };
}

test('every fault in every call of a registration: no code comes of it, and no register call is repeated', async (t) => {
  const asking = cases('thumbsignin', ['status', 'get_user']);
  const creating = cases('thumbsignin', ['register']);
  const all = [...asking, ...creating];
  const { settings, browser } = await registering();
  await withPeople(all.map(({ name }) => name), settings, async (provider) => {
    await provider.command('client', 'update', 'web', '--consent', 'none');
    const seen = {};
    const struck = async ({ operation, order, name, what }) => {
      const visitor = browser(provider);
      await visitor.signIn(name);
      await provider.phone.fault({ ...order, user: name, count: 0 });
      const begun = await visitor.begin('register');
      if (begun.code !== 200) {
        seen[begun.code] = (seen[begun.code] ?? 0) + 1;
        assert.deepEqual([operation, begun.code, begun.status], ['register', 502, 'SERVER_ERROR'], what);
        return;
      }
      await visitor.approve(begun);
      const { status, failureReason, hasCode, isRefused } = await visitor.ended(begun);
      seen[failureReason || status] = (seen[failureReason || status] ?? 0) + 1;
      if (status === 'COMPLETED_SUCCESSFUL') {
        assert.ok(IN_VAIN[operation]?.includes(order.fault), `${what}: approved`);
        assert.ok(hasCode, what);
      } else {
        assert.match(failureReason, /^(TIMEOUT|TECHNICAL_REASON)$/, what);
        assert.deepEqual([hasCode, isRefused], [false, true], what);
      }
    };
    await Promise.all([
      each(asking, 20, struck),
      (async () => {
        // Never five in a row: the service would be taken to be down, and not asked any more.
        for (let from = 0; from < creating.length; from += 4) {
          await each(creating.slice(from, from + 4), 4, struck);
          assert.equal((await browser(provider).begin('authenticate')).code, 200);
        }
      })(),
    ]);
    t.diagnostic(JSON.stringify(seen));
    assert.equal(logged(provider, 'a phone service is down'), 0);
    const calls = await provider.phone.requests();
    assert.deepEqual(calls.filter(({ operation }) => operation === 'redirected'), [], 'no redirect is followed');
    for (const { name, what } of all) {
      // One more is that of the person's first phone.
      const made = calls.filter(({ operation, user }) => operation === 'register' && user === name).length;
      assert.equal(made, 2, `${what}: ${made - 1} register calls`);
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

/** How much memory a provider has, in MiB. */
const memory = ({ pid }) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;
/** Those that take long, and those after which a service may be taken to be down. */
const SLOW = ['delay', 'slow_body'];
const LOST = [...SLOW, 'refuse', 'reset', 'drop_before', 'drop_after', 'huge_body', 'status'];
const ANSWERED = FAULTS.filter(({ fault, value }) => !LOST.includes(fault) && value !== 'wire');
const QUICK = FAULTS.filter(({ fault }) => !SLOW.includes(fault));

if (FAULTY > 0) {
  test(`memory: ${FAULTY} faulty logins leave less than 8 MiB behind`, async (t) => {
    const WARM_UP = 200;
    const people = Array.from({ length: WARM_UP + FAULTY }, (_, number) => `faulty${number}`);
    await withPeople(people, { lifetimes: { login: '6s' } }, async (provider, at) => {
      // Half of the creates get an answer, a bad one: without an answer the service would be taken to be down. All other calls meet
      // some fault that is quick.
      for (const operation of ['create', 'authenticate']) await armAll(provider, operation, ANSWERED, 0.5);
      for (const operation of ['state', 'status', 'get_user', 'cancel']) await armAll(provider, operation, QUICK, 1);
      const seen = {};
      const run = async (names) => {
        await each(names, 40, async (name, number) => {
          const walker = await at.begin(Object.keys(CREATES)[number % 2], name);
          const how = await over(walker);
          seen[how] = (seen[how] ?? 0) + 1;
          await at.giveUp(walker);
        });
        await pause(5_000);
        return memory(provider);
      };
      const before = await run(people.slice(0, WARM_UP));
      const grown = await run(people.slice(WARM_UP)) - before;
      t.diagnostic(`${before.toFixed(1)} MiB, then ${grown.toFixed(1)} more; ${JSON.stringify(seen)}`);
      assert.equal(seen['approved/'], undefined);
      assert.deepEqual([...createsOf(await provider.phone.requests()).values()].filter((made) => made > 1), []);
      assert.ok(grown < 8, `${grown.toFixed(1)} MiB more`);
    });
  });

  test(`memory: ${FAULTY} faulty registrations leave less than 8 MiB behind`, async (t) => {
    const LANES = 40;
    const WARM_UP = 200;
    const people = Array.from({ length: LANES }, (_, number) => `lane${number}`);
    const { settings, browser } = await registering();
    await withPeople(people, settings, async (provider) => {
      await provider.command('client', 'update', 'web', '--consent', 'none');
      const visitors = people.map(() => browser(provider));
      await each(people, 8, (name, lane) => visitors[lane].signIn(name));
      await armAll(provider, 'register', ANSWERED, 0.5);
      for (const operation of ['status', 'get_user', 'cancel']) await armAll(provider, operation, QUICK, 1);
      const seen = {};
      const run = async (count) => {
        await Promise.all(visitors.map(async (visitor) => {
          for (let number = 0; number < count / LANES; number += 1) {
            const begun = await visitor.begin('register');
            const { failureReason, hasCode } = begun.code === 200 ? await visitor.ended(begun) : {};
            const how = failureReason ?? begun.code;
            seen[how] = (seen[how] ?? 0) + 1;
            assert.ok(!hasCode);
          }
        }));
        await pause(5_000);
        return memory(provider);
      };
      const before = await run(WARM_UP);
      const grown = await run(FAULTY) - before;
      t.diagnostic(`${before.toFixed(1)} MiB, then ${grown.toFixed(1)} more; ${JSON.stringify(seen)}`);
      assert.deepEqual(Object.keys(seen).filter((how) => !['502', 'TIMEOUT', 'TECHNICAL_REASON'].includes(how)), []);
      assert.ok(grown < 8, `${grown.toFixed(1)} MiB more`);
    });
  });
}
