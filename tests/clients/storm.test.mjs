// The storms at one node. `STORM=full` approves 200 logins instead of 40.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { settle } from './lib/apps.mjs';
import { pool, prepare } from './lib/serve.mjs';
import { storms } from './lib/storms.mjs';

const at = {};

before(async () => {
  at.site = await prepare();
  await at.site.start();
  at.agent = pool(100);
  Object.assign(at, await settle(at.site, at.agent));
});

after(async () => {
  at.agent?.destroy();
  if (at.site) assert.equal(await at.site.close(), 0);
});

storms(() => at, { codes: 200, logins: process.env.STORM === 'full' ? 200 : 40, chains: 40 });
