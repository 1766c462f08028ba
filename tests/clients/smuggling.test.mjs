// Requests that two readers may understand differently: a proxy before us by one rule, we by another (RFC 9112 §11.2). Each is
// refused and its connection closed, so that what follows it is never read as a request of its own.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeTls from 'node:tls';
import { after, before, test } from 'node:test';
import { prepare } from './lib/serve.mjs';
import { selfSigned, trust } from './lib/trust.mjs';

const FORM = 'Content-Type: application/x-www-form-urlencoded';
let dir; let plain; let secure;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'smuggling-'));
  const tls = selfSigned(dir);
  plain = await prepare();
  secure = await prepare({ tls });
  await Promise.all([plain.start(), secure.start()]);
});
after(async () => {
  assert.deepEqual(await Promise.all([plain?.close(), secure?.close()]), [0, 0]);
  rmSync(dir, { recursive: true, force: true });
});

/** What comes back for these bytes until the connection is closed, or is quiet for a second; in pieces of `size` if so. */
function exchange(provider, bytes, size = bytes.length) {
  const { port, protocol } = new URL(provider.origin);
  const where = { host: '127.0.0.1', port: Number(port) };
  const socket = protocol === 'https:' ? nodeTls.connect({ ...where, ...trust, servername: 'localhost' }) : net.connect(where);
  return new Promise((resolve) => {
    let text = '';
    const done = (closed) => { resolve({ text, closed, statuses: [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)) }); };
    socket.setTimeout(3_500, () => { done(false); socket.destroy(); });
    socket.on('data', (chunk) => { text += chunk; });
    socket.on('error', () => {});
    socket.on('close', () => done(true));
    const send = (at) => {
      if (at >= bytes.length || socket.destroyed) return;
      socket.write(bytes.slice(at, at + size), () => (size < bytes.length ? setTimeout(send, 1, at + size) : undefined));
    };
    send(0);
  });
}

