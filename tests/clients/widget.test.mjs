// The widget (templates/widget) in headless Chromium, on a site that answers as each test says: the pages of the documentation, every
// event, what is asked, coming back from the app, and how pages embed it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { asDocumented, html, QR, SCRIPT, TAG } from './lib/widget-site.mjs';
import {
  ANDROID, CONFIG, failed, hides, IPHONE, make, open, other, polled, setUp, shows, site, SUCCESS, text, visit, waiting,
} from './lib/widget-visitor.mjs';

setUp();

// ---- The documentation's own pages --------------------------------------------------------------------------------------------

test('a page as the documentation writes one, with another address of the script', async () => {
  site.pages.set('/register', { body: asDocumented({ script: `${site.url}/thumbsign_widget.js`, action: '/tsAuth/register' }) });
  const { page, leave } = await visit({ path: '/register' });
  assert.equal(await page.isVisible('.ts-content'), false);
  await page.click('#btn');
  await shows(page, '#openQR');
  assert.equal(await page.getAttribute('#openQR', 'src'), `data:image/png;base64,${QR}`);
  const poll = await site.asked('/txnStatus/');
  assert.equal(site.to('/tsAuth/register').length, 1);
  await page.click('#close');
  await site.asked(`/txnStatus/${poll.id}?cancelled=true`);
  await hides(page, '.ts-content');
  site.become(SUCCESS);
  await page.click('#btn');
  await shows(page, '.ts-sucess-msg');
  assert.equal(await text(page, '.ts-sucess-msg'), 'Finished successfully');
  await leave();
});

test('the steps of the documentation: ready without jQuery, a button with its quotes repaired, the listener that redirects', async () => {
  site.pages.set('/home', { body: html('<p id="home">Home</p>') });
  const body = '<button onclick="tsRegister.open()">Register</button> <div id="widgetContainer"></div>';
  site.pages.set('/steps', { body: html(body, `${TAG}
    <script>
      var scope = { page: '/home' };
      $(document).ready(function () {
        thumbSignIn.addConfig('REGISTER_CONFIG', { actionUrl: '/tsAuth/register', statusUrl: '/txnStatus/' });
        thumbSignIn.init({ id: 'tsRegister', config: 'REGISTER_CONFIG', container: 'widgetContainer' }).then(function () {
          tsRegister.registerEvent('SUCCESS', function (answer) {
            location.hash = '';
            location.pathname = answer.redirectUrl && this.page;
          }, scope);
        });
      });
    </script>`) });
  const { page, leave } = await visit({ path: '/steps' });
  site.become(SUCCESS);
  await page.click('button:text("Register")');
  await page.waitForSelector('#home');
  await leave();
});

// ---- Events, and when they happen ---------------------------------------------------------------------------------------------

for (const reducedMotion of ['no-preference', 'reduce']) {
  test(`a success, motion ${reducedMotion}: polls 1.5 s after each answer, SUCCESS 1.6 s after the last, then nothing`, async () => {
    const { page, heard, leave } = await visit({ clock: true, reducedMotion });
    await make(page);
    const begun = await page.evaluate(() => {
      window.tsLogin.open();
      return performance.now();
    });
    await heard.wait('answered', 2);
    assert.equal(await page.isVisible('#openQR'), true);
    await page.clock.runFor(1_500);
    await heard.wait('answered', 3);
    site.become(SUCCESS);
    await page.clock.runFor(1_500);
    await heard.wait('answered', 4);
    await page.clock.runFor(60_000);
    const { payload } = await heard.wait('SUCCESS');
    const told = heard.entries.filter(({ name }) => name !== 'answered')
      .map(({ name, url, at }) => [url ?? name, Math.round(at - begun)]);
    const poll = `/txnStatus/${polled()}`;
    assert.deepEqual(told, [
      ['/tsAuth/authenticate', 0], [poll, 0], ['DATA_FETCHED', 0], ['PENDING', 0], [poll, 1_500], ['PENDING', 1_500], [poll, 3_000],
      ['SUCCESS', 4_600],
    ]);
    assert.deepEqual(payload, { transactionId: polled(), failureReason: '', ...SUCCESS });
    await leave();
  });
}

test('the code fades, the tick stays for a second, and the text says it', async () => {
  const { page, heard, leave } = await waiting({ clock: true, config: { COMPLETED_SUCCESSFUL: 'Welcome' } });
  site.become(SUCCESS);
  await page.clock.runFor(1_500);
  await heard.wait('answered', 3);
  await shows(page, '.ts-qrcode.ts-leaving');
  await page.clock.runFor(599);
  assert.equal(await page.isVisible('.ts-checkmark'), false);
  await page.clock.runFor(1);
  await shows(page, '.ts-circle-loader.load-complete .ts-checkmark');
  assert.equal(await text(page, '.ts-sucess-msg'), 'Welcome');
  assert.deepEqual(heard.all('SUCCESS'), []);
  await page.clock.runFor(1_000);
  await heard.wait('SUCCESS');
  await leave();
});

test('scanned and declined: INITIATED, FAILURE, the reason, the offer of another code, and no poll any more', async () => {
  const { page, heard, leave } = await waiting({ clock: true });
  site.become({ status: 'INITIATED' });
  await page.clock.runFor(1_500);
  await heard.wait('INITIATED');
  assert.equal(await text(page, '#tsInitiated'), 'QR Code Scanned.');
  assert.equal(await page.isVisible('.ts-overlay'), false);
  site.become({ ...failed('DECLINED'), extra: { kept: true } });
  await page.clock.runFor(1_500);
  const { payload } = await heard.wait('FAILURE');
  assert.deepEqual(payload, { transactionId: polled(), expireInSeconds: 67, ...failed('DECLINED'), extra: { kept: true } });
  assert.equal(await text(page, '#intro_msg'), 'Cancelled');
  assert.equal(await text(page, '.ts-overlay'), 'QR Code expired.\nClick to regenerate.');
  assert.equal(await text(page, '#tsInitiated'), '');
  const asked = heard.all('fetch').length;
  await page.clock.runFor(60_000);
  assert.equal(heard.all('fetch').length, asked);
  assert.deepEqual(heard.events(), ['DATA_FETCHED', 'PENDING', 'INITIATED', 'FAILURE']);
  await leave();
});

