// The widget (templates/widget) in headless Chromium: its modules and those of pages, jQuery and the small one, strict policies, what
// is seen and heard, and the files themselves.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as chrome from './lib/chromium.mjs';
import { DECLARATIONS, html, QR, SCRIPT, TAG } from './lib/widget-site.mjs';
import { ANDROID, failed, hides, make, open, setUp, shows, site, SUCCESS, text, visit, waiting } from './lib/widget-visitor.mjs';

setUp();

const SAMPLES = fileURLToPath(new URL('lib/widget-samples.js', import.meta.url));

/** How an element looks. */
const looks = (page, selector, ...names) => page.$eval(selector, (one, all) => all.map((name) => getComputedStyle(one)[name]), names);

/** The pictures of the module `logo`, with the widths of what was loaded. */
const pictures = (page) => page.$$eval('.ts-logo-wrapper img', (all) => Promise.all(all.map(async (one) => {
  await one.decode().catch(() => {});
  return { src: one.src, width: one.naturalWidth };
})));

/** Opens the modal, and has the link of its code sent. */
async function sendFromModal(page) {
  await page.click('#tsModalBtn');
  await shows(page, '#openQR');
  await page.fill('#phone', '1234567890');
  await page.press('#phone', 'Enter');
  await site.asked('/sendSMS');
}

// ---- Modules ------------------------------------------------------------------------------------------------------------------

test('modules of the page: template, style, configuration and scope; required ones first; an unknown one is warned of', async () => {
  const { page, leave } = await visit();
  const warned = [];
  page.on('console', (message) => message.text().startsWith('thumbSignIn') && warned.push(`${message.type()}: ${message.text()}`));
  await page.evaluate(() => {
    window.thumbSignIn.addModule('hello', {
      config: { greeting: 'of the module', kept: 'kept' },
      getElem(config, url) {
        return {
          elem: `
            <div class="hello" data-root="${url}"> <p style="padding-left:10px;" title='a style="b"'>${config.hello.greeting}</p>
            <b>${config.hello.kept}</b> </div>`,
          style: '.hello{color:rgb(1, 2, 3)}',
        };
      },
    }, function hello(dom, config) {
      window.scope = this;
      window.given = [config.hello, config.mine, dom.length];
      this.DOM.find('#module-wrapper').append(dom);
    });
    window.thumbSignIn.addModule('ignored', {}, 'no function');
  });
  await make(page, 'tsLogin', { hello: { greeting: 'of the page' }, mine: 7 }, { require: ['hello', 'ignored', 'logo'] });
  await open(page);
  const classes = await page.$$eval('#module-wrapper > *', (all) => all.map((one) => one.className));
  assert.deepEqual(classes, ['hello', 'ts-logo-wrapper', 'tsmodal-footer']);
  assert.equal(await text(page, '.hello p'), 'of the page');
  assert.equal(await page.getAttribute('.hello p', 'title'), 'a style="b"');
  assert.equal(await page.getAttribute('.hello', 'data-root'), site.url);
  assert.deepEqual(await page.evaluate(() => [window.scope === window.tsLogin, ...window.given]), [
    true, { greeting: 'of the page', kept: 'kept' }, 7, 1,
  ]);
  assert.deepEqual(await looks(page, '.hello p', 'color', 'paddingLeft'), ['rgb(1, 2, 3)', '10px']);
  assert.deepEqual(warned, ['warning: thumbSignIn: there is no module ignored']);
  await leave();
});

