// The widget in headless Chromium, in the pages of a site whose reverse proxy leads its addresses to the provider ([[site]]): a login, a
// registration, and who may take up a transaction by the fragment of an address.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import * as chrome from './lib/chromium.mjs';
import { eventually } from './lib/demo.mjs';
import { freePorts, prepare } from './lib/serve.mjs';
import { asDocumented } from './lib/widget-site.mjs';

/** A page as the documentation writes one, with a listener for each event. */
const sample = (action) => asDocumented({
  script: '/thumbsign_widget.js',
  action: `/tsAuth/${action}`,
  then: `['DATA_FETCHED', 'PENDING', 'INITIATED', 'SUCCESS', 'FAILURE', 'FETCH_DATA_ERROR', 'ERROR'].forEach(function (name) {
    tsRegister.registerEvent(name, function (told) {
      tell({ name: name, id: told.transactionId, status: told.response && told.response.status });
      if (name === 'SUCCESS') window.location.assign(told.redirectUrl);
    });
  });`,
});
const PAGES = new Map([
  ['/login', sample('authenticate?state=s1')], ['/register', sample('register?state=r1')],
  ['/signed-in', '<!doctype html><link rel="icon" href="data:,"><p id="landed">Welcome'],
]);

let provider; let origin; let site; let browser;
before(async () => {
  const [port] = await freePorts(1);
  origin = `http://localhost:${port}`;
  const section = `[[site]]\norigin = "${origin}"\nclient_id = "shop"\nredirect_uri = "${origin}/signed-in"\nregister = true\n`;
  provider = await prepare({ sections: { thumbsignin: 'allow_unnamed = true' }, more: section });
  await provider.start();
  await provider.command(
    'client', 'create', '--id', 'shop', '--name', 'Shop', '--redirect-uri', `${origin}/signed-in`, '--require-pkce=false', '--consent', 'none',
  );
  await provider.command('user', 'create', '--username', 'alice', '--thumbsignin-user-id', 'alice');
  // The site, and its reverse proxy.
  site = http.createServer((incoming, outgoing) => {
    const page = PAGES.get(incoming.url.split('?')[0]);
    if (page) {
      outgoing.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
      return;
    }
    const forwarded = http.request(`${provider.origin}${incoming.url}`, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  }).listen(port, 'localhost');
  await once(site, 'listening');
  browser = await chrome.launch();
});
after(async () => {
  await browser?.close();
  site.close();
  site.closeAllConnections();
  assert.equal(await provider.close(), 0);
});
beforeEach(() => provider.phone.reset());

/** A page in a browser, the events of its widget, and the wait for the first of a name. */
async function load(context, path) {
  const page = await context.newPage();
  const events = [];
  await page.exposeFunction('tell', (event) => events.push(event));
  await page.goto(origin + path);
  await page.waitForFunction(() => window.tsRegister?.open);
  return { page, events, heard: (name) => eventually(name, () => events.find((event) => event.name === name)) };
}

/** A fresh profile; `leave` checks that nothing of it went anywhere but to the site. */
async function profile() {
  const { context, page, wrong } = await chrome.visitor(browser, { issuer: origin, app_url: origin, phone_url: origin });
  await page.close();
  const leave = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  };
  return { context, leave };
}

/** What the phone does with the transaction that is shown. */
async function act({ page }, action) {
  const link = await page.getAttribute('#qrcode', 'data-deeplink-url');
  await provider.phone.act(link.split('/').at(-1), action);
}

/** Where the page is led: the parameters at the redirect URI. */
async function landed({ page }) {
  await page.waitForSelector('#landed');
  const { origin: at, pathname, searchParams } = new URL(page.url());
  assert.equal(at + pathname, `${origin}/signed-in`);
  assert.match(searchParams.get('code'), /^[\w.~-]{20,}$/);
  return searchParams;
}

test('a page as the documentation writes one signs in, and registers another phone', async () => {
  const { context, leave } = await profile();
  const login = await load(context, '/login');
  await login.page.click('#btn');
  await login.heard('PENDING');
  assert.equal(await login.page.$eval('#openQR', async (code) => {
    await code.decode();
    return code.naturalWidth > 100;
  }), true);
  await act(login, { action: 'scan' });
  await login.heard('INITIATED');
  await act(login, { action: 'approve', userId: 'alice' });
  assert.equal((await landed(login)).get('state'), 's1');
  assert.equal((await login.heard('SUCCESS')).id, login.events[0].id);

  const register = await load(context, '/register');
  await register.page.click('#btn');
  await register.heard('PENDING');
  await act(register, { action: 'approve' });
  assert.equal((await landed(register)).get('state'), 'r1');
  await leave();
});

test('closed: the phone is no longer asked', async () => {
  const { context, leave } = await profile();
  const login = await load(context, '/login');
  await login.page.click('#btn');
  await login.heard('PENDING');
  await login.page.click('#close');
  await login.heard('FAILURE');
  await assert.rejects(act(login, { action: 'approve', userId: 'alice' }), /409|over/);
  await leave();
});

test('the fragment takes a transaction up in its browser, and in no other', async () => {
  const { context, leave } = await profile();
  const begun = await load(context, '/login');
  await begun.page.click('#btn');
  const { id } = await begun.heard('DATA_FETCHED');
  const link = await begun.page.getAttribute('#qrcode', 'data-deeplink-url');
  await begun.page.close();

  const stranger = await profile();
  const refused = [];
  for (const handle of [id, encodeURIComponent(id).replaceAll('~', '%7E')]) {
    const there = await load(stranger.context, `/login#ThumbsignId----${handle}`);
    await there.page.click('#btn');
    assert.equal((await there.heard('ERROR')).status, 404);
    refused.push(there);
  }

  const back = await load(context, `/login#ThumbsignId----${id}`);
  await back.page.click('#btn');
  assert.equal((await back.heard('PENDING')).id, id);
  await provider.phone.act(link.split('/').at(-1), { action: 'approve', userId: 'alice' });
  await landed(back);
  assert.deepEqual([...new Set(back.events.map(({ name }) => name))], ['PENDING', 'SUCCESS']);
  for (const there of refused) assert.deepEqual(there.events.map(({ name }) => name), ['ERROR']);
  // The stranger's widget does not find it after the approval either.
  const late = await load(stranger.context, `/login#ThumbsignId----${id}`);
  await late.page.click('#btn');
  assert.equal((await late.heard('ERROR')).status, 404);
  await stranger.leave();
  await leave();
});