/** The request that must never be seen. */
const hidden = (host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const post = (host, more, body) => `POST /token HTTP/1.1\r\nHost: ${host}\r\n${FORM}\r\n${more}\r\n\r\n${body}`;

/** By name: what is sent, and the statuses that may come back for it. Nothing is answered after it. */
const REFUSED = {
  'two Content-Length': [(host) => post(host, 'Content-Length: 3\r\nContent-Length: 60', `a=b${hidden(host)}`), [400]],
  'the same Content-Length twice': [(host) => post(host, 'Content-Length: 3\r\nContent-Length: 3', `a=b${hidden(host)}`), [400]],
  'a list of Content-Length': [(host) => post(host, 'Content-Length: 3, 3', `a=b${hidden(host)}`), [400]],
  'Content-Length with a sign': [(host) => post(host, 'Content-Length: +3', `a=b${hidden(host)}`), [400]],
  'Content-Length below nothing': [(host) => post(host, 'Content-Length: -3', `a=b${hidden(host)}`), [400]],
  'Content-Length in hexadecimal': [(host) => post(host, 'Content-Length: 0x3', `a=b${hidden(host)}`), [400]],
  'Content-Length and Transfer-Encoding': [(host) => post(host, 'Content-Length: 3\r\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden(host)}`), [400]],
  'Transfer-Encoding and Content-Length': [(host) => post(host, 'Transfer-Encoding: chunked\r\nContent-Length: 3', `0\r\n\r\n${hidden(host)}`), [400]],
  'two Transfer-Encoding': [(host) => post(host, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${hidden(host)}`), [400]],
  'chunked, but not last': [(host) => post(host, 'Transfer-Encoding: chunked, gzip', `0\r\n\r\n${hidden(host)}`), [400]],
  'an unknown Transfer-Encoding': [(host) => post(host, 'Transfer-Encoding: xchunked', `0\r\n\r\n${hidden(host)}`), [400]],
  'Transfer-Encoding of HTTP/1.0': [(host) => post(host, 'Transfer-Encoding: chunked', `0\r\n\r\n${hidden(host)}`).replace('HTTP/1.1', 'HTTP/1.0'), [400]],
  'a blank before the colon': [(host) => post(host, 'Content-Length : 3', `a=b${hidden(host)}`), [400]],
  'a folded line': [(host) => post(host, 'X-Folded: a\r\n b\r\nContent-Length: 3', `a=b${hidden(host)}`), [400]],
  'a folded first line': [(host) => `GET /jwks HTTP/1.1\r\n Host: ${host}\r\n\r\n${hidden(host)}`, [400]],
  'a bare line feed after the request line': [(host) => `GET /jwks HTTP/1.1\nHost: ${host}\r\n\r\n${hidden(host)}`, [400]],
  'a bare line feed between fields': [(host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\nX-A: b\r\n\r\n${hidden(host)}`, [400]],
  'a bare line feed at the end of the head': [(host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\n${hidden(host)}`, [400]],
  'nothing but bare line feeds': [(host) => `GET /jwks HTTP/1.1\nHost: ${host}\n\n${hidden(host)}`, [400]],
  'a bare carriage return': [(host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\r\nX-A: b\rX-B: c\r\n\r\n${hidden(host)}`, [400]],
  'a NUL in a field': [(host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\r\nX-A: b\0c\r\n\r\n${hidden(host)}`, [400]],
  'two Host': [(host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n\r\n${hidden(host)}`, [400]],
  'no Host': [(host) => `GET /jwks HTTP/1.1\r\n\r\n${hidden(host)}`, [400]],
  'a chunk of no size': [(host) => post(host, 'Transfer-Encoding: chunked', `x\r\na=b\r\n0\r\n\r\n${hidden(host)}`), [400]],
  'a chunk whose size overflows': [(host) => post(host, 'Transfer-Encoding: chunked', `10000000000000003\r\na=b\r\n0\r\n\r\n${hidden(host)}`), [400]],
  'a chunk longer than it says': [(host) => post(host, 'Transfer-Encoding: chunked', `3\r\na=bc\r\n0\r\n\r\n${hidden(host)}`), [400]],
  'a bare line feed after the size of a chunk': [(host) => post(host, 'Transfer-Encoding: chunked', `3\na=b\r\n0\r\n\r\n${hidden(host)}`), [400]],
  'a bare line feed in the extension of a chunk': [(host) => post(host, 'Transfer-Encoding: chunked', `3;x\na=b\r\n0\r\n\r\n${hidden(host)}`), [400]],
  'a target of somebody else': [(host) => `GET http://evil.example/jwks HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, [421]],
  'a target of ours with credentials': [(host) => `GET http://me@${host}/jwks HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, [400, 421]],
  'our target for the Host of somebody else': [(host) => `GET http://${host}/jwks HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`, [421]],
  'CONNECT': [(host) => `CONNECT evil.example:443 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, [400, 404, 405, 421]],
};

/** What is in order, however odd it looks: the statuses. */
const SERVED = {
  'two requests in one piece': [(host) => hidden(host) + hidden(host).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), [200, 200]],
  'a body by its length': [(host) => post(host, 'Content-Length: 3\r\nConnection: close', 'a=b'), [400]],
  'a body with line feeds in it': [(host) => post(host, 'Content-Length: 5\r\nConnection: close', '\na=b\n'), [400]],
  'a body in chunks': [(host) => post(host, 'Transfer-Encoding: chunked\r\nConnection: close', '3\r\na=b\r\n0\r\n\r\n'), [400]],
  'the extension of a chunk (RFC 9112 §7.1.1: ignored)': [(host) => post(host, 'Transfer-Encoding: chunked\r\nConnection: close', '3;x=y\r\na=b\r\n0\r\n\r\n'), [400]],
  'our own target, in full': [(host) => `GET http://${host}/jwks HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, [200]],
  'an empty line before': [(host) => `\r\nGET /jwks HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, [200]],
};

for (const [scheme, at] of [['http', () => plain], ['TLS of its own', () => secure]]) {
  test(`${scheme}: what can be understood in two ways is refused, and nothing after it is read`, async (t) => {
    const provider = at();
    const { host } = new URL(provider.issuer);
    for (const [name, [make, allowed]] of Object.entries(REFUSED)) {
      for (const size of [undefined, 7]) {
        const { text, statuses, closed } = await exchange(provider, make(host), size);
        const seen = `${name}${size ? ` in pieces of ${size}` : ''}: ${statuses}${closed ? '' : ', open'}`;
        assert.equal(statuses.length, 1, seen);
        assert.ok(allowed.includes(statuses[0]), seen);
        assert.ok(closed, seen);
        assert.doesNotMatch(text, /"keys"/, seen);
      }
    }
    t.diagnostic(`${Object.keys(REFUSED).length} requests`);
  });

  test(`${scheme}: what is in order is served`, async () => {
    const provider = at();
    const { host } = new URL(provider.issuer);
    for (const [name, [make, wanted]] of Object.entries(SERVED)) {
      for (const size of [undefined, 7]) {
        const { statuses, text } = await exchange(provider, make(host), size);
        assert.deepEqual(statuses, wanted, `${name}: ${text.slice(0, 300)}`);
        if (wanted[0] === 400) assert.match(text, /"error":"(invalid_request|unsupported_grant_type)"/, name);
      }
    }
  });
}

/** Sends the pieces on one connection, each after something came back for the one before; the statuses when it is closed. */
async function inTurn(pieces) {
  const socket = net.connect({ host: '127.0.0.1', port: Number(new URL(plain.origin).port) });
  let text = '';
  const closed = new Promise((done) => { socket.once('close', () => done(true)); });
  // Only to end where it stays open, which is told as such.
  const open = new Promise((done) => { socket.setTimeout(3_500, () => { done(false); socket.destroy(); }); });
  socket.on('error', () => {});
  const rest = [...pieces];
  const send = () => { if (rest.length > 0 && !socket.destroyed) socket.write(rest.shift()); };
  socket.on('data', (chunk) => {
    text += chunk;
    const complete = /\r\n\r\n/.test(text);
    if (complete) setTimeout(send, 100);
  });
  send();
  const isClosed = await Promise.race([closed, open]);
  return { statuses: [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)), closed: isClosed };
}

test('after an answer to what was not read to its end, nothing more of the connection is answered', async () => {
  const { host } = new URL(plain.issuer);
  const bare = `GET /jwks HTTP/1.1\nHost: ${host}\r\n\r\n`;
  const chunked = (method, path, name) => `${method} ${path} HTTP/1.1\r\nHost: ${name}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  for (const [name, first, then, status] of [
    ['somebody else', 'GET / HTTP/1.1\r\nHost: evil\r\n\r\n', bare, 421],
    ['somebody else, with a body', chunked('POST', '/', 'evil'), `0\r\n\r\n${bare}`, 421],
    ['somebody else, HEAD with a body', chunked('HEAD', '/', 'evil'), `0\r\n\r\n${bare}`, 421],
    ['nowhere, with a body', chunked('POST', '/nowhere', host), `0\r\n\r\n${bare}`, 404],
    ['nowhere, HEAD with a body', chunked('HEAD', '/nowhere', host), `0\r\n\r\n${bare}`, 404],
  ]) {
    assert.deepEqual(await inTurn([first, then]), { statuses: [status], closed: true }, name);
  }
});

test('a connection goes on after a body that was read', async () => {
  const { host } = new URL(plain.issuer);
  const last = hidden(host).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  for (const [more, body] of [['Content-Length: 3', 'a=b'], ['Transfer-Encoding: chunked', '3\r\na=b\r\n0\r\n\r\n']]) {
    assert.deepEqual(await inTurn([post(host, more, body), last]), { statuses: [400, 200], closed: true }, more);
  }
});

test('a second head of a connection is read as strictly as the first', async () => {
  const { host } = new URL(plain.issuer);
  const socket = net.connect({ host: '127.0.0.1', port: Number(new URL(plain.origin).port) });
  let text = '';
  const closed = new Promise((done) => { socket.once('close', done); });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const first = text === '';
    text += chunk;
    if (first) setTimeout(() => socket.write(`GET /jwks HTTP/1.1\nHost: ${host}\r\n\r\n`), 100);
  });
  socket.write(hidden(host));
  await closed;
  assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status), ['200', '400']);
});