test('an expiry is shown and not renewed; a click renews it, and so does the keyboard', async () => {
  const { page, heard, leave } = await waiting({ clock: true });
  const intro = await text(page, '#intro_msg');
  site.become(failed('TIMEOUT'));
  await page.clock.runFor(1_500);
  await heard.wait('FAILURE');
  assert.equal(await text(page, '#intro_msg'), intro);
  await page.clock.runFor(300_000);
  assert.equal(heard.all('fetch').length, 3);
  site.become({ status: 'PENDING' });
  await page.click('.ts-overlay');
  await heard.wait('PENDING', 2);
  assert.equal(await page.isVisible('.ts-overlay'), false);
  assert.equal(site.to('/tsAuth/').length, 2);
  assert.notEqual(polled(2), polled(1));
  // What is over is not cancelled any more.
  assert.deepEqual(site.requests.filter(({ isCancelled }) => isCancelled), []);

  site.become(failed('TIMEOUT'));
  await page.clock.runFor(1_500);
  await heard.wait('FAILURE', 2);
  site.become({ status: 'PENDING' });
  await page.focus('.ts-overlay');
  await page.keyboard.press('Enter');
  await heard.wait('PENDING', 3);
  assert.equal(await page.evaluate(() => document.activeElement.className), 'tsmodal-body ts-body', 'the focus stays in the widget');
  await leave();
});

test('each reason has its text; an unknown one is shown as it is, and never as HTML', async () => {
  const { page, heard, leave } = await visit();
  await make(page, 'tsLogin', { desktop: { TIMEOUT: 'Too late' }, COMPLETED_FAILURE: 'It failed' });
  const texts = [
    [failed('ALREADY_REGISTERED'), 'You have already enabled passwordless authentication for this account using this device.'],
    [failed('NOT_REGISTERED'), "Can't login because the passwordless account doesn't exist."],
    [failed('NO_SUITABLE_AUTHENTICATOR'), 'You have not added fingerprint in your device.'],
    [failed('DECLINED'), 'Cancelled'],
    [failed('CANCELLED'), 'Cancelled'],
    [failed('TIMEOUT'), 'Too late'],
    [failed('TECHNICAL_REASON'), 'Please try again.'],
    [failed('<b>DEVICE_BLOCKED</b>'), '<b>DEVICE_BLOCKED</b>'],
    [failed('constructor'), 'constructor'],
    [failed('desktop'), 'desktop'],
    [failed(''), 'It failed'],
    [failed({ reason: 'TIMEOUT' }), 'It failed'],
    // An older server says it as the status.
    [{ status: 'DECLINED' }, 'Cancelled'],
    [{ status: 'TIMEOUT', failureReason: null }, 'Too late'],
    [{ status: 'SOMETHING_NEW' }, 'SOMETHING_NEW'],
  ];
  for (const [count, [state, expected]] of texts.entries()) {
    site.become(state);
    await page.evaluate(() => window.tsLogin.refresh());
    const { payload } = await heard.wait('FAILURE', count + 1);
    assert.equal(payload.status, state.status);
    assert.equal(await page.textContent('#intro_msg'), expected);
  }
  assert.equal(await page.locator('.ts-content b').count(), 0);
  await leave();
});

test('close: one cancel, one FAILURE, no poll after it; whoever closes again waits for the same', async () => {
  const { page, heard, leave } = await waiting({ clock: true });
  const said = await page.evaluate(async () => {
    const order = [];
    const first = window.tsLogin.close(() => order.push('callback')).then(() => order.push('closed'));
    await window.tsLogin.close().then(() => order.push('closed as well'));
    await first;
    return order;
  });
  assert.deepEqual(said, ['callback', 'closed', 'closed as well']);
  const { payload } = await heard.wait('FAILURE');
  assert.equal(payload.failureReason, 'CANCELLED');
  await page.clock.runFor(60_000);
  assert.equal(await page.isVisible('.ts-content'), false);
  assert.deepEqual(heard.all('fetch').map(({ url }) => url), [
    '/tsAuth/authenticate', `/txnStatus/${polled()}`, `/txnStatus/${polled()}?cancelled=true`,
  ]);
  assert.deepEqual(heard.events(), ['DATA_FETCHED', 'PENDING', 'FAILURE']);
  // Nothing is under way: each resolves, and asks nobody.
  await page.evaluate(() => Promise.all([window.tsLogin.close(), window.tsLogin.terminateTransaction()]));
  assert.equal(heard.all('fetch').length, 3);
  // Opened again it begins anew.
  const called = await page.evaluate(async () => {
    let isCalled = false;
    const opened = window.tsLogin.open(() => { isCalled = true; });
    const atOnce = isCalled;
    await opened;
    return atOnce;
  });
  assert.equal(called, true, 'the callback of open() is called at once');
  assert.equal(site.to('/tsAuth/').length, 2);
  assert.equal(await page.isVisible('#openQR'), true);
  await leave();
});

test('close before actionUrl has answered: the transaction that then comes is cancelled, and nothing is told', async () => {
  const { page, heard, leave } = await visit({ clock: true });
  await make(page);
  let answer;
  site.action = () => new Promise((resolve) => { answer = () => resolve({ body: site.begin() }); });
  await page.evaluate(() => { window.tsLogin.open(); });
  await site.asked('/tsAuth/');
  await page.evaluate(() => window.tsLogin.close());
  answer();
  assert.equal((await site.asked('/txnStatus/')).isCancelled, true);
  await heard.wait('answered', 2);
  await page.clock.runFor(60_000);
  assert.equal(heard.all('fetch').length, 2);
  assert.deepEqual(heard.events(), []);
  await leave();
});

test('an approval that comes with the cancel is a success', async () => {
  const { page, heard, leave } = await waiting({ clock: true });
  site.status = ({ id }) => ({ body: { transactionId: id, ...SUCCESS } });
  await page.evaluate(() => window.tsLogin.close());
  await page.clock.runFor(1_600);
  await heard.wait('SUCCESS');
  assert.deepEqual(heard.events(), ['DATA_FETCHED', 'PENDING', 'SUCCESS']);
  await leave();
});

