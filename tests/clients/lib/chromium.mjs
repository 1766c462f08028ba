// Headless Chromium: profiles that must not break their own policy or call other sites, and what a person does in them.
import { fileURLToPath } from 'node:url';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

/** Where pictures of pages are kept. */
export const SHOTS = fileURLToPath(new URL('../../../target/screenshots/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2 AA and what it builds on. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** A browser without window. */
export function launch() {
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

/** A fresh profile. `wrong` collects what its pages may not do. What was declined before was theirs, unless `isAsked`. */
export async function visitor(browser, demo, { isAsked = false, ...options } = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 }, ...options });
  if (!isAsked) {
    context.on('page', (page) => page.on('load', () => {
      if (new URL(page.url()).pathname.endsWith('/declined')) page.click('button[value="mine"]').catch(() => {});
    }));
  }
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

/** Waits for one of the provider's pages; where another one stays, it is told. */
async function reach(page, name) {
  try {
    await page.waitForSelector(`main[data-page="${name}"]`);
  } catch (error) {
    throw new Error(`not the page ${name}, but ${page.url()}:\n${await page.innerText('body')}`, { cause: error });
  }
}

/** Up to the page that asks for the name. */
export async function toIdentify(demo, page, provider, query = '') {
  await page.goto(`${demo.app_url}/login${query}`);
  await reach(page, 'choose');
  await page.click(`button[name="provider"][value="${provider}"]`);
  await reach(page, 'identify');
}

/** Up to the page that waits for the phone. */
export async function toWait(demo, page, provider, username, query = '') {
  await toIdentify(demo, page, provider, query);
  await page.fill('input[name="identifier"]', username);
  await page.keyboard.press('Enter');
  await reach(page, 'wait');
}

/** What axe-core finds wrong with the page, one line for each element. */
export async function axe(page) {
  await page.evaluate(`${AXE};0`);
  const { violations } = await page.evaluate(
    (rules) => window.axe.run(document, { runOnly: { type: 'tag', values: rules } }), RULES,
  );
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}
