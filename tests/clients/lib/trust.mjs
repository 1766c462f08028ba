// Whom the requests of tests trust beside the usual authorities: options of each TLS connection.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const trust = {};

/** A certificate for localhost that signs itself, in `dir`, good for so many days; it is trusted from now on. Answers the paths. */
export function selfSigned(dir, days = 2) {
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days), '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'pipe' });
  trust.ca = readFileSync(cert);
  return { cert, key };
}