test('a modal of the page, written with $', async () => {
  const { page, heard, leave } = await visit();
  await page.evaluate(() => {
    window.thumbSignIn.addModule('popup', {
      config: { title: 'Scan it' },
      getElem: (config) => ({
        elem: `<button id="popupBtn">Open</button>
          <div id="popup"><div class="inner">
            <h4>${config.popup.title}</h4><span class="close">&times;</span><div class="wrapper">old</div>
          </div></div>`,
        style: '#popup{display:none;position:fixed;inset:0;background-color:rgba(0,0,0,.4)} #popup .inner{background:#fefefe;width:450px}',
      }),
    }, function popup(dom) {
      const { $ } = window;
      const widget = this;
      $('body').append(dom);
      const modal = $('#popup');
      modal.find('.wrapper').empty().append(this.DOM.detach());
      $('#popupBtn').click(() => {
        modal.show();
        widget.open();
      });
      $('#popup .close').click(() => {
        widget.close();
        modal.hide();
      });
      window.onclick = (event) => {
        if (event.target !== modal[0]) return;
        widget.close();
        modal.hide();
      };
    });
  });
  await make(page, 'tsLogin', {}, { require: ['popup'] });
  assert.equal(await page.isVisible('#popup'), false);
  await page.click('#popupBtn');
  await shows(page, '#popup .wrapper .ts-content #openQR');
  assert.equal(await page.locator('#popup .wrapper').evaluate((one) => one.childNodes.length), 1);
  await page.click('#popup .close');
  await hides(page, '#popup');
  await heard.wait('FAILURE');
  await page.click('#popupBtn');
  await shows(page, '#popup');
  await heard.wait('PENDING', 2);
  await page.mouse.click(1_200, 800);
  await hides(page, '#popup');
  await heard.wait('FAILURE', 2);
  await leave();
});

test('modules written as the documentation writes them, in place of those that are there', async () => {
  site.pages.set('/samples.js', { headers: { 'content-type': 'text/javascript' }, body: readFileSync(SAMPLES) });
  site.pages.set('/samples', { body: html('<div id="widgetContainer"></div>', `${TAG}<script src="/samples.js"></script>`) });
  const { page, heard, leave } = await visit({ path: '/samples' });
  await make(page, 'tsLogin', {}, { require: ['tsModal'] });
  assert.equal(await page.isVisible('#tsModal'), false);
  assert.deepEqual(await looks(page, '#tsModal', 'position', 'zIndex'), ['fixed', '1000']);
  const ways = [() => page.click('#tsModal .close'), () => page.mouse.click(5, 5)];
  for (const [count, way] of ways.entries()) {
    await page.click('#tsModalBtn');
    await shows(page, 'div#tsModal .modal-content-wrapper .ts-content #openQR');
    await heard.wait('PENDING', count + 1);
    assert.equal(await text(page, '#tsModal h4'), 'Scan the code');
    assert.equal(await text(page, '#module-wrapper .tsmodal-footer .title'), 'A link to your phone');
    assert.deepEqual(await page.$$eval('#module-wrapper > *', (all) => all.map((one) => one.className)), ['tsmodal-footer', 'ts-logo-wrapper']);
    await way();
    await hides(page, '#tsModal');
    assert.equal((await heard.wait('FAILURE', count + 1)).payload.failureReason, 'CANCELLED');
  }
  assert.deepEqual((await pictures(page)).map(({ src }) => src), ['app', 'store', 'play'].map((name) => (
    `${site.url}/pictures/${name}.png`)));
  assert.deepEqual(await looks(page, '.ts-logo-wrapper a img', 'paddingLeft'), ['10px']);
  await leave();
});

test('a module that fails is told as ERROR, and the others are loaded', async () => {
  const { page, heard, leave } = await visit();
  await page.evaluate(() => {
    window.thumbSignIn.addModule('broken', { getElem() { throw new Error('of the module'); } }, () => {});
  });
  await make(page, 'tsLogin', {}, { require: ['broken'] });
  assert.equal((await heard.wait('ERROR')).payload.message, 'of the module');
  assert.equal(await page.locator('#module-wrapper > *').count(), 2);
  await leave('of the module');
});

