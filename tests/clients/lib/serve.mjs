// Runs the provider and the simulated phone services as two processes, so that either can be killed alone; and talks to
// them with as little in between as possible, so that many requests really arrive together.
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { phone } from './demo.mjs';
import { freePorts } from './ports.mjs';
import { chosenDatabase } from './postgres.mjs';
import { trust } from './trust.mjs';

export { freePorts };

const BINARY = process.env.BINARY_UNDER_TEST
  ?? fileURLToPath(new URL('../../../target/release/signbridge', import.meta.url));
const execute = promisify(execFile);
/** What a command may print: thousands of clients are listed in some megabytes. */
const OUTPUT = 256 * 1024 * 1024;
// The program warns of variables of its name that it does not know.
const { BINARY_UNDER_TEST: _ours, ...env } = process.env;

/** The simulated phone services, as a process of their own, with more words of its command line. */
export async function simulate(...words) {
  const simulator = spawn(BINARY, ['simulate', '--port', '0', '--format', 'json', ...words], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(createInterface({ input: simulator.stdout }), 'line');
  return { simulator, upstream: JSON.parse(line) };
}

/**
 * A provider that `start` runs: its configuration in `dir`, on free ports. Without `issuer` it is its own address; `sections`
 * are TOML to be added, by their names (`top` before all); `secsign` is the URL of another SecSign server; `more` stands at the end,
 * after the `profile` of the limits; `tls` are the files of a certificate for localhost, and its key.
 */
export async function configure({
  dir, upstream, simulator, database, issuer, name = 'signbridge', sections = {}, secsign, more = '', profile = 'off', tls,
}) {
  const [port, management] = await freePorts(2);
  issuer ??= `${tls ? 'https' : 'http'}://localhost:${port}`;
  const config = join(dir, `${name}.toml`);
  const added = (section) => sections[section] ?? '';
  await writeFile(config, `issuer = "${issuer}"
allow_loopback_upstream = true
keys_dir = "keys"
${added('top')}
[listen]
address = "127.0.0.1:${port}"
management = "127.0.0.1:${management}"
${tls ? `tls_cert = "${tls.cert}"\ntls_key = "${tls.key}"` : ''}
${added('listen')}
[database]
url = "${database ?? 'sqlite:signbridge.db'}"
${added('database')}
[lifetimes]
${added('lifetimes')}
[secsign]
url = "${secsign ?? upstream.upstream_url}"
${added('secsign')}
[thumbsignin]
url = "${upstream.upstream_url}"
app_id = "${upstream.app_id}"
secret = "${upstream.secret}"
${added('thumbsignin')}
[limits]
profile = "${profile}"
${more}`);
  return new Provider({
    dir, config, issuer, upstream, simulator, database,
    origin: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`, management: `http://127.0.0.1:${management}`,
  });
}

/**
 * `simulate` and a directory with the configuration of a provider; `start` runs it. `lifetimes` are keys of that section, `simulated`
 * more words for `simulate`; what else may be given is that of `configure`.
 */
export async function prepare({ database, lifetimes = {}, sections, simulated = [], ...more } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'signbridge-'));
  const keys = Object.entries(lifetimes).map(([key, value]) => `${key} = "${value}"`).join('\n');
  return configure({
    dir, ...await simulate(...simulated), database: database ?? await chosenDatabase(), sections: { lifetimes: keys, ...sections }, ...more,
  });
}

class Provider {
  #child;

  #log = '';

  constructor(parts) { Object.assign(this, parts, { phone: phone(parts.upstream.phone_url) }); }

