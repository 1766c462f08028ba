// Every page in each theme (light, dark), language (English, German) and width. Each is photographed (target/
// screenshots), checked by axe-core (WCAG 2.2 AA) in both themes, measured, and weighed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as chrome from './lib/chromium.mjs';
import { approve, eventually, startDemo } from './lib/demo.mjs';
import { loginAt } from './lib/login.mjs';
import { App, each, pkce, prepare } from './lib/serve.mjs';

const LOCALES = ['en', 'de'];
const THEMES = ['light', 'dark'];
const SIZES = [{ width: 1280, height: 900 }, { width: 360, height: 740 }];
const MAX_BYTES = 50_000;

let demo; let at; let browser; let taken = 0; let heaviest = ['', 0];
before(async () => {
  browser = await chrome.launch();
  // Nobody is asked about what they declined without it.
  process.env.SIGNBRIDGE_LIMITS__NOT_ME_PAUSE = '24h';
  demo = await startDemo();
  delete process.env.SIGNBRIDGE_LIMITS__NOT_ME_PAUSE;
  at = loginAt(demo);
});
after(async () => {
  await browser?.close();
  const said = `${taken} pictures; the heaviest page is ${heaviest[0]} with ${heaviest[1]} bytes compressed.`;
  writeFileSync(`${chrome.SHOTS}README.txt`, `Made by tests/clients/pages.test.mjs: ${said}\n`);
  console.log(`# ${said}`);
  assert.equal(await demo.stop(), 0);
});
beforeEach(() => demo.phone.reset());

/** The page, its style sheet and its script as a server sends them compressed. No connection is kept while pictures are taken. */
async function weight(page, html) {
  const linked = await page.$$eval('link[rel=stylesheet], link[rel=icon], link[rel=preload], script[src]', (all) => all.map((one) => one.href || one.src));
  const load = async (url) => Buffer.from(await (await fetch(url, { headers: { connection: 'close' } })).arrayBuffer());
  const parts = await Promise.all(linked.filter((url) => url.startsWith('http')).map(load));
  return [Buffer.from(html), ...parts].reduce((sum, part) => sum + gzipSync(part).length, 0);
}

/** Photographs the page where it is in each theme, language and width, and checks what holds for all pages. */
async function photograph(page, name, { locales = LOCALES, reload = true } = {}) {
  for (const locale of locales) {
    await page.context().setExtraHTTPHeaders({ 'accept-language': locale });
    if (reload) await page.reload();
    assert.equal(await page.getAttribute('html', 'lang'), locale, `${name} in ${locale}`);
    const html = await page.content();
    const bytes = await weight(page, html);
    if (bytes > heaviest[1]) heaviest = [name, bytes];
    assert.ok(bytes <= MAX_BYTES, `${name}: ${bytes} bytes`);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const size of SIZES) {
        await page.setViewportSize(size);
        const fits = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
        assert.ok(fits, `${name} ${locale} needs no sideways scrolling at ${size.width} px`);
        await page.screenshot({ path: `${chrome.SHOTS}${name}-${locale}-${colorScheme}-${size.width}.png`, fullPage: true });
        taken += 1;
      }
      // What axe looks for does not depend on the language.
      if (locale === locales[0]) assert.deepEqual(await chrome.axe(page), [], `${name} ${colorScheme}`);
    }
  }
}

/** A visitor whose language is what the header says: `dress` changes it. */
const visit = (options = {}) => chrome.visitor(browser, demo, { locale: undefined, ...options });
/** One that never gets our script: pages stay where they are, and axe-core can still run. */
const still = async (where = demo) => {
  const visitor = await chrome.visitor(browser, where, { locale: undefined });
  await visitor.context.route('**/*.js', (route) => route.abort());
  return visitor;
};

/** Up to the wait page, by forms alone. */
async function wait(provider, username, page, query = '') {
  await chrome.toWait(demo, page, provider, username, query);
  return page;
}