test('sms: the link goes to a number with its country; what is no number is not sent; a failure is said', async () => {
  const { page, leave } = await waiting();
  const send = async (number) => {
    await page.fill('#phone', number);
    await page.click('button.d-arrow-b');
  };
  const says = (words) => page.waitForSelector(`#sms_result:text-is("${words}")`);
  for (const number of ['', '12', '123 456 789', '+0123456789', '+1234567', '+1234567890123456', 'call me', '12345678901']) {
    await send(number);
    await says('Please provide 10 digit phone number');
    assert.equal(await page.getAttribute('#phone', 'aria-invalid'), 'true');
    await page.evaluate(() => document.getElementById('sms_result').replaceChildren());
  }
  assert.deepEqual(site.to('/sendSMS'), []);
  for (const [count, [typed, to]] of [
    ['123 456 7890', '+11234567890'], ['(555) 123-4567', '+15551234567'], ['+49 170 123.45.67', '+491701234567'],
    ['+15551234567', '+15551234567'], ['+12345678', '+12345678'], ['+123456789012345', '+123456789012345'],
  ].entries()) {
    await send(typed);
    const { method, headers, body } = await site.asked('/sendSMS', count + 1);
    assert.equal(method, 'POST');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(body, JSON.stringify({ to, message: 'Please download App from https://app.example/x' }));
    await says('SMS sent to your mobile');
  }
  assert.equal(await page.getAttribute('#phone', 'aria-invalid'), 'false');
  site.sms = () => ({ status: 500, body: '' });
  await page.fill('#phone', '1234567890');
  await page.press('#phone', 'Enter');
  await says('Something wrong happened');
  await leave();
});

test('sms: words and address of the page; before the first code it only says that it cannot', async () => {
  const { page, leave } = await visit();
  let answer;
  site.action = () => new Promise((resolve) => { answer = () => resolve({ body: site.begin() }); });
  await make(page, 'tsLogin', { smsUrl: '/messages' });
  await page.evaluate(() => { window.tsLogin.open(); });
  await site.asked('/tsAuth/');
  await page.fill('#phone', '1234567890');
  await page.press('#phone', 'Enter');
  await page.waitForSelector('#sms_result:text-is("Something wrong happened")');
  assert.deepEqual(site.to('/messages'), []);
  answer();
  await shows(page, '#openQR');
  await page.press('#phone', 'Enter');
  await site.asked('/messages');
  await make(page, 'tsLogin', { sms: { smsUrl: '/sendSMS', smsContent: 'Get it at https://site.example/app', smsSent: 'Sent' } });
  await page.evaluate(() => { window.tsLogin.open(); });
  await page.fill('#phone', '1234567890');
  await page.press('#phone', 'Enter');
  assert.equal(JSON.parse((await site.asked('/sendSMS')).body).message, 'Get it at https://site.example/app');
  await page.waitForSelector('#sms_result:text-is("Sent")');
  await site.asked('/tsAuth/', 2);
  answer();
  await leave();
});

test('logo: links to the stores, pictures without another host, and the way to the message', async () => {
  const { page, leave } = await waiting({ config: { logo: { appStoreURL: 'https://store.example/app', appIcon: '/icon.png' } } });
  const links = await page.$$eval('.ts-logo-wrapper a', (all) => all.map(({ href, target, rel }) => [href, target, rel]));
  assert.deepEqual(links, [
    ['https://store.example/app', '_blank', 'noopener noreferrer'],
    ['https://play.google.com/store/apps/details?id=com.pramati.thumbsignin.app', '_blank', 'noopener noreferrer'],
  ]);
  const [icon, ...stores] = await pictures(page);
  assert.equal(icon.src, `${site.url}/icon.png`, 'a name of the page is looked for beside the script');
  assert.ok(stores.every(({ src, width }) => src.startsWith('data:image/svg+xml,') && width === 90));
  await page.click('#get_link_by_sms');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'phone');
  await leave();
});

