// Several nodes of one provider: one PostgreSQL database, one directory of keys, one issuer, which is the address of a proxy
// that gives the nodes their turns.
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshDatabase } from './postgres.mjs';
import { configure, pause, request, simulate } from './serve.mjs';

/** How often the proxy asks the nodes whether they are ready. */
const HEALTH = 100;

/**
 * An HTTP proxy as it stands before nodes: round robin among those whose `/readyz` says yes. What was sent once is never sent
 * again; only a connection that was refused, so that nothing was sent, is tried at another node.
 */
class Proxy {
  /** When set, the number of the node that gets every request. */
  pin;

  /** Answers that the proxy had to make up itself: a request was lost. */
  lost = [];

  #turn = 0;

  #ready = [];

  #over = false;

  constructor() {
    this.server = http.createServer((from, to) => this.#forward(from, to));
    this.server.keepAliveTimeout = 60_000;
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://localhost:${this.server.address().port}`;
  }

  /** Watches the nodes from now on. */
  watch(nodes) {
    this.nodes = nodes;
    this.#ready = nodes.map(() => false);
    this.#watching = Promise.all(nodes.map((node, at) => this.#look(node, at)));
  }

  #watching;

  async #look(node, at) {
    let silent = 0;
    while (!this.#over) {
      const signal = AbortSignal.timeout(1_000);
      const answer = await request('GET', `${node.management}/readyz`, { agent: false, signal }).catch((error) => error);
      // Whoever says no, or is not there, is out at once; whoever is slow to say anything, after the third time.
      silent = answer.name === 'AbortError' || answer.name === 'TimeoutError' ? silent + 1 : 0;
      if (silent === 0 || silent >= 3) this.#ready[at] = answer.status === 200;
      await pause(HEALTH);
    }
  }

  isReady(at) { return this.#ready[at]; }

  #next(tried) {
    if (this.pin !== undefined) return tried.has(this.pin) ? undefined : this.pin;
    for (let step = 0; step < this.nodes.length; step += 1) {
      this.#turn = (this.#turn + 1) % this.nodes.length;
      if (this.#ready[this.#turn] && !tried.has(this.#turn)) return this.#turn;
    }
    return undefined;
  }

  #forward(from, to, tried = new Set()) {
    const at = this.#next(tried);
    const lose = (why) => {
      this.lost.push(`${from.method} ${from.url.split('?')[0]}: ${why}`);
      if (to.headersSent) to.destroy(); else to.writeHead(502).end('no node\n');
    };
    if (at === undefined) {
      lose('no node is ready');
      return;
    }
    const { origin } = this.nodes[at];
    const headers = { ...from.headers };
    delete headers.connection;
    // A connection for each request: none that the node closes is ever used.
    const sent = http.request(`${origin}${from.url}`, { method: from.method, headers, agent: false });
    let connected = false;
    sent.on('socket', (socket) => {
      socket.once('connect', () => {
        connected = true;
        from.pipe(sent);
      });
    });
    sent.on('error', (error) => {
      if (!connected && error.code === 'ECONNREFUSED') this.#forward(from, to, tried.add(at));
      else if (!to.destroyed) lose(`node ${at}: ${error.code ?? error.message}`);
    });
    sent.on('response', (answer) => {
      const { connection: _hop, 'keep-alive': _other, ...kept } = answer.headers;
      to.writeHead(answer.statusCode, { ...kept, 'x-node': String(at) });
      answer.pipe(to);
      answer.on('error', (error) => lose(`node ${at}: ${error.code ?? error.message}`));
    });
    to.on('close', () => { if (!to.writableFinished) sent.destroy(); });
  }

  async close() {
    this.#over = true;
    await this.#watching;
    this.server.closeAllConnections();
    await new Promise((done) => { this.server.close(done); });
  }
}

/** Nodes that are ready, on one new database of `server`. Has what a provider of `serve.mjs` has for the tests. */
export async function cluster(server, { count = 2, ...settings } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'signbridge-'));
  const { simulator, upstream } = await simulate();
  const proxy = new Proxy();
  await proxy.listen();
  const database = await freshDatabase(server.url);
  const nodes = [];
  for (let at = 0; at < count; at += 1) {
    nodes.push(await configure({ dir, upstream, simulator, database, issuer: proxy.url, name: `node${at}`, ...settings }));
  }
  proxy.watch(nodes);
  // At once: they race for the migrations and for the first signing keys.
  await Promise.all(nodes.map((node) => node.start()));
  const [first] = nodes;
  return {
    dir, proxy, nodes, issuer: proxy.url, phone: first.phone, database,
    command: (...words) => first.command(...words),
    person: (...words) => first.person(...words),
    user: (username) => first.user(username),
    async ready() {
      for (let tries = 0; !nodes.every((_, at) => proxy.isReady(at)); tries += 1) {
        if (tries > 600) throw new Error('the nodes do not get ready');
        await pause(50);
      }
    },
    /** Ends everything; answers the exit codes of the nodes. */
    async close() {
      const codes = await Promise.all(nodes.map((node) => node.end()));
      await proxy.close();
      const gone = once(simulator, 'exit');
      simulator.kill('SIGTERM');
      await gone;
      await rm(dir, { recursive: true, force: true });
      return codes;
    },
  };
}
