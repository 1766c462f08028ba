// Clients that only occupy connections: each sends a byte now and then, or connects anew where it was ended.
import net from 'node:net';
import tls from 'node:tls';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { pause, request } from './serve.mjs';
import { trust } from './trust.mjs';

/** What such a client begins with; nothing of it is ever completed. */
const HEAD = (host) => `GET /jwks HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `;
const BODY = (host) => `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n`;

/** The beginning of a TLS record with a ClientHello: the server waits for the rest. */
const HELLO = Buffer.from('1603010200010001fc0303', 'hex');

/** Ways to be slow, by name. A raw one does not speak TLS where the provider does. */
const WAYS = {
  'slow heads': { begin: HEAD },
  'slow bodies': { begin: BODY },
  'slow handshakes': { begin: () => HELLO, raw: true },
  silence: { begin: () => '', raw: true, silent: true },
};

/** What runs in a thread of its own, so that those who are served meanwhile do not wait for it. */
if (!isMainThread && workerData.flood) {
  const { origin, issuer, ca, count, every, ways, from } = workerData.flood;
  const { protocol, port } = new URL(origin);
  const { host } = new URL(issuer);
  const seen = { connected: 0, ended: 0, open: 0 };
  const one = async (way, delay) => {
    await pause(delay);
    for (;;) {
      const where = { host: '127.0.0.1', port: Number(port), localAddress: from };
      const socket = protocol === 'https:' && !way.raw ? tls.connect({ ...where, ca, servername: 'localhost' }) : net.connect(where);
      let open = true;
      seen.open += 1;
      socket.on('error', () => {});
      socket.once('connect', () => { seen.connected += 1; });
      socket.once('close', () => { open = false; seen.ended += 1; seen.open -= 1; });
      socket.write(way.begin(host));
      do {
        await pause(every);
        if (open && !way.silent) socket.write('x');
      } while (open);
    }
  };
  for (let at = 0; at < count; at += 1) one(WAYS[ways[at % ways.length]], (at / count) * Math.min(every, 1_000));
  setInterval(() => parentPort.postMessage(seen), 50);
}

/** `count` sockets to the provider that take turns at `ways` and do something each `every` ms, until `stop`. */
export function flood({ origin, issuer }, options) {
  const thread = new Worker(new URL(import.meta.url), { workerData: { flood: { origin, issuer, ca: trust.ca, ...options } } });
  const flooding = { seen: {}, stop: () => thread.terminate() };
  thread.on('message', (seen) => { flooding.seen = seen; });
  return flooding;
}

/**
 * Asks each of the addresses every `every` ms, `lasting` ms long and until `enough`, a minute more at most; answers how long the
 * slowest answer of each took, in ms.
 */
export async function askedMeanwhile(urls, { every = 200, lasting, enough, limit = 1_000 }) {
  const until = performance.now() + lasting;
  const goOn = () => performance.now() < until || (!enough() && performance.now() < until + 60_000);
  const slowest = Object.fromEntries(urls.map((url) => [url, 0]));
  await Promise.all(urls.map(async (url) => {
    while (goOn()) {
      const began = performance.now();
      const signal = AbortSignal.timeout(5 * limit);
      const answer = await request('GET', url, { signal }).catch((error) => ({ status: error.message }));
      const took = performance.now() - began;
      slowest[url] = Math.max(slowest[url], answer.status === 200 ? took : Infinity);
      await pause(every);
    }
  }));
  return slowest;
}