test('tsModal: opens with the widget in it; Escape, the cross and the backdrop close and cancel', async () => {
  const { page, heard, leave } = await visit();
  await make(page, 'tsLogin', { tsModal: { modalTitle: 'Scan here' } }, { require: ['tsModal'] });
  const ways = [() => page.keyboard.press('Escape'), () => page.click('#tsModal .close'), () => page.mouse.click(5, 5)];
  for (const [count, way] of ways.entries()) {
    assert.equal(await page.isVisible('#tsModal'), false);
    await page.click('#tsModalBtn');
    await shows(page, '#tsModal.modal .modal-content .modal-content-wrapper .ts-content #openQR');
    assert.equal(await text(page, '#tsModal h4'), 'Scan here');
    const { width, height } = await page.locator('#tsModal').boundingBox();
    assert.deepEqual([width, height], [1280, 900], 'the backdrop is as large as the window');
    assert.ok((await page.locator('#tsModal .modal-content').boundingBox()).width < 500);
    assert.equal(await page.evaluate(() => document.getElementById('tsModal').contains(document.activeElement)), true);
    await way();
    await hides(page, '#tsModal');
    assert.equal((await heard.wait('FAILURE', count + 1)).payload.failureReason, 'CANCELLED');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'tsModalBtn', 'the focus comes back');
  }
  assert.equal(site.to('/tsAuth/').length, ways.length);

  // Marking what is in a field may end on the backdrop; a cross of the page's own inside is not the modal's.
  await page.click('#tsModalBtn');
  await heard.wait('PENDING', ways.length + 1);
  await page.fill('#phone', '1234567890');
  const { x, y } = await page.locator('#phone').boundingBox();
  await page.mouse.move(x + 60, y + 20);
  await page.mouse.down();
  await page.mouse.move(5, 5);
  await page.mouse.up();
  await page.evaluate(() => window.tsLogin.DOM.find('#module-wrapper').append('<button class="close">x</button>'));
  await page.click('#module-wrapper .close');
  assert.equal(await page.isVisible('#tsModal'), true);
  assert.equal(heard.all('FAILURE').length, ways.length);
  await leave();
});

test('tsModal: another widget of the name takes the place of the button and the modal too', async () => {
  const { page, heard, leave } = await visit();
  await make(page, 'tsLogin', {}, { require: ['tsModal'] });
  await make(page, 'tsLogin', { tsModal: { modalOpen: 'Scan' } }, { require: ['tsModal'] });
  assert.deepEqual(await page.$$eval('#tsModalBtn', (all) => all.map((one) => one.textContent)), ['Scan']);
  assert.equal(await page.locator('#tsModal').count(), 1);
  await page.click('#tsModalBtn');
  await shows(page, '#tsModal #openQR');
  await heard.wait('PENDING');
  await leave();
});

// ---- jQuery -------------------------------------------------------------------------------------------------------------------

/** Uses what pages use; the same comes of it with either library. */
function exercise() {
  const { $ } = window;
  const seen = [];
  const note = (...what) => seen.push(what.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(' '));
  $('body').append('<div id="box" class="one"><p class="a">A</p><p class="b">B</p></div>', '<input id="field" value="v">');
  const box = $('#box');
  note('find', box.length, box.find('p').length, $('p', box).length, box[0].id, $('.nothing').length, $(null).length);
  note('text', box.text(), box.find('.a').text('<b>').html());
  note('html', box.find('.b').html('<i style="color: rgb(1, 2, 3);">x</i>').html(), getComputedStyle(box.find('i')[0]).color);
  note('class', box.addClass('two three').removeClass('one two').toggleClass('four').attr('class'), box.hasClass('three'), box.is('.four'));
  note('attr', box.attr('title', 'T').attr('title'), box.attr('missing'), box.removeAttr('title').attr('title'));
  note('val', $('#field').val(), $('#field').val('w')[0].value);
  note('css', box.css('color', 'rgb(4, 5, 6)').css('color'));
  const both = box.find('p').each(function each(at) { note(at, this.className); });
  note('each', both.length, both.eq(1).attr('class'), both.get().length);
  note('hide', box.hide()[0].style.display, getComputedStyle(box[0]).display, getComputedStyle(box.show()[0]).display);
  let clicks = 0;
  const count = function count(event) { clicks += this === event.currentTarget ? 1 : 100; };
  box.on('click', count).click();
  box.click(() => { clicks += 10; }).off('click', count).click();
  note('click', clicks);
  const outer = $('<div><button class="inner">x</button></div>');
  outer.on('click', '.inner', function inner() {
    note('delegated', this.className);
    return false;
  });
  outer.find('.inner').click();
  const part = box.find('.a').detach();
  note('detach', box.find('.a').length, box.append(part).find('p').first().attr('class'), box.empty().html());
  box.append($('<u>1</u>'), 'text', document.createElement('s'));
  note('append', box.html());
  box.remove();
  note('remove', $('#box').length);
  return seen;
}
const EXERCISED = [
  'find 1 2 2 box 0 0', 'text AB &lt;b&gt;', 'html <i style="color: rgb(1, 2, 3);">x</i> rgb(1, 2, 3)', 'class three four true true',
  'attr T undefined undefined', 'val v w', 'css rgb(4, 5, 6)', '0 a', '1 b', 'each 2 b 2', 'hide none none block', 'click 11',
  'delegated inner', 'detach 0 b ', 'append <u>1</u>text<s></s>', 'remove 0',
];