/** The transaction that the page's link leads to. */
const shown = async (page) => (await page.getAttribute('a#deep-link', 'href')).split('/').at(-1);

/** Reloads until the login is in this state. */
const reaches = (page, state) => eventually(state, async () => {
  await page.reload();
  return (await page.getAttribute('main', 'data-login-state')) === state;
});

test('choose and identify: empty, remembered, with a problem', async () => {
  const { context, page } = await visit();
  await page.goto(`${demo.app_url}/login`);
  await photograph(page, 'choose');
  for (const provider of ['secsign', 'thumbsignin']) {
    await chrome.toIdentify(demo, page, provider);
    await photograph(page, `identify-${provider}`);
  }
  await page.fill('input[name="identifier"]', 'two words');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#identifier-error');
  await photograph(page, 'identify-problem');
  await chrome.toIdentify(demo, page, 'secsign');
  await page.check('input[name="remember"]');
  await page.fill('input[name="identifier"]', 'alice');
  await page.keyboard.press('Enter');
  await page.waitForSelector('main[data-page="wait"]');
  await approve(demo, 'secsign', 'alice');
  await page.waitForURL(`${demo.app_url}/result`);
  await page.goto(`${demo.app_url}/login?prompt=login`);
  await page.waitForSelector('main[data-page="identify"]');
  assert.equal(await page.inputValue('input[name="identifier"]'), 'alice');
  assert.match(await page.innerText('#identify button'), /alice/);
  await photograph(page, 'identify-remembered');
  await context.close();
});

test('wait: the access pass on its white plate, the QR code, and what is measured on them', async () => {
  const { context, page } = await visit();
  const box = async (selector) => page.locator(selector).boundingBox();
  const plate = async () => page.locator('figure.plate').first().evaluate((figure) => getComputedStyle(figure).backgroundColor);
  await chrome.toWait(demo, page, 'secsign', 'alice');
  await photograph(page, 'wait-secsign');
  const pass = await box('img#access-pass');
  assert.deepEqual([pass.width, pass.height], [132, 132]);
  assert.equal(await plate(), 'rgb(255, 255, 255)', 'white in the dark too');
  assert.match(await page.textContent('#time-left'), /^[01]:\d\d$/);
  const { authsessionid } = await at.session();
  await demo.phone.answer('alice', authsessionid, { action: 'fetch' });
  await page.waitForSelector('main[data-login-state="fetched"]');
  await photograph(page, 'wait-secsign-fetched');
  // Where the focus is can be seen, on each thing that can have it.
  const seen = new Set();
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      const { width, height } = document.activeElement.getBoundingClientRect();
      return { name: document.activeElement.outerHTML.slice(0, 60), outline: `${style.outlineStyle} ${style.outlineWidth}`, body: document.activeElement === document.body, width, height };
    });
    if (focus.body || seen.has(focus.name)) break;
    seen.add(focus.name);
    assert.match(focus.outline, /^solid [2-9]/, focus.name);
    assert.ok(focus.width >= 24 && focus.height >= 24, `${focus.name}: ${focus.width} × ${focus.height}`);
  }
  assert.ok(seen.size >= 4, [...seen].join());
  await page.screenshot({ path: `${chrome.SHOTS}focus-360.png` });
  await page.click('#cancel button');
  await page.waitForURL(`${demo.app_url}/**`);

  await page.setViewportSize(SIZES[0]);
  await chrome.toWait(demo, page, 'thumbsignin', 'alice');
  await photograph(page, 'wait-thumbsignin');
  const qr = await box('img#qr');
  const natural = await page.locator('img#qr').evaluate((image) => [image.naturalWidth, image.naturalHeight]);
  assert.deepEqual([qr.width, qr.height], natural, 'each module is as wide as the next');
  assert.equal(await plate(), 'rgb(255, 255, 255)');
  await demo.phone.act(await at.transaction(), { action: 'scan' });
  await page.waitForSelector('main[data-login-state="fetched"]');
  await photograph(page, 'wait-thumbsignin-fetched');
  await context.close();
});

