// A relying site with the widget: it serves the script and the pages of a test, begins transactions, answers as the test says, and
// keeps what it was asked.
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';

const FOLDER = new URL('../../../templates/widget/', import.meta.url);
/** The file under test. */
export const SCRIPT = fileURLToPath(new URL('thumbsign_widget.js', FOLDER));
export const DECLARATIONS = fileURLToPath(new URL('thumbsign_widget.d.ts', FOLDER));

/** How long a test waits for what must come: only how soon a failure is told depends on it. */
const PATIENCE_MS = 30_000;

/** A picture with squares, as large as the service's. */
function picture() {
  const png = new PNG({ width: 250, height: 250 });
  for (let at = 0; at < 250 * 250; at += 1) {
    const square = Math.floor((at % 250) / 10) + Math.floor(at / 2500);
    png.data.fill(square % 2 ? 0 : 255, at * 4, at * 4 + 3);
    png.data[at * 4 + 3] = 255;
  }
  return PNG.sync.write(png).toString('base64');
}
export const QR = picture();

/** Things that happened, in order. */
export class Diary {
  entries = [];
  #bell = new EventEmitter().setMaxListeners(0);

  add(entry) {
    this.entries.push(entry);
    this.#bell.emit('entry');
  }

  all(is) {
    return this.entries.filter(is);
  }

  /** The `count`th entry of this kind, now or as soon as there is one. */
  async wait(is, count = 1) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (this.all(is).length < count) {
      await once(this.#bell, 'entry', { signal }).catch((cause) => {
        throw new Error(`${is} ${count}: not within ${PATIENCE_MS} ms, but ${JSON.stringify(this.entries)}`, { cause });
      });
    }
    return this.all(is)[count - 1];
  }
}

/**
 * A page in the way of the documentation: no doctype, the script in the head, buttons by `$` once the widget is there; `then` runs
 * before them.
 */
export const asDocumented = ({ script, action, then = '' }) => `<html>
<head><link rel="icon" href="data:,"><script src="${script}"></script></head>
<body>
<button id="btn">Register</button> <button id="close">Close</button>
<div id="widgetContainer"></div>
<script>
(function () {
  thumbSignIn.addConfig('REGISTER_CONFIG', { actionUrl: "${action}", statusUrl: "/txnStatus/" });
  thumbSignIn.init({ id: 'tsRegister', config: 'REGISTER_CONFIG', container: 'widgetContainer' }).then(function () {
    ${then}
    $('#btn').click(function () { tsRegister.open() });
    $('#close').click(function () { tsRegister.close() });
  })
})();
</script>
</body>
</html>`;

/** A page of the site. */
export const html = (body, head = '') => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A site</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
${head}</head><body><main><h1>A site</h1>${body}</main></body></html>`;
export const TAG = '<script src="/thumbsign_widget.js"></script>';
const PLAIN = html('<div id="widgetContainer"></div>', TAG);

/** A site; it answers from `start()` on. */
export function newSite() {
  const diary = new Diary();
  let transactions = 0;
  const site = {
    /** Requests of widgets: `{method, url, headers, body}`. */
    get requests() { return diary.entries; },
    /** Requests to addresses that begin so. */
    to: (prefix) => diary.all(({ url }) => url.startsWith(prefix)),
    /** The `count`th request to addresses that begin so. */
    asked: (prefix, count) => diary.wait(({ url }) => url.startsWith(prefix), count),
    /** From now on a transaction is in this state; without an id, every one that has none of its own. */
    become(state, id = '') { site.states.set(id, state); },
    /** Everything as at the beginning, but for the ids of transactions. */
    reset() {
      diary.entries.length = 0;
      Object.assign(site, {
        pages: new Map([['/plain', { body: PLAIN }]]), states: new Map(), deepLinkUrl: 'https://app.example/x',
        cors: undefined, preflights: 0,
        // What a test may answer instead: `{status, headers, body}`, or nothing at all.
        action: () => ({ body: site.begin() }),
        status: (request) => ({ body: site.stateOf(request) }),
        sms: () => ({ body: { status: 'SENT' } }),
      });
    },
    begin() {
      transactions += 1;
      return {
        transactionId: `7e8eeb82${transactions}`, status: 'PENDING', failureReason: '', qrImage: QR, deepLinkUrl: site.deepLinkUrl,
        expireInSeconds: 89,
      };
    },
    stateOf({ id, isCancelled }) {
      if (isCancelled) site.become({ status: 'COMPLETED_FAILURE', failureReason: 'CANCELLED' }, id);
      const state = site.states.get(id) ?? site.states.get('') ?? { status: 'PENDING' };
      return { transactionId: id, failureReason: '', expireInSeconds: 67, ...state };
    },
  };
  const routes = [
    [/^\/tsAuth\/(register|authenticate)$/, (request) => site.action(request)],
    [/^(?:\/tsAuth)?\/txnStatus\/([^/]*)$/, (request) => site.status(request)],
    [/^\/(?:sendSMS|messages)$/, (request) => site.sms(request)],
  ];
  const files = new Map([['/thumbsign_widget.js', [SCRIPT, 'text/javascript']], ['/thumbsign_widget.d.ts', [DECLARATIONS, 'text/plain']]]);

  const answer = async (request, body) => {
    const { pathname, searchParams } = new URL(request.url, 'http://site.example');
    if (files.has(pathname)) {
      const [file, type] = files.get(pathname);
      return { headers: { 'content-type': type }, body: readFileSync(file) };
    }
    if (site.pages.has(pathname)) {
      const { headers, body: content } = site.pages.get(pathname);
      return { headers: { 'content-type': 'text/html', ...headers }, body: content };
    }
    const [route, respond] = routes.find(([path]) => path.test(pathname)) ?? [];
    if (!route) return { status: pathname === '/favicon.ico' ? 204 : 404, body: '' };
    if (request.method === 'OPTIONS') {
      site.preflights += 1;
      return { status: 204, body: '' };
    }
    const asked = {
      method: request.method, url: request.url, headers: request.headers, body,
      id: decodeURIComponent(route.exec(pathname)[1] ?? ''), isCancelled: searchParams.has('cancelled'),
    };
    diary.add(asked);
    return respond(asked);
  };

  const listener = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => { text += chunk; });
    request.on('end', async () => {
      const said = await answer(request, text);
      if (!said) {
        request.socket.destroy();
        return;
      }
      const { status = 200, headers = {}, body } = said;
      const isObject = typeof body === 'object' && !Buffer.isBuffer(body);
      const cors = site.cors ? {
        'access-control-allow-origin': site.cors, 'access-control-allow-credentials': 'true',
        'access-control-allow-headers': 'authorization, content-type, x-ts-date',
      } : {};
      response.writeHead(status, { 'content-type': isObject ? 'application/json' : 'text/plain', ...cors, ...headers });
      response.end(isObject ? JSON.stringify(body) : body);
    });
  });
  site.start = async () => {
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    site.url = `http://127.0.0.1:${listener.address().port}`;
  };
  site.stop = () => new Promise((done) => { listener.close(done); listener.closeAllConnections(); });
  site.reset();
  return site;
}
