// Apps at a provider and the people who sign in to them: what many tests begin with.
import assert from 'node:assert/strict';
import { App, pkce } from './serve.mjs';
import { Walker, signIn } from './walker.mjs';

/**
 * Two apps, `web` that keeps a secret and `native` that cannot; alice and bob, who have a phone of either service; and the cookie of a
 * browser in which carol is signed in. `site` is a provider or a cluster; the apps send their requests through `agent`.
 */
export async function settle(site, agent) {
  const create = (id, uri, method) => site.command(
    'client', 'create', '--id', id, '--name', id, '--redirect-uri', uri, '--auth-method', method,
  );
  const web = new App(site, await create('web', 'http://localhost:9/callback', 'client_secret_basic'), agent);
  const native = new App(site, await create('native', 'http://127.0.0.1/callback', 'none'), agent);
  for (const name of ['alice', 'bob']) {
    await site.command('user', 'create', '--username', name, '--secsignid', name, '--thumbsignin-user-id', name);
  }
  await site.person('carol');
  await site.phone.auto('secsign', 'carol', 'approve');
  const walker = new Walker();
  await walker.open(web.authorizeUrl(pkce().challenge), web.redirectUri);
  await signIn(walker, 'secsign', 'carol', web.redirectUri, () => {});
  return { web, native, cookie: walker.cookie(site.issuer) };
}

/** A new browser that stands where an app's person is asked for a name. */
export async function identifying(app, service) {
  const walker = new Walker();
  const { verifier, challenge } = pkce();
  await walker.open(app.authorizeUrl(challenge));
  if (walker.page === 'choose') await walker.submit('provider', { provider: service });
  assert.equal(walker.page, 'identify');
  return { walker, verifier };
}

/** A new browser up to the page that waits for a phone. */
export async function waiting(app, service, name) {
  const { walker, verifier } = await identifying(app, service);
  await walker.submit('identifier', { identifier: name });
  assert.equal(walker.page, 'wait');
  return { walker, verifier };
}

/** How often each value occurs. */
export const tally = (values) => values.reduce((counts, value) => ({ ...counts, [value]: (counts[value] ?? 0) + 1 }), {});

export const times = (count, make) => Array.from({ length: count }, (_, at) => make(at));