test('a page without jQuery gets a small one, which does what pages do with the large one', async () => {
  const { page, heard, leave } = await visit({ clock: true });
  assert.deepEqual(await page.evaluate(exercise), EXERCISED);
  const texts = await page.evaluate(() => new Promise((resolve) => {
    const { $ } = window;
    $(($again) => $(document).ready(() => resolve([$again === $, typeof window.jQuery])));
  }));
  assert.deepEqual(texts, [true, 'undefined']);
  await page.evaluate(() => {
    window.$('#widgetContainer').fadeOut(300, function gone() { window.tell({ name: 'gone', display: this.style.display }); });
  });
  await page.clock.runFor(299);
  assert.deepEqual(heard.all('gone'), []);
  await page.clock.runFor(1);
  assert.equal((await heard.wait('gone')).display, 'none');
  await page.evaluate(() => { window.$('#widgetContainer').fadeIn(() => window.tell({ name: 'back' })); });
  await page.clock.runFor(400);
  await heard.wait('back');
  await leave();
});

test('a page with something like jQuery keeps it, and modules get it', async () => {
  site.pages.set('/like', { body: html('<div id="widgetContainer"></div>', `<script>
    function Like(nodes) { Array.from(nodes).forEach((node, at) => { this[at] = node; }); this.length = nodes.length; }
    function like(what) { return new Like(typeof what === 'string' ? document.querySelectorAll(what) : what.nodeType ? [what] : what); }
    like.fn = Like.prototype = {
      get() { return Array.from(this); },
      find(selector) { return new Like(this[0].querySelectorAll(selector)); },
      append(other) { this[0].append(...other.get()); return this; },
      attr(name) { return this[0].getAttribute(name); },
    };
    window.$ = like;
  </script>${TAG}`) });
  const { page, leave } = await visit({ path: '/like' });
  await make(page, 'tsLogin', {}, { require: ['tsModal'] });
  assert.deepEqual(await page.evaluate(() => [window.$ === window.like, window.tsLogin.DOM instanceof window.Like]), [true, true]);
  await sendFromModal(page);
  await leave();
});

test('a page whose $ is something else keeps it', async () => {
  const theirs = '<script>window.$ = (id) => document.getElementById(id);</script>';
  site.pages.set('/else', { body: html('<div id="widgetContainer"></div>', theirs + TAG) });
  const { page, leave } = await visit({ path: '/else' });
  await make(page);
  const seen = await page.evaluate(() => [window.$('widgetContainer').id, window.tsLogin.DOM.find('#phone').length]);
  assert.deepEqual(seen, ['widgetContainer', 1]);
  await leave();
});

const JQUERY = [
  '../../target/check/jupyterhub/share/jupyterhub/static/components/jquery/dist/jquery.js', '/usr/share/javascript/jquery/jquery.js',
].map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync);

test('a page with jQuery itself', { skip: JQUERY ? false : 'no jQuery on this machine' }, async () => {
  site.pages.set('/jquery.js', { headers: { 'content-type': 'text/javascript' }, body: readFileSync(JQUERY) });
  site.pages.set('/jquery', { body: html('<div id="widgetContainer"></div>', `${TAG}<script src="/jquery.js"></script>`) });
  const { page, leave } = await visit({ path: '/jquery' });
  assert.deepEqual(await page.evaluate(exercise), EXERCISED);
  await make(page, 'tsLogin', {}, { require: ['tsModal'] });
  assert.equal(await page.evaluate(() => window.tsLogin.DOM.jquery === window.jQuery.fn.jquery), true);
  await sendFromModal(page);
  await leave();
});

// ---- Policies, looks, access --------------------------------------------------------------------------------------------------

