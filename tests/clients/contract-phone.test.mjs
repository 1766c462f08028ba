// Design section 3, The simulated upstreams and The virtual phone: every verb with every action, by HTTP alone.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { eventually, startDemo } from './lib/demo.mjs';
import { loginAt, stateOf } from './lib/login.mjs';

let demo; let at; let api;
before(async () => { demo = await startDemo(); at = loginAt(demo); api = demo.phone.call; });
after(async () => { assert.equal(await demo.stop(), 0); });
beforeEach(() => demo.phone.reset());

const fails = (status, ...call) => assert.rejects(api(...call), new RegExp(`: ${status} \\{`), call.slice(0, 2).join(' '));
/** A request to somebody new; answers the address of the session below the phone's API. */
let people = 0;
const pushed = async () => {
  const name = await at.person(`pushed${people += 1}`);
  await at.begin('secsign', name);
  return `secsign/${name}/sessions/${(await at.session(name)).authsessionid}`;
};
const shown = async () => {
  await demo.phone.reset();
  await at.begin('thumbsignin', 'alice');
  return `thumbsignin/transactions/${await at.transaction()}`;
};

test('a SecSign ID: what GET shows, and every action on a session and on the ID', async () => {
  const path = await pushed();
  const [, name] = path.split('/');
  const about = await api('GET', `secsign/${name}`);
  assert.deepEqual([about.secsignid, about.frozen, about.sessions.length], [name, false, 1]);
  const [session] = about.sessions;
  for (const member of ['authsessionid', 'servicename', 'serviceaddress', 'state', 'symbols']) assert.ok(member in session, member);
  assert.equal(typeof session.authsessionid, 'string');
  assert.equal(session.state, 1);
  assert.ok(session.symbols.length >= 4 && new Set(session.symbols).size === session.symbols.length);
  for (const symbol of session.symbols) assert.equal(Buffer.from(symbol, 'base64').subarray(1, 4).toString(), 'PNG');
  assert.equal((await api('POST', path, { action: 'fetch' })).state, 7);
  assert.equal((await api('POST', path, { action: 'approve' })).state, 3);
  await fails(409, 'POST', path, { action: 'deny' });
  for (const [body, state] of [[{ action: 'deny' }, 4], [{ action: 'wrong_symbol' }, 4], [{ action: 'state', state: 8 }, 8]]) {
    assert.equal((await api('POST', await pushed(), body)).state, state, JSON.stringify(body));
  }
  // With a symbol: the right one → 3, each other → 4, something else is refused.
  const outcomes = [];
  for (let at4 = 0; at4 < 4; at4 += 1) {
    const where = await pushed();
    const { symbols } = (await api('GET', where.split('/').slice(0, 2).join('/'))).sessions[0];
    outcomes.push((await api('POST', where, { action: 'approve', symbol: symbols[at4] })).state);
  }
  for (const state of outcomes) assert.ok(state === 3 || state === 4);
  const where = await pushed();
  await fails(400, 'POST', where, { action: 'approve', symbol: 'AAAA' });
  await fails(400, 'POST', where, { action: 'dance' });
  await fails(404, 'POST', 'secsign/alice/sessions/1', { action: 'approve' });
  await fails(404, 'GET', 'secsign/nobody-at-all');
  assert.equal((await api('POST', 'secsign/newcomer', { action: 'create' })).secsignid, 'newcomer');
  assert.equal((await api('GET', 'secsign/newcomer')).frozen, false);
  assert.equal((await api('POST', 'secsign/newcomer', { action: 'unfreeze' })).frozen, false);
  assert.equal((await api('GET', 'secsign/newcomer')).devices, 1);
  assert.equal((await api('POST', 'secsign/newcomer', { action: 'devices', count: 0 })).devices, 0);
  const counted = await fetch(`${demo.upstream_url}/rest/v1/Device/newcomer/Count`);
  assert.deepEqual(await counted.json(), { count: 0 });
  assert.equal((await api('POST', 'secsign/newcomer', { action: 'create' })).devices, 1);
});

