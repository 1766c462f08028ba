// Plays relying parties that cannot be installed: their requests, byte by byte as they were seen or as their source says.
// URLs and bodies are texts here, so that what a library would tidy up stays untidy.
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { Walker, signIn } from './walker.mjs';

/** Registers a client by a recipe; `files` are what the recipe would have people paste. */
export async function fromRecipe(provider, recipe, ...flags) {
  const client = await provider.command('client', 'create', '--recipe', recipe, ...flags);
  const files = Object.fromEntries(client.recipe.files.map(({ name, content }) => [name, content]));
  return { ...client, files };
}

const python = (program, input) => JSON.parse(execFileSync('python3', ['-c', program], { input, encoding: 'utf8' }));

/** An ini file as another program reads it: `{section: {key: value}}`. */
export const ini = (text) => python(`import configparser, json, sys
c = configparser.RawConfigParser(strict=True, inline_comment_prefixes=(';', '#')); c.read_file(sys.stdin)
print(json.dumps({s: dict(c[s]) for s in c.sections()}))`, text);

/** A TOML file as another program reads it. */
export const toml = (text) => python('import json, sys, tomllib; print(json.dumps(tomllib.loads(sys.stdin.read())))', text);

/** An environment file as `docker run --env-file` reads it: everything behind the first `=`, to the letter. */
export const environment = (text) => Object.fromEntries(text.split('\n').filter((line) => line && !line.startsWith('#'))
  .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

/** The arguments that a shell gives to `program` when it runs a script. */
export function argumentsOf(program, script) {
  const stub = `${program}() { printf '%s\\0' "$@"; }\n`;
  return execFileSync('sh', ['-eu'], { input: stub + script, encoding: 'utf8' }).split('\0').slice(0, -1);
}

/** `--name=value` arguments as an object; a repeated one is a list. */
export function flags(words) {
  const found = {};
  for (const word of words.filter((text) => text.startsWith('--'))) {
    const at = word.indexOf('=');
    const [name, value] = [word.slice(2, at), word.slice(at + 1)];
    found[name] = name in found ? [found[name], value].flat() : value;
  }
  return found;
}

/** A PKCE pair as Grafana and Nextcloud make it: a verifier of 128 characters. */
export function longPkce() {
  const verifier = randomBytes(96).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** The query of Go's `url.Values.Encode`: sorted, blanks as `+`. */
export const goQuery = (pairs) => new URLSearchParams(Object.entries(pairs).sort(([a], [b]) => (a < b ? -1 : 1))).toString();

/** A person signs in at `url` and comes back: what the callback was given. `walker` is the person's browser. */
export async function callback(url, redirectUri, username, walker = new Walker()) {
  await walker.open(url, redirectUri);
  if (['choose', 'identify'].includes(walker.page)) await signIn(walker, 'secsign', username, redirectUri, async () => {});
  if (walker.page === 'consent') await walker.submit('consent', { decision: 'allow' }, redirectUri);
  if (!walker.url.startsWith(redirectUri)) throw new Error(`no way back: ${walker.url} ${walker.status} ${walker.page}\n${walker.html.slice(0, 500)}`);
  return new URL(walker.url).searchParams;
}

/** HTTP Basic as Go's oauth2 writes it (RFC 6749 §2.3.1), or raw as many others do: with our secrets it is the same. */
export const basic = (id, secret) => `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

/** One POST of a form that is already written. */
export async function post(url, body, headers = {}) {
  const answer = await fetch(url, {
    method: 'POST', body, redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
  return { status: answer.status, headers: answer.headers, json: await answer.json() };
}

/** One GET with a bearer token. */
export async function bearer(url, token) {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, json: answer.status === 200 ? await answer.json() : undefined };
}

const part = (text) => JSON.parse(Buffer.from(text, 'base64url').toString());

/** The claims of an ID token whose RS256 signature a key of `jwksUri` made. */
export async function verified(idToken, jwksUri) {
  const [head, body, signature] = idToken.split('.');
  const { kid, alg } = part(head);
  if (alg !== 'RS256') throw new Error(`signed with ${alg}`);
  const { keys } = await (await fetch(jwksUri)).json();
  const key = createPublicKey({ key: keys.find((known) => known.kid === kid), format: 'jwk' });
  if (!verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))) throw new Error('bad signature');
  return part(body);
}

/** Whether the browser is still signed in, asked without a page (`prompt=none`): a code, or the error. */
export async function silently(url, redirectUri, walker) {
  await walker.open(`${url}&prompt=none`, redirectUri);
  const answer = new URL(walker.url).searchParams;
  return answer.get('error') ?? (answer.get('code') ? 'code' : `neither: ${walker.url}`);
}
