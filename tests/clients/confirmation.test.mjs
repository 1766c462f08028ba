// Check 133: who confirms without a symbol, through either API of SecSign. It takes a person whom the operator allowed it, a browser
// that they signed in from before, and an app that wants no more than the lowest acr; and the login counts for no more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claims, loginAt, stateOf } from './lib/login.mjs';
import { prepare } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

const ACR = 'urn:signbridge:acr:';
const AGAIN = { prompt: 'login' };
const TRANSPORTS = {
  'form API': {},
  'REST API': { simulated: ['--pin-account', 'pinuser:pin:pass'], sections: { secsign: 'pin_user = "pinuser"\npin_password = "pin:pass"' } },
};

/** A provider whose phones are asked so, and the steps of a login at its clients `web` and `strict`, which demands the highest acr. */
async function withProvider(settings, work) {
  const provider = await prepare({ ...settings, more: '[[user]]\nusername = "dora"\nsecsignid = "dora"\nconfirm_without_symbol = true\n' });
  try {
    await provider.start();
    const client = (id, ...extra) => provider.command('client', 'create', '--id', id, '--redirect-uri', 'http://localhost:9/callback', ...extra);
    const clients = { web: await client('web'), strict: await client('strict', '--acr-value', `${ACR}matched`) };
    provider.client = (id) => clients[id];
    const approve = (name, session) => provider.phone.answer(name, session, { action: 'approve' });
    const [web, strict] = ['web', 'strict'].map((id) => ({ ...loginAt(provider, id), approve }));
    await work(provider, web, strict);
  } finally {
    assert.equal(await provider.close(), 0);
  }
}

/** A login of `name`: whether the page and the phone had a symbol, and what the app was told of it. */
async function signIn(at, name, walker, changes = {}) {
  await at.begin('secsign', name, walker, changes);
  assert.equal(stateOf(walker), 'pending/', walker.html);
  const { authsessionid, symbols } = await at.session(name);
  const picture = walker.html.match(/id="access-pass"[^>]*src="data:image\/png;base64,([^"]+)"/)?.[1];
  assert.equal(symbols.includes(picture), picture !== undefined, 'the page shows what the phone offers');
  assert.equal(symbols.length > 0, picture !== undefined, 'and nothing where the phone asks for a plain yes');
  const words = walker.html;
  await at.approve(name, authsessionid);
  const { id_token: token } = await at.token(await at.finish(walker));
  return { picture: picture !== undefined, acr: claims(token).acr.slice(ACR.length), words };
}

const WITH = { picture: true, acr: 'matched' };
const WITHOUT = { picture: false, acr: 'approved' };
async function comesTo(expected, ...about) {
  const { words, ...found } = await signIn(...about);
  assert.deepEqual(found, expected);
  return words;
}

for (const [transport, settings] of Object.entries(TRANSPORTS)) {
  test(`${transport}: without a symbol by policy, in a remembered browser, for the lowest acr; else with one`, async () => {
    await withProvider(settings, async (provider, web, strict) => {
      await provider.person('ada', '--confirm-without-symbol');
      await provider.person('bob');
      const own = new Walker();
      await comesTo(WITH, web, 'ada', own);
      const words = await comesTo(WITHOUT, web, 'ada', own, AGAIN);
      assert.match(words, /Approve on your phone/);
      assert.match(words, /don’t have to pick a symbol/);
      assert.match(await comesTo(WITHOUT, web, 'ada', own, { ...AGAIN, ui_locales: 'de' }), /müssen kein Symbol auswählen/);

      // Who wants more gets more, within the same session too.
      await comesTo(WITH, web, 'ada', own, { acr_values: `${ACR}named` });
      await comesTo(WITHOUT, web, 'ada', own, { ...AGAIN, acr_values: `${ACR}matched ${ACR}approved` });
      await comesTo(WITH, strict, 'ada', own);
      await comesTo(WITH, strict, 'ada', own, { ...AGAIN, acr_values: `${ACR}approved` });

      await comesTo(WITH, web, 'ada', new Walker());
      const bobs = new Walker();
      for (const changes of [{}, AGAIN]) await comesTo(WITH, web, 'bob', bobs, changes);
      // A browser that bob signed in from before is none that ada did.
      await comesTo(WITH, web, 'ada', bobs, AGAIN);
    });
  });
}

test('a page of a request without a symbol: a reload and another tab show the same, a decline ends it', async () => {
  await withProvider({}, async (provider, web) => {
    await provider.person('ada', '--confirm-without-symbol');
    const own = new Walker();
    await comesTo(WITH, web, 'ada', own);
    await web.begin('secsign', 'ada', own, AGAIN);
    const { authsessionid } = await web.session('ada');
    const page = own.url;
    await provider.phone.answer('ada', authsessionid, { action: 'fetch' });
    await web.until(own, 'fetched');
    assert.doesNotMatch(own.html, /id="access-pass"/);
    assert.match(own.html, /don’t have to pick a symbol/);
    await own.open(page);
    assert.equal((await web.session('ada')).authsessionid, authsessionid);
    await provider.phone.answer('ada', authsessionid, { action: 'deny' });
    assert.equal(await web.ended(own), 'denied/');
    // A stranger sees a symbol, and so does whoever names nobody.
    for (const name of ['ada', 'nobody']) {
      const stranger = await web.begin('secsign', name);
      assert.equal(stateOf(stranger), 'pending/');
      assert.match(stranger.html, /id="access-pass"/, name);
    }
  });
});

test('user update: what is given is changed, at once; the file decides for whom it declares', async () => {
  await withProvider({}, async (provider, web) => {
    const before = await provider.person('ada', '--email', 'ada@example.org', '--group', 'staff', '--group', 'Billing Admins');
    assert.equal(before.confirm_without_symbol, false);
    const own = new Walker();
    await comesTo(WITH, web, 'ada', own);
    const allowed = await provider.command('user', 'update', 'ada', '--confirm-without-symbol');
    assert.deepEqual({ ...allowed, updated_at: 0 }, { ...before, confirm_without_symbol: true, devices: allowed.devices, last_login_at: allowed.last_login_at, updated_at: 0 });
    await comesTo(WITHOUT, web, 'ada', own, AGAIN);
    await provider.command('user', 'update', 'ada@example.org', '--confirm-without-symbol=false', '--name', 'Ada L', '--group=');
    const { name, groups, email, confirm_without_symbol: without } = await provider.command('user', 'show', 'ada');
    assert.deepEqual([name, groups, email, without], ['Ada L', [], 'ada@example.org', false]);
    await comesTo(WITH, web, 'ada', own, AGAIN);

    await provider.person('bob', '--email', 'bob@example.org');
    for (const [words, code, why] of [
      [['ada'], 2, /required/], [['ada', '--email', 'nonsense'], 2, /e-mail address/], [['ada', '--email', 'BOB@example.org'], 1, /already exists/],
      [['nobody', '--name', 'N'], 1, /there is no person/], [['dora', '--confirm-without-symbol=false'], 1, /declared in the configuration file/],
    ]) {
      const refused = await provider.command('user', 'update', ...words).catch((error) => error);
      assert.equal(refused.code, code, `${words}: ${refused.stderr}`);
      assert.match(refused.stderr, why);
    }
    await provider.phone.create('dora');
    const doras = new Walker();
    await comesTo(WITH, web, 'dora', doras);
    await comesTo(WITHOUT, web, 'dora', doras, AGAIN);
  });
});