test('ThumbSignIn transactions: the list with its filters, and every action', async () => {
  await shown();
  const [transaction] = await api('GET', 'thumbsignin/transactions?userId=alice&state=PENDING');
  assert.deepEqual([transaction.kind, transaction.userId, transaction.status].map(String).map((text) => text.toUpperCase()),
    ['AUTHENTICATE', 'ALICE', 'PENDING']);
  assert.ok(transaction.expireInSeconds > 60 && transaction.transactionId);
  assert.deepEqual(await api('GET', 'thumbsignin/transactions?userId=bob'), []);
  assert.deepEqual(await api('GET', 'thumbsignin/transactions?state=INITIATED'), []);
  assert.equal((await api('POST', await shown(), { action: 'scan' })).status, 'INITIATED');
  assert.equal((await api('POST', await shown(), { action: 'approve', userId: 'alice' })).status, 'COMPLETED_SUCCESSFUL');
  assert.equal((await api('POST', await shown(), { action: 'decline' })).failureReason, 'DECLINED');
  assert.equal((await api('POST', await shown(), { action: 'fail', failureReason: 'NOT_REGISTERED' })).failureReason, 'NOT_REGISTERED');
  const path = await shown();
  const content = `${demo.phone_url}/phone/t/${path.split('/').at(-1)}`;
  assert.equal((await api('POST', 'thumbsignin/scan', { content })).status, 'INITIATED');
  await fails(400, 'POST', 'thumbsignin/scan', { content: 'https://example.com' });
  await fails(404, 'POST', 'thumbsignin/transactions/abc', { action: 'scan' });
  assert.equal((await fetch(content)).status, 200, 'the link is a page of the phone');
});

test('phones of ThumbSignIn are registered per application, and each can be named', async () => {
  const { appId } = (await api('GET', 'apps'))[0];
  const [own] = await api('GET', 'thumbsignin/devices?userId=alice');
  assert.deepEqual([own.appId, own.userId, own.deviceName].map(String), [appId, 'alice', 'Virtual phone']);
  assert.equal((await api('GET', 'thumbsignin/transactions')).length, 0);
  assert.equal((await api('POST', await shown(), { action: 'approve', deviceId: 'another' })).failureReason, 'NOT_REGISTERED');
  const approved = await api('POST', await shown(), { action: 'approve', deviceId: own.deviceId });
  assert.deepEqual([approved.status, approved.appId], ['COMPLETED_SUCCESSFUL', appId]);
  await fails(400, 'POST', await shown(), { action: 'approve', deviceId: 'a b' });
});

test('applications are created by scripts and on a page, with credentials that the service accepts', async () => {
  const before = await api('GET', 'apps');
  const logo = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64');
  const shop = await api('POST', 'apps', { name: 'Shop', description: 'Fruit', logo });
  assert.match(shop.appId, /^[0-9a-f]{32}$/);
  assert.match(shop.secret, /^[0-9a-f]{64}$/);
  assert.deepEqual([shop.name, shop.description, shop.logo], ['Shop', 'Fruit', `data:image/svg+xml;base64,${logo}`]);
  await demo.phone.reset();
  assert.deepEqual(await api('GET', 'apps'), [...before, shop], 'a reset keeps them');
  for (const wrong of [{}, { name: '' }, { name: 'x', logo: 'R0lGODlhAQABAAAAADs=' }]) await fails(400, 'POST', 'apps', wrong);

  const form = new FormData();
  form.set('name', 'Bank');
  form.set('description', '');
  const created = await fetch(`${demo.phone_url}/phone/apps`, { method: 'POST', body: form, redirect: 'manual' });
  assert.equal(created.status, 303);
  const bank = (await api('GET', 'apps')).at(-1);
  assert.equal(created.headers.get('location'), `/phone/apps/${bank.appId}`);
  const page = await (await fetch(`${demo.phone_url}/phone/apps/${bank.appId}`)).text();
  assert.ok(page.includes(bank.appId) && page.includes(bank.secret));

  const ask = async ({ appId, secret }, path) => {
    const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const digest = (text) => createHash('sha256').update(text).digest('hex');
    const canonical = ['get', path, '', `x-ts-date:${stamp}`, '', 'x-ts-date', digest('')].join('\n');
    const key = createHmac('sha256', secret).update(stamp.slice(0, 8)).digest();
    const signature = createHmac('sha256', key).update(`HmacSHA256\n${stamp}\n${digest(canonical)}`).digest('hex');
    const authorization = `HmacSHA256 Credential=${appId}, SignedHeaders=x-ts-date, Signature=${signature}`;
    const answer = await fetch(demo.upstream_url + path, { headers: { 'x-ts-date': stamp, authorization } });
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    return { status: answer.status, body: await answer.json() };
  };
  for (const app of [shop, bank]) {
    const { status, body } = await ask(app, '/ts/secure/authenticate');
    assert.deepEqual([status, body.status], [200, 'PENDING']);
    assert.equal((await ask(app, `/ts/secure/txn-status/${body.transactionId}`)).status, 200);
    assert.equal((await ask(before[0], `/ts/secure/txn-status/${body.transactionId}`)).status, 404, 'of another application');
    assert.deepEqual((await ask(app, '/ts/secure/devices/alice')).body.devices, []);
  }
  assert.equal((await ask({ ...shop, secret: bank.secret }, '/ts/secure/authenticate')).status, 401);
});

