// A PostgreSQL server of its own for tests: in a temporary directory, on a free port, as an unprivileged user (`initdb`
// refuses root), ended by its own process id. As a program it runs a command beside such a server:
//
//   node lib/postgres.mjs COMMAND…
//
// with `TEST_DATABASE=postgres` and the server's address in `TEST_POSTGRES`; `prepare` and `startDemo` then give every program
// that they start a database of its own.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts } from './ports.mjs';

const execute = promisify(execFile);
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** Where a program of the server is: Debian keeps them out of the path. */
async function find(program) {
  const root = '/usr/lib/postgresql';
  const versions = (await readdir(root).catch(() => [])).map(Number).filter(Boolean).sort((a, b) => b - a);
  return versions.length > 0 ? join(root, String(versions[0]), 'bin', program) : program;
}

function signalIfThere(pid, name) {
  try { process.kill(pid, name); } catch (error) { if (error.code !== 'ESRCH') throw error; }
}

/** The fields of /proc/PID/stat after the name: state, parent, …; none when there is no such process. */
async function stat(pid) {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
}

const runs = async (pid) => !['', 'Z', 'X'].includes((await stat(pid))[0]);

export class Postgres {
  #child;

  #log = '';

  constructor(parts) { Object.assign(this, parts, { url: `postgres://signbridge@127.0.0.1:${parts.port}` }); }

  /** A new server. `settings` are given to it as they are; without `durable` it forgets what it knew when it is killed. */
  static async start({ durable = false, settings = {} } = {}) {
    const dir = await mkdtemp(join(tmpdir(), 'postgres-'));
    // As root, run it as somebody who owns nothing else.
    const [uid, gid] = process.getuid() === 0
      ? ['-u', '-g'].map((flag) => execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim()) : [];
    const prefix = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    if (uid !== undefined) await chown(dir, Number(uid), Number(gid));
    const data = join(dir, 'data');
    const [head, ...rest] = [...prefix, await find('initdb')];
    await execute(head, [...rest, '--no-sync', '--auth=trust', '--username=signbridge', '--encoding=UTF8', '-D', data],
      { env: { ...process.env, LC_ALL: 'C' } });
    const [port] = await freePorts(1);
    const server = new Postgres({ dir, data, prefix, port, durable, settings });
    await server.up();
    return server;
  }

  /** Starts the server again where it was ended; returns when it answers. */
  async up() {
    const all = { listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: '', max_connections: 100,
      ...(this.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }), ...this.settings };
    const [head, ...rest] = [...this.prefix, await find('postgres'), '-D', this.data,
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const child = spawn(head, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (chunk) => { this.#log = (this.#log + chunk).slice(-100_000); });
    for (let tries = 0; tries < 600; tries += 1) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`PostgreSQL ended:\n${this.#log}`);
      if (await this.sql('SELECT 1').then(() => true, () => false)) return;
      await pause(50);
    }
    throw new Error(`PostgreSQL does not answer:\n${this.#log}`);
  }

