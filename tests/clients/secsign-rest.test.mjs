// SecSign through its REST API, where the simulated server demands a PIN account: logins in every state, a server that misbehaves,
// and an account that it does not accept.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, beforeEach, test } from 'node:test';
import { eventually } from './lib/demo.mjs';
import { loginAt, stateOf } from './lib/login.mjs';
import { prepare } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

const ACCOUNT = 'pin_user = "pinuser"\npin_password = "pin:pass"';
let provider; let at;
before(async () => {
  provider = await prepare({ simulated: ['--pin-account', 'pinuser:pin:pass'], sections: { secsign: ACCOUNT }, lifetimes: { login: '6s' } });
  await provider.start();
  const client = await provider.command('client', 'create', '--id', 'web', '--name', 'Web', '--redirect-uri', 'http://localhost:9/callback');
  provider.client = () => client;
  at = loginAt(provider, 'web');
});
after(async () => { assert.equal(await provider.close(), 0); });
beforeEach(() => provider.phone.reset());

/** A browser that waits for the phone of this person. */
async function begin(name, walker = new Walker()) {
  await walker.open(at.address({ prompt: 'login' }));
  await walker.submit('provider', { provider: 'secsign' });
  return walker.submit('identifier', { identifier: name });
}
const session = async (name) => (await provider.phone.secsign(name)).sessions.at(-1);
const asked = async (name) => (await provider.phone.requests()).filter(({ user }) => user === name).map(({ operation, status }) => [operation, status]);

test('every state of a session is a state of the login, and the app learns who approved', async () => {
  const table = {
    1: 'pending/', 7: 'fetched/', 3: 'approved/', 4: 'denied/', 2: 'expired/', 0: 'failed/technical_reason', 9: 'failed/technical_reason',
  };
  await Promise.all(Object.entries(table).map(async ([state, expected]) => {
    const name = `state${state}`;
    await provider.person(name);
    const walker = await begin(name);
    assert.equal(stateOf(walker), 'pending/');
    assert.match(walker.html, /id="access-pass"/);
    const { authsessionid, servicename } = await session(name);
    assert.equal(servicename, 'Web');
    await provider.phone.answer(name, authsessionid, { action: 'state', state: Number(state) });
    await at.until(walker, expected.split('/')[0]);
    assert.equal(stateOf(walker), expected, `state ${state}`);
    if (state === '3') {
      assert.ok(await at.finish(walker));
      assert.equal(await at.whoIs(walker), name);
    } else {
      await at.giveUp(walker);
    }
    const [create, ...later] = await eventually('the next call', async () => {
      const calls = await asked(name);
      return calls.length > 1 && calls;
    });
    assert.deepEqual(create, ['create', 200]);
    assert.ok(later.every(([operation, status]) => ['state', 'cancel'].includes(operation) && status === 200), JSON.stringify(later));
  }));
});

test('the wrong symbol is a decline; a request that was given up is withdrawn at the service', async () => {
  await provider.person('carol');
  const walker = await begin('carol');
  await provider.phone.answer('carol', (await session('carol')).authsessionid, { action: 'wrong_symbol' });
  assert.equal(await at.ended(walker), 'denied/');
  await provider.person('dave');
  const other = await begin('dave');
  await at.giveUp(other);
  await eventually('the withdrawal', async () => (await asked('dave')).at(-1)[0] === 'cancel');
  assert.deepEqual((await asked('dave')).at(-1), ['cancel', 200]);
  assert.equal((await session('dave')).state, 6);
});

test('a server that misbehaves signs nobody in, and no create is repeated', async () => {
  // Not `approved_at_once`: the answer to a create says no state here.
  const faults = [
    ['create', 'refuse', 'failed/upstream_down'], ['create', 'drop_after', 'failed/upstream_down'], ['create', 'wrong_user', 'failed/technical_reason'],
    ['create', 'non_png_icon', 'failed/technical_reason'],
    ['create', 'duplicate_key', 'failed/technical_reason'], ['create', 'html', 'failed/technical_reason'], ['create', 'empty', 'failed/technical_reason'],
    ['state', 'duplicate_key', 'failed/technical_reason'], ['state', 'unknown_state', 'failed/technical_reason'], ['state', 'html', 'failed/technical_reason'],
    ['state', 'empty', 'failed/technical_reason'], ['state', 'percent_encoded', 'failed/technical_reason'], ['state', 'truncated', 'failed/technical_reason'],
    ['state', 'reset', 'expired/'], ['state', 'redirect', 'failed/technical_reason'],
  ];
  await Promise.all(faults.map(async ([operation, fault, expected], number) => {
    const name = `fault${number}`;
    await provider.person(name);
    await provider.phone.fault({ provider: 'secsign', operation, fault, user: name, count: 0 });
    const walker = await begin(name);
    if (operation === 'state') {
      await provider.phone.answer(name, (await session(name)).authsessionid, { action: 'approve' });
    }
    assert.equal(await at.ended(walker), expected, `${operation} ${fault}`);
    const creates = (await asked(name)).filter(([what]) => what === 'create');
    assert.ok(creates.length <= 1, `${operation} ${fault}: ${JSON.stringify(creates)}`);
  }));
});

test('an account that the server does not accept asks no phone, and doctor names the keys', async () => {
  await provider.person('erin');
  const good = await readFile(provider.config, 'utf8');
  await writeFile(provider.config, good.replace('pin:pass', 'a guess'));
  assert.equal(await provider.end(), 0);
  await provider.start();
  const walker = await begin('erin');
  assert.equal(await at.ended(walker), 'failed/technical_reason');
  assert.deepEqual(await asked('erin'), [['create', 401]]);
  assert.deepEqual((await provider.phone.secsign('erin')).sessions, []);
  const report = await provider.command('doctor').catch((failed) => JSON.parse(failed.stdout));
  const check = report.checks.find((one) => one.name === 'secsign');
  assert.equal(check.outcome, 'failed', JSON.stringify(check));
  assert.match(JSON.stringify(check), /secsign\.pin_user and secsign\.pin_password/);
  assert.doesNotMatch(provider.log, /a guess/);
  await writeFile(provider.config, good);
  assert.equal(await provider.end(), 0);
  await provider.start();
  const again = await begin('erin');
  assert.equal(stateOf(again), 'pending/');
});
