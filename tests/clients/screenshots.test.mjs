// The pictures of the guides: our pages as the people of Grafana and Keycloak see them. Each run takes them into
// target/guide-images and compares them with docs/guides/images; `GUIDE_IMAGES=write` replaces those.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { eventually } from './lib/demo.mjs';
import { shoot } from './lib/pictures.mjs';
import { fromRecipe, longPkce } from './lib/replay.mjs';
import { prepare } from './lib/serve.mjs';

let provider; let browser; const clients = {};

before(async () => {
  provider = await prepare();
  await provider.start();
  await provider.person('ada', '--email', 'ada@example.com', '--thumbsignin-user-id', 'ada');
  clients.grafana = await fromRecipe(provider, 'grafana', '--url', 'https://grafana.example.com');
  clients.keycloak = await fromRecipe(provider, 'keycloak', '--url', 'https://sso.example.com', '--realm', 'demo');
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--font-render-hinting=none', '--force-color-profile=srgb'],
  });
});
after(async () => {
  await browser?.close();
  assert.equal(await provider.close(), 0);
});

/** A page at the login of an app, in a light dress and without animation. */
async function visit(name) {
  const client = clients[name];
  const context = await browser.newContext({
    locale: 'en-US', viewport: { width: 600, height: 740 }, deviceScaleFactor: 1, colorScheme: 'light', reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(`${provider.issuer}/authorize?${new URLSearchParams({
    client_id: client.client_id, redirect_uri: client.redirect_uris[0], response_type: 'code', scope: client.scope, state: 's', nonce: 'n',
    code_challenge: longPkce().challenge, code_challenge_method: 'S256',
  })}`);
  return { context, page };
}

test('the pictures of keycloak.md', async () => {
  const { context, page } = await visit('keycloak');
  await page.waitForSelector('main[data-page="choose"]');
  assert.match(await page.textContent('main'), /Keycloak/);
  await shoot(page, 'keycloak-choose.png');
  await page.click('button[name="provider"][value="secsign"]');
  await page.fill('input[name="identifier"]', 'ada');
  await page.keyboard.press('Enter');
  await page.waitForSelector('main[data-page="wait"]');
  const session = await eventually('the push', async () => (await provider.phone.secsign('ada')).sessions.find(({ state }) => state === 1));
  await provider.phone.answer('ada', session.authsessionid, { action: 'deny' });
  await page.waitForSelector('main[data-login-state="denied"]');
  assert.ok(await page.isVisible('#retry button') && await page.isVisible('#cancel button'));
  await shoot(page, 'keycloak-declined.png');
  await context.close();
});

test('the pictures of grafana.md', async () => {
  const { context, page } = await visit('grafana');
  await page.waitForSelector('main[data-page="choose"]');
  assert.match(await page.textContent('main'), /Grafana/);
  await page.click('button[name="provider"][value="secsign"]');
  await page.fill('input[name="identifier"]', 'ada');
  await page.keyboard.press('Enter');
  await page.waitForSelector('main[data-page="wait"]');
  await page.waitForSelector('img#access-pass');
  await shoot(page, 'grafana-wait.png');
  await context.close();
});
