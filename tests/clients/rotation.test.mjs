// The signing key is rotated under load while strict verifiers look on: they hold what they fetched of the JWK set for as long as
// they may, and fetch nothing in between, not even for a key that they do not know. `STORM=full` runs it on two nodes.
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, test } from 'node:test';
import { settle } from './lib/apps.mjs';
import { cluster } from './lib/cluster.mjs';
import { eventually } from './lib/demo.mjs';
import { openLoop } from './lib/load.mjs';
import { Postgres } from './lib/postgres.mjs';
import { pause, pool, prepare, request } from './lib/serve.mjs';

const FULL = process.env.STORM === 'full';
/** How long a verifier keeps what it fetched, and how long a key is published before it signs. */
const CACHE = 3_000;
const RATE = 200;
const ROTATIONS = 3;

let server, site, web, cookie, agent;

before(async () => {
  const lifetimes = `key_ahead = "${CACHE / 1_000 + 1}s"`;
  if (FULL) {
    server = await Postgres.start();
    site = await cluster(server, { sections: { lifetimes } });
    await site.ready();
  } else {
    site = await prepare({ sections: { lifetimes } });
    await site.start();
  }
  agent = pool(100);
  ({ web, cookie } = await settle(site, agent));
});

after(async () => {
  agent?.destroy();
  const codes = await site?.close();
  await server?.stop();
  assert.deepEqual([codes].flat().filter((code) => code !== 0), []);
});

class Verifier {
  #keys;

  #fetched = -Infinity;

  fetches = 0;

  /** Fetches when, and only when, its copy is too old; until the new one is there, everybody waits. */
  keys() {
    if (performance.now() - this.#fetched >= CACHE) {
      this.#fetched = performance.now();
      this.#keys = this.#fetch();
    }
    return this.#keys;
  }

  async #fetch() {
    this.fetches += 1;
    const { keys } = (await request('GET', `${site.issuer}/jwks`, { agent })).json();
    return new Map(keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]));
  }

  /** The id of the key that signed, or what is wrong. */
  check(token, keys) {
    const [head, claims, signature] = token.split('.');
    const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url'));
    if (alg !== 'RS256') throw new Error(`signed with ${alg}`);
    if (!keys.has(kid)) throw new Error(`unknown key ${kid}`);
    if (!verify('sha256', Buffer.from(`${head}.${claims}`), keys.get(kid), Buffer.from(signature, 'base64url'))) {
      throw new Error(`bad signature by ${kid}`);
    }
    return kid;
  }
}

test(`${ROTATIONS} rotations at ${RATE} requests/s ${FULL ? 'on two nodes' : 'on one node'}: no verifier fails`, async (t) => {
  const tokens = await web.tokens(cookie);
  // Their caches are of different ages, so that each rotation meets old and fresh ones.
  const verifiers = [];
  for (let count = 0; count < 6; count += 1) {
    const verifier = new Verifier();
    await verifier.keys();
    verifiers.push(verifier);
    await pause(CACHE / 6);
  }
  const signers = new Map();
  let turn = 0;
  const refresh = async () => {
    const answer = await web.refresh(tokens.refresh_token);
    if (answer.status !== 200) return false;
    const { id_token: token } = answer.json();
    // One verifier after the other: the copy that it holds now, not one fetched for this token.
    turn += 1;
    const verifier = verifiers[turn % verifiers.length];
    const kid = verifier.check(token, await verifier.keys());
    signers.set(kid, (signers.get(kid) ?? 0) + 1);
    return true;
  };
  const introspection = async () => {
    const answer = await web.post('introspect', { token: tokens.access_token });
    return answer.status === 200 && answer.json().active === true;
  };
  const load = openLoop(RATE, { refresh, introspection });
  const began = performance.now();
  let rotated = 0;
  for (let round = 0; round < ROTATIONS; round += 1) {
    // The next key must have been published for key_ahead.
    await pause(CACHE + 1_500);
    await site.command('key', 'rotate', '--alg', 'RS256');
    rotated += 1;
  }
  await pause(CACHE);
  const { sent, failed, slowest } = await load.stop();
  const fetches = verifiers.reduce((sum, verifier) => sum + verifier.fetches, 0);
  // All of them were answered by now: the rate is that of the answers. What verifiers fetch comes on top.
  const rate = sent / ((performance.now() - began) / 1_000);
  t.diagnostic(`${sent} requests, ${rate.toFixed(1)} answered a second, ${failed.length} failed, the slowest took ${slowest} ms; ${rotated} rotations; `
    + `tokens by key: ${[...signers.values()].join(', ')}; ${fetches} fetches by ${verifiers.length} verifiers`);
  assert.deepEqual([...new Set(failed)], []);
  assert.ok(rate >= 0.9 * RATE, `only ${rate.toFixed(1)} of ${RATE} requests/s were answered: nothing is shown at ${RATE}`);
  assert.equal(signers.size, ROTATIONS + 1, 'each key signed in its turn');
});

test('the same verifiers do fail where a key signs that was published too late', async () => {
  const verifier = new Verifier();
  const keys = await verifier.keys();
  const active = (await site.command('key', 'list')).find(({ state, alg }) => state === 'active' && alg === 'RS256');
  // An emergency: the next key signs at once, and the one after it as soon as that one is revoked too.
  await site.command('key', 'rotate', '--revoke', active.kid);
  const next = (await site.command('key', 'list')).find(({ state, alg }) => state === 'active' && alg === 'RS256');
  await site.command('key', 'rotate', '--revoke', next.kid);
  await eventually('a key that it does not know', async () => {
    const { id_token: token } = await web.tokens(cookie);
    try { return !verifier.check(token, keys); } catch (error) { return /unknown key/.test(error.message); }
  });
});