test('refresh: cancel and new action go out together, and the old poll is dropped when it comes', async () => {
  const { page, heard, leave } = await visit({ clock: true });
  await make(page);
  const held = [];
  site.status = (request) => new Promise((resolve) => { held.push(() => resolve({ body: site.stateOf(request) })); });
  await open(page);
  await site.asked('/txnStatus/');
  await page.evaluate(() => window.tsLogin.refresh());
  await site.asked('/txnStatus/', 3);
  const [first, second] = [polled(1), polled(2)];
  assert.deepEqual(heard.all('fetch').map(({ url }) => url), [
    '/tsAuth/authenticate', `/txnStatus/${first}`, `/txnStatus/${first}?cancelled=true`, '/tsAuth/authenticate', `/txnStatus/${second}`,
  ]);
  site.become({ status: 'INITIATED' }, first);
  held.forEach((release) => release());
  await heard.wait('answered', 5);
  await heard.wait('PENDING');
  await page.clock.runFor(1_499);
  assert.equal(heard.all('fetch').length, 5);
  const told = heard.entries.filter(({ widget }) => widget).map(({ name, payload }) => [name, payload.transactionId]);
  assert.deepEqual(told, [['DATA_FETCHED', first], ['DATA_FETCHED', second], ['PENDING', second]]);
  await leave();
});

test('open twice: one transaction', async () => {
  const { page, heard, leave } = await visit();
  await make(page);
  await page.evaluate(() => Promise.all([window.tsLogin.open(), window.tsLogin.open()]));
  await heard.wait('PENDING');
  await open(page);
  assert.equal(site.to('/tsAuth/').length, 1);
  await leave();
});

test('terminateTransaction: cancelled as a poll says it, and the widget stays', async () => {
  const { page, heard, leave } = await waiting({ clock: true });
  await page.evaluate(() => window.tsLogin.terminateTransaction());
  assert.equal(site.to(`/txnStatus/${polled()}?cancelled=true`).length, 1);
  assert.equal((await heard.wait('FAILURE')).payload.failureReason, 'CANCELLED');
  assert.equal(await text(page, '#intro_msg'), 'Cancelled');
  await page.clock.runFor(60_000);
  assert.equal(await page.isVisible('.ts-overlay'), true);
  assert.equal(heard.all('fetch').length, 3);
  await leave();
});

test('actionUrl fails: FETCH_DATA_ERROR with the status, the text for it, and nothing else', async () => {
  const { page, heard, leave } = await visit();
  await make(page, 'tsLogin', { TIMEOUT: 'Sign in first', TECHNICAL_REASON_ERROR: 'Later' });
  const cases = [
    [{ status: 401, body: { status: '401', message: 'Unauthorized' } }, 401, 'Sign in first'],
    [{ status: 500, body: '' }, 500, 'Later'],
    [{ status: 503, body: 'No session' }, 503, 'Later'],
    [{ body: '<!doctype html><p>A login page</p>' }, 200, 'Later'],
    [{ body: { status: 'failed', message: 'An upstream error, said with 200' } }, 200, 'Later'],
    [{ body: ['no', 'object'] }, 200, 'Later'],
    [undefined, undefined, 'Later'],
  ];
  for (const [count, [answer, status, expected]] of cases.entries()) {
    site.action = () => answer;
    await (count === 0 ? open(page) : page.click('.ts-overlay'));
    const { payload } = await heard.wait('FETCH_DATA_ERROR', count + 1);
    assert.equal(payload.status, status);
    assert.ok(payload.message);
    if (answer) assert.deepEqual(payload.data, answer.body);
    assert.equal(await text(page, '#intro_msg'), expected);
    await shows(page, '.ts-overlay');
  }
  assert.deepEqual([...new Set(heard.events())], ['FETCH_DATA_ERROR']);
  assert.deepEqual(site.to('/txnStatus/'), []);
  await leave();
});

test('a poll fails: ERROR, the end of the polling, and a click that cancels and begins anew', async () => {
  const { page, heard, leave } = await waiting({ clock: true, config: { TECHNICAL_REASON_ERROR: 'Later' } });
  for (const [count, [answer, status]] of [[{ status: 500, body: '' }, 500], [{ status: 401, body: { status: 'INTERNAL_ERROR' } }, 401],
    [{ body: 'no JSON' }, 200], [undefined, undefined]].entries()) {
    const before = polled(count + 1);
    const { status: honest } = site;
    site.status = () => answer;
    await page.clock.runFor(1_500);
    assert.equal((await heard.wait('ERROR', count + 1)).payload.status, status);
    assert.equal(await text(page, '#intro_msg'), 'Later');
    const asked = heard.all('fetch').length;
    await page.clock.runFor(60_000);
    assert.equal(heard.all('fetch').length, asked);
    site.status = honest;
    await page.click('.ts-overlay');
    await heard.wait('PENDING', count + 2);
    await site.asked(`/txnStatus/${before}?cancelled=true`);
  }
  assert.equal(heard.events().includes('FETCH_DATA_ERROR'), false);
  await leave();
});

test('a poll failed on the way: the fragment of the same transaction takes it up again, at once and by open(), and cancels nothing', async () => {
  const { page, heard, leave } = await waiting({ ...ANDROID, clock: true });
  const honest = site.status;
  const fail = async (answer, count) => {
    site.status = () => answer;
    await page.clock.runFor(1_500);
    await heard.wait('ERROR', count);
    site.status = honest;
  };
  await fail(undefined, 1);
  await page.evaluate((id) => { window.location.hash = `#ThumbsignId----${id}`; }, polled());
  await heard.wait('PENDING', 2);
  await fail({ status: 503, body: '' }, 2);
  await open(page);
  await heard.wait('PENDING', 3);
  site.become(SUCCESS);
  await page.clock.runFor(1_500);
  await heard.wait('answered', 6);
  await page.clock.runFor(1_600);
  await heard.wait('SUCCESS');
  assert.deepEqual(heard.events(), ['DATA_FETCHED', 'PENDING', 'ERROR', 'PENDING', 'ERROR', 'PENDING', 'SUCCESS']);
  assert.deepEqual(site.requests.filter(({ isCancelled }) => isCancelled), []);
  assert.equal(site.to('/tsAuth/').length, 1);
  await leave();
});

