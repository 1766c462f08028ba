// The peer of the benchmark: npm oidc-provider, set up to do what ours does as far as both can. One client, RS256, PKCE demanded,
// opaque access tokens, refresh tokens that a confidential client keeps, claims of the scopes in the ID token. Signing in is
// one redirect without a question, because a benchmark has nobody to ask.
//
// node server.mjs PORT REDIRECT_URI prints one line of JSON when it answers, and ends with SIGTERM.

import { generateKeyPair, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import Provider from 'oidc-provider';
import { MemoryAdapter } from './memory.mjs';

const [port = '0', redirectUri = 'http://127.0.0.1/callback', clientSecret = randomBytes(32).toString('base64url')] =
  process.argv.slice(2);
const clientId = 'demo-web';
const scopes = ['openid', 'profile', 'email', 'groups', 'offline_access'];

async function signingKey() {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'peer', alg: 'RS256', use: 'sig' };
}

async function configuration() {
  return {
    adapter: MemoryAdapter,
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    clients: [{
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: scopes.join(' '),
    }],
    scopes,
    claims: {
      openid: ['sub', 'sid', 'auth_time', 'acr', 'amr'],
      profile: ['name', 'preferred_username', 'updated_at'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 30 * 86400, Session: 86400, Grant: 90 * 86400, Interaction: 1800 },
    // The two refresh policies of ours: offline_access needs no prompt, and a confidential client keeps its token.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: false,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      userinfo: { enabled: true },
    },
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: async () => ({
        sub,
        name: 'Alice Example',
        preferred_username: 'alice',
        updated_at: 1700000000,
        email: 'alice@example.com',
        email_verified: true,
        groups: ['staff', 'admins'],
      }),
    }),
    loadExistingGrant: async (ctx) => {
      const { provider, session, client } = ctx.oidc;
      const known = session.grantIdFor(client.clientId);
      if (known) return provider.Grant.find(known);
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope(scopes.join(' '));
      await grant.save();
      return grant;
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  };
}

const server = createServer();
server.keepAliveTimeout = 60_000;
await new Promise((ready) => server.listen(Number(port), '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, await configuration());
const answer = provider.callback();

server.on('request', (request, response) => {
  if (request.url.startsWith('/interaction/')) {
    provider.interactionFinished(request, response, { login: { accountId: 'alice' } }).catch((error) => {
      response.statusCode = 500;
      response.end(String(error));
    });
  } else {
    answer(request, response);
  }
});
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ issuer, client_id: clientId, client_secret: clientSecret, redirect_uri: redirectUri })}\n`);