  get log() { return this.#log; }

  /**
   * Starts `serve`, with these variables too and with limits as `ulimit` takes them, and tells how many milliseconds it took to its
   * first answer.
   */
  async start(variables = {}, limits = undefined) {
    const began = performance.now();
    const words = [BINARY, 'serve', '--config', this.config];
    if (limits !== undefined) words.unshift('sh', '-c', `ulimit ${limits}; exec "$0" "$@"`);
    const child = spawn(words[0], words.slice(1), { env: { ...env, ...variables }, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (chunk) => { this.#log = (this.#log + chunk).slice(-200_000); });
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`serve ended:\n${this.#log}`);
      // By its own address: the issuer's may be that of a proxy.
      const headers = { host: new URL(this.issuer).host };
      const answer = await request('GET', `${this.origin}/.well-known/openid-configuration`, { headers }).catch(() => undefined);
      if (answer?.status === 200) return performance.now() - began;
      if (performance.now() - began > 30_000) throw new Error(`serve does not answer:\n${this.#log}`);
      await pause(10);
    }
  }

  get pid() { return this.#child.pid; }

  get isRunning() { return this.#child?.exitCode === null && this.#child.signalCode === null; }

  /** Sends `serve` a signal that does not end it. */
  signal(name) { this.#child.kill(name); }

  /** Sends `serve` a signal; answers its exit code (null after SIGKILL) when it is gone. */
  async end(signal = 'SIGTERM') {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = await gone;
    return code;
  }

  /** Ends everything and removes the directory. */
  async close() {
    const code = await this.end();
    const gone = once(this.simulator, 'exit');
    this.simulator.kill('SIGTERM');
    await gone;
    await rm(this.dir, { recursive: true, force: true });
    return code;
  }

  /** Runs a command of the program; answers the object that it prints. */
  async command(...words) {
    const { stdout } = await execute(BINARY, [...words, '--config', this.config, '--format', 'json'], { env, maxBuffer: OUTPUT });
    return stdout.trim() ? JSON.parse(stdout) : undefined;
  }

  /** What the announcement of a demo says of a person; here they have the same name at either service. */
  user(username) { return { username, secsignid: username, thumbsignin_user_id: username }; }

  /** A person with a SecSign ID of the same name on a phone. */
  async person(username, ...extra) {
    await this.phone.create(username);
    return this.command('user', 'create', '--username', username, '--secsignid', username, ...extra);
  }
}

export const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** Calls `work` for each item, `width` at a time. */
export async function each(items, width, work) {
  const queue = [...items].entries();
  const run = async () => { for (const [at, item] of queue) await work(item, at); };
  await Promise.all(Array.from({ length: width }, run));
}

/** Connections that are kept, but not as long as the provider keeps an idle one (5 s): a request never meets its end. */
export function pool(maxSockets, { Agent } = http) {
  return new Agent({ keepAlive: true, maxSockets, timeout: 3_000 });
}

/** One request without following anything, by a connection of its own unless `agent` keeps some. A lost connection rejects. */
export function request(method, url, { headers = {}, form, agent, signal } = {}) {
  const body = form && new URLSearchParams(form).toString();
  return new Promise((resolve, reject) => {
    const sent = (String(url).startsWith('https:') ? https : http).request(url, {
      ...trust, method, agent: agent ?? false, signal,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }) },
    }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => { text += chunk; });
      answer.on('error', reject);
      answer.on('end', () => {
        if (!answer.complete) return reject(new Error('the answer was cut off'));
        const json = () => JSON.parse(text);
        return resolve({ status: answer.statusCode, headers: answer.headers, location: answer.headers.location, text, json });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A PKCE pair. */
export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** An app at the provider: its requests, by hand. `client` has client_id, client_secret (if any) and redirect_uris. */
export class App {
  constructor(provider, client, agent) {
    Object.assign(this, { issuer: provider.issuer, client, agent, redirectUri: client.redirect_uris[0] });
  }

  authorizeUrl(challenge, extra = {}) {
    return `${this.issuer}/authorize?${new URLSearchParams({
      client_id: this.client.client_id, redirect_uri: this.redirectUri, response_type: 'code', state: 's', nonce: 'n',
      scope: 'openid profile email groups offline_access', code_challenge: challenge, code_challenge_method: 'S256', ...extra,
    })}`;
  }

  /** A code by single sign-on: `cookie` is that of a browser that is signed in. */
  async code(cookie) {
    const { verifier, challenge } = pkce();
    const answer = await this.#get(this.authorizeUrl(challenge), cookie);
    const code = answer.location && new URL(answer.location).searchParams.get('code');
    if (!code) throw new Error(`no code: ${answer.status} ${answer.location} ${answer.text.slice(0, 300)}`);
    return { code, verifier };
  }

  async #get(url, cookie) {
    let answer;
    for (let hops = 0; hops < 5; hops += 1) {
      answer = await request('GET', url, { headers: { cookie }, agent: this.agent });
      if (answer.status !== 303 && answer.status !== 302) return answer;
      url = new URL(answer.location, url).href;
      if (url.startsWith(this.redirectUri)) return answer;
    }
    return answer;
  }

  /** A POST to one of the endpoints, with this client's authentication. */
  post(endpoint, form) {
    const { client_id: id, client_secret: secret } = this.client;
    const headers = secret ? { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` } : {};
    return request('POST', `${this.issuer}/${endpoint}`, { headers, form: secret ? form : { ...form, client_id: id }, agent: this.agent });
  }

  redeem({ code, verifier }) {
    return this.post('token', { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: this.redirectUri });
  }

  refresh(token) { return this.post('token', { grant_type: 'refresh_token', refresh_token: token }); }

  /** New tokens by single sign-on. */
  async tokens(cookie) {
    const answer = await this.redeem(await this.code(cookie));
    if (answer.status !== 200) throw new Error(`no tokens: ${answer.status} ${answer.text}`);
    return answer.json();
  }
}