test('a transaction that the site does not know is not taken up again', async () => {
  const { page, heard, leave } = await visit({ path: '/plain#ThumbsignId----unknown1' });
  site.status = () => ({ status: 404, body: { status: 'NOT_FOUND' } });
  await make(page);
  await open(page);
  await heard.wait('ERROR');
  await open(page);
  await heard.wait('DATA_FETCHED');
  assert.equal(site.to('/txnStatus/unknown1').filter(({ isCancelled }) => !isCancelled).length, 1);
  await leave();
});

test('open while the tick is seen: nothing begins before SUCCESS', async () => {
  const { page, heard, leave } = await waiting({ clock: true });
  site.become(SUCCESS);
  await page.clock.runFor(1_500);
  await heard.wait('answered', 3);
  await shows(page, '.ts-leaving');
  await page.evaluate(() => { window.tsLogin.open(); });
  await page.clock.runFor(600);
  await shows(page, '.load-complete');
  await page.evaluate(() => { window.tsLogin.open(); });
  await page.clock.runFor(1_000);
  await heard.wait('SUCCESS');
  assert.equal(site.to('/tsAuth/').length, 1);
  await page.evaluate(() => { window.tsLogin.open(); });
  await site.asked('/tsAuth/', 2);
  await leave();
});

test('two requests of one transaction, and the older one fails: nobody hears of it', async () => {
  const { page, heard, leave } = await visit({ ...IPHONE, clock: true });
  await make(page);
  const { status } = site;
  const held = [];
  site.status = () => new Promise((resolve) => { held.push(resolve); });
  await open(page);
  await site.asked('/txnStatus/');
  await page.evaluate(() => document.addEventListener('click', (event) => {
    event.preventDefault();
    window.tell({ name: 'tapped' });
  }));
  await page.tap('a.deeplink');
  await heard.wait('tapped');
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await site.asked('/txnStatus/', 2);
  held[0]({ status: 500, body: '' });
  await heard.wait('answered', 2);
  held[1]({ body: { transactionId: polled(), status: 'PENDING' } });
  await heard.wait('PENDING');
  site.status = status;
  await page.clock.runFor(1_500);
  await heard.wait('PENDING', 2);
  assert.deepEqual(heard.events(), ['DATA_FETCHED', 'PENDING', 'PENDING']);
  await leave();
});

test('without listeners nothing is thrown and no promise is left', async () => {
  const { page, heard, leave } = await visit();
  await page.evaluate(async (config) => {
    window.thumbSignIn.addConfig('QUIET', config);
    await window.thumbSignIn.init({ id: 'tsQuiet', config: 'QUIET', container: 'widgetContainer' });
  }, CONFIG);
  site.status = () => ({ status: 500, body: '' });
  await open(page, 'tsQuiet');
  await shows(page, '.ts-overlay');
  site.action = () => undefined;
  await page.evaluate(() => window.tsQuiet.refresh());
  await page.evaluate(() => window.tsQuiet.close());
  // What nobody took would have been told by now.
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve); }));
  assert.deepEqual(heard.all('unhandled'), []);
  await leave();
});

test('a listener that throws is an error of the page, not of the network, and the widget goes on', async () => {
  const { page, heard, leave } = await visit();
  await make(page);
  await page.evaluate(() => {
    window.tsLogin.registerEvent('DATA_FETCHED', () => { throw new Error('of the listener'); });
    return window.tsLogin.open(() => { throw new Error('of the callback'); });
  });
  await heard.wait('PENDING', 2);
  assert.deepEqual(heard.events(), ['PENDING', 'PENDING']);
  await leave('of the callback', 'of the listener');
});

test('one listener an event, with its scope: the last one stays', async () => {
  const { page, heard, leave } = await visit();
  await make(page);
  await page.evaluate(() => {
    const scope = { mark: 'mine' };
    window.tsLogin.registerEvent('PENDING', () => window.tell({ name: 'earlier' }));
    window.tsLogin.registerEvent('PENDING', function listener() { window.tell({ name: 'scoped', mark: this.mark }); }, scope);
    window.tsLogin.registerEvent('PENDING', 'no function');
    return window.tsLogin.open();
  });
  assert.equal((await heard.wait('scoped')).mark, 'mine');
  assert.deepEqual(heard.all('earlier'), []);
  await leave();
});

// ---- Requests -----------------------------------------------------------------------------------------------------------------

test('requests are plain: GET, no header of ours, the cookie of the site', async () => {
  const { context, page, leave } = await visit();
  await context.addCookies([{ name: 'session', value: 's1', url: site.url }]);
  await make(page);
  await open(page);
  const poll = await site.asked('/txnStatus/');
  for (const { method, headers } of [site.to('/tsAuth/')[0], poll]) {
    assert.equal(method, 'GET');
    assert.equal(headers.accept, 'application/json, text/plain, */*');
    assert.match(headers.cookie, /session=s1/);
    assert.deepEqual(Object.keys(headers).filter((name) => /^x-|^authorization$|^content-/.test(name)), []);
  }
  await leave();
});

test("the provider's own origin: without a preflight, and with its cookie", async () => {
  const { page, leave } = await visit();
  other.cors = site.url;
  other.action = () => ({ body: other.begin(), headers: { 'set-cookie': 'binding=b1; Path=/; HttpOnly' } });
  await make(page, 'tsLogin', { actionUrl: `${other.url}/tsAuth/authenticate`, statusUrl: `${other.url}/tsAuth/txnStatus/` });
  await open(page);
  const { headers } = await other.asked('/tsAuth/txnStatus/');
  assert.equal(headers.cookie, 'binding=b1');
  assert.equal(headers.origin, site.url);
  assert.equal(other.preflights, 0);
  await leave();
});

