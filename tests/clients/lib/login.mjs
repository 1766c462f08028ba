// One login at a running demo, step by step: what the tests of attacks, states and pages share.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { BINARY, eventually } from './demo.mjs';
import { Walker } from './walker.mjs';

export const verifier = 'v'.repeat(43);
export const challenge = createHash('sha256').update(verifier).digest('base64url');
const OPEN = ['pending', 'fetched'];

/** The steps of a login at `demo`, by its client of this id. */
export function loginAt(demo, clientId = 'demo-web') {
  const client = demo.client(clientId);
  const [back] = client.redirect_uris;

  const address = (changes = {}) => `${demo.issuer}/authorize?${new URLSearchParams({
    client_id: client.client_id, redirect_uri: back, response_type: 'code', scope: 'openid', state: 's', nonce: 'n',
    code_challenge: challenge, code_challenge_method: 'S256', ...changes,
  })}`;

  /** Up to the page that waits for the phone. */
  const begin = async (provider = 'secsign', identifier = 'alice', walker = new Walker(), changes = {}) => {
    await walker.open(address(changes));
    if (walker.page === 'choose') await walker.submit('provider', { provider });
    return walker.submit('identifier', { identifier });
  };

  /** As `begin`, once whoever gave up the same name just now is out of the way. */
  const beginFree = async (...about) => untilFree(await begin(...about));

  /** Presses *continue* until there is a code. What was declined before was theirs. */
  const finish = (walker) => eventually('the code', async () => {
    await walker.submit('continue', {}, back);
    if (walker.page === 'declined') await walker.submit('declined', { decision: 'mine' }, back);
    return new URL(walker.url).searchParams.get('code');
  });

  /** The answer of the token endpoint, by a connection of its own: one that is kept may end just as it is used again. */
  const token = async (code, changes = {}) => (await fetch(`${demo.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`, connection: 'close' },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: back, code_verifier: verifier, ...changes }),
  })).json();

  /** Reloads the page until the state of the login is one of these. */
  const until = (walker, ...states) => eventually(states.join(' or '), async () => {
    await walker.open(walker.url);
    return states.includes(walker.main('data-login-state'));
  });

  /** `state/reason` of a login once it is no longer open. */
  const ended = async (walker) => {
    await eventually('the end of the login', async () => {
      await walker.open(walker.url);
      return !OPEN.includes(walker.main('data-login-state'));
    });
    return stateOf(walker);
  };

  const silently = async (walker) => {
    await walker.open(address({ prompt: 'none' }), back);
    return new URL(walker.url).searchParams;
  };

  return {
    client, back, address, begin, beginFree, finish, token, until, ended,
    giveUp: (walker) => walker.submit('cancel', {}, back),
    /** Whether the browser is signed in, by a request that shows no page. */
    isSignedIn: async (walker) => (await silently(walker)).has('code'),
    /** Who is signed in: the username in the ID token. */
    async whoIs(walker) {
      await walker.open(address({ prompt: 'none', scope: 'openid profile' }), back);
      const code = new URL(walker.url).searchParams.get('code');
      return code ? claims((await token(code)).id_token).preferred_username : undefined;
    },
    /** The newest open transaction of a person at ThumbSignIn. */
    async transaction(username = 'alice') {
      const open = await demo.phone.transactions(demo.user(username).thumbsignin_user_id, 'PENDING');
      return open.at(-1).transactionId;
    },
    /** The open session of a person at SecSign. */
    async session(username = 'alice') {
      const { sessions } = await demo.phone.secsign(demo.user(username)?.secsignid ?? username);
      return sessions.find(({ state }) => state === 1 || state === 7);
    },
    lastSeq: async () => (await demo.phone.requests()).at(-1)?.seq ?? 0,
    /** How many requests were made of phones since `seq`. */
    creates: async (seq) => (await demo.phone.requests(seq))
      .filter(({ operation }) => operation === 'create' || operation === 'authenticate').length,
    /** A new person with a SecSign ID of the same name on a phone. */
    async person(name, ...extra) {
      execFileSync(BINARY, ['user', 'create', '--config', demo.config_file, '--username', name, '--secsignid', name, ...extra]);
      await demo.phone.create(name);
      return name;
    },
  };
}

/** Tries again until a name is free: nobody waits for the cancel at the service of the login before. */
export async function untilFree(walker) {
  await eventually('a free name', async () => {
    if (stateOf(walker) === 'failed/busy') await walker.submit('retry');
    return stateOf(walker) !== 'failed/busy';
  });
  return walker;
}

/** `state/reason` of the page. */
export const stateOf = (walker) => `${walker.main('data-login-state')}/${walker.main('data-login-reason') ?? ''}`;

/** The claims of a JWT, unchecked: other tests check signatures. */
export const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));

/** Posts the form of a page as it was when the page was read, by `walker`; the answer as it comes. */
export const replay = (walker, page, form, changes = {}) => walker.raw(
  new URL(form.action, page).href, new URLSearchParams({ ...Object.fromEntries(form.inputs), ...changes }),
);

/** Whether an answer gives the browser a session. */
export const givesSession = (answer) => answer.headers.getSetCookie().some((line) => /session=[^;]/.test(line));

/** The code that an answer leads to, if it does. */
export function codeIn(answer, base) {
  const location = answer.headers.get('location');
  return location && new URL(location, base).searchParams.get('code');
}

/** The transaction that the page's link leads to. */
export const transactionOn = (walker) => walker.html.match(/<a id="deep-link"[^>]*href="[^"]*\/([0-9a-z]+)"/)[1];

/** Refused: an error, or a redirect that carries neither a code nor a session. */
export function assertRefused(answer, base, what) {
  assert.ok(answer.status === 303 || (answer.status >= 400 && answer.status < 500), `${what}: ${answer.status}`);
  assert.ok(!givesSession(answer), `${what}: a session`);
  assert.equal(codeIn(answer, base), null, `${what}: a code`);
}
