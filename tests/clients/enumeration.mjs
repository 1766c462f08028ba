// Whether anything that a stranger can time or count tells a name that somebody has from one that nobody has: prints a table of
// the areas under the curve (0.5 tells nothing; 0.45 to 0.55 is wanted), and ends with 1 where one is outside by more than chance.
//
//   node enumeration.mjs [--names 1000] [--rate 16] [--delays 0,18,50] [--loads quiet,busy] [--login 6]
//
// Each name is asked for once in each run, by a browser of its own, in random order; both services at the same time. `--rate` is
// how many logins begin in a second, `--login` how long one lives. Everything is on this machine, and ends by itself.
import { parseArgs } from 'node:util';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import http from 'node:http';
import { attempt, auc, declared, names, shuffle, standardError } from './lib/enumeration.mjs';
import { App, each, pause, prepare } from './lib/serve.mjs';

const SERVICES = ['secsign', 'thumbsignin'];
/** How far an area may be from 0.5, and how many standard errors beyond that are chance. */
const [BAND, CHANCE] = [0.05, 3];

/** So many requests at a time, for ever: the busy machine. */
function load({ url, width }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: width });
  const one = () => http.get(url, { agent }, (answer) => { answer.resume().on('end', one); }).on('error', () => setTimeout(one, 100));
  for (let at = 0; at < width; at += 1) one();
}

/** One run: every name once at each service. Answers the samples of each service, known and unknown apart. */
async function run(app, people, nobodies, rate) {
  const list = SERVICES.flatMap((service) => [...people.map((name) => [service, 'known', name]), ...nobodies.map((name) => [service, 'unknown', name])]);
  const samples = Object.fromEntries(SERVICES.map((service) => [service, { known: [], unknown: [], failed: [] }]));
  const running = [];
  const began = performance.now();
  for (const [at, [service, kind, name]] of shuffle(list).entries()) {
    // Not in step with anything that the provider does.
    await pause(began + ((at + Math.random()) * 1000) / rate - performance.now());
    running.push(attempt(app, service, name).then(
      ({ times, seen }) => samples[service][kind].push({ ...times, ...seen }),
      (error) => samples[service].failed.push(`${kind} ${error.message}`),
    ));
  }
  await Promise.all(running);
  return samples;
}

async function everything() {
  const { values } = parseArgs({ options: {
    names: { type: 'string', default: '1000' }, rate: { type: 'string', default: '16' }, delays: { type: 'string', default: '0,18,50' },
    loads: { type: 'string', default: 'quiet,busy' }, login: { type: 'string', default: '6' },
  } });
  const [count, rate] = [Number(values.names), Number(values.rate)];
  const [people, nobodies] = [names(count, 'k'), names(count, 'u')];
  const provider = await prepare({ lifetimes: { login: `${values.login}s` }, more: declared(people) });
  const outside = [];
  try {
    await provider.start();
    const client = await provider.command('client', 'create', '--id', 'web', '--redirect-uri', 'http://localhost:9/callback');
    const app = new App(provider, client);
    app.issuer = provider.origin;
    await each(people, 8, (name) => provider.phone.create(name));
    // The provider has seen what the services show, as after its first day.
    await each(people.slice(0, 120), 4, async (name) => {
      for (const service of SERVICES) await attempt(app, service, name, { toItsEnd: false });
    });
    await pause(Number(values.login) * 1000 + 2000);
    for (const delay of values.delays.split(',').map(Number)) {
      for (const busy of values.loads.split(',')) {
        await provider.phone.clearFaults();
        if (delay) await provider.phone.fault({ operation: '*', fault: 'delay', delay_ms: delay, count: 0 });
        const worker = busy === 'busy' && new Worker(new URL(import.meta.url), { workerData: { url: `${provider.origin}/jwks`, width: 6 } });
        const samples = await run(app, people, nobodies, rate);
        if (worker) await worker.terminate();
        for (const service of SERVICES) outside.push(...report(`${service}, ${delay} ms, ${busy}`, samples[service]));
        await pause(Number(values.login) * 1000 + 2000);
      }
    }
  } finally {
    await provider.close();
  }
  console.log(outside.length ? `outside: ${outside.join('; ')}` : 'all within');
  return outside.length;
}

const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Prints the rows of one run; answers what is outside. */
function report(what, { known, unknown, failed }) {
  console.log(`\n${what}: ${known.length} known, ${unknown.length} unknown, ${failed.length} failed`);
  for (const problem of new Set(failed.slice(0, 3))) console.log(`  ${problem}`);
  if (!known.length || !unknown.length) return [what];
  const error = standardError(known.length, unknown.length);
  console.log(`| statistic | AUC (s.e. ${error.toFixed(3)}) | known, median | unknown, median |\n|---|---|---|---|`);
  return Object.keys(known[0]).flatMap((statistic) => {
    const [ones, others] = [known, unknown].map((samples) => samples.map((sample) => sample[statistic]));
    const area = auc(ones, others);
    const number = (value) => (Number.isInteger(value) ? value : value.toFixed(2));
    const far = Math.abs(area - 0.5) > BAND;
    console.log(`| ${statistic} | ${far ? `**${area.toFixed(3)}**` : area.toFixed(3)} | ${number(middle(ones))} | ${number(middle(others))} |`);
    return Math.abs(area - 0.5) > Math.max(BAND, CHANCE * error) ? [`${what}: ${statistic} ${area.toFixed(3)}`] : [];
  });
}

if (isMainThread) process.exitCode = (await everything()) ? 1 : 0;
else load(workerData);
