// Two nodes on one PostgreSQL behind a proxy. Whatever one begins the other can finish; what may happen once happens once,
// wherever it is asked for; a node that dies, and one that is restarted, are hardly noticed. `STORM=full` asks for more.
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { settle, waiting } from './lib/apps.mjs';
import { cluster } from './lib/cluster.mjs';
import { approve, eventually } from './lib/demo.mjs';
import { openLoop } from './lib/load.mjs';
import { Postgres } from './lib/postgres.mjs';
import { pause, pool, request } from './lib/serve.mjs';
import { storms } from './lib/storms.mjs';

const FULL = process.env.STORM === 'full';
const LEASE = 5_000;
const POLL = 1_500;

let server, nodes, proxy, web, native, cookie, agent;

before(async () => {
  server = await Postgres.start();
  nodes = await cluster(server, { sections: { listen: 'drain = "2s"', lifetimes: 'key_ahead = "1s"' } });
  proxy = nodes.proxy;
  await nodes.ready();
  agent = pool(100);
  ({ web, native, cookie } = await settle(nodes, agent));
});

after(async () => {
  agent?.destroy();
  const codes = await nodes?.close();
  await server?.stop();
  assert.deepEqual(codes, [0, 0]);
});

/** Everything goes to this node until `work` is done. */
async function at(node, work) {
  proxy.pin = node;
  try { return await work(); } finally { proxy.pin = undefined; }
}

/** What the page's script would see. */
const stateOf = async (walker) => (await request('GET', new URL(walker.main('data-status-url'), nodes.issuer).href,
  { headers: { cookie: walker.cookie(nodes.issuer) }, agent })).json().state;

const lastSeen = async () => (await nodes.phone.requests()).at(-1)?.seq ?? 0;
/** The polls of alice's logins since then: others may be open as well. */
const pollsSince = async (seq) => (await nodes.phone.requests(seq))
  .filter(({ operation, user }) => /state|status/.test(operation) && user === 'alice');
const createsSince = async (seq) => (await nodes.phone.requests(seq)).filter(({ operation }) => /create|authenticate/.test(operation));

async function finish(walker) {
  await eventually('the code', async () => {
    await walker.submit('continue', {}, web.redirectUri);
    return walker.url.startsWith(web.redirectUri);
  });
  return new URL(walker.url).searchParams.get('code');
}

for (const service of ['secsign', 'thumbsignin']) {
  for (const [first, second] of [[0, 1], [1, 0]]) {
    test(`${service}: begun on node ${first}, watched and finished on node ${second}, redeemed on node ${first}`, async () => {
      const seen = await lastSeen();
      const { walker, verifier } = await at(first, () => waiting(web, service, 'alice'));
      const code = await at(second, async () => {
        await walker.open(walker.url);
        assert.equal(walker.main('data-login-state'), 'pending');
        await approve(nodes, service, 'alice');
        const approved = { at: Date.now(), seq: await lastSeen() };
        await eventually('the approval on the other node', async () => await stateOf(walker) === 'approved');
        // The poller asks at least every 2 s (decision 2.8), and the first time is enough.
        const polls = (await pollsSince(approved.seq)).map(({ at: when }) => when - approved.at);
        assert.ok(polls.length <= 1 && polls.every((after) => after < 3_000), `polled ${polls} ms after the approval`);
        return finish(walker);
      });
      const answer = await at(first, () => web.redeem({ code, verifier }));
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['x-node'], String(first));
      const userinfo = await at(second, () => request('GET', `${nodes.issuer}/userinfo`,
        { headers: { authorization: `Bearer ${answer.json().access_token}` }, agent }));
      assert.equal(userinfo.status, 200);
      assert.equal((await createsSince(seen)).length, 1, 'one push');
    });
  }
}