  get log() { return this.#log; }

  get pid() { return this.#child.pid; }

  /** Runs a statement; answers the rows as text. */
  async sql(statement, database = 'postgres') {
    const { stdout } = await execute('psql', ['-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-c', statement, `${this.url}/${database}`],
      { env: { ...process.env, PGCONNECT_TIMEOUT: '3', PGSSLMODE: 'disable' } });
    return stdout.trim();
  }

  /** Changes a setting of the running server; returns when it is in force. */
  async set(name, value) {
    await this.sql(`ALTER SYSTEM SET ${name} = ${value}`);
    await this.sql('SELECT pg_reload_conf()');
    for (let tries = 0; await this.sql(`SHOW ${name}`) !== value; tries += 1) {
      if (tries > 200) throw new Error(`${name} does not become ${value}`);
      await pause(50);
    }
  }

  /** The server's processes: the postmaster and its children. */
  async processes() {
    const children = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      if (Number((await stat(name))[1]) === this.pid) children.push(Number(name));
    }
    return [this.pid, ...children];
  }

  /** Sends every process of the server a signal: SIGSTOP hangs it, SIGCONT lets it go on. */
  async signal(name) {
    // The postmaster first, and only then its children are looked for: one that it makes meanwhile would be left out.
    signalIfThere(this.pid, name);
    for (const pid of await this.processes()) signalIfThere(pid, name);
  }

  /** Kills the server at once, as a power cut of its machine's processes would. Returns when all of it is gone. */
  async kill() {
    const gone = once(this.#child, 'exit');
    // Stopped first: it makes no child any more, and those that it has are still found as its own.
    signalIfThere(this.pid, 'SIGSTOP');
    const all = await this.processes();
    for (const pid of all) signalIfThere(pid, 'SIGKILL');
    await gone;
    // Until the last of them has let go of the shared memory no server starts here.
    while ((await Promise.all(all.map(runs))).includes(true)) await pause(10);
    await rm(join(this.data, 'postmaster.pid'), { force: true });
  }

  /** Ends the server (SIGINT: it throws its clients out) and removes everything. */
  async stop() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      // All of them: where one stays hung the server never ends.
      await this.signal('SIGCONT');
      this.#child.kill('SIGINT');
      await gone;
    }
    await rm(this.dir, { recursive: true, force: true });
  }
}

let count = 0;

/**
 * The address of a new, empty database at `server` (`postgres://USER@HOST:PORT`). One whose name begins otherwise is not for a program
 * that fills it: see `unused`.
 */
export async function freshDatabase(server = process.env.TEST_POSTGRES, begins = 'test') {
  count += 1;
  const name = `${begins}_${process.pid}_${count}`;
  await execute('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', `CREATE DATABASE ${name}`, `${server}/postgres`]);
  return `${server}/${name}`;
}

/** The address of a new database at the same server that holds what is in `database`. */
export async function copyDatabase(database) {
  const copy = await freshDatabase(database.slice(0, database.lastIndexOf('/')));
  await execute('sh', ['-c', 'pg_dump --dbname="$0" | psql -X -q -v ON_ERROR_STOP=1 -o /dev/null "$1"', database, copy]);
  return copy;
}

/** Runs a statement in the database at this address. */
export const runSql = (database, statement) => execute('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-c', statement, database]);

/** The database of a program that is about to start: `undefined` for the SQLite file that it makes itself. */
export async function chosenDatabase() {
  return process.env.TEST_DATABASE === 'postgres' ? freshDatabase() : undefined;
}

/**
 * How many databases of `server` were made for programs, and which of them do not hold our tables: a setting that is ignored
 * would leave them empty, and every test would pass on SQLite.
 */
export async function unused(server) {
  const made = (await server.sql("SELECT datname FROM pg_database WHERE datname ~ '^(test|authlib)_' ORDER BY oid")).split('\n').filter(Boolean);
  const found = [];
  for (const name of made) {
    const tables = await server.sql("SELECT to_regclass('seaql_migrations') IS NOT NULL", name);
    if (tables !== 't') found.push(`${name}: made for a program, and without its tables`);
  }
  return { made: made.length, found };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // `--durable COMMAND…`: as a database that people rely on, for what is measured.
  const durable = process.argv[2] === '--durable';
  const server = await Postgres.start({ durable });
  const [program, ...words] = process.argv.slice(durable ? 3 : 2);
  const child = spawn(program, words, {
    stdio: 'inherit',
    env: { ...process.env, TEST_DATABASE: 'postgres', TEST_POSTGRES: server.url },
  });
  const [code, signal] = await once(child, 'exit');
  const { made, found } = await unused(server).catch((error) => ({ made: 0, found: [`the server cannot be asked: ${error.message}`] }));
  await server.stop();
  process.exitCode = signal ? 1 : code;
  if (found.length > 0) {
    console.error(`PostgreSQL was not used:\n${found.join('\n')}`);
    process.exitCode ||= 1;
  } else if (made > 0) {
    console.error(`${made} databases on PostgreSQL were made for programs, and each holds their tables`);
  }
}
