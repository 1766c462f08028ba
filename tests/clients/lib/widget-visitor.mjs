// Visitors of a site with the widget. What happens in a page is told to a diary, so that tests wait for events; where a time matters
// the page's clock stands still until the test turns it, and requests and events tell at what time they happened.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach } from 'node:test';
import * as chrome from './chromium.mjs';
import { Diary, newSite } from './widget-site.mjs';

/** Events of the widget. */
const EVENTS = ['DATA_FETCHED', 'PENDING', 'INITIATED', 'SUCCESS', 'FAILURE', 'FETCH_DATA_ERROR', 'ERROR'];

export const ANDROID = {
  viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true,
  userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
};
export const IPHONE = {
  ...ANDROID,
  userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 '
    + 'Safari/604.1',
};
export const CONFIG = { actionUrl: '/tsAuth/authenticate', statusUrl: '/txnStatus/' };
/** With members that only some sites have, and a number as the official server kit writes it. */
export const SUCCESS = {
  status: 'COMPLETED_SUCCESSFUL', redirectUrl: '/home', token: 't1', userRoles: ['admin', 'user'], expireInSeconds: '67',
};
export const failed = (failureReason) => ({ status: 'COMPLETED_FAILURE', failureReason });

/** The site that is visited, and one of another origin. */
export const site = newSite();
export const other = newSite();

let browser;
/** Starts and ends what the tests of a file use. */
export function setUp() {
  before(async () => {
    browser = await chrome.launch();
    await Promise.all([site.start(), other.start()]);
  });
  after(async () => {
    await browser?.close();
    await Promise.all([site.stop(), other.stop()]);
  });
  // Those of a test that failed.
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  beforeEach(() => [site, other].forEach((one) => one.reset()));
}

/**
 * Has a page tell what happens in it, before it is loaded: requests that the widget sends, answers that it has read, errors, broken
 * policies, promises that nobody took. `heard.wait('PENDING', 2)` waits for the second event of that name.
 */
async function listen(page) {
  const diary = new Diary();
  const named = (name) => Object.assign((entry) => entry.name === name, { toString: () => name });
  await page.exposeFunction('tell', (entry) => diary.add(entry));
  await page.addInitScript(() => {
    const { fetch } = window;
    const { text } = Response.prototype;
    window.fetch = (url, options) => {
      window.tell({ name: 'fetch', url: String(url), at: performance.now() });
      return fetch(url, options);
    };
    Response.prototype.text = async function textAndTell() {
      const read = await text.call(this);
      window.tell({ name: 'answered', url: this.url });
      return read;
    };
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, sourceFile, sample }) => {
      window.tell({ name: 'violation', message: `${violatedDirective} ${sourceFile} ${sample}` });
    });
    window.addEventListener('error', ({ message }) => window.tell({ name: 'error', message }));
    window.addEventListener('unhandledrejection', ({ reason }) => window.tell({ name: 'unhandled', message: String(reason) }));
  });
  return {
    entries: diary.entries,
    all: (name) => diary.all(named(name)),
    wait: (name, count) => diary.wait(named(name), count),
    /** The names of the widget's events so far. */
    events: (widget) => diary.all((entry) => EVENTS.includes(entry.name) && (!widget || entry.widget === widget)).map(({ name }) => name),
  };
}

/** Makes a widget in a page that has the script, and has it tell its events. */
export const make = (page, id = 'tsLogin', config = {}, options = {}) => page.evaluate(async (told) => {
  window.thumbSignIn.addConfig(`${told.id}_CONFIG`, { actionUrl: '/tsAuth/authenticate', statusUrl: '/txnStatus/', ...told.config });
  const widget = await window.thumbSignIn.init({
    id: told.id, config: `${told.id}_CONFIG`, container: 'widgetContainer', ...told.options,
  });
  for (const name of told.events) {
    widget.registerEvent(name, (payload) => {
      const { message, response } = payload;
      const content = payload instanceof Error ? { message, status: response?.status, data: response?.data } : payload;
      window.tell({ name, widget: told.id, at: performance.now(), payload: content });
    });
  }
}, { id, config, options, events: EVENTS });

/**
 * A visitor on a page of the site. With `clock` the page's time stands still. `leave` checks what holds everywhere: no request to
 * anybody else, no policy broken, no promise that nobody took, no error but those that are expected.
 */
export async function visit({ path = '/plain', clock = false, ...options } = {}) {
  const ours = { issuer: site.url, app_url: other.url, phone_url: site.url };
  const { context, page, wrong } = await chrome.visitor(browser, ours, { reducedMotion: 'reduce', ...options });
  const heard = await listen(page);
  if (clock) {
    await page.clock.install({ time: '2026-01-01T00:00:00Z' });
    await page.clock.pauseAt('2026-01-01T00:01:00Z');
  }
  await page.goto(site.url + path);
  const leave = async (...errors) => {
    assert.deepEqual(wrong, []);
    assert.deepEqual(heard.all('violation'), []);
    assert.deepEqual(heard.all('unhandled'), []);
    assert.deepEqual(heard.all('error').map(({ message }) => message), errors.map((message) => `Uncaught Error: ${message}`));
    await context.close();
  };
  return { context, page, heard, leave };
}

/** Opens a widget, which takes until the answer of actionUrl. */
export const open = (page, id = 'tsLogin') => page.evaluate((name) => window[name].open(), id);

/** A visitor with a widget that has asked once how its transaction stands. */
export async function waiting({ config, options, ...rest } = {}) {
  const visitor = await visit(rest);
  await make(visitor.page, 'tsLogin', config, options);
  await open(visitor.page);
  await visitor.heard.wait('PENDING');
  return visitor;
}

/** The id of the transaction that was polled as the `count`th. */
export const polled = (count = 1) => [...new Set(site.to('/txnStatus/').map(({ id }) => id))][count - 1];

export const shows = (page, selector) => page.waitForSelector(selector, { state: 'visible' });
export const hides = (page, selector) => page.waitForSelector(selector, { state: 'hidden' });
export const text = (page, selector) => page.innerText(selector);
