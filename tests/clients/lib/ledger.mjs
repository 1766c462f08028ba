// What a provider acknowledged, and whether it still holds: for tests that take something away from it under load.
import { each, request } from './serve.mjs';

/** What was acknowledged. A request without a whole answer, or with a failure, was not. */
export class Ledger {
  issued = []; redeemed = []; revoked = []; created = []; refreshes = 0; problems = [];

  get writes() { return this.issued.length + this.redeemed.length + this.revoked.length + this.created.length + this.refreshes; }

  /** How many of each kind, added to `total`. */
  addTo(total) {
    total.codes += this.issued.length;
    total.redemptions += this.redeemed.length;
    total.revocations += this.revoked.length;
    total.refreshes += this.refreshes;
    total.clients += this.created.length;
  }
}

export const nothing = () => ({ codes: 0, redemptions: 0, revocations: 0, refreshes: 0, clients: 0 });

/** An answer that is no acknowledgement. */
export class Refused extends Error {
  constructor(what, { status, text, headers }) { super(`${what}: ${status} ${text}`); Object.assign(this, { status, headers }); }
}

function expect(answer, what) {
  if (answer.status !== 200) throw new Refused(what, answer);
  return answer;
}

/** A confidential app, a public one and a signed-in browser at a provider. */
export class Witness {
  #turn = 0;

  constructor(provider, web, native, cookie) { Object.assign(this, { provider, web, native, cookie }); }

  async newChain() {
    const tokens = await this.native.tokens(this.cookie);
    return { token: tokens.refresh_token, access: tokens.access_token };
  }

  /** Pieces of work that write their acknowledgements into `ledger`; each may be done again and again. */
  work(ledger, chains) {
    const { web, native, cookie, provider } = this;
    const codes = async () => {
      const code = await web.code(cookie);
      this.#turn += 1;
      if (this.#turn % 4 === 0) {
        ledger.issued.push(code);
        return;
      }
      const tokens = expect(await web.redeem(code), 'redemption').json();
      ledger.redeemed.push({ ...code, access: tokens.access_token });
    };
    const revocations = async () => {
      const tokens = expect(await web.redeem(await web.code(cookie)), 'redemption').json();
      this.#turn += 1;
      const family = this.#turn % 2 === 0;
      expect(await web.post('revoke', { token: family ? tokens.refresh_token : tokens.access_token }), 'revocation');
      ledger.revoked.push(tokens.access_token, ...(family ? [tokens.refresh_token] : []));
    };
    const refreshes = (chain) => async () => {
      const answer = expect(await native.refresh(chain.token), 'refresh').json();
      chain.token = answer.refresh_token;
      chain.access = answer.access_token;
      ledger.refreshes += 1;
    };
    const creations = async () => {
      const uri = 'https://app.example/callback';
      const client = await provider.command('client', 'create', '--name', 'made under load', '--redirect-uri', uri);
      ledger.created.push(client.client_id);
    };
    return { requests: [codes, codes, codes, revocations, revocations, ...chains.map(refreshes)], commands: [creations] };
  }

  /** Looks for every acknowledged write; answers what is missing. */
  async verify(ledger, chains) {
    const { web, native, provider } = this;
    const lost = [];
    const hold = (holds, what, answer) => { if (!holds) lost.push(`${what}: ${answer?.status} ${answer?.text}`); };
    const active = async (token) => (await web.post('introspect', { token })).json().active;
    const refused = (answer) => answer.status === 400 && answer.json().error === 'invalid_grant';
    await each(ledger.issued, 8, async (code) => {
      const answer = await web.redeem(code);
      hold(answer.status === 200, 'an issued code is gone', answer);
    });
    await each(ledger.redeemed, 8, async ({ access, ...code }) => {
      hold(await active(access) === true, 'an issued access token is gone');
      const answer = await web.redeem(code);
      hold(refused(answer), 'a redeemed code came back to life', answer);
      // That was a replay: it takes the tokens with it.
      hold(await active(access) === false, 'a replayed code left its access token alive');
    });
    await each(ledger.revoked, 8, async (token) => {
      hold(await active(token) === false, 'a revocation is gone');
    });
    await each(chains, 8, async (chain) => {
      const headers = { authorization: `Bearer ${chain.access}` };
      const userinfo = await request('GET', `${provider.issuer}/userinfo`, { headers, agent: web.agent });
      hold(userinfo.status === 200, 'a refreshed access token is gone', userinfo);
      // Where the last refresh was cut off, this is the second use within the grace.
      const answer = await native.refresh(chain.token);
      hold(answer.status === 200, 'an acknowledged refresh token is gone', answer);
      if (answer.status === 200) Object.assign(chain, { token: answer.json().refresh_token, access: answer.json().access_token });
      else Object.assign(chain, await this.newChain());
    });
    const clients = new Set((await provider.command('client', 'list')).map(({ client_id: id }) => id));
    for (const id of ledger.created) hold(clients.has(id), `client ${id} is gone`);
    return lost;
  }
}