test('a page that has asked already, and polls the service itself with a signature', async () => {
  const { page, heard, leave } = await visit();
  other.cors = site.url;
  const actionResponse = { ...site.begin(), transactionId: 'abc1' };
  await make(page, 'tsLogin', {
    actionResponse: JSON.stringify(actionResponse), statusUrl: `${other.url}/txnStatus/`, authHeader: 'HmacSHA256 Credential=a, x',
    xTsDate: '20180502T101112Z',
  });
  await open(page);
  const { id, headers } = await other.asked('/txnStatus/');
  assert.equal(id, 'abc1');
  assert.equal(headers.authorization, 'HmacSHA256 Credential=a, x');
  assert.equal(headers['x-ts-date'], '20180502T101112Z');
  assert.deepEqual([headers.accept, headers['content-type']], ['application/json', 'application/json'], 'the signature covers them');
  assert.deepEqual((await heard.wait('DATA_FETCHED')).payload, actionResponse);
  assert.deepEqual(site.to('/tsAuth/'), []);
  // It is used once.
  await page.evaluate(() => window.tsLogin.refresh());
  assert.equal(site.to('/tsAuth/').length, 1);
  await leave();
});

test('addresses with a query get their cancel as a further parameter', async () => {
  const { page, leave } = await waiting({ config: { statusUrl: '/txnStatus/x?lang=en&id=' } });
  await page.evaluate(() => window.tsLogin.close());
  const urls = site.to('/txnStatus/').map(({ url }) => url);
  assert.match(urls[0], /^\/txnStatus\/x\?lang=en&id=7e8eeb82\d+$/);
  assert.equal(urls.at(-1), `${urls[0]}&cancelled=true`);
  await leave();
});

// ---- Coming back from the app -------------------------------------------------------------------------------------------------

test('the fragment names a transaction: it is polled without an action, and not again once it is over', async () => {
  const { page, heard, leave } = await visit({ path: '/plain#ThumbsignId----ab_c-1--9' });
  await make(page);
  await open(page);
  assert.equal((await heard.wait('PENDING')).payload.transactionId, 'ab_c-1--9');
  assert.deepEqual(site.to('/tsAuth/'), []);
  assert.equal(await page.isVisible('.ts-circle-loader'), true);
  site.become(SUCCESS);
  await heard.wait('SUCCESS');
  assert.deepEqual([...new Set(heard.events())], ['PENDING', 'SUCCESS']);
  site.become({ status: 'PENDING' });
  await open(page);
  assert.equal(site.to('/tsAuth/').length, 1);
  await leave();
});

test('a fragment that is no id leads nowhere', async () => {
  const { page, leave } = await visit();
  await make(page);
  const fragments = ['#ThumbsignId----..', '#ThumbsignId----../sendSMS', '#ThumbsignId----a/b', '#ThumbsignId----a?b=c', '#ThumbsignId----',
    '#ThumbsignId----%2e%2e', '#ThumbsignId----a%2Fb', '#ThumbsignId----%', '#ThumbsignId----%E0%A4',
    '#ThumbsignId--abc', '#other', '#x#ThumbsignId----abc'];
  for (const fragment of fragments) {
    await page.evaluate(async (hash) => {
      window.location.hash = hash;
      await window.tsLogin.open();
      await window.tsLogin.close();
    }, fragment);
  }
  assert.equal(site.to('/tsAuth/').length, fragments.length);
  assert.deepEqual(site.to('/txnStatus/').filter(({ id }) => !id.startsWith('7e8eeb82')), []);
  await leave();
});

test('the provider\'s own ids are taken, with their tilde as it is and encoded', async () => {
  const { page, heard, leave } = await visit();
  await make(page);
  const [login, authorization] = ['01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-b302099a8058'];
  for (const [count, tilde] of ['~', '%7E'].entries()) {
    const id = `${login}~${authorization}${count}`;
    await page.evaluate(async (hash) => {
      window.location.hash = hash;
      await window.tsLogin.close();
      await window.tsLogin.open();
    }, `#ThumbsignId----${login}${tilde}${authorization}${count}`);
    await site.asked(`/txnStatus/${encodeURIComponent(id)}`);
    assert.equal((await heard.wait('PENDING', count + 1)).payload.transactionId, id);
  }
  assert.deepEqual(site.to('/tsAuth/'), []);
  await leave();
});

test('a site may spell the fragment itself', async () => {
  const { page, heard, leave } = await visit({ path: '/plain#done=abc' });
  await make(page, 'tsLogin', { widgetUrlParameterPart: '#done', widgetUrlParameterSeparator: '=' });
  await open(page);
  assert.equal((await heard.wait('PENDING')).payload.transactionId, 'abc');
  await leave();
});

test('on a phone: a link to the app with what leads back, and the code one tap away', async () => {
  site.deepLinkUrl = 'https://app.example/x?a=1#part';
  const { page, heard, leave } = await waiting({ ...ANDROID, path: '/plain?q=a&b=c%20d#top', config: {
    actionUrl: '/tsAuth/authenticate?state=s1#x', DEEP_LINK: 'Open <b>it</b>',
  } });
  assert.equal(await page.isVisible('a.btn.deeplink'), true);
  assert.equal(await page.isVisible('#openQR'), false);
  assert.equal(await text(page, 'a.btn.deeplink'), 'Open <b>it</b>');
  const link = new URL(await page.getAttribute('a.btn.deeplink', 'href'));
  assert.equal(link.origin + link.pathname, 'https://app.example/x');
  assert.equal(link.hash, '#part');
  assert.deepEqual([...link.searchParams], [
    ['a', '1'], ['transactionId', polled()], ['browser', 'chrome'], ['actionUrl', '/tsAuth/authenticate'], ['statusUrl', '/txnStatus/'],
    ['widgetUrlParameterSeparator', '----'], ['returnurl', `${site.url}/plain?q=a&b=c%20d`],
  ]);
  assert.equal(await page.getAttribute('#qrcode', 'data-deeplink-url'), 'https://app.example/x?a=1#part');
  // Modules are for desktops.
  assert.equal(await page.locator('#module-wrapper > *').count(), 0);

  assert.equal(await text(page, '#toggle_view_text'), 'Have app on a different phone?');
  await page.tap('#toggle_view_link');
  await shows(page, '#openQR');
  assert.equal(await page.isVisible('a.btn.deeplink'), false);
  assert.equal(await text(page, '#toggle_view'), 'Have app on this phone? Open app');
  await page.focus('#toggle_view_link');
  await page.keyboard.press(' ');
  await shows(page, 'a.btn.deeplink');
  await page.keyboard.press('Enter');
  await shows(page, '#openQR');
  assert.equal(site.to('/tsAuth/').length, 1);
  site.become({ status: 'INITIATED' });
  await heard.wait('INITIATED');
  await leave();
});

