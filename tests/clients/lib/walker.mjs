// A browser without scripts: follows redirects, keeps cookies, posts forms as it finds them.
import http from 'node:http';
import https from 'node:https';
import { pool } from './serve.mjs';
import { trust } from './trust.mjs';

const decode = (text) => text.replaceAll('&quot;', '"').replaceAll('&#x27;', "'").replaceAll('&#39;', "'")
  .replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#x2f;', '/').replaceAll('&amp;', '&');

const attribute = (tag, name) => {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`));
  return found ? decode(found[1]) : undefined;
};

/** Whether a Set-Cookie line takes the cookie away. */
function isGone(line) {
  const expires = line.match(/;\s*expires=([^;]+)/i);
  return /;\s*max-age=(0|-\d+)\b/i.test(line) || (expires !== null && Date.parse(expires[1]) < Date.now());
}

/** The forms of a page: action, and the inputs as they stand. */
export function forms(html) {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => {
    const head = form.match(/<form\b[^>]*>/)[0];
    const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => tag)
      .filter((tag) => attribute(tag, 'name') && (attribute(tag, 'type') !== 'checkbox' || /\schecked\b/.test(tag)))
      .map((tag) => [attribute(tag, 'name'), attribute(tag, 'value') ?? '']);
    const buttons = [...form.matchAll(/<button\b[^>]*>/g)].map(([tag]) => [attribute(tag, 'name'), attribute(tag, 'value')]);
    return { id: attribute(head, 'id'), action: attribute(head, 'action'), inputs, buttons };
  });
}

const agents = { 'http:': pool(Infinity), 'https:': pool(Infinity, https) };

/** One request as a browser makes it on the way to a page. `fetch` says of itself that it is a script, and is answered so. */
function visit(url, { method = 'GET', body, headers = {} }, cookie) {
  const text = body === undefined ? undefined : String(body);
  const form = body instanceof URLSearchParams && { 'content-type': 'application/x-www-form-urlencoded' };
  const { protocol } = new URL(url);
  const sent = (protocol === 'https:' ? https : http).request(url, {
    ...trust, method, agent: agents[protocol],
    headers: {
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document',
      ...form, ...headers, ...(cookie && { cookie }), ...(text !== undefined && { 'content-length': Buffer.byteLength(text) }),
    },
  });
  sent.end(text);
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', async (answer) => {
      const chunks = await answer.toArray().catch(reject);
      const read = new Headers();
      for (let at = 0; at < answer.rawHeaders.length; at += 2) read.append(answer.rawHeaders[at], answer.rawHeaders[at + 1]);
      const empty = [204, 304].includes(answer.statusCode);
      resolve(new Response(empty ? null : Buffer.concat(chunks), { status: answer.statusCode, headers: read }));
    });
  });
}

/** A kept connection may be closed by the server just as it is used again; a GET may then be sent once more. */
async function steadyVisit(url, init, cookie) {
  try {
    return await visit(url, init, cookie);
  } catch (error) {
    if (!['ECONNRESET', 'EPIPE'].includes(error.code) || (init.method ?? 'GET') !== 'GET') throw error;
    return visit(url, init, cookie);
  }
}

export class Walker {
  #jar = new Map();

  /** Told each Set-Cookie line, as it came. */
  heard;

  /** Sent with each request. */
  headers = {};

  /** The page where the walker stands. */
  url; status; html;

  /** The addresses that led here since the last `open`, redirects included. */
  trail = [];

  async #fetch(url, init = {}) {
    const response = await steadyVisit(url, { ...init, headers: { ...this.headers, ...init.headers } }, this.cookie(url));
    const { host, pathname } = new URL(url);
    const cookies = this.#jar.get(host) ?? new Map();
    for (const line of response.headers.getSetCookie()) {
      this.heard?.(line);
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      // RFC 6265 §5.1.4: without a path it is that of the address, up to its last slash.
      const path = line.match(/;\s*path=(\/[^;]*)/i)?.[1] ?? (pathname.slice(0, pathname.lastIndexOf('/')) || '/');
      const key = `${name};${path}`;
      if (isGone(line)) cookies.delete(key); else cookies.set(key, { name, value, path });
    }
    this.#jar.set(host, cookies);
    return response;
  }

  /** Opens a page and follows redirects, until a page comes or the address starts with `until`. */
  async open(url, until, init) {
    this.trail = [url];
    let response = await this.#fetch(url, init);
    for (let hops = 0; response.status >= 300 && response.status < 400; hops += 1) {
      if (hops > 15) throw new Error('too many redirects');
      url = new URL(response.headers.get('location'), url).href;
      this.trail.push(url);
      if (until && url.startsWith(until)) return this.#at(url, response.status, '');
      response = await this.#fetch(url);
    }
    return this.#at(url, response.status, await response.text());
  }

  /** One POST with this browser's cookies, as it is answered; the browser stays where it is. */
  raw(url, body, headers = {}) { return this.#fetch(url, { method: 'POST', body, headers }); }

  /** Puts a cookie into the jar of a host, as somebody does who can write cookies there; undefined takes it out. */
  plant(url, name, value) {
    const { host } = new URL(url);
    const cookies = this.#jar.get(host) ?? new Map();
    const key = `${name};/`;
    if (value === undefined) cookies.delete(key); else cookies.set(key, { name, value, path: '/' });
    this.#jar.set(host, cookies);
  }

  /** The value of one cookie for the whole host. */
  jar(url, name) { return this.#jar.get(new URL(url).host)?.get(`${name};/`)?.value; }

  #at(url, status, html) {
    Object.assign(this, { url, status, html });
    return this;
  }

  /** The cookies for an address, as the header has them. */
  cookie(url) {
    const { host, pathname } = new URL(url);
    const fits = ({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    const known = [...this.#jar.get(host)?.values() ?? []].filter(fits);
    return known.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** What kind of page this is. */
  get page() { return this.html.match(/<main\b[^>]*\bdata-page="([^"]+)"/)?.[1]; }

  /** An attribute of `<main>`. */
  main(name) { return attribute(this.html.match(/<main\b[^>]*>/)?.[0] ?? '', name); }

  /** A form by its id, or the one that has a field or button of this name. */
  form(name) {
    const has = (form) => form.id === name || [...form.inputs, ...form.buttons].some(([known]) => known === name);
    const found = forms(this.html).find(has);
    if (!found) throw new Error(`no form ${name} on ${this.url} (${this.status}, ${this.page})\n${this.html.slice(0, 600)}`);
    return found;
  }

  /** Posts a form: its inputs as found, with these values. */
  submit(name, values = {}, until = undefined) {
    const form = this.form(name);
    const body = new URLSearchParams({ ...Object.fromEntries(form.inputs), ...values });
    return this.open(new URL(form.action, this.url).href, until, { method: 'POST', body });
  }
}

/** Signs in at the page where the walker stands, up to the redirect to `until`. What was declined before was theirs. */
export async function signIn(walker, provider, username, until, approveIt) {
  if (walker.page === 'choose') await walker.submit('provider', { provider });
  await walker.submit('identifier', { identifier: username });
  if (walker.page !== 'wait') throw new Error(`expected the wait page, got ${walker.page}`);
  await approveIt();
  const deadline = Date.now() + 30_000;
  for (;;) {
    await walker.submit('continue', {}, until);
    if (walker.page === 'declined') await walker.submit('declined', { decision: 'mine' }, until);
    if (walker.page !== 'wait') return walker;
    if (Date.now() > deadline) throw new Error(`still ${walker.main('data-login-state')}`);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
}
