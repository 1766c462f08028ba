// A real browser (headless Chromium) and the virtual phone: what a person sees and does.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import jsQR from 'jsqr';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';
import { eventually, startDemo } from './lib/demo.mjs';

const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
let demo, browser;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  demo = await startDemo();
});
after(async () => {
  await browser?.close();
  assert.equal(await demo.stop(), 0);
});

/** A fresh browser profile whose pages must not break their own policy or call other sites. */
async function visitor(options = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) wrong.push(message.text());
  });
  const ours = [demo.issuer, demo.app_url, demo.phone_url, 'data:'];
  page.on('request', (request) => {
    if (!ours.some((origin) => request.url().startsWith(origin))) wrong.push(request.url());
  });
  return { context, page, wrong };
}

const state = (page) => page.locator('main').getAttribute('data-login-state');

async function toIdentify(page, provider, query = '') {
  await page.goto(`${demo.app_url}/login${query}`);
  await page.waitForSelector('main[data-page="choose"]');
  await page.click(`button[name="provider"][value="${provider}"]`);
  await page.waitForSelector('main[data-page="identify"]');
}

async function toWait(page, provider, username, query = '') {
  await toIdentify(page, provider, query);
  await page.fill('input[name="identifier"]', username);
  await page.keyboard.press('Enter');
  await page.waitForSelector('main[data-page="wait"]');
}

const openSession = () => eventually('the push', async () => {
  const { sessions } = await demo.phone.secsign(demo.user('alice').secsignid);
  return sessions.find(({ state: now }) => now === 1 || now === 7);
});

/** The pixels of a PNG, so that two encodings of one picture are equal. */
const pixels = (base64) => PNG.sync.read(Buffer.from(base64, 'base64')).data.toString('base64');
const shown = async (page, id) => (await page.getAttribute(id, 'src')).split(',')[1];

/** The symbol of the phone that is the page's. */
async function matchingSymbol(page, session) {
  const wanted = pixels(await shown(page, 'img#access-pass'));
  const found = session.symbols.filter((symbol) => pixels(symbol) === wanted);
  assert.equal(found.length, 1, 'exactly one symbol of the phone is the one that the page shows');
  return found[0];
}

async function signedIn(page) {
  await page.waitForURL(`${demo.app_url}/**`);
  const claims = JSON.parse(await page.textContent('pre#id-token'));
  assert.equal(claims.sub, demo.user('alice').sub);
  assert.equal(JSON.parse(await page.textContent('pre#userinfo')).preferred_username, 'alice');
  return claims;
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';

  test(`SecSign ID ${how}: compare the symbol, tap the same`, async () => {
    await demo.phone.reset();
    const { context, page, wrong } = await visitor({ javaScriptEnabled });
    await toWait(page, 'secsign', 'alice');
    const session = await openSession();
    assert.ok(session.symbols.length >= 4);
    const symbol = await matchingSymbol(page, session);
    await demo.phone.answer(demo.user('alice').secsignid, session.authsessionid, { action: 'approve', symbol });
    if (!javaScriptEnabled) await pressContinue(page);
    const claims = await signedIn(page);
    assert.equal(claims.acr, 'urn:signbridge:acr:matched');
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test(`ThumbSignIn ${how}: decode the QR code, open what it says`, async () => {
    await demo.phone.reset();
    const { context, page, wrong } = await visitor({ javaScriptEnabled });
    await toWait(page, 'thumbsignin', 'alice');
    const image = PNG.sync.read(Buffer.from(await shown(page, 'img#qr'), 'base64'));
    const text = jsQR(Uint8ClampedArray.from(image.data), image.width, image.height)?.data;
    assert.equal(text, await page.getAttribute('a#deep-link', 'href'));
    const phone = await (await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true })).newPage();
    await phone.goto(text);
    await phone.screenshot({ path: `${SHOTS}phone-thumbsignin-360.png` });
    const transaction = text.split('/').at(-1);
    await demo.phone.act(transaction, { action: 'approve', userId: demo.user('alice').thumbsignin_user_id });
    if (!javaScriptEnabled) await pressContinue(page);
    const claims = await signedIn(page);
    assert.equal(claims.acr, 'urn:signbridge:acr:named');
    assert.deepEqual(wrong, []);
    await phone.context().close();
    await context.close();
  });
}

/** Without scripts the person presses the button; until the approval is known it leads back to the page. */
async function pressContinue(page) {
  await eventually('the approval', async () => {
    await page.click('#continue button');
    return page.url().startsWith(demo.app_url);
  });
}