test('on a phone without a link: the code; with a link that would run a script: the code as well', async () => {
  for (const link of [undefined, '', 'javascript:tell({name:"run"})', ' JAVA\tSCRIPT:1', 'data:text/html,x']) {
    site.deepLinkUrl = link;
    const { page, leave } = await waiting(ANDROID);
    assert.equal(await page.isVisible('#openQR'), true);
    assert.equal(await page.isVisible('#toggle_view'), false);
    assert.equal(await page.getAttribute('a.deeplink', 'href'), null);
    await leave();
  }
});

test('on an iPhone: a tap stops the polls; coming back goes on, by the page as it was or by the fragment', async () => {
  const { page, heard, leave } = await waiting({ ...IPHONE, clock: true });
  assert.equal(new URL(await page.getAttribute('a.deeplink', 'href')).searchParams.get('browser'), 'safari');
  await page.evaluate(() => document.addEventListener('click', (event) => {
    event.preventDefault();
    window.tell({ name: 'tapped' });
  }));
  await page.tap('a.deeplink');
  await heard.wait('tapped');
  await page.clock.runFor(60_000);
  assert.equal(heard.all('fetch').length, 2);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await heard.wait('PENDING', 2);
  await page.clock.runFor(1_500);
  await heard.wait('PENDING', 3);
  await page.tap('a.deeplink');
  await heard.wait('tapped', 2);
  await page.evaluate((id) => { window.location.hash = `#ThumbsignId----${id}`; }, polled());
  await heard.wait('PENDING', 4);
  assert.equal(site.to('/tsAuth/').length, 1);

  // The connection of a poll ends while the app is there.
  const honest = site.status;
  let end;
  site.status = () => new Promise((resolve) => { end = () => resolve(undefined); });
  await page.evaluate(() => {
    const { fetch } = window;
    window.fetch = (...all) => {
      window.fetch = fetch;
      return fetch(...all).catch((error) => {
        window.tell({ name: 'ended' });
        throw error;
      });
    };
  });
  await page.clock.runFor(1_500);
  await site.asked('/txnStatus/', 5);
  await page.tap('a.deeplink');
  await heard.wait('tapped', 3);
  site.status = () => undefined; // Chromium asks once more by itself.
  end();
  await heard.wait('ended');
  site.status = honest;
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await heard.wait('PENDING', 5);
  assert.deepEqual(heard.all('ERROR'), []);

  await page.evaluate(() => { window.location.hash = '#ThumbsignId----another1'; });
  await site.asked('/txnStatus/another1');
  assert.equal(site.to('/tsAuth/').length, 1);
  await leave();
});

// ---- How it is embedded -------------------------------------------------------------------------------------------------------

test('the global is there at once, and for AMD and CommonJS as well', async () => {
  const look = '<script>window.seen = typeof thumbSignIn.init;</script>';
  site.pages.set('/at-once', { body: html('<div id="widgetContainer"></div>', TAG + look) });
  const { page, leave } = await visit({ path: '/at-once' });
  assert.equal(await page.evaluate(() => window.seen), 'function');
  for (const [attribute, name] of [['', 'thumbSignIn'], ['data-requiremodule="widget"', []]]) {
    site.pages.set('/amd', { body: html('', `<script>var defined; function define(...all) { defined = all; } define.amd = {};</script>
      <script ${attribute} src="/thumbsign_widget.js"></script>`) });
    await page.goto(`${site.url}/amd`);
    const [first, same, isGlobal] = await page.evaluate(() => {
      const { defined, thumbSignIn } = window;
      return [defined[0], defined.at(-1)() === thumbSignIn, Boolean(thumbSignIn.init)];
    });
    assert.deepEqual([first, same, isGlobal], [name, true, true]);
  }
  assert.deepEqual(Object.keys(createRequire(import.meta.url)(SCRIPT)), ['addConfig', 'setConfig', 'addModule', 'addPlugin', 'init']);
  await leave();
});

test('the script may be inserted late', async () => {
  site.pages.set('/late', { body: html('<div id="widgetContainer"></div>') });
  const { page, heard, leave } = await visit({ path: '/late' });
  await page.evaluate(() => new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = '/thumbsign_widget.js';
    script.addEventListener('load', resolve);
    document.head.append(script);
  }));
  await make(page);
  await open(page);
  await heard.wait('PENDING');
  assert.equal(await page.isVisible('#phone'), true);
  await leave();
});

test('init: an empty object until the widget is there, a promise of the same, names of older pages, elements and objects', async () => {
  const { page, leave } = await visit();
  const seen = await page.evaluate(async (config) => {
    const { thumbSignIn } = window;
    thumbSignIn.addConfig('A_CONFIG', config);
    const promise = thumbSignIn.init({ id: 'tsA', config: 'A_CONFIG', container: 'widgetContainer', require: ['tsModal'] });
    const until = window.tsA;
    const widget = await promise;
    const older = await thumbSignIn.init({ name: 'tsB', id: 'A_CONFIG', rootID: 'widgetContainer' });
    const direct = await thumbSignIn.init({ id: 'tsC', config, container: document.querySelector('main') });
    return {
      until: Object.keys(until).length === 0 && until !== widget, same: window.tsA === widget, id: widget.id, require: widget.require,
      older: window.tsB === older && older.id === 'A_CONFIG' && document.querySelector('#widgetContainer').contains(older.DOM[0]),
      direct: window.tsC === direct && direct.DOM[0].parentNode.localName === 'main',
      fields: [widget.DOM[0].className, typeof widget.events, typeof widget.plugins, typeof widget.initBuilder],
    };
  }, CONFIG);
  assert.deepEqual(seen, {
    until: true, same: true, id: 'A_CONFIG', require: ['tsModal'], older: true, direct: true,
    fields: ['tsmodal-content ts-content hidden', 'object', 'object', 'function'],
  });
  const refused = await page.evaluate((config) => Promise.all([
    window.thumbSignIn.init({ id: 'tsD', config: 'NOWHERE', container: 'widgetContainer' }),
    window.thumbSignIn.init({ id: 'tsE', config, container: 'nowhere' }),
  ].map((one) => one.then(() => 'made', ({ message }) => message))), CONFIG);
  assert.deepEqual(refused, [
    'thumbSignIn: there is no configuration NOWHERE; addConfig comes before init', 'thumbSignIn: there is no element with the id nowhere',
  ]);
  await leave();
});