/** How far down the page an element ends, in CSS pixels. */
const foot = (page, selector) => page.locator(selector).first().evaluate((element) => element.getBoundingClientRect().bottom + window.scrollY);

test('wait: everything that is needed is above the fold of a laptop, and the page is not tall', async () => {
  for (const locale of LOCALES) {
    const { context, page } = await visit({ locale, viewport: { width: 1280, height: 900 } });
    for (const [provider, picture] of [['secsign', 'img#access-pass'], ['thumbsignin', 'img#qr']]) {
      await chrome.toWait(demo, page, provider, 'alice');
      assert.ok(await foot(page, 'main') <= 760, `${provider} ${locale}: ${await foot(page, 'main')}`);
      const tall = await page.locator('main').evaluate((main) => main.getBoundingClientRect().height);
      assert.ok(tall <= 700, `${provider} ${locale}: ${tall} px tall`);
      // A browser's own bars take some 120 of 768 pixels; at 200 % zoom half of everything is left.
      await page.setViewportSize({ width: 1366, height: 650 });
      assert.ok(await foot(page, '#cancel') <= 650, `${provider} ${locale}: ${await foot(page, '#cancel')}`);
      await page.setViewportSize({ width: 683, height: 325 });
      assert.ok(await foot(page, picture) <= 325, `${provider} ${locale} at 200 %: ${await foot(page, picture)}`);
      await page.screenshot({ path: `${chrome.SHOTS}wait-${provider}-${locale}-zoom.png` });
      await page.setViewportSize({ width: 320, height: 256 });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), '400 %');
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.click('#cancel button');
      await page.waitForURL(`${demo.app_url}/**`);
    }
    await context.close();
  }
});

test('wait: an approval is seen, then the app opens; what changes before it does not move the page', async () => {
  const { context, page } = await visit();
  await page.addInitScript(() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    window.addEventListener('pagehide', () => sessionStorage.setItem('shifted', String(window.shifted)));
  });
  await chrome.toWait(demo, page, 'secsign', 'alice');
  await page.evaluate(() => { window.kept = true; });
  const { authsessionid } = await at.session();
  await demo.phone.answer('alice', authsessionid, { action: 'fetch' });
  await page.waitForSelector('main[data-login-state="fetched"]');
  assert.equal(await page.evaluate(() => window.kept), true, 'the page was not loaded again');
  await demo.phone.answer('alice', authsessionid, { action: 'approve' });
  const tapped = performance.now();
  await page.waitForSelector('main.approved');
  await page.screenshot({ path: `${chrome.SHOTS}wait-approved-seen.png` });
  await page.waitForURL(`${demo.app_url}/result`);
  console.log(`# from the tap to the app: ${Math.round(performance.now() - tapped)} ms`);
  await page.goto(demo.issuer);
  assert.ok(Number(await page.evaluate(() => sessionStorage.getItem('shifted'))) < 0.02, 'nothing moves');
  await context.close();
});

