// Clients that occupy connections, descriptors and memory and want nothing. Meanwhile others are served. `CONNECTIONS=full` asks for
// more: 2,000 sockets at 1,024 descriptors for a minute.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approve, eventually } from './lib/demo.mjs';
import { askedMeanwhile, flood } from './lib/flood.mjs';
import { App, pause, pkce, prepare, request } from './lib/serve.mjs';
import { selfSigned } from './lib/trust.mjs';
import { Walker } from './lib/walker.mjs';

const FULL = process.env.CONNECTIONS === 'full';
const [DESCRIPTORS, SOCKETS, EVERY, LASTING] = FULL ? [1024, 2_000, 5_000, 60_000] : [512, 700, 2_500, 6_000];
const FORM = 'application/x-www-form-urlencoded';

let dir; let tls;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'connections-'));
  tls = selfSigned(dir);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a provider while `work` lasts. */
async function provided({ limits, ...options }, work) {
  const provider = await prepare(options);
  try {
    await provider.start({}, limits);
    await work(provider);
  } finally {
    assert.equal(await provider.close(), 0);
  }
}

/** Opens a connection to the provider and says something; what comes back is in `text`, and `ended` tells after how many ms. */
function say(provider, words, from) {
  const began = performance.now();
  const socket = net.connect({ host: '127.0.0.1', port: Number(new URL(provider.origin).port), localAddress: from });
  const said = { socket, text: '' };
  socket.on('error', () => {});
  socket.on('data', (chunk) => { said.text += chunk; });
  said.ended = new Promise((done) => { socket.once('close', () => { said.over = true; done(performance.now() - began); }); });
  socket.write(words);
  return said;
}

const ended = (provider, reason) => request('GET', `${provider.management}/metrics`)
  .then(({ text }) => Number(text.match(`http_connections_ended_total\\{reason="${reason}"\\} (\\d+)`)?.[1] ?? 0));

/** An event stream of a login that waits for its phone; `text` is what it said. */
async function stream(provider) {
  await provider.person('vera');
  const app = new App(provider, await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'https://app.example/callback'));
  const walker = new Walker();
  await walker.open(app.authorizeUrl(pkce().challenge));
  await walker.submit('provider', { provider: 'secsign' });
  await walker.submit('identifier', { identifier: 'vera' });
  const url = new URL(walker.main('data-status-url').replace(/status$/, 'events'), provider.origin);
  const said = { text: '' };
  const sent = http.get(url, { headers: { cookie: walker.cookie(provider.issuer), host: new URL(provider.issuer).host }, agent: false });
  const [answer] = await once(sent, 'response');
  answer.setEncoding('utf8').on('data', (chunk) => { said.text += chunk; }).on('error', (error) => { said.error = error; });
  answer.on('close', () => { said.over = true; });
  await eventually('the first event', () => said.text.includes('pending'));
  return Object.assign(said, { stop: () => sent.destroy() });
}

for (const [scheme, ways] of [
  ['http', ['slow heads', 'slow bodies', 'silence']],
  ['TLS of its own', ['slow handshakes', 'silence', 'slow heads', 'slow bodies']],
]) {
  test(`${SOCKETS} slow sockets at ${DESCRIPTORS} descriptors, ${scheme}: others are answered within a second`, async (t) => {
    await provided({ limits: `-n ${DESCRIPTORS}`, tls: scheme === 'http' ? undefined : tls }, async (provider) => {
      const many = flood(provider, { count: SOCKETS, every: EVERY, ways });
      try {
        const urls = [`${provider.issuer}/jwks`, `${provider.management}/readyz`];
        const slowest = await askedMeanwhile(urls, { lasting: LASTING, enough: () => many.seen.connected > DESCRIPTORS });
        t.diagnostic(`slowest answers in ms: ${JSON.stringify(slowest)}; sockets: ${JSON.stringify(many.seen)}`);
        assert.ok(many.seen.connected > DESCRIPTORS, 'there were more of them than descriptors');
        for (const [url, took] of Object.entries(slowest)) assert.ok(took < 1_000, `${url}: ${took} ms`);
        assert.ok(await ended(provider, 'source') + await ended(provider, 'room') > 0);
      } finally {
        await many.stop();
      }
    });
  });
}

test('an event stream outlives a flood', async () => {
  await provided({ limits: '-n 192' }, async (provider) => {
    const events = await stream(provider);
    const many = flood(provider, { count: 400, every: 500, ways: ['slow bodies', 'slow heads'] });
    try {
      await eventually('a full house', async () => await ended(provider, 'source') > 100);
      assert.ok(!events.over, 'the stream was ended');
      await approve(provider, 'secsign', 'vera');
      await eventually('the news', () => events.text.includes('approved'));
    } finally {
      await many.stop();
      events.stop();
    }
  });
});