test('init in the head waits for its container; a second widget of the same name takes the place of the first', async () => {
  site.pages.set('/head', { body: html('<div id="widgetContainer"></div>', `${TAG}<script>
    thumbSignIn.init({ id: 'tsLogin', config: ${JSON.stringify(CONFIG)}, container: 'widgetContainer' }).then(() => tell({ name: 'made' }));
  </script>`) });
  const { page, heard, leave } = await visit({ path: '/head' });
  await heard.wait('made');
  await open(page);
  const { id } = await site.asked('/txnStatus/');
  await make(page);
  await site.asked(`/txnStatus/${id}?cancelled=true`);
  assert.equal(await page.locator('.ts-content').count(), 1);
  await leave();
});

test('two widgets, made at once in one container: each has its own addresses and texts; one opens, closes, the other opens', async () => {
  const { page, heard, leave } = await visit();
  await page.evaluate(async () => {
    const { thumbSignIn } = window;
    thumbSignIn.addConfig('REGISTER_CONFIG', {
      actionUrl: '/tsAuth/register', statusUrl: '/tsAuth/txnStatus/', desktop: { INTRO_MSG: 'Register' },
      sms: { smsTitle: 'For a new phone' },
    });
    thumbSignIn.addConfig('LOGIN_CONFIG', {
      actionUrl: '/tsAuth/authenticate', statusUrl: '/txnStatus/', desktop: { INTRO_MSG: 'Sign in' },
    });
    await Promise.all([['tsRegister', 'REGISTER_CONFIG'], ['tsLogin', 'LOGIN_CONFIG']].map(([id, config]) => thumbSignIn.init({
      id, config, container: 'widgetContainer',
    })));
    await window.tsRegister.open();
  });
  assert.equal(await text(page, '#intro_msg'), 'Register');
  await page.evaluate(async () => {
    await window.tsRegister.close();
    await window.tsLogin.open();
  });
  await site.asked('/txnStatus/');
  const [registered, signedIn] = [site.to('/tsAuth/txnStatus/')[0].id, polled()];
  assert.deepEqual([...new Set(heard.all('fetch').map(({ url }) => url))], [
    '/tsAuth/register', `/tsAuth/txnStatus/${registered}`, `/tsAuth/txnStatus/${registered}?cancelled=true`, '/tsAuth/authenticate',
    `/txnStatus/${signedIn}`,
  ]);
  await hides(page, '#widgetContainer > .ts-content:nth-child(1)');
  assert.equal(await page.isVisible('#widgetContainer > .ts-content:nth-child(2)'), true);
  const texts = (selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent));
  assert.deepEqual(await texts('#intro_msg'), ['Cancelled', 'Sign in']);
  assert.deepEqual(await texts('.more-info2'), ['For a new phone', 'Or get link via SMS']);
  await leave();
});

test('two widgets that open at once ask one after the other: the first answer brings the cookie to which both are bound', async () => {
  const { page, heard, leave } = await visit({ clock: true });
  const cookies = new Map();
  site.action = ({ headers }) => {
    const body = site.begin();
    cookies.set(body.transactionId, headers.cookie ?? `browser=${body.transactionId}`);
    return { body, headers: headers.cookie ? {} : { 'set-cookie': `${cookies.get(body.transactionId)}; Path=/` } };
  };
  site.status = (request) => (cookies.get(request.id) === request.headers.cookie ? { body: site.stateOf(request) } : { status: 404, body: {} });
  await make(page, 'tsRegister', { actionUrl: '/tsAuth/register' });
  await make(page, 'tsLogin');
  await page.evaluate(() => Promise.all([window.tsRegister.open(), window.tsLogin.open()]));
  assert.equal(new Set(cookies.values()).size, 1);
  await heard.wait('PENDING', 2);
  assert.equal(heard.events().includes('ERROR'), false);

  // Whoever closes while it waits begins nothing, and an address that does not answer has the others wait for five seconds.
  const { action } = site;
  site.action = (request) => (request.url === '/tsAuth/register' ? new Promise(() => {}) : action(request));
  await page.evaluate(() => {
    window.tsRegister.refresh();
    window.tsLogin.refresh();
    window.tsLogin.close();
    window.tsLogin.open();
  });
  await site.asked('/tsAuth/register', 2);
  await page.clock.runFor(4_999);
  assert.equal(heard.all('fetch').filter(({ url }) => url === '/tsAuth/authenticate').length, 1);
  await page.clock.runFor(1);
  await site.asked('/tsAuth/authenticate', 2);
  await heard.wait('PENDING', 3);
  assert.equal(site.to('/tsAuth/authenticate').length, 2);
  await leave();
});

