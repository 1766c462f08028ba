// QR codes (check 142): each start has another one, a page that is loaded again shows its own, only a form asks for the next, and
// whoever asks again and again is told to wait.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { identifying, tally, times } from './lib/apps.mjs';
import { eventually } from './lib/demo.mjs';
import { replay, stateOf } from './lib/login.mjs';
import { App, pkce, pool, prepare, request } from './lib/serve.mjs';
import { Walker } from './lib/walker.mjs';

const [BROWSERS, STARTS] = [20, 50];
const UNNAMED = { identifier: '', unnamed: 'true' };

const agent = pool(20);
let provider; let web; const providers = [];
async function serve(settings) {
  provider = await prepare({ sections: { thumbsignin: 'allow_unnamed = true' }, ...settings });
  providers.push(provider);
  await provider.start();
  web = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
}
before(() => serve({}));
after(async () => {
  agent.destroy();
  for (const each of providers) assert.equal(await each.close(), 0);
});

const lastSeen = async () => (await provider.phone.requests()).at(-1)?.seq ?? 0;
/** How many codes the service was asked for since `seq`. */
const asked = async (seq) => (await provider.phone.requests(seq)).filter(({ operation }) => operation === 'authenticate').length;

/** The link and the picture of the code on a page. */
const code = (html) => [
  html.match(/<a id="deep-link"[^>]*href="([^"]*)"/)?.[1], html.match(/<img id="qr"[^>]*src="data:image\/png;base64,([^"]+)"/)?.[1],
];

test(`${BROWSERS * STARTS} starts, half of them for nobody: as many codes`, async () => {
  const [links, pictures] = [new Set(), new Set()];
  const seq = await lastSeen();
  await Promise.all(times(BROWSERS, async () => {
    const { walker } = await identifying(web, 'thumbsignin');
    const [page, form] = [walker.url, walker.form('identifier')];
    // Each start takes the place of the one before.
    for (const fields of times(STARTS, (number) => (number % 2 ? { identifier: 'nobody' } : UNNAMED))) {
      const answer = await replay(walker, page, form, fields);
      assert.equal(answer.status, 303);
      await walker.open(new URL(answer.headers.get('location'), page).href);
      assert.equal(stateOf(walker), 'pending/');
      const [link, picture] = code(walker.html);
      assert.ok(link && picture);
      links.add(link);
      pictures.add(picture);
    }
    await walker.submit('cancel', {}, web.redirectUri);
  }));
  assert.deepEqual([links.size, pictures.size], [BROWSERS * STARTS, BROWSERS * STARTS]);
  assert.equal(await asked(seq), (BROWSERS * STARTS) / 2);
});

test('a storm of reloads asks for no code, before its end and after it; a storm of retries asks for one', async () => {
  await serve({ lifetimes: { login: '6s' } });
  const seq = await lastSeen();
  const { walker } = await identifying(web, 'thumbsignin');
  await walker.submit('identifier', UNNAMED);
  const first = code(walker.html);
  const headers = { cookie: walker.cookie(walker.url) };
  const reloads = () => Promise.all(times(200, async () => code((await request('GET', walker.url, { agent, headers })).text)));
  for (const shown of await reloads()) assert.deepEqual(shown, first);
  assert.equal(await asked(seq), 1);
  await eventually('its end', async () => stateOf(await walker.open(walker.url)) === 'expired/');
  for (const shown of await reloads()) assert.deepEqual(shown, [undefined, undefined], 'a code that is over is not shown');
  assert.equal(await asked(seq), 1);

  const [page, form] = [walker.url, walker.form('retry')];
  const answers = await Promise.all(times(20, () => replay(walker, page, form)));
  assert.deepEqual(tally(answers.map(({ status }) => status)), { 303: 20 });
  const places = new Set(answers.map((answer) => answer.headers.get('location')));
  assert.equal(places.size, 1, [...places].join());
  await walker.open(new URL([...places][0], page).href);
  assert.equal(await asked(seq), 2);
  const [link, picture] = code(walker.html);
  assert.ok(link !== first[0] && picture !== first[1]);
  // What was photographed is of no use; what is shown now is.
  const approve = (of) => provider.phone.act(of.split('/').at(-1), { action: 'approve', userId: 'alice' });
  await assert.rejects(approve(first[0]), /409|over/);
  await approve(link);
});

test('whoever has code after code made is told to wait', async () => {
  await serve({ profile: 'production' });
  const seq = await lastSeen();
  const walker = new Walker();
  const states = [];
  for (let start = 0; start < 24; start += 1) {
    await walker.open(web.authorizeUrl(pkce().challenge));
    if (walker.page === 'choose') await walker.submit('provider', { provider: 'thumbsignin' });
    await walker.submit('identifier', UNNAMED);
    states.push(stateOf(walker));
    await walker.submit('cancel', {}, web.redirectUri);
  }
  assert.deepEqual(tally(states), { 'pending/': 20, 'failed/rate_limited': 4 });
  assert.equal(await asked(seq), 20);
});