test('a strict policy with a nonce: every state and module, a style sheet of the page, and nothing is stopped', async () => {
  const headers = {
    'content-security-policy': "default-src 'none'; script-src 'nonce-n0nce'; style-src 'nonce-n0nce'; img-src data:; connect-src 'self'",
  };
  const rules = '.ts-initiated { color: rgb(9, 8, 7); font-weight: 300; }';
  site.pages.set('/extra.css', { headers: { 'content-type': 'text/css' }, body: rules });
  const tag = '<script nonce="n0nce" src="/thumbsign_widget.js"></script>';
  site.pages.set('/strict', { headers, body: html('<div id="widgetContainer"></div>', tag) });
  const { page, heard, leave } = await visit({ path: '/strict' });
  await page.evaluate(() => {
    window.thumbSignIn.addModule('mine', {
      getElem: () => ({ elem: '<div class="mine"><p style="padding-left:10px">x</p></div>', style: '.mine{color:rgb(1, 2, 3)}' }),
    }, function mine(dom) { this.DOM.find('#module-wrapper').append(dom); });
  });
  await make(page, 'tsLogin', {}, { require: ['tsModal', 'mine'], style: '/extra.css' });
  await page.click('#tsModalBtn');
  await heard.wait('PENDING');
  assert.equal((await page.locator('.ts-content').boundingBox()).width, 270, 'our own style is in force');
  assert.deepEqual(await looks(page, '.mine p', 'color', 'paddingLeft'), ['rgb(1, 2, 3)', '10px']);
  await page.evaluate(() => new Promise((resolve) => {
    const link = document.querySelector('link[href="/extra.css"]');
    if (link.sheet) resolve();
    else link.addEventListener('load', () => resolve());
  }));
  assert.deepEqual(await looks(page, '#tsInitiated', 'color', 'fontWeight'), ['rgb(9, 8, 7)', '300'], 'a class of the page outweighs ours');
  assert.ok((await pictures(page)).every(({ width }) => width > 0));
  await page.fill('#phone', '1234567890');
  await page.click('button.d-arrow-b');
  await page.waitForSelector('#sms_result:text-is("SMS sent to your mobile")');
  site.become({ status: 'INITIATED' });
  await heard.wait('INITIATED');
  site.become(failed('TIMEOUT'));
  await heard.wait('FAILURE');
  site.become(SUCCESS);
  await page.click('.ts-overlay');
  await heard.wait('SUCCESS');
  await leave();
});

test('what moves stands still for whoever asked for it', async () => {
  for (const [reducedMotion, isMoving] of [['no-preference', true], ['reduce', false]]) {
    const { page, leave } = await visit({ reducedMotion });
    await make(page);
    let answer;
    site.action = () => new Promise((resolve) => { answer = () => resolve({ body: site.begin() }); });
    await page.evaluate(() => { window.tsLogin.open(); });
    await shows(page, '.ts-circle-loader');
    assert.equal(await page.evaluate(() => document.getAnimations().length > 0), isMoving);
    await site.asked('/tsAuth/');
    answer();
    await leave();
    site.reset();
  }
});

