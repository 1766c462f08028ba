// A relying party's server that hears of logouts: it keeps what arrives, and answers as a test says.
import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { eventually } from './demo.mjs';

/** `answer(hit, response)` answers; without it, 200. */
export async function receiver(answer = (_hit, response) => response.end()) {
  const hits = [];
  let now = 0;
  const self = {
    hits, answer, most: 0,
    /** The logout tokens that arrived, as claims. */
    claims: () => hits.map(({ token }) => parts(token).claims),
    /** The hits for a session. */
    of: (sid) => hits.filter(({ token }) => parts(token).claims.sid === sid),
    /** Waits for the `count`th token for a session. */
    heard: (sid, { count = 1, within } = {}) => eventually(`token ${count} for ${sid}`, () => self.of(sid)[count - 1], within),
  };
  const server = http.createServer((request, response) => {
    let body = '';
    now += 1;
    self.most = Math.max(self.most, now);
    response.on('close', () => { now -= 1; });
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const hit = {
        at: performance.now(), method: request.method, url: request.url, headers: request.headers,
        fields: [...form.keys()], body, token: form.get('logout_token'),
      };
      hits.push(hit);
      self.answer(hit, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  self.url = `http://127.0.0.1:${server.address().port}/out`;
  self.close = () => {
    server.closeAllConnections();
    return new Promise((done) => { server.close(done); });
  };
  return self;
}

/** Header and claims of a JWS, unverified. */
export function parts(token) {
  const [header, claims] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  return { header, claims };
}

/** Whether a key of this JWK set signed the token (RS256). */
export function isSigned(token, jwks) {
  const { header } = parts(token);
  const jwk = jwks.keys.find(({ kid }) => kid === header.kid);
  const [head, body, signature] = token.split('.');
  return header.alg === 'RS256' && Boolean(jwk)
    && verify('sha256', Buffer.from(`${head}.${body}`), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64url'));
}
