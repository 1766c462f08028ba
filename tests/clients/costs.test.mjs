// What each request costs, by the provider's own counters: the table in docs/architecture.md is what this test finds.
// `COSTS=write` writes it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { approve } from './lib/demo.mjs';
import { App, pkce, prepare, request } from './lib/serve.mjs';
import { Walker, signIn } from './lib/walker.mjs';

/**
 * Jobs read in between, on a busy machine often: the least of so many measurements is the request's own, and of more, up to the
 * second number, where it is not yet what the document says.
 */
const [TIMES, MOST] = [3, 20];
const DOCUMENT = new URL('../../docs/architecture.md', import.meta.url);
const page = readFileSync(DOCUMENT, 'utf8');
const HEAD = '| request | reads | statements in its transaction | commits | signatures |\n|---|---|---|---|---|\n';
const COUNTED = ['db_statements_total{transaction="no"}', 'db_statements_total{transaction="yes"}', 'db_commits_total', 'signatures_total'];

let site; let app; let jwt; let walker;
before(async () => {
  site = await prepare({ profile: 'production', more: 'push_per_source_10min = 1000' });
  await site.start();
  const back = ['--redirect-uri', 'http://localhost:9/callback', '--auth-method', 'client_secret_basic'];
  app = new App(site, await site.command('client', 'create', '--id', 'web', '--name', 'Web', ...back));
  jwt = new App(site, await site.command('client', 'create', '--id', 'jwt', '--name', 'JWT', ...back, '--access-token-format', 'jwt'));
  walker = await signedIn('alice');
});
after(async () => { if (site) assert.equal(await site.close(), 0); });

async function counters() {
  const text = await (await fetch(`${site.management}/metrics`)).text();
  const sum = (name) => text.split('\n').filter((line) => line.startsWith(`signbridge_${name}`))
    .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  return COUNTED.map(sum);
}

/**
 * What the answer of `act` costs; `arrange` makes what it is given, anew each time. Where a job reads because of it, so many reads
 * are waited for. On PostgreSQL `locks` statements more lock what is counted.
 */
async function cost(what, status, act, arrange = () => undefined, { reads = 0, locks = 0 } = {}) {
  let least = COUNTED.map(() => Infinity);
  const row = () => `| ${what} | ${least.join(' | ')} |\n`;
  for (let at = 0; at < TIMES || (at < MOST && !page.includes(row())); at += 1) {
    const given = await arrange(at);
    const earlier = await counters();
    const answer = await act(given);
    let later = await counters();
    for (let looks = 0; later[0] - earlier[0] < reads && looks < 100; looks += 1) later = await counters();
    assert.equal(answer.status, status, `${what}: ${answer.text}`);
    const [read, statements, commits, signatures] = later.map((value, column) => value - earlier[column]);
    // On PostgreSQL each commit has one more, which tells its outcome should the answer be lost.
    const found = [read, statements - (site.database?.startsWith('postgres') ? commits + locks : 0), commits, signatures];
    least = least.map((number, column) => Math.min(number, found[column]));
  }
  return row();
}

const get = (url, cookie) => request('GET', new URL(url, site.issuer), { headers: cookie ? { cookie } : {} });
/** The form of the page where somebody stands, with `changes`; to be sent by `post`. */
const form = (visitor, id, changes) => {
  const { action, inputs } = visitor.form(id);
  return { url: new URL(action, visitor.url), form: { ...Object.fromEntries(inputs), ...changes }, cookie: visitor.cookie(site.issuer) };
};
const post = ({ url, form: fields, cookie }) => request('POST', url, {
  form: fields, headers: { cookie, origin: site.issuer, 'sec-fetch-site': 'same-origin' },
});

/** A browser where somebody signed in. */
async function signedIn(name) {
  await site.person(name);
  const visitor = await new Walker().open(app.authorizeUrl(pkce().challenge));
  return signIn(visitor, 'secsign', name, app.redirectUri, () => approve(site, 'secsign', name));
}

/** A browser before the page that asks for the name. */
async function stranger() {
  const visitor = await new Walker().open(app.authorizeUrl(pkce().challenge));
  return visitor.submit('provider', { provider: 'secsign' });
}
const waiting = async (name) => (await stranger()).submit('identifier', { identifier: name });
const asked = async (name) => form(await stranger(), 'identifier', { identifier: name });

test('what a request costs is what docs/architecture.md says', async () => {
  const cookie = walker.cookie(site.issuer);
  const bearer = async () => (await app.tokens(cookie)).access_token;
  const rows = [
    await cost('discovery', 200, () => get('/.well-known/openid-configuration')),
    await cost('JWK set', 200, () => get('/jwks')),
    await cost('`GET /authorize`, which leads to a login', 303, () => get(app.authorizeUrl(pkce().challenge))),
    await cost('`POST /authorize` from another site', 303, () => {
      const [url, query] = app.authorizeUrl(pkce().challenge).split('?');
      return request('POST', url, { form: new URLSearchParams(query) });
    }),
    await cost('`GET /authorize`, answered by single sign-on', 303, () => get(app.authorizeUrl(pkce().challenge), cookie)),
    await cost('`POST /token`, code', 200, (code) => app.redeem(code), () => app.code(cookie)),
    await cost('`POST /token`, code, access token as JWT', 200, (code) => jwt.redeem(code), () => jwt.code(cookie)),
    await cost('`POST /token`, refresh', 200, (token) => app.refresh(token), async () => (await app.tokens(cookie)).refresh_token),
    await cost('`/userinfo`', 200, (token) => request('GET', `${site.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } }), bearer),
    await cost('`/introspect`', 200, (token) => app.post('introspect', { token }), bearer),
    await cost('`/revoke`', 200, (token) => app.post('revoke', { token }), bearer),
    // The queue of logout tokens looks at once.
    await cost('`/logout` that ends a session, with a look of the queue', 303, ({ hint, own }) => get(`/logout?${new URLSearchParams({ id_token_hint: hint })}`, own), async (at) => {
      const own = (await signedIn(`leaves${at}`)).cookie(site.issuer);
      return { hint: (await app.tokens(own)).id_token, own };
    }, { reads: 3 }),
    // Last what leaves logins open: they are polled.
    await cost('the page that asks for the name', 200, (visitor) => get(visitor.url, visitor.cookie(site.issuer)), stranger),
    await cost('`POST …/identify/secsign`, which asks a phone', 303, post, async (at) => {
      await site.person(`asked${at}`);
      return asked(`asked${at}`);
    }, { locks: 6 }),
    await cost('`POST …/identify/secsign` for a name that nobody has', 303, post, (at) => asked(`nobody${at}`), { locks: 6 }),
    await cost('the wait page', 200, (visitor) => get(visitor.url, visitor.cookie(site.issuer)), (at) => waiting(`anybody${at}`)),
  ];
  const found = HEAD + rows.join('');
  const from = page.indexOf(HEAD);
  assert.ok(from >= 0, 'the table stands in docs/architecture.md');
  const to = page.indexOf('\n\n', from) + 1;
  if (process.env.COSTS === 'write') writeFileSync(DOCUMENT, page.slice(0, from) + found + page.slice(to));
  else assert.equal(page.slice(from, to), found, 'COSTS=write writes what was found');
});