test('auto: later requests of a person are answered by themselves, until it is deleted', async () => {
  for (const [provider, action, state] of [['secsign', 'approve', 'approved'], ['secsign', 'deny', 'denied'],
    ['secsign', 'wrong_symbol', 'denied'], ['secsign', 'fetch', 'fetched'], ['thumbsignin', 'approve', 'approved'],
    ['thumbsignin', 'decline', 'denied'], ['thumbsignin', 'scan', 'fetched'], ['thumbsignin', 'fail', 'failed']]) {
    await demo.phone.reset();
    const rule = { provider, user: 'alice', action, after_ms: 50 };
    assert.equal((await api('POST', 'auto', rule)).action, action);
    assert.deepEqual(await api('GET', 'auto'), [rule]);
    await at.until(await at.begin(provider), state);
    assert.equal(await api('DELETE', 'auto'), undefined);
    assert.deepEqual(await api('GET', 'auto'), []);
  }
});

test('faults: every fault with every operation is accepted, listed and deleted; mistakes are refused', async () => {
  const operations = ['create', 'state', 'cancel', 'release', 'exist', 'create_qr_code', 'device_count', 'server_info',
    'authenticate', 'register', 'status', 'get_user', 'devices', 'deregister', '*'];
  const kinds = ['delay', 'refuse', 'reset', 'drop_before', 'drop_after', 'slow_body', 'huge_body', 'redirect', 'status', 'empty', 'html',
    'truncated', 'duplicate_key', 'percent_encoded', 'non_png_icon', 'wrong_user', 'wrong_session', 'unknown_state', 'approved_at_once'];
  // For a person whom nobody asks about: the provider still polls what earlier tests left open, and a fault that strikes is used up.
  const user = 'asked-by-nobody';
  for (const provider of ['secsign', 'thumbsignin']) {
    for (const operation of operations) {
      for (const fault of kinds) {
        const order = { provider, operation, fault, count: 1, probability: 0.5, delay_ms: 1, status: 503, value: 'x', user };
        const armed = await api('POST', 'faults', order);
        for (const [key, value] of Object.entries(order)) assert.equal(armed[key], value, key);
      }
    }
  }
  assert.equal((await api('GET', 'faults')).length, 2 * operations.length * kinds.length);
  assert.equal(await api('DELETE', 'faults'), undefined);
  assert.deepEqual(await api('GET', 'faults'), []);
  for (const wrong of [{ fault: 'nonsense' }, { fault: 'empty', operation: 'poll' }, { fault: 'empty', provider: 'sms' }, { fault: 'empty', probability: 2 }, {}]) {
    await fails(400, 'POST', 'faults', wrong);
  }
});

test('faults strike what they name: passing ones are waited out, the others end the login', async () => {
  // At SecSign somebody else each time: whether the phone was asked may not be known, and then the slot stays closed.
  const strike = async (order, provider, name) => {
    await demo.phone.reset();
    await demo.phone.fault(order);
    return at.begin(provider, name);
  };
  for (const fault of ['refuse', 'reset', 'drop_before', 'status', 'delay']) {
    const name = await at.person(`struck-${fault.replaceAll('_', '-')}`);
    const order = { provider: 'secsign', operation: 'state', user: name, fault, count: 1, status: 503, delay_ms: 300 };
    const walker = await strike(order, 'secsign', name);
    const { authsessionid } = await at.session(name);
    await demo.phone.answer(name, authsessionid, { action: 'approve' });
    assert.ok(await at.finish(walker), fault);
  }
  for (const [provider, operation, fault] of [['secsign', 'create', 'empty'], ['thumbsignin', 'authenticate', 'empty'],
    ['thumbsignin', 'status', 'html'], ['thumbsignin', 'authenticate', 'non_png_icon'], ['thumbsignin', 'status', 'wrong_session'],
    ['thumbsignin', 'authenticate', 'duplicate_key'], ['thumbsignin', 'status', 'truncated']]) {
    const name = provider === 'secsign' ? await at.person(`struck-at-${operation}`) : 'alice';
    const walker = await strike({ provider, operation, fault, count: 0 }, provider, name);
    // The first poll may have ended it already: then there is nothing to approve any more.
    const [open] = operation === 'status' ? await demo.phone.transactions('alice', 'PENDING') : [];
    if (open) await demo.phone.act(open.transactionId, { action: 'approve', userId: 'alice' }).catch(() => {});
    assert.match(await at.ended(walker), /^failed\/(technical_reason|upstream_down)$/, `${operation} ${fault}`);
  }
  // `count` and `user` narrow it down.
  const [struck, other] = [await at.person('struck'), await at.person('other')];
  const spared = await strike({ provider: 'secsign', operation: 'create', fault: 'empty', count: 1, user: struck }, 'secsign', other);
  assert.deepEqual([stateOf(spared), (await api('GET', 'faults')).length], ['pending/', 1], 'another person is not struck');
  assert.ok(await at.session(other), 'but asked');
  assert.match(await at.ended(await at.begin('secsign', struck)), /^failed/);
  assert.deepEqual(await api('GET', 'faults'), [], 'who is named is struck, once');
});

