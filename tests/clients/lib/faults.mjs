// Every fault of the simulated services, and phones at ThumbSignIn for the people whom they strike.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';

/** Every kind of fault that the simulator has; `truncated` in both of its forms. */
export const FAULTS = [
  { fault: 'delay', delay_ms: 20_000 }, { fault: 'refuse' }, { fault: 'reset' }, { fault: 'drop_before' }, { fault: 'drop_after' },
  { fault: 'slow_body' }, { fault: 'huge_body' }, { fault: 'redirect' }, { fault: 'status', status: 503 }, { fault: 'empty' },
  { fault: 'html' }, { fault: 'truncated' }, { fault: 'truncated', value: 'wire' }, { fault: 'duplicate_key' },
  { fault: 'percent_encoded' }, { fault: 'non_png_icon' }, { fault: 'wrong_user' }, { fault: 'wrong_session' },
  { fault: 'unknown_state' }, { fault: 'approved_at_once' },
];
/** Those about members: an answer without such members is as it was. */
export const ABOUT_MEMBERS = ['percent_encoded', 'non_png_icon', 'wrong_user', 'wrong_session', 'unknown_state', 'approved_at_once'];

/** Each fault in these calls of a service, by somebody of their own. */
export const cases = (service, operations) => operations.flatMap((operation) => FAULTS.map((order, number) => ({
  service, operation, order: { ...order, provider: service, operation }, name: `${service}-${operation.replaceAll('_', '-')}-${number}`,
  what: `${service} ${operation} ${order.fault} ${order.value ?? ''}`,
})));

/** Registers a phone with ThumbSignIn as a site does: by a signed call (ThumbSignIn notes §1), which the phone approves. */
export async function enrol({ upstream, phone }, name) {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const digest = (text) => createHash('sha256').update(text).digest('hex');
  const [path, query] = ['/ts/secure/register', `userId=${name}`];
  const canonical = ['get', path, query, `x-ts-date:${stamp}`, '', 'x-ts-date', digest('')].join('\n');
  const key = createHmac('sha256', upstream.secret).update(stamp.slice(0, 8)).digest();
  const signature = createHmac('sha256', key).update(`HmacSHA256\n${stamp}\n${digest(canonical)}`).digest('hex');
  const authorization = `HmacSHA256 Credential=${upstream.app_id}, SignedHeaders=x-ts-date, Signature=${signature}`;
  const answer = await fetch(`${upstream.upstream_url}${path}?${query}`, { headers: { 'x-ts-date': stamp, authorization } });
  assert.equal(answer.status, 200);
  await phone.act((await answer.json()).transactionId, { action: 'approve' });
}
