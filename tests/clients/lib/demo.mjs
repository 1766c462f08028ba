// Starts the program under test: `signbridge demo` on free ports, and talks to its virtual phone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chosenDatabase } from './postgres.mjs';

/** The program under test. */
export const BINARY = process.env.BINARY_UNDER_TEST
  ?? fileURLToPath(new URL('../../../target/release/signbridge', import.meta.url));

/** A running demo: what it printed, and how to stop it. On free ports, unless `extra` names one. */
export async function startDemo(...extra) {
  const port = extra.includes('--port') ? [] : ['--port', '0'];
  // A directory that is kept has a database of its own.
  const database = extra.includes('--data-dir') ? undefined : await chosenDatabase();
  const env = { ...process.env, ...(database && { SIGNBRIDGE_DATABASE__URL: database }) };
  const child = spawn(BINARY, ['demo', ...port, '--format', 'json', ...extra], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => { log += chunk; });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`demo ended with ${code}:\n${log}`); });
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => {});
  const about = JSON.parse(line);
  const client = (id) => about.clients.find((known) => known.client_id === id);
  const user = (name) => about.users.find((known) => known.username === name);
  return {
    ...about, client, user, phone: phone(about.phone_url),
    log: () => log,
    async stop() {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

/** The virtual phone's API for scripts. */
export function phone(url) {
  const call = async (method, path, body) => {
    const response = await fetch(`${url}/phone/api/${path}`, {
      method, body: body && JSON.stringify(body), headers: body && { 'content-type': 'application/json' },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  return {
    url,
    reset: () => call('POST', 'reset', {}),
    requests: (after = 0) => call('GET', `requests?after=${after}`),
    secsign: (id) => call('GET', `secsign/${id}`),
    create: (id) => call('POST', `secsign/${id}`, { action: 'create' }),
    auto: (provider, user, action, afterMs = 0) => call('POST', 'auto', { provider, user, action, after_ms: afterMs }),
    answer: (id, session, body) => call('POST', `secsign/${id}/sessions/${session}`, body),
    transactions: (userId = '', state = '') => call('GET', `thumbsignin/transactions?userId=${userId}&state=${state}`),
    act: (id, body) => call('POST', `thumbsignin/transactions/${id}`, body),
    scan: (content) => call('POST', 'thumbsignin/scan', { content }),
    fault: (order) => call('POST', 'faults', order),
    clearFaults: () => call('DELETE', 'faults'),
    call,
  };
}

/**
 * Calls `look` until it returns something; for what happens in another process. The timeout is generous: it only decides how soon a
 * failure is told, and the machine may be busy with other tests.
 */
export async function eventually(what, look, timeout = 30_000) {
  const until = Date.now() + timeout;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > until) throw new Error(`${what}: not within ${timeout} ms`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/** Approves the open request of a person, of either service. */
export async function approve(demo, provider, username) {
  const user = demo.user(username);
  if (provider === 'secsign') {
    const session = await eventually('the push', async () => {
      const { sessions } = await demo.phone.secsign(user.secsignid);
      return sessions.find(({ state }) => state === 1 || state === 7);
    });
    await demo.phone.answer(user.secsignid, session.authsessionid, { action: 'approve' });
  } else {
    const id = user.thumbsignin_user_id;
    const transaction = await eventually('the transaction', async () => {
      const open = await demo.phone.transactions(id, 'PENDING');
      return open.at(-1);
    });
    await demo.phone.act(transaction.transactionId, { action: 'approve', userId: id });
  }
}