test('the log, the clock and the reset', async () => {
  const before = await at.lastSeq();
  const walker = await at.begin('secsign', 'bob');
  const log = await demo.phone.requests(before);
  const created = log.find(({ operation }) => operation === 'create');
  assert.deepEqual([created.provider, created.user, created.status], ['secsign', 'bob', 200]);
  assert.ok(Math.abs(created.at - Date.now()) < 60_000 && created.seq > before);
  await api('POST', 'clock', { advance_ms: 121_000 });
  assert.equal((await api('GET', 'secsign/bob')).sessions.at(-1).state, 2, 'the session expired by the simulator’s clock');
  assert.equal(await at.ended(walker), 'expired/');
  await api('POST', 'auto', { provider: 'secsign', user: 'bob', action: 'approve', after_ms: 1 });
  await api('POST', 'faults', { fault: 'delay', delay_ms: 1, count: 0 });
  assert.equal(await api('POST', 'reset', {}), undefined);
  assert.deepEqual([await api('GET', 'auto'), await api('GET', 'faults'), (await api('GET', 'secsign/bob')).sessions], [[], [], []]);
  assert.equal((await demo.phone.requests(before))[0].seq, before + 1, 'the log stays');
  await at.begin('secsign', 'bob');
  assert.ok((await at.lastSeq()) > created.seq, 'seq never restarts');
  const { state } = await eventually('a fresh session', () => at.session('bob'));
  assert.equal(state, 1, 'the clock is back');
});

test('foreign pages and hosts are refused, scripts of this machine are not', async () => {
  const send = (method, path, headers) => new Promise((resolve, reject) => {
    const { hostname, port } = new URL(demo.phone_url);
    plainRequest({ hostname, port, method, path, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => { text += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, json: text && JSON.parse(text) }));
    }).on('error', reject).end(method === 'POST' ? '{}' : undefined);
  });
  const { host } = new URL(demo.phone_url);
  for (const headers of [{ host, origin: 'https://evil.example' }, { host, origin: 'null' }, { host: 'evil.example' }, { host: '127.0.0.1.evil.example' },
    { host, 'sec-fetch-site': 'cross-site' }, { host, origin: demo.app_url }]) {
    for (const [method, path] of [['POST', '/phone/api/reset'], ['GET', '/phone/api/secsign/alice']]) {
      assert.equal((await send(method, path, headers)).status, 403, `${method} ${JSON.stringify(headers)}`);
    }
  }
  for (const headers of [{ host }, { host, origin: demo.phone_url }, { host: host.replace('127.0.0.1', 'localhost') }]) {
    assert.equal((await send('POST', '/phone/api/reset', headers)).status, 204, JSON.stringify(headers));
  }
});

test('the upstreams answer under their contracted paths', async () => {
  const form = await fetch(`${demo.upstream_url}/`, { method: 'POST', body: new URLSearchParams({ request: 'nonsense' }) });
  assert.match(await form.text(), /(^|&)error=/);
  assert.notEqual((await fetch(`${demo.upstream_url}/rest/v2/`)).status, 500);
  const unsigned = await fetch(`${demo.upstream_url}/ts/secure/authenticate?userId=alice`);
  assert.ok([401, 403].includes(unsigned.status), `an unsigned request: ${unsigned.status}`);
});