test('wait: too early, another name, and back in one step in a browser that remembers', async () => {
  const { context, page } = await visit();
  await chrome.toWait(demo, page, 'secsign', 'alcie');
  await page.click('#tips summary');
  await page.click('#continue button');
  await page.waitForSelector('.ask .form-error');
  await photograph(page, 'wait-too-early', { locales: ['en'], reload: false });
  await page.click('#other-name button');
  await page.waitForSelector('main[data-page="identify"]');
  assert.equal(await page.inputValue('#identifier'), '');
  await page.fill('#identifier', 'alice');
  await page.check('input[name="remember"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('img#access-pass');
  await approve(demo, 'secsign', 'alice');
  await page.waitForURL(`${demo.app_url}/result`);
  await page.goto(demo.issuer);
  await photograph(page, 'home-signed-in');
  await page.goto(`${demo.app_url}/login?prompt=login`);
  await page.waitForSelector('main[data-page="identify"]');
  await page.click('#identify button');
  await page.waitForSelector('main[data-page="wait"]');
  assert.match(await page.innerText('.chip'), /alice/);
  await page.click('#cancel button');
  await page.waitForURL(`${demo.app_url}/**`);
  await context.close();
});

test('wait on a phone: the link into the app first, the code behind it', async () => {
  const { context, page } = await visit({ isMobile: true, hasTouch: true, viewport: SIZES[1] });
  await chrome.toWait(demo, page, 'thumbsignin', 'alice');
  assert.ok(await page.isVisible('a#deep-link'));
  assert.ok(!(await page.isVisible('img#qr')));
  await page.screenshot({ path: `${chrome.SHOTS}wait-on-a-phone.png`, fullPage: true });
  await page.click('details.other-device summary');
  assert.ok(await page.isVisible('img#qr'));
  await context.close();
});

test('wait: each end and each reason', async () => {
  const ends = [
    ['secsign', 3, 'approved'], ['secsign', 4, 'denied'], ['secsign', 2, 'expired'], ['secsign', 6, 'cancelled'], ['secsign', 5, 'failed', 'suspended'],
    ['secsign', 8, 'failed', 'invalid'], ['secsign', 0, 'failed', 'technical_reason'],
    ['thumbsignin', 'DECLINED', 'denied'], ['thumbsignin', 'TIMEOUT', 'expired'], ['thumbsignin', 'NOT_REGISTERED', 'failed', 'not_registered'],
    ['thumbsignin', 'ALREADY_REGISTERED', 'failed', 'already_registered'],
    ['thumbsignin', 'NO_SUITABLE_AUTHENTICATOR', 'failed', 'no_suitable_authenticator'],
  ];
  // Two at a time: one waits for the poll of its login while another has its pictures taken.
  await each(ends, 2, async ([provider, cause, state, reason]) => {
    const { context, page } = await still();
    if (provider === 'secsign') {
      const name = await at.person(`ends-${cause}`);
      // What a service does with a request without its person is told in a browser of theirs only.
      if ([5, 6, 8].includes(cause)) {
        await wait(provider, name, page);
        await demo.phone.answer(name, (await at.session(name)).authsessionid, { action: 'approve' });
        await reaches(page, 'approved');
        await page.click('#continue button');
        await page.waitForURL(`${demo.app_url}/result`);
      }
      await wait(provider, name, page, '?prompt=login');
      await demo.phone.answer(name, (await at.session(name)).authsessionid, { action: 'state', state: cause });
    } else {
      await wait(provider, 'alice', page);
      await demo.phone.act(await shown(page), { action: 'fail', failureReason: cause });
    }
    await reaches(page, state);
    assert.equal(await page.getAttribute('main', 'data-login-reason'), reason ?? null);
    await photograph(page, `wait-${provider}-${reason ?? state}`);
    await context.close();
  });
});

test('declined: the question after the next sign-in', async () => {
  const { context, page } = await visit({ isAsked: true });
  await wait('secsign', await at.person('declines'), page);
  await demo.phone.answer('declines', (await at.session('declines')).authsessionid, { action: 'approve' });
  await page.waitForURL(`${demo.app_url}/result`);
  const stranger = await at.begin('secsign', 'declines');
  await demo.phone.answer('declines', (await at.session('declines')).authsessionid, { action: 'deny' });
  assert.equal(await at.ended(stranger), 'denied/');
  await page.goto(at.address());
  await page.waitForSelector('main[data-page="declined"]');
  await photograph(page, 'declined');
  await page.click('button[name="decision"][value="mine"]');
  await page.waitForURL(`${demo.app_url}/**`);
  await context.close();
});

test('wait: unreachable, replaced, frozen, and an approval without a name', async () => {
  await demo.phone.fault({ provider: 'secsign', operation: 'create', fault: 'refuse', count: 0 });
  // Somebody of their own, in a browser of their own: whether the phone was asked is not known, so both slots stay closed.
  const down = await still();
  await wait('secsign', await at.person('unreachable'), down.page);
  assert.equal(await down.page.getAttribute('main', 'data-login-reason'), 'upstream_down');
  await photograph(down.page, 'wait-upstream_down');
  await down.context.close();

  await demo.phone.reset();
  const { context, page } = await still();
  await wait('secsign', 'alice', page);
  const first = page.url();
  await wait('secsign', 'alice', page);
  await page.goto(first);
  assert.equal(await page.getAttribute('main', 'data-login-reason'), 'replaced');
  await photograph(page, 'wait-replaced');
  await demo.phone.reset();

  // Somebody else's request is open.
  const name = await at.person('occupied');
  const holder = await at.begin('secsign', name);
  await wait('secsign', name, page);
  assert.equal(await page.getAttribute('main', 'data-login-reason'), 'busy');
  await photograph(page, 'wait-busy');
  await at.giveUp(holder);
  await demo.phone.reset();

  // Frozen is told in a browser of theirs only: sign in first.
  await wait('secsign', 'bob', page);
  await approve(demo, 'secsign', 'bob');
  await reaches(page, 'approved');
  await page.click('#continue button');
  await page.waitForURL(`${demo.app_url}/result`);
  const ask = () => fetch(`${demo.upstream_url}/`, { method: 'POST', body: new URLSearchParams({
    request: 'ReqRequestAuthSession', apimethod: 'test', secsignid: 'bob', servicename: 'x', serviceaddress: 'y' }) });
  await ask(); await ask();
  await wait('secsign', 'bob', page, '?prompt=login');
  assert.equal(await page.getAttribute('main', 'data-login-reason'), 'frozen');
  await photograph(page, 'wait-frozen');
  await page.goto(`${demo.phone_url}/phone/secsign/bob`);
  await photograph(page, 'phone-frozen', { locales: ['en'] });
  await context.close();

  const other = await visit();
  await chrome.toIdentify(demo, other.page, 'thumbsignin');
  await other.page.click('button[name="unnamed"]');
  await other.page.waitForSelector('main[data-page="wait"]');
  await photograph(other.page, 'wait-unnamed');
  await demo.phone.act(await shown(other.page), { action: 'approve', userId: 'alice' });
  await other.page.waitForSelector('main[data-login-state="approved"]');
  await photograph(other.page, 'wait-approved-unnamed');
  await other.context.close();
});

test('a limit: the page says so', async () => {
  const strict = await startDemo('--limits', 'production');
  try {
    const { context, page } = await still(strict);
    for (let attempt = 0; ; attempt += 1) {
      assert.ok(attempt < 12, 'no limit');
      await chrome.toWait(strict, page, 'thumbsignin', 'bob');
      if (await page.getAttribute('main', 'data-login-reason') === 'rate_limited') break;
      await page.click('#cancel button');
    }
    await photograph(page, 'wait-rate_limited');
    await context.close();
  } finally {
    assert.equal(await strict.stop(), 0);
  }
});

test('consent, errors, logout, messages and the form that posts an answer', async () => {
  const { context, page } = await visit();
  const asking = loginAt(demo, 'demo-consent');
  await chrome.toWait(demo, page, 'secsign', 'alice');
  await approve(demo, 'secsign', 'alice');
  await page.waitForURL(`${demo.app_url}/result`);
  await photograph(page, 'app-result', { locales: ['en'] });
  await page.goto(asking.address({ scope: 'openid profile email groups offline_access' }));
  await page.waitForSelector('main[data-page="consent"]');
  await photograph(page, 'consent');
  await page.goto(`${demo.issuer}/logout`);
  await photograph(page, 'logout');
  for (const [name, path, selector] of [['error-not-found', '/nowhere', 'main[data-page="error"]'],
    ['error-bad-request', '/authorize?client_id=nobody', 'main[data-page="error"]'], ['home', '/', 'main[data-page="message"]'],
    ['signed-out', '/logout/done', 'main[data-page="message"]'], ['still-signed-in', '/logout/stayed', 'main[data-message="still_signed_in"]']]) {
    await page.goto(demo.issuer + path);
    assert.ok(await page.isVisible(selector));
    await photograph(page, name);
  }
  await page.goto(`${demo.app_url}/login`);
  await page.waitForURL(`${demo.app_url}/result`);
  await page.goto(`${demo.app_url}/`);
  await photograph(page, 'app-signed-in', { locales: ['en'] });
  await page.click('#sign-out');
  await page.waitForURL(`${demo.app_url}/signed-out**`);
  await photograph(page, 'app-signed-out', { locales: ['en'] });
  await page.goto(`${demo.app_url}/`);
  await photograph(page, 'app-start', { locales: ['en'] });
  await page.goto(`${demo.app_url}/callback?error=access_denied&state=x`);
  await photograph(page, 'app-error', { locales: ['en'] });
  await context.close();

  // The form posts itself; without scripts it waits for the button. A copy of that page is dressed.
  const calm = await visit({ javaScriptEnabled: false });
  await wait('secsign', 'alice', calm.page, '?response_mode=form_post');
  const login = calm.page.url();
  await approve(demo, 'secsign', 'alice');
  await reaches(calm.page, 'approved');
  await calm.page.click('#continue button');
  await calm.page.waitForSelector('form#form-post');
  const html = (await calm.page.content()).replaceAll(/<script\b[\s\S]*?<\/script>/g, '');
  const copy = await still();
  await copy.page.goto(demo.issuer);
  await copy.page.setContent(html);
  await photograph(copy.page, 'form-post', { locales: ['en'], reload: false });
  await copy.context.close();
  await calm.page.goto(login);
  assert.equal(await calm.page.getAttribute('main', 'data-message'), 'already_done');
  await calm.context.close();

  const used = await still();
  await wait('secsign', 'bob', used.page);
  const over = used.page.url();
  await approve(demo, 'secsign', 'bob');
  await reaches(used.page, 'approved');
  await used.page.click('#continue button');
  await used.page.waitForURL(`${demo.app_url}/result`);
  await used.page.goto(over);
  await photograph(used.page, 'already-done');
  await used.context.close();
});

test('a brand: its logos, its accent, the logo of an app, whom to ask, and a reference to copy', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'brand-'));
  const logo = (name, colour) => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 144 36"><rect width="36" height="36" rx="8" fill="${colour}"/>`
      + `<path d="M48 24h84M48 12h60" stroke="${colour}" stroke-width="6"/></svg>`;
    writeFileSync(join(dir, `${name}.svg`), svg);
    return join(dir, `${name}.svg`);
  };
  const of = await prepare({ more: `[brand]\nname = "Example & Sons"\nlogo = "${logo('light', '#b8430a')}"\nlogo_dark = "${logo('dark', '#ef8952')}"\naccent = "#e8590c"
support_url = "mailto:help@example.test"\nsupport_text = "IT helpdesk, extension 4000"\nimprint_url = "https://www.example.test/imprint"\nprivacy_url = "https://www.example.test/privacy"
[[client]]\nid = "web"\nname = "Grafana"\nauth_method = "none"\nclient_uri = "https://app.test/"\nredirect_uris = ["https://app.test/callback"]\nlogo = "${logo('app', '#1a6fd1')}"
[[user]]\nusername = "alice"\nsecsignid = "alice"\n` });
  try {
    await of.start();
    const where = { issuer: of.issuer, app_url: of.issuer, phone_url: of.upstream.phone_url };
    const web = new App(of, { client_id: 'web', redirect_uris: ['https://app.test/callback'] });
    const { context, page, wrong } = await still(where);
    await page.goto(web.authorizeUrl(pkce().challenge));
    const seen = (selector) => page.locator(selector).evaluate((image) => image.complete && image.naturalWidth > 0);
    for (const selector of ['.masthead img', 'img.app-logo']) assert.ok(await seen(selector), selector);
    await photograph(page, 'brand-choose');
    await page.click('button[name="provider"][value="secsign"]');
    await page.waitForSelector('main[data-page="identify"]');
    await photograph(page, 'brand-identify');
    await page.fill('#identifier', 'alice');
    await page.keyboard.press('Enter');
    await page.waitForSelector('img#access-pass');
    await photograph(page, 'brand-wait');
    const { sessions } = await of.phone.secsign('alice');
    await of.phone.answer('alice', sessions.at(-1).authsessionid, { action: 'deny' });
    await reaches(page, 'denied');
    assert.equal(await page.getAttribute('.contact a', 'href'), 'mailto:help@example.test');
    await photograph(page, 'brand-denied');
    await page.goto(`${of.issuer}/nowhere`);
    assert.ok(!(await page.isVisible('#copy')), 'nothing to press without a script');
    await photograph(page, 'brand-error');
    // What a button has under the pointer can be read as well.
    const over = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--accent-hover').trim());
    assert.match(over, /^#[0-9a-f]{6}$/);
    assert.deepEqual(wrong, []);
    await context.close();

    const scripted = await chrome.visitor(browser, where, { permissions: ['clipboard-read', 'clipboard-write'] });
    await scripted.page.goto(`${of.issuer}/nowhere`);
    await scripted.page.click('#copy');
    await scripted.page.waitForFunction(() => document.getElementById('copied').textContent === 'Copied');
    assert.equal(await scripted.page.innerText('#copy'), 'Copied');
    const copied = await scripted.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, await scripted.page.getAttribute('main', 'data-reference-id'));
    assert.deepEqual(await chrome.axe(scripted.page), []);
    assert.deepEqual(scripted.wrong, []);
    await scripted.context.close();
  } finally {
    assert.equal(await of.close(), 0);
    rmSync(dir, { recursive: true });
  }
});

