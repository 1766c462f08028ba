// A real Keycloak in development mode: unpacked from its Maven package into a temporary directory, started on a free port of
// loopback, ended by its process id.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answers, run, startProgram } from './program.mjs';

const VERSION = '26.7.3';
const ARTIFACT = `org.keycloak:keycloak-quarkus-dist:${VERSION}:tar.gz`;

/** Downloads (once; Maven keeps it) and unpacks Keycloak into a directory of its own, which is the caller's to remove. */
export async function unpackKeycloak(say) {
  const dir = await mkdtemp(join(tmpdir(), 'signbridge-keycloak-'));
  say(`getting ${ARTIFACT} with Maven`);
  await run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${dir}`], { cwd: dir, timeout: 600_000 });
  // Maven's own unpacking cuts the long names in this archive short.
  const archive = `keycloak-quarkus-dist-${VERSION}.tar.gz`;
  await run('tar', ['xzf', archive], { cwd: dir });
  await rm(join(dir, archive));
  const home = (await readdir(dir)).find((name) => name.startsWith('keycloak-'));
  return { dir, home: join(dir, home) };
}

/** Starts it with these realms. Its directory is the caller's to remove. */
export async function startKeycloak({ dir, home }, port, realms, say) {
  const url = `http://127.0.0.1:${port}`;
  await mkdir(join(home, 'data', 'import'), { recursive: true });
  for (const realm of realms) await writeFile(join(home, 'data', 'import', `${realm.realm}-realm.json`), JSON.stringify(realm));
  say(`starting Keycloak ${VERSION} at ${url} with the realms ${realms.map(({ realm }) => realm).join(', ')}`);
  const began = performance.now();
  const server = await startProgram(join(home, 'bin', 'kc.sh'), [
    'start-dev', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`, '--import-realm',
    // It fetches our keys again on an unknown kid, but no sooner than 10 s after the last time: a test rotates faster.
    '--spi-public-key-storage--infinispan--min-time-between-requests=0',
  ], { cwd: dir, timeout: 300_000, env: { JAVA_OPTS: '-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms256m -Xmx768m' }, ready: () => answers(`${url}/realms/${realms.at(-1).realm}/.well-known/openid-configuration`) });
  say(`Keycloak answers after ${Math.round((performance.now() - began) / 1000)} s`);
  return { url, log: server.log, stop: server.stop };
}
