// Ports for programs that are told where to listen.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Ports of loopback that nobody listens at just now. They are below those that Linux gives to connections and to whoever asks for any
 * port: one of those could be taken before its program listens there, or while it is started again. Browsers refuse 10080.
 */
export async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = randomInt(12_000, 32_768);
    const server = createServer().listen(port, '127.0.0.1');
    if (!await once(server, 'listening').catch(() => undefined)) continue;
    await new Promise((done) => { server.close(done); });
    ports.add(port);
  }
  return [...ports];
}