test('what a screen reader hears: a name for the code, what happens in live regions, buttons that are buttons', async () => {
  const { page, heard, leave } = await waiting();
  assert.equal(await page.getAttribute('#openQR', 'alt'), 'QR code for the ThumbSignIn app');
  const isLive = (selector) => page.$eval(selector, (one) => Boolean(one.closest('[role=status], [aria-live=polite]')));
  for (const selector of ['#tsInitiated', '#intro_msg', '.ts-overlay', '.ts-sucess-msg', '#sms_result']) {
    assert.equal(await isLive(selector), true, selector);
  }
  assert.equal(await page.getAttribute('.item', 'aria-busy'), 'false');
  site.become(failed('TIMEOUT'));
  await heard.wait('FAILURE');
  await page.getByRole('button', { name: /^QR Code expired\.\s*Click to regenerate\.$/ }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Shift+Tab');
  assert.match(await page.$eval('.ts-overlay', (one) => getComputedStyle(one).outline), /3px solid|solid 3px/, 'the focus is seen');
  await page.getByRole('textbox', { name: 'Phone number' }).waitFor();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  await page.getByRole('link', { name: 'Google Play' }).waitFor();
  await leave();
});

for (const colorScheme of ['light', 'dark']) {
  /** Looks at one state: axe-core, the width, a picture. */
  const look = async (page, name) => {
    assert.deepEqual(await chrome.axe(page), [], `${name} ${colorScheme}`);
    assert.equal((await page.locator('.ts-content').boundingBox()).width, 270);
    await page.screenshot({ path: `${chrome.SHOTS}widget-${name}-${colorScheme}.png` });
  };

  test(`axe-core finds nothing in any state of a desktop, ${colorScheme}`, async () => {
    const { page, heard, leave } = await visit({ colorScheme });
    await make(page);
    let answer;
    const { action } = site;
    site.action = () => new Promise((resolve) => { answer = () => resolve({ body: site.begin() }); });
    await page.evaluate(() => { window.tsLogin.open(); });
    await site.asked('/tsAuth/');
    await look(page, 'loading');
    answer();
    site.action = action;
    await heard.wait('PENDING');
    await look(page, 'waiting');
    await page.press('#phone', 'Enter');
    await look(page, 'sms-invalid');
    await page.fill('#phone', '1234567890');
    await page.press('#phone', 'Enter');
    await page.waitForSelector('#sms_result:text-is("SMS sent to your mobile")');
    await look(page, 'sms-sent');
    site.become({ status: 'INITIATED' });
    await heard.wait('INITIATED');
    await look(page, 'initiated');
    site.become(failed('TIMEOUT'));
    await heard.wait('FAILURE');
    await look(page, 'expired');
    site.become(failed('ALREADY_REGISTERED'));
    await page.click('.ts-overlay');
    await heard.wait('FAILURE', 2);
    await look(page, 'refused');
    site.action = () => ({ status: 500, body: '' });
    await page.click('.ts-overlay');
    await heard.wait('FETCH_DATA_ERROR');
    await look(page, 'unreachable');
    site.action = action;
    site.become(SUCCESS);
    await page.click('.ts-overlay');
    await shows(page, '.load-complete');
    await look(page, 'success');
    await leave();
  });

  test(`axe-core finds nothing in the modal and on a phone, ${colorScheme}`, async () => {
    const desk = await visit({ colorScheme });
    await make(desk.page, 'tsLogin', {}, { require: ['tsModal'] });
    await desk.page.click('#tsModalBtn');
    await desk.heard.wait('PENDING');
    await look(desk.page, 'modal');
    await desk.leave();

    const phone = await waiting({ ...ANDROID, colorScheme });
    await look(phone.page, 'phone-link');
    await phone.page.tap('#toggle_view_link');
    await shows(phone.page, '#openQR');
    await look(phone.page, 'phone-code');
    site.become(failed('DECLINED'));
    await phone.heard.wait('FAILURE');
    await look(phone.page, 'phone-declined');
    await phone.leave();
  });
}

// ---- The files ----------------------------------------------------------------------------------------------------------------

test('at most 20 kB on the wire, and the declarations name what there is', async () => {
  const bytes = gzipSync(readFileSync(SCRIPT), { level: 9 }).length;
  assert.ok(bytes <= 20_000, `${bytes} bytes`);
  const declarations = readFileSync(DECLARATIONS, 'utf8');
  /** The members of an interface, in the order of the alphabet. */
  const declared = (name) => {
    const [, body] = new RegExp(`  interface ${name} .*\\{\\n([^]*?)\\n  \\}`).exec(declarations);
    return [...new Set([...body.matchAll(/^ {4}(?:readonly )?(\w+)\??[<(:]/gm)].map(([, member]) => member))].sort();
  };
  const { page, leave } = await visit();
  await make(page);
  const there = await page.evaluate(() => {
    const { thumbSignIn, tsLogin, $ } = window;
    const methods = (one) => Object.getOwnPropertyNames(Object.getPrototypeOf(one)).filter((name) => name !== 'constructor');
    return { Api: Object.keys(thumbSignIn), Widget: [...Object.keys(tsLogin), ...methods(tsLogin)], Query: methods($('body')) };
  });
  for (const name of ['Api', 'Widget', 'Query']) assert.deepEqual(declared(name), there[name].sort(), name);
  const events = [...declarations.matchAll(/^ {4}([A-Z_]+): (?:Transaction|RequestError)/gm)].map(([, name]) => name);
  assert.deepEqual(events.sort(), Object.keys(await page.evaluate(() => window.tsLogin.events)).sort());
  await leave();
});