test('another symbol than the page shows is refused, and the page says so', async () => {
  await demo.phone.reset();
  const { context, page } = await visitor();
  await toWait(page, 'secsign', 'alice');
  const session = await openSession();
  const right = await matchingSymbol(page, session);
  const other = session.symbols.find((symbol) => symbol !== right);
  await demo.phone.answer(demo.user('alice').secsignid, session.authsessionid, { action: 'approve', symbol: other });
  await page.waitForSelector('main[data-login-state="denied"]');
  assert.ok(await page.isVisible('#retry button'));
  await page.click('#cancel button');
  await page.waitForURL(`${demo.app_url}/**`);
  assert.match(await page.textContent('body'), /access_denied/);
  await context.close();
});

test('a person taps the symbol on the phone page itself', async () => {
  await demo.phone.reset();
  const { context, page } = await visitor();
  await toWait(page, 'secsign', 'alice');
  const session = await openSession();
  const right = await matchingSymbol(page, session);
  const phoneContext = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const phone = await phoneContext.newPage();
  await phone.goto(`${demo.phone_url}/phone/secsign/${demo.user('alice').secsignid}`);
  await phone.screenshot({ path: `${SHOTS}phone-secsign-360.png`, fullPage: true });
  const buttons = phone.locator('form button:has(img), form input[type=image]');
  const count = await buttons.count();
  assert.ok(count >= 4, 'the phone shows symbols to tap');
  for (let at = 0; at < count; at += 1) {
    const src = await buttons.nth(at).locator('img').getAttribute('src');
    if (pixels(src.split(',')[1]) === pixels(right)) {
      await buttons.nth(at).click();
      break;
    }
  }
  await signedIn(page);
  await phoneContext.close();
  await context.close();
});

test('twenty reloads ask the phone once', async () => {
  await demo.phone.reset();
  const { context, page } = await visitor();
  const seq = (await demo.phone.requests()).at(-1)?.seq ?? 0;
  await toWait(page, 'secsign', 'alice');
  for (let reload = 0; reload < 20; reload += 1) await page.reload();
  assert.equal(await state(page), 'pending');
  const creates = (await demo.phone.requests(seq)).filter(({ operation }) => operation === 'create');
  assert.equal(creates.length, 1);
  await context.close();
});

test('a QR code without a name shows the account and waits', async () => {
  await demo.phone.reset();
  const { context, page } = await visitor();
  await toIdentify(page, 'thumbsignin');
  await page.click('button[name="unnamed"]');
  await page.waitForSelector('main[data-page="wait"]');
  const transaction = (await page.getAttribute('a#deep-link', 'href')).split('/').at(-1);
  await demo.phone.act(transaction, { action: 'approve', userId: demo.user('alice').thumbsignin_user_id });
  await page.waitForSelector('main[data-login-state="approved"]');
  assert.match(await page.textContent('main'), /alice/);
  await page.click('#continue button');
  const claims = await signedIn(page);
  assert.equal(claims.acr, 'urn:signbridge:acr:approved');
  await context.close();
});

test('every page in every dress', async () => {
  await demo.phone.reset();
  for (const locale of ['en-US', 'de-DE']) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 360]) {
        const { context, page } = await visitor({ locale, colorScheme, viewport: { width, height: width === 360 ? 740 : 900 } });
        const shot = async (name) => {
          const fits = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
          assert.ok(fits, `${name} needs no sideways scrolling at ${width} px`);
          assert.equal(await page.getAttribute('html', 'lang'), locale.slice(0, 2));
          await page.screenshot({ path: `${SHOTS}${name}-${locale.slice(0, 2)}-${colorScheme}-${width}.png`, fullPage: true });
        };
        await page.goto(`${demo.app_url}/login`);
        await shot('choose');
        await page.click('button[name="provider"][value="secsign"]');
        await shot('identify');
        await page.fill('input[name="identifier"]', 'alice');
        await page.keyboard.press('Enter');
        await page.waitForSelector('main[data-page="wait"]');
        await shot('wait-secsign');
        const session = await openSession();
        await demo.phone.answer(demo.user('alice').secsignid, session.authsessionid, { action: 'deny' });
        await page.waitForSelector('main[data-login-state="denied"]');
        await shot('wait-denied');
        await page.click('#cancel button');
        await page.waitForURL(`${demo.app_url}/**`);
        await toWait(page, 'thumbsignin', 'alice');
        await shot('wait-thumbsignin');
        await page.click('#cancel button');
        await page.waitForURL(`${demo.app_url}/**`);
        await page.goto(`${demo.issuer}/authorize?client_id=nobody`);
        assert.ok(await page.locator('main[data-page="error"]').getAttribute('data-reference-id'));
        await shot('error');
        await page.goto(`${demo.issuer}/logout/done`);
        await shot('signed-out');
        await context.close();
      }
    }
  }
  writeFileSync(`${SHOTS}README.txt`, 'Made by tests/clients/browser.test.mjs.\n');
});
