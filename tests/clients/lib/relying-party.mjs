// An app behind Keycloak: takes its answers at `/cb`, its logged-out visitors at `/bye` and logout tokens at `/backchannel`.
import { once } from 'node:events';
import http from 'node:http';

export async function startRelyingParty() {
  const logoutTokens = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
      const token = new URLSearchParams(body).get('logout_token');
      if (request.method === 'POST' && request.url === '/backchannel' && token) logoutTokens.push(token);
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>App</title><p>This is the app at ${request.url.split('?')[0]}.</p>`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url, logoutTokens, callback: `${url}/cb`, bye: `${url}/bye`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