test('configurations: what is no object is ignored, a default is set, and nothing of the page is changed', async () => {
  const { page, leave } = await visit();
  const seen = await page.evaluate(async (config) => {
    const { thumbSignIn } = window;
    const mine = { ...config, desktop: { REFRESH_MSG: 'Mine' }, logo: { question: 'Mine?' } };
    const asWritten = JSON.stringify(mine);
    thumbSignIn.addConfig('MINE', mine);
    thumbSignIn.addConfig('MINE', 'no object');
    thumbSignIn.setConfig('NOWHERE');
    await thumbSignIn.init({ id: 'tsFirst', config: 'MINE', container: 'widgetContainer' });
    const desktop = { INTRO_MSG: 'Of the site', REFRESH_MSG: 'Of the site' };
    thumbSignIn.addConfig('SITE', { ...config, actionUrl: '/tsAuth/register', desktop });
    thumbSignIn.setConfig('SITE');
    const own = { desktop: { REFRESH_MSG: 'Own' } };
    const second = await thumbSignIn.init({ id: 'tsSecond', config: own, container: 'widgetContainer' });
    await thumbSignIn.init({ id: 'tsThird', config: 'NOWHERE', container: 'widgetContainer' });
    await second.open();
    return asWritten === JSON.stringify(mine);
  }, CONFIG);
  assert.equal(seen, true);
  const texts = (selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent));
  assert.deepEqual((await texts('#refreshTXT'))[1], 'Own');
  assert.deepEqual((await texts('#intro_msg'))[1], 'Of the site');
  assert.equal((await texts('.ts-logo-wrapper p:first-child'))[0], 'Mine? Get it now');
  assert.equal(site.to('/tsAuth/register').length, 1);
  await leave();
});

test('a configuration that was parsed from JSON changes no prototype', async () => {
  const { page, leave } = await visit();
  const seen = await page.evaluate(async (config) => {
    const { thumbSignIn } = window;
    let given;
    thumbSignIn.addModule('look', {}, (_dom, whole) => { given = whole; });
    const parsed = JSON.parse('{"__proto__":{"one":1},"desktop":{"__proto__":{"two":2}},"constructor":{"prototype":{"three":3}}}');
    await thumbSignIn.init({ id: 'tsLogin', config: { ...parsed, ...config }, container: 'widgetContainer', require: ['look'] });
    return [given.one, given.desktop.two, {}.three, Object.getPrototypeOf(given) === Object.prototype];
  }, CONFIG);
  assert.deepEqual(seen, [undefined, undefined, undefined, true]);
  await leave();
});

test('texts are texts: no tag of a configuration becomes an element, but for the line break of REFRESH_MSG', async () => {
  const { page, heard, leave } = await waiting({
    config: {
      COMPLETED_SUCCESSFUL: '<i>done</i>', QR_ALT: '"><i>', sms: { smsTitle: '<i>sms</i>' }, logo: { question: '<i>logo</i>' },
      desktop: { INTRO_MSG: '<i>intro</i>', REFRESH_MSG: 'One<br>two<BR />three <i>x</i>', INITIATED: '<i>seen</i>' },
    },
  });
  assert.equal(await text(page, '#intro_msg'), '<i>intro</i>');
  assert.equal(await text(page, '.more-info2'), '<i>sms</i>');
  site.become({ status: 'INITIATED' });
  await heard.wait('INITIATED');
  assert.equal(await text(page, '#tsInitiated'), '<i>seen</i>');
  site.become(failed('TIMEOUT'));
  await heard.wait('FAILURE');
  assert.equal(await text(page, '#refreshTXT'), 'One\ntwo\nthree <i>x</i>');
  assert.equal(await page.locator('.ts-content i').count(), 0);
  await leave();
});

test('the introduction under each of its three names', async () => {
  const { page, leave } = await visit();
  for (const [count, name] of ['INTRO_MSG', 'INTRO_MSG"', 'intro-msg'].entries()) {
    await make(page, `ts${count}`, { desktop: { [name]: `By ${name}` } });
    await open(page, `ts${count}`);
    assert.equal(await page.locator('#intro_msg').nth(count).textContent(), `By ${name}`);
  }
  await leave();
});

test('elements, classes and ids that pages style and look for', async () => {
  const { page, leave } = await waiting();
  for (const selector of [
    '.tsmodal-content.ts-content > .tsmodal-body.ts-body > p#tsInitiated.ts_initiated.ts-initiated', '.ts-body > .item',
    '.item > .ts-timeout.overlay.ts-overlay > .refreshImg.ts-refresh-img', '.ts-overlay > #refreshTXT.refreshTxt.ts-refresh-txt',
    '.item > .sucessMsg.ts-sucess-msg', '.item > #qrcode.qrcode.ts-qrcode[data-deeplink-url="https://app.example/x"]',
    '#qrcode > [data-type="mobile"] > img#openApp.ts-app-icon', '[data-type="mobile"] > .open-app.ts-app-link > a.btn.deeplink',
    '#qrcode > [data-type="desktop"] > .logoIcon.ts-logo-icon', '[data-type="desktop"] > img#openQR',
    '.item > .circle-loader.ts-circle-loader > .checkmark.draw.ts-checkmark', '.ts-body > .intro-conatiner.ts-intro-conatiner',
    '.intro-conatiner > #intro_msg.intro_msg.ts-intro-msg', '.intro-conatiner #toggle_view_text', '.intro-conatiner a#toggle_view_link',
    '.intro-conatiner #toggle_view_span_text', '#module-wrapper.ts-module-wrapper #phone', '#module-wrapper #sms_result',
    '#module-wrapper #get_link_by_sms',
  ]) assert.equal(await page.locator(selector).count(), 1, selector);
  assert.equal((await page.locator('.ts-content').boundingBox()).width, 270);
  assert.equal((await page.locator('#openQR').boundingBox()).height, 200);
  await leave();
});

test('initBuilder puts back what the page removed; plugins run as the widget', async () => {
  const { page, leave } = await visit();
  const seen = await page.evaluate(async (config) => {
    const { thumbSignIn } = window;
    thumbSignIn.addPlugin('whose', function whose(mark) { return `${mark} ${this.id}`; });
    thumbSignIn.addConfig('C', config);
    const widget = await thumbSignIn.init({ id: 'tsLogin', config: 'C', container: 'widgetContainer' });
    widget.addPlugin('own', function own() { return this; });
    document.getElementById('widgetContainer').replaceChildren();
    widget.initBuilder().initBuilder();
    const count = document.querySelectorAll('#widgetContainer > .ts-content').length;
    return [widget.plugins.whose('of'), widget.plugins.own() === widget, count];
  }, CONFIG);
  assert.deepEqual(seen, ['of C', true, 1]);
  await leave();
});