test('a flood from other addresses does not end a slow client; a trusted proxy has no share of its own', async () => {
  await provided({ limits: '-n 192', sections: { top: 'trusted_proxies = ["127.0.0.4/32"]' } }, async (provider) => {
    const { host } = new URL(provider.issuer);
    const many = flood(provider, { count: 300, every: 500, ways: ['slow heads'], from: '127.0.0.2' });
    try {
      await eventually('a full house', async () => await ended(provider, 'source') > 20);
      // Three seconds for the head alone.
      const slow = say(provider, '', '127.0.0.3');
      for (const part of `GET /jwks HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`.match(/[^]{1,8}/g)) {
        slow.socket.write(part);
        await pause(300);
      }
      await slow.ended;
      assert.match(slow.text, /^HTTP\/1\.1 200 /);
    } finally {
      await many.stop();
    }
    // 84 is what there is for all at 192 descriptors, 42 what one address gets.
    const idle = `GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    for (const [from, kept] of [['127.0.0.4', 60], ['127.0.0.5', 42]]) {
      const all = [];
      for (let count = 0; count < 60; count += 1) all.push(say(provider, idle, from));
      await eventually('answers', () => all.every(({ text, over }) => over || text.endsWith('}')), 4_000);
      const open = all.filter(({ over }) => !over).length;
      all.forEach(({ socket }) => socket.destroy());
      assert.ok(from === '127.0.0.4' ? open === kept : open <= kept, `${open} of 60 connections of ${from} are open`);
    }
  });
});

test('a request has a time, however it is sent; so has its answer', async () => {
  await provided({ sections: { listen: 'request_time = "1s"' } }, async (provider) => {
    const { host } = new URL(provider.issuer);
    const begin = (path, more) => `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${FORM}\r\n${more}\r\n\r\n`;
    const program = say(provider, begin('/token', 'Content-Length: 100'));
    const person = say(provider, begin('/authorize', 'Content-Length: 100'));
    const chunks = say(provider, begin('/token', 'Transfer-Encoding: chunked'));
    const trickle = setInterval(() => [program, person].forEach(({ socket }) => socket.write('x')), 100);
    const chunked = setInterval(() => chunks.socket.write('1\r\nx\r\n'), 100);
    try {
      for (const slow of [program, person, chunks]) {
        const took = await slow.ended;
        assert.ok(took > 900 && took < 6_000, `ended after ${took} ms`);
        assert.match(slow.text, /^HTTP\/1\.1 408 /);
      }
      assert.match(program.text, /"error":"invalid_request"/);
      assert.match(person.text, /data-page="error"/);
      // The second request of a connection, which got an answer to its first.
      const second = say(provider, `GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await eventually('the first answer', () => second.text.endsWith('}'), 4_000);
      second.socket.write('GET /jw');
      assert.ok(await second.ended < 6_000);
      // One that reads nothing of what it asks for, again and again.
      const reader = say(provider, '');
      reader.socket.pause();
      const asking = setInterval(() => reader.socket.write(`GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(500)), 20);
      try {
        await eventually('its end', async () => await ended(provider, 'slow_reader') > 0, 30_000);
      } finally {
        clearInterval(asking);
        reader.socket.destroy();
      }
      // Whoever is quick is served, by the same connection again and again.
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let count = 0; count < 12; count += 1) {
        const form = { grant_type: 'authorization_code', code: 'x'.repeat(5_000) };
        assert.equal((await request('POST', `${provider.origin}/token`, { headers: { host }, form, agent })).status, 400);
        await pause(200);
      }
      agent.destroy();
    } finally {
      clearInterval(trickle);
      clearInterval(chunked);
    }
  });
});

test('nearly whole bodies of many clients take a bounded amount of memory', async (t) => {
  await provided({}, async (provider) => {
    const memory = () => Number(readFileSync(`/proc/${provider.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;
    const { host } = new URL(provider.issuer);
    const before = memory();
    const most = FULL ? 4_000 : 2_500;
    const words = `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${FORM}\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(59_999)}`;
    const all = Array.from({ length: most }, () => say(provider, words));
    let peak = before;
    for (let count = 0; count < 12; count += 1) {
      peak = Math.max(peak, memory());
      await pause(250);
    }
    assert.equal((await request('GET', `${provider.origin}/jwks`, { headers: { host } })).status, 200);
    t.diagnostic(`${most} bodies: ${before.toFixed(0)} MB before, ${peak.toFixed(0)} MB at most`);
    all.forEach(({ socket }) => socket.destroy());
    assert.ok(peak - before < 200, `${before.toFixed(0)} MB grew to ${peak.toFixed(0)} MB`);
  });
});

test('the limit on descriptors is raised as far as it may be', async () => {
  await provided({ limits: '-Sn 256' }, async (provider) => {
    const limits = readFileSync(`/proc/${provider.pid}/limits`, 'utf8').match(/Max open files\s+(\d+)\s+(\d+)/);
    assert.equal(limits[1], limits[2]);
  });
});