test('an event stream of one node hears what the other one polled', async () => {
  const { walker } = await at(0, () => waiting(web, 'secsign', 'alice'));
  const heard = await at(1, () => new Promise((resolve, reject) => {
    const headers = { cookie: walker.cookie(nodes.issuer), accept: 'text/event-stream' };
    http.get(new URL(walker.main('data-events-url'), nodes.issuer), { headers, agent: false }, (answer) => {
      let text = '';
      let asked = false;
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => {
        text += chunk;
        if (!asked && text.includes('"pending"')) {
          asked = true;
          approve(nodes, 'secsign', 'alice').catch(reject);
        }
      });
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  }));
  assert.match(heard, /"state":"approved"/);
  await finish(walker);
});

test('what one node revoked, the other refuses at once', async () => {
  const tokens = await at(0, () => web.tokens(cookie));
  const userinfo = () => at(1, () => request('GET', `${nodes.issuer}/userinfo`,
    { headers: { authorization: `Bearer ${tokens.access_token}` }, agent }));
  assert.equal((await userinfo()).status, 200);
  assert.equal((await at(0, () => web.post('revoke', { token: tokens.refresh_token }))).status, 200);
  assert.equal((await userinfo()).status, 401);
});

storms(() => ({ site: nodes, web, native, cookie, agent }), { ...(FULL ? { codes: 200, logins: 200, chains: 40 } : { codes: 40, logins: 6, chains: 10 }), where: ' across both nodes' });

/** The public keys that a node hands out, by their ids. */
async function keysOf(node) {
  const answer = await at(node, () => request('GET', `${nodes.issuer}/jwks`, { agent: false }));
  assert.equal(answer.headers['x-node'], String(node));
  return new Map(answer.json().keys.map((jwk) => [jwk.kid, jwk]));
}

function signedBy(token, keys) {
  const [head, claims, signature] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const key = createPublicKey({ key: keys.get(kid), format: 'jwk' });
  assert.ok(verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')), `signature by ${kid}`);
  return kid;
}

test('a rotation is followed by both nodes within a second, and each verifies what the other signs', async (t) => {
  const next = (keys) => keys.find(({ state, alg }) => state === 'next' && alg === 'RS256').kid;
  const before = next(await nodes.command('key', 'list'));
  // Refused until it was published for `key_ahead`.
  const keys = await eventually('the next key may sign', () => nodes.command('key', 'rotate', '--alg', 'RS256').catch(() => undefined));
  const began = performance.now();
  const made = next(keys);
  const seen = await Promise.all([0, 1].map(async (node) => {
    // The pin of the proxy is one for all: ask the nodes themselves.
    const headers = { host: new URL(nodes.issuer).host };
    await eventually(`the new key on node ${node}`, async () => (
      (await request('GET', `${nodes.nodes[node].origin}/jwks`, { headers, agent: false })).text.includes(made)));
    return performance.now() - began;
  }));
  t.diagnostic(`seen after ${seen.map(Math.round).join(' and ')} ms`);
  assert.ok(seen.every((took) => took <= 1_000), `${seen}`);
  for (const [signer, other] of [[0, 1], [1, 0]]) {
    const tokens = await at(signer, () => web.tokens(cookie));
    assert.equal(signedBy(tokens.id_token, await keysOf(other)), before, 'the next key signs now');
  }
});

const DEATHS = FULL ? 6 : 2;
test(`the node that polls is killed, ${DEATHS} times: the login is delayed by less than its lease, without a second push`, async (t) => {
  const delays = [];
  for (let turn = 0; turn < DEATHS; turn += 1) {
    const service = turn % 2 ? 'thumbsignin' : 'secsign';
    const seen = await lastSeen();
    const { walker, verifier } = await at(0, () => waiting(web, service, 'alice'));
    const polls = () => pollsSince(seen);
    // The node where it began polls it.
    await eventually('a poll', async () => (await polls()).length > 0);
    await nodes.nodes[0].end('SIGKILL');
    const made = await polls();
    const approved = Date.now();
    await approve(nodes, service, 'alice');
    await at(1, async () => {
      await eventually('the approval', async () => await stateOf(walker) === 'approved');
      const code = await finish(walker);
      assert.equal((await web.redeem({ code, verifier })).status, 200);
    });
    const heir = (await polls())[made.length];
    assert.ok(heir, 'somebody else polled');
    // Later than it would have been: the dead node would have asked again a poll after its last one.
    delays.push(heir.at - Math.max(approved, made.at(-1).at + POLL));
    assert.equal((await createsSince(seen)).length, 1, 'no second push');
    await nodes.nodes[0].start();
    await nodes.ready();
  }
  t.diagnostic(`delayed by ${delays.join(', ')} ms`);
  assert.ok(Math.max(...delays) < LEASE, `${delays}`);
  // At least one of them had to wait for the lease: otherwise the test killed somebody who did not poll.
  assert.ok(Math.max(...delays) > 1_000, `${delays}`);
});

const ROUNDS = FULL ? 3 : 1;
test(`rolling restart of both nodes at 100 requests/s, ${ROUNDS} times: no request fails`, async (t) => {
  const tokens = await web.tokens(cookie);
  const auth = { authorization: `Bearer ${tokens.access_token}` };
  const issuer = nodes.issuer;
  proxy.lost.length = 0;
  const kinds = {
    discovery: async () => (await request('GET', `${issuer}/.well-known/openid-configuration`, { agent })).status === 200,
    jwks: async () => (await request('GET', `${issuer}/jwks`, { agent })).status === 200,
    userinfo: async () => (await request('GET', `${issuer}/userinfo`, { headers: auth, agent })).status === 200,
    refresh: async () => (await web.refresh(tokens.refresh_token)).status === 200,
    authorize: async () => Boolean((await web.code(cookie)).code),
  };
  const load = openLoop(100, kinds);
  const loaded = performance.now();
  await pause(1_000);
  const stops = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const node of nodes.nodes) {
      const began = performance.now();
      assert.equal(await node.end('SIGTERM'), 0);
      stops.push(Math.round(performance.now() - began));
      await node.start();
      await nodes.ready();
      await pause(500);
    }
  }
  const { sent, failed, slowest } = await load.stop();
  // Whatever was under way at the end has been answered: what counts is how many answers came in the time until then.
  const rate = sent / ((performance.now() - loaded) / 1_000);
  t.diagnostic(`${sent} requests, ${rate.toFixed(1)} answered a second, ${failed.length} failed, the slowest took ${slowest} ms; stops took ${stops.join(', ')} ms`);
  assert.deepEqual([...failed, ...proxy.lost], []);
  assert.ok(rate >= 90, `only ${rate.toFixed(1)} requests/s`);
  assert.ok(Math.max(...stops) < 10_000);
});

test('a node that was told to stop says so, serves on for a moment, and closes its connections', async () => {
  const [node] = nodes.nodes;
  // Long enough for two questions on a busy machine.
  assert.equal(await node.end(), 0);
  await node.start({ SIGNBRIDGE_LISTEN__DRAIN: '4s' });
  const keep = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { host: new URL(nodes.issuer).host };
  const ask = () => request('GET', `${node.origin}/jwks`, { headers, agent: keep });
  assert.notEqual((await ask()).headers.connection, 'close');
  const ended = node.end('SIGTERM');
  await eventually('not ready', async () => (await request('GET', `${node.management}/readyz`, { agent: false })).status === 503, 3_000);
  const answer = await ask();
  assert.deepEqual([answer.status, answer.headers.connection], [200, 'close']);
  assert.equal(await ended, 0);
  keep.destroy();
  await node.start();
  await nodes.ready();
});
