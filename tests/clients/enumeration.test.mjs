// What a stranger sees of a login is the same for a name that somebody has and for one that nobody has, byte for byte where it can
// be: words, headers, pictures, texts. The clocks are in `enumeration.mjs` (`./check --full`).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { attempt, declared, names } from './lib/enumeration.mjs';
import { App, each, prepare } from './lib/serve.mjs';

const COUNT = 40;
const [people, nobodies] = [names(COUNT, 'k'), names(COUNT, 'u')];

let provider; let app;
before(async () => {
  // Over before a quiet stream shows that it lives (5 s).
  provider = await prepare({ lifetimes: { login: '4s' }, more: declared(people) });
  await provider.start();
  app = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback'));
  app.issuer = provider.origin;
  await each(people, 8, (name) => provider.phone.create(name));
  // The services have shown what they show.
  await each(people.slice(COUNT / 2), 4, async (name) => {
    for (const service of ['secsign', 'thumbsignin']) await attempt(app, service, name, { toItsEnd: false });
  });
});
after(async () => { if (provider) assert.equal(await provider.close(), 0); });

/** Logins for half of the names of either kind, to their ends, at the same time. */
async function both(service) {
  const found = { known: [], unknown: [] };
  const half = COUNT / 2;
  const all = [...people.slice(0, half).map((name) => ['known', name]), ...nobodies.slice(0, half).map((name) => ['unknown', name])];
  await each(all, all.length, async ([kind, name]) => { found[kind].push(await attempt(app, service, name)); });
  return found;
}

/** The different values of something, of all logins of one kind. */
const values = (logins, look) => [...new Set(logins.map(look))].sort();

for (const service of ['secsign', 'thumbsignin']) {
  test(`${service}: pages, headers and events say the same whether somebody has the name`, async (t) => {
    const { known, unknown } = await both(service);
    for (const what of Object.keys(known[0].said)) {
      const [ones, others] = [known, unknown].map((logins) => values(logins, ({ said }) => said[what]));
      assert.equal(ones.length, 1, `${what} is always the same: ${ones.join('\n----\n')}`);
      assert.deepEqual(others, ones, what);
    }
    for (const what of ['picture zlib header', 'picture sides', 'headers', 'expired page bytes', 'retried state']) {
      assert.deepEqual(values(unknown, ({ seen }) => seen[what]), values(known, ({ seen }) => seen[what]), what);
    }
    const lengths = [known, unknown].map((logins) => logins.map(({ seen }) => seen['picture bytes']));
    t.diagnostic(`picture bytes: known ${Math.min(...lengths[0])}–${Math.max(...lengths[0])}, unknown ${Math.min(...lengths[1])}–${Math.max(...lengths[1])}`);
    // Ranges that do not overlap would tell.
    assert.ok(Math.min(...lengths[0]) <= Math.max(...lengths[1]) && Math.min(...lengths[1]) <= Math.max(...lengths[0]));
  });
}

/** The code on a page as a phone reads it, and where it stands in its picture. */
function code(html) {
  const [, base64] = html.match(/<img id="qr"[^>]*src="data:image\/png;base64,([^"]+)"/);
  const { data, width, height } = PNG.sync.read(Buffer.from(base64, 'base64'));
  const read = jsQR(new Uint8ClampedArray(data), width, height);
  const link = html.match(/<a id="deep-link"[^>]*href="([^"]*)"/)[1];
  return { text: read.data, link, version: read.version, corner: JSON.stringify(read.location.topLeftCorner) };
}

test('thumbsignin: codes have the same shape, and a real one still leads to its request', async () => {
  const [known, unknown] = [people, nobodies].map((list) => list.slice(0, COUNT / 2));
  const codes = { known: [], unknown: [] };
  await each([...known.map((name) => ['known', name]), ...unknown.map((name) => ['unknown', name])], 8, async ([kind, name]) => {
    codes[kind].push(code((await attempt(app, 'thumbsignin', name, { toItsEnd: false })).html));
  });
  const all = [...codes.known, ...codes.unknown];
  for (const { text, link } of all) assert.equal(text, link);
  const shape = ({ text, version, corner }) => `${text.replace(/[0-9a-f]{40,}$/, 'ID')} ${version} ${corner}`;
  // Where the digits of an identifier stand decides how they are packed: one in hundreds needs a larger code, real or not.
  const usual = (list) => values(list, shape).filter((one) => list.filter((code) => shape(code) === one).length > list.length / 5);
  assert.equal(usual(codes.known).length, 1);
  assert.deepEqual(usual(codes.unknown), usual(codes.known));
  assert.equal(new Set(all.map(({ text }) => text)).size, all.length, 'another one for each login');
  for (const { text } of codes.known) await provider.phone.scan(text);
});