test('the virtual phone', async () => {
  const { context, page } = await visit({ hasTouch: true });
  const walker = await at.begin('secsign', 'alice');
  const other = await at.begin('thumbsignin', 'alice');
  for (const [name, path] of [['phone-list', '/phone'], ['phone-secsign', '/phone/secsign/alice'], ['phone-thumbsignin', '/phone/thumbsignin/alice'],
    ['phone-transaction', `/phone/t/${await at.transaction()}`], ['phone-quiet', '/phone/secsign/bob'], ['phone-nobody', '/phone/secsign/nobody'],
    ['phone-apps', '/phone/apps']]) {
    await page.goto(demo.phone_url + path);
    await photograph(page, name, { locales: ['en'] });
  }
  const create = async (buffer) => {
    await page.goto(`${demo.phone_url}/phone/apps`);
    await page.getByLabel('Name').fill('Fruit shop');
    await page.getByLabel('Description').fill('Apples, pears and whatever else grows on trees');
    await page.getByLabel('Logo').setInputFiles({ name: 'logo.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(buffer) });
    await page.getByRole('button', { name: 'Create' }).click();
  };
  await create('no image');
  assert.match(await page.getByRole('alert').innerText(), /PNG or SVG/);
  assert.equal(await page.getByLabel('Name').inputValue(), 'Fruit shop');
  await photograph(page, 'phone-apps-problem', { locales: ['en'], reload: false });
  await create('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4" fill="#c33"/></svg>');
  assert.match(await page.locator('#app-id').innerText(), /^[0-9a-f]{32}$/);
  assert.match(await page.locator('#secret').innerText(), /^[0-9a-f]{64}$/);
  assert.equal(await page.locator('img.logo').evaluate((image) => image.complete && image.naturalWidth > 0), true);
  await photograph(page, 'phone-app', { locales: ['en'] });
  await Promise.all([walker, other].map(at.giveUp));
  await context.close();
});
