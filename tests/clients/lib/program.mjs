// Programs that we did not write, run beside the provider: started on free ports, ended by their own process id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program to its end; answers what it printed, or throws with that. */
export async function run(command, words, { env = {}, cwd, input, timeout = 120_000 } = {}) {
  const child = spawn(command, words, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'], timeout });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { printed += chunk; });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${words.join(' ')} ended with ${code}:\n${printed.slice(-4000)}`);
  return printed;
}

/** A server that runs until `stop`. `ready` is asked again and again until it answers true. */
export async function startProgram(command, words, { env = {}, cwd, ready, timeout = 120_000 }) {
  // A process group of its own: what it starts (Apache's workers, Java behind a shell script) ends with it.
  const child = spawn(command, words, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { log = (log + chunk).slice(-400_000); });
  const gone = new Promise((done) => { child.once('exit', done); child.once('error', done); });
  let ended = false;
  gone.then(() => { ended = true; });
  const stop = async () => {
    if (!ended && child.pid) process.kill(-child.pid, 'SIGTERM');
    const timer = setTimeout(() => { if (!ended) process.kill(-child.pid, 'SIGKILL'); }, 15_000);
    await gone;
    clearTimeout(timer);
  };
  const until = Date.now() + timeout;
  for (;;) {
    if (ended) throw new Error(`${command} ended:\n${log.slice(-4000)}`);
    if (await Promise.resolve(ready()).catch(() => false)) break;
    if (Date.now() > until) {
      await stop();
      throw new Error(`${command}: not ready within ${timeout} ms\n${log.slice(-4000)}`);
    }
    await new Promise((done) => { setTimeout(done, 100); });
  }
  return { pid: child.pid, log: () => log, stop };
}

/** Whether an address answers with this status. */
export async function answers(url, status = 200) {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.status === status;
}
