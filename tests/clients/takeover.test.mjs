// A stranger begins a login for somebody who then signs in herself, in a browser that is new, and does what her page tells her:
// she picks the symbol that it shows, if her phone offers it. The request on her phone is the stranger's, and must never be
// approved so. TAKEOVERS says how often it is tried.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { BINARY, approve, eventually, startDemo } from './lib/demo.mjs';
import { loginAt, stateOf } from './lib/login.mjs';
import { Walker } from './lib/walker.mjs';

const TIMES = Number(process.env.TAKEOVERS ?? 20);
const APPROVED = 3;

const symbolOn = (walker) => walker.html.match(/<img[^>]*id="access-pass"[^>]*src="data:image\/png;base64,([^"]+)"/)?.[1];

/** The names by which the person may be meant; the stranger uses the first. */
const NAMES = ['victim', 'victim@example.org'];

async function addVictim(demo) {
  execFileSync(BINARY, ['user', 'create', '--config', demo.config_file, '--username', NAMES[0], '--email', NAMES[1], '--secsignid', 'victim-id']);
  await demo.phone.create('victim-id');
  return async () => (await demo.phone.secsign('victim-id')).sessions;
}

/** One try: what the person's page was, and whether the stranger was approved. */
async function attempt(demo, at, sessions, name) {
  // What was cancelled just now may be in the stranger's way.
  const { stranger, request } = await eventually('a request of the stranger', async () => {
    const walker = await at.beginFree('secsign', NAMES[0]);
    const open = (await sessions()).find(({ state }) => state === 1 || state === 7);
    if (open?.symbols.includes(symbolOn(walker))) return { stranger: walker, request: open };
    await at.giveUp(walker);
    return undefined;
  });
  const person = await (name === NAMES[0] ? at.begin : at.beginFree)('secsign', name);
  const page = stateOf(person);
  const symbol = symbolOn(person);
  const offered = symbol !== undefined && request.symbols.includes(symbol);
  if (offered) await demo.phone.answer('victim-id', request.authsessionid, { action: 'approve', symbol });
  // So that the next try finds the way clear.
  if (offered) await at.ended(stranger);
  const { state } = (await sessions()).find(({ authsessionid }) => authsessionid === request.authsessionid);
  if (name === NAMES[0]) {
    // What she is shown for a name that nobody has is the same.
    const ghosts = [await at.beginFree('secsign', 'nobody'), await at.begin('secsign', 'nobody')];
    assert.deepEqual(ghosts.map(stateOf), ['pending/', page]);
    for (const ghost of ghosts) await at.giveUp(ghost);
  }
  for (const walker of [stranger, person]) await at.giveUp(walker);
  return { page, offered, taken: state === APPROVED };
}

async function tryOn(demo, t, what) {
  const at = loginAt(demo);
  const sessions = await addVictim(demo);
  const count = { tries: 0, busy: 0, pending: 0, offered: 0, taken: 0 };
  for (let number = 0; number < TIMES; number += 1) {
    const { page, offered, taken } = await attempt(demo, at, sessions, NAMES[number % NAMES.length]);
    count.tries += 1;
    count.busy += Number(page === 'failed/busy');
    count.pending += Number(page === 'pending/');
    count.offered += Number(offered);
    count.taken += Number(taken);
  }
  t.diagnostic(`${what}: ${JSON.stringify(count)}`);
  console.log(`takeovers on ${what}: ${JSON.stringify(count)}`);
  assert.equal(count.taken, 0, 'approvals of a stranger');
  assert.deepEqual([count.busy, count.pending], [Math.ceil(TIMES / 2), Math.floor(TIMES / 2)]);
  // The control: who picks the symbol of the page that the request is for is let in.
  const own = await at.beginFree('secsign', NAMES[0]);
  const request = (await sessions()).find(({ state }) => state === 1);
  await demo.phone.answer('victim-id', request.authsessionid, { action: 'approve', symbol: symbolOn(own) });
  assert.ok(await at.finish(own));
}

test(`a provider on which nobody has signed in: ${TIMES} tries`, async (t) => {
  const demo = await startDemo();
  try {
    await tryOn(demo, t, 'a young provider');
  } finally {
    assert.equal(await demo.stop(), 0);
  }
});

test(`a provider that knows every symbol of its service: ${TIMES} tries`, async (t) => {
  const demo = await startDemo();
  try {
    const at = loginAt(demo);
    for (let number = 0; number < 100; number += 1) await at.giveUp(await at.beginFree('secsign', 'bob'));
    const walker = await at.beginFree('secsign', 'bob', new Walker());
    await approve(demo, 'secsign', 'bob');
    assert.ok(await at.finish(walker));
    await tryOn(demo, t, 'an old provider');
  } finally {
    assert.equal(await demo.stop(), 0);
  }
});
