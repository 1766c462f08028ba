// Phone services that fail: one that is down is not asked and not offered.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { declared } from './lib/enumeration.mjs';
import { loginAt, stateOf } from './lib/login.mjs';
import { each, pause, prepare } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

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
    assert.ok(!newcomer.html.includes('id="other-method"'), 'there is no other method');
    // Where nothing else is strong enough, it stays.
    const strict = await new Walker().open(at.address({ acr_values: 'urn:signbridge:acr:matched' }));
    assert.deepEqual([strict.page, strict.main('data-provider')], ['identify', 'secsign']);
    await strict.submit('identifier', { identifier: 'sixth' });
    assert.equal(stateOf(strict), 'failed/upstream_down');
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
