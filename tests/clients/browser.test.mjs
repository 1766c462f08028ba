// A real browser (headless Chromium) and the virtual phone: what a person sees and does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import * as chrome from './lib/chromium.mjs';
import { eventually, startDemo } from './lib/demo.mjs';

let demo; let browser;
before(async () => {
  browser = await chrome.launch();
  demo = await startDemo();
});
after(async () => {
  await browser?.close();
  assert.equal(await demo.stop(), 0);
});

const visitor = (options) => chrome.visitor(browser, demo, options);
const toIdentify = (page, provider) => chrome.toIdentify(demo, page, provider);
const toWait = (page, provider, username) => chrome.toWait(demo, page, provider, username);
const state = (page) => page.locator('main').getAttribute('data-login-state');

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

/** Puts another picture in place of the one that the page shows. */
const swap = (page, picture) => page.evaluate(
  (src) => { document.getElementById('access-pass').src = src; }, `data:image/png;base64,${picture}`,
);

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

test('a page with the wrong symbol fails the comparison, and whoever follows it is not signed in', async () => {
  await demo.phone.reset();
  const { context, page } = await visitor();
  await toWait(page, 'secsign', 'alice');
  const session = await openSession();
  const right = await matchingSymbol(page, session);
  // A symbol that the phone does not offer: the comparison of the tests above finds none, and fails.
  const foreign = PNG.sync.read(Buffer.from(right, 'base64'));
  foreign.data[0] ^= 0xff;
  await swap(page, PNG.sync.write(foreign).toString('base64'));
  await assert.rejects(matchingSymbol(page, session), /exactly one symbol/);
  // Another of the phone's symbols: it is found, tapped, and refused.
  await swap(page, session.symbols.find((symbol) => symbol !== right));
  const shownNow = await matchingSymbol(page, session);
  assert.notEqual(shownNow, right);
  await demo.phone.answer(demo.user('alice').secsignid, session.authsessionid, { action: 'approve', symbol: shownNow });
  await page.waitForSelector('main[data-login-state="denied"]');
  await assert.rejects(page.waitForURL(`${demo.app_url}/result`, { timeout: 1_000 }));
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
  // A stranger's open login keeps the name busy for the browsers of the tests behind this one.
  await page.click('#cancel button');
  await page.waitForURL(`${demo.app_url}/**`);
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

/** How often a phone was asked since `seq`. */
const asked = async (seq) => (await demo.phone.requests(seq)).filter(({ operation }) => ['create', 'authenticate'].includes(operation)).length;

for (const javaScriptEnabled of [true, false]) {
  test(`two tabs, ${javaScriptEnabled ? 'with' : 'without'} JavaScript: one signs in, and the others ask no phone`, async () => {
    await demo.phone.reset();
    const { context, page: form } = await visitor({ javaScriptEnabled });
    const [reloaded, retried, last] = await Promise.all([context.newPage(), context.newPage(), context.newPage()]);
    await toIdentify(form, 'secsign');
    // Each of these takes the phone from the one before.
    for (const page of [reloaded, retried, last]) await toWait(page, 'secsign', 'alice');
    await retried.goto(retried.url());
    assert.equal(await state(retried), 'cancelled');
    const session = await openSession();
    await demo.phone.answer(demo.user('alice').secsignid, session.authsessionid, { action: 'approve' });
    if (!javaScriptEnabled) await pressContinue(last);
    await last.waitForURL(`${demo.app_url}/**`);
    const seq = (await demo.phone.requests()).at(-1).seq;
    await reloaded.goto(reloaded.url());
    await reloaded.waitForURL(`${demo.app_url}/**`);
    await retried.click('#retry button');
    await retried.waitForURL(`${demo.app_url}/**`);
    await form.fill('input[name="identifier"]', 'alice');
    await form.keyboard.press('Enter');
    await form.waitForURL(`${demo.app_url}/**`);
    assert.equal(await asked(seq), 0);
    await context.close();
  });
}
