// What a stranger can see and time of a login, for a name that somebody has and for one that nobody has: the samples of
// `enumeration.mjs` and `enumeration.test.mjs`.
import http from 'node:http';
import { PNG } from 'pngjs';
import { pkce } from './serve.mjs';
import { forms } from './walker.mjs';

/** The area under the curve: how often a value of `ones` is above one of `others`. 0.5 tells nothing. */
export function auc(ones, others) {
  const all = [...ones.map((value) => [value, 1]), ...others.map((value) => [value, 0])].sort(([a], [b]) => a - b);
  let sum = 0;
  for (let at = 0; at < all.length;) {
    let end = at;
    while (end < all.length && all[end][0] === all[at][0]) end += 1;
    // Equal values share their ranks.
    for (let tied = at; tied < end; tied += 1) sum += all[tied][1] * ((at + 1 + end) / 2);
    at = end;
  }
  return (sum - (ones.length * (ones.length + 1)) / 2) / (ones.length * others.length);
}

/** The standard error of an area of 0.5 with so many of each. */
export const standardError = (ones, others) => Math.sqrt((ones + others + 1) / (12 * ones * others));

/** A browser of its own: its cookies, its connection. */
class Browser {
  #cookies = new Map();

  constructor(app) {
    this.app = app;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  #headers() { return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '), accept: 'text/html' }; }

  /** One request, and for how many milliseconds its answer was waited for. */
  send(method, url, form) {
    const body = form && new URLSearchParams(form).toString();
    return new Promise((resolve, reject) => {
      const began = performance.now();
      const sent = http.request(url, {
        method, agent: this.agent,
        headers: { ...this.#headers(), ...(body && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }) },
      }, (answer) => {
        const took = performance.now() - began;
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('error', reject).on('end', () => {
          for (const line of answer.headers['set-cookie'] ?? []) {
            const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
            this.#cookies.set(name, value);
          }
          const location = answer.headers.location && new URL(answer.headers.location, url).href;
          resolve({ began, took, status: answer.statusCode, headers: answer.headers, location, text, url });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async get(url) {
    let answer = await this.send('GET', url);
    while (answer.location) answer = await this.send('GET', answer.location);
    return answer;
  }

  /** Posts a form of a page as it stands there, with these values. */
  submit(page, name, values = {}) {
    const form = forms(page.text).find(({ id, inputs, buttons }) => id === name || [...inputs, ...buttons].some(([known]) => known === name));
    if (!form) throw new Error(`no form ${name} at ${page.url}: ${page.status}`);
    return this.send('POST', new URL(form.action, page.url).href, { ...Object.fromEntries(form.inputs), ...values });
  }

  /** The event stream of a login: when its first event and the event of its end came, after `began`. */
  watch(url) {
    return new Promise((resolve, reject) => {
      const opened = performance.now();
      let first; let text = '';
      const sent = http.request(url, { agent: false, headers: this.#headers() }, (answer) => {
        if (answer.statusCode !== 200) return reject(new Error(`the stream: ${answer.statusCode}`));
        answer.setEncoding('utf8').on('data', (chunk) => {
          const now = performance.now();
          text += chunk;
          first ??= now - opened;
          const over = text.match(/"state":"(expired|failed|denied|cancelled|approved)"/);
          if (over) { sent.destroy(); resolve({ first, at: now, state: over[1], text }); }
        });
        answer.on('error', () => {});
        return answer.on('end', () => resolve({ first, at: performance.now(), state: 'closed', text }));
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  /** Goes on by a new connection: the provider may be closing the old one, which was idle, at this moment. */
  reconnect() {
    this.agent.destroy();
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  close() { this.agent.destroy(); }
}

const main = (html, name) => html.match(new RegExp(`<main\\b[^>]*\\b${name}="([^"]*)"`))?.[1];

/** What a program reads of the picture on a page. */
function picture(html) {
  const base64 = html.match(/<img id="(?:qr|access-pass)"[^>]*src="data:image\/png;base64,([^"]+)"/)?.[1] ?? '';
  const bytes = Buffer.from(base64, 'base64');
  const data = bytes.indexOf('IDAT');
  const seen = { bytes: bytes.length, zlib: data < 0 ? 0 : bytes.readUInt16BE(data + 4), chunks: chunks(bytes), sides: 0, margin: 0 };
  if (data >= 0) {
    const { width, height, data: pixels } = PNG.sync.read(bytes);
    seen.sides = width * 10_000 + height;
    const dark = pixels.findIndex((value, at) => at % 4 === 0 && value < 128 && pixels[at + 3] > 128);
    seen.margin = Math.floor(dark / 4);
  }
  return seen;
}

function chunks(bytes) {
  const names = [];
  for (let at = 8; at + 8 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) names.push(bytes.toString('latin1', at + 4, at + 8));
  return names.join(' ');
}

/** What differs from login to login whoever is asked, put in one form. */
const leveled = (html) => html
  .replace(/data:image\/png;base64,[^"]+/g, 'PICTURE').replace(/(<a id="deep-link"[^>]*href=")[^"]*/g, '$1LINK')
  .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID').replace(/(nonce=|name="csrf" value=)"[^"]*"/g, '$1')
  .replace(/(data-expires-in=")\d+/g, '$1').replace(/\d+:\d\d/g, 'M:SS');

/** A page without what its reader typed. */
const nameless = (html, name) => leveled(html).replaceAll(name, 'NAME').replaceAll(/(class="chip-initial"[^>]*>)[^<]*/g, '$1');

const words = (headers) => Object.entries(headers).filter(([name]) => !['date', 'set-cookie', 'content-length'].includes(name))
  .map(([name, value]) => `${name}: ${String(value).replace(/'nonce-[^']+'/g, 'nonce').replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')}`)
  // Their order is chance.
  .sort().join('\n');

/**
 * One login by a stranger's browser, watched to its end, tried again and cancelled. `times` are milliseconds; `seen` are numbers;
 * `said` are texts that must be the same for every name of the same length.
 */
export async function attempt(app, service, name, { toItsEnd = true } = {}) {
  const browser = new Browser(app);
  try {
    let page = await browser.get(app.authorizeUrl(pkce().challenge));
    if (main(page.text, 'data-page') === 'choose') {
      page = await browser.get((await browser.submit(page, 'provider', { provider: service })).location);
    }
    const posted = await browser.submit(page, 'identifier', { identifier: name });
    const shown = await browser.send('GET', posted.location);
    const status = await browser.send('GET', `${posted.location}/status`);
    if (main(shown.text, 'data-login-state') !== 'pending') {
      throw new Error(`${service} ${name}: ${main(shown.text, 'data-login-state')}/${main(shown.text, 'data-login-reason')}`);
    }
    const image = picture(shown.text);
    const link = shown.text.match(/<a id="deep-link"[^>]*href="([^"]*)"/)?.[1] ?? '';
    const result = {
      times: { post: posted.took, 'first GET': shown.took, status: status.took },
      seen: {
        'page bytes': Buffer.byteLength(shown.text), 'picture bytes': image.bytes, 'picture zlib header': image.zlib,
        'picture sides': image.sides, 'picture margin': image.margin, 'link length': link.length,
        'expires in': Number(main(shown.text, 'data-expires-in')), headers: Object.keys(shown.headers).length,
      },
      said: {
        page: nameless(shown.text, name), headers: words(shown.headers), posted: words(posted.headers),
        status: status.text, chunks: image.chunks,
      },
      html: shown.text,
    };
    if (!toItsEnd) return result;
    const ended = await browser.watch(`${posted.location}/events`);
    if (ended.state !== 'expired') throw new Error(`${service} ${name}: the stream ended with ${ended.state}`);
    browser.reconnect();
    const over = await browser.send('GET', posted.location);
    const again = await browser.submit(over, 'retry');
    const second = await browser.send('GET', again.location);
    const cancelled = await browser.submit(second, 'cancel');
    Object.assign(result.times, {
      'first event': ended.first, expired: ended.at - posted.began, 'GET expired': over.took, retry: again.took,
      'GET retried': second.took, cancel: cancelled.took,
    });
    result.seen['expired page bytes'] = Buffer.byteLength(over.text);
    result.seen['retried state'] = main(second.text, 'data-login-state')?.length ?? 0;
    Object.assign(result.said, {
      over: nameless(over.text, name), events: ended.text,
      second: `${main(second.text, 'data-login-state')}/${main(second.text, 'data-login-reason') ?? ''}`,
    });
    return result;
  } finally {
    browser.close();
  }
}

/** Names of eight letters each, all different. */
export function names(count, initial) {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return Array.from({ length: count }, (_, at) => {
    let rest = at * 7_919 + 12_345;
    let name = initial;
    for (let place = 1; place < 8; place += 1) { name += letters[rest % 26]; rest = Math.floor(rest / 26); }
    return name;
  });
}

/** The people of these names, as the configuration declares them. */
export const declared = (people) => people
  .map((name) => `[[user]]\nusername = "${name}"\nsecsignid = "${name}"\nthumbsignin_user_id = "${name}"\n`).join('');

export function shuffle(items) {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [items[at], items[other]] = [items[other], items[at]];
  }
  return items;
}
