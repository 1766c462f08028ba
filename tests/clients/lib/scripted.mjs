// A SecSign server that says what a test tells it, to the byte: for answers that the simulator does not give.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { PNG } from 'pngjs';

const ICON = PNG.sync.write(new PNG({ width: 8, height: 8 })).toString('base64');

/** The pairs of an answer, as the server writes them: nothing is encoded. */
export const pairs = (fields) => Object.entries(fields).map(([key, value]) => `${key}=${value}`).join('&');

/** Starts it. `create` and `state` are functions of the request's parameters; they answer a body or `{status, body}`. */
export async function startScripted() {
  const honest = {
    create: ({ secsignid, servicename, serviceaddress }) => pairs({
      authsessionid: server.sessions += 1, secsignid, servicename, serviceaddress, authsessionstate: 1,
      requestid: 'AB'.repeat(32), authsessionicondata: ICON,
    }),
    state: ({ authsessionid, secsignid }) => pairs({ authsessionid, secsignid, authsessionstate: 1 }),
    cancel: ({ authsessionid }) => pairs({ authsessionid, authsessionstate: 6 }),
  };
  // As the simulator, it keeps idle connections: one that ends just as it is used again would lose a poll or a cancel.
  const listener = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    let text = '';
    request.on('data', (chunk) => { text += chunk; });
    request.on('end', () => {
      const parameters = Object.fromEntries(new URLSearchParams(text));
      const operation = { ReqRequestAuthSession: 'create', ReqGetAuthSessionState: 'state' }[parameters.request] ?? 'cancel';
      server.calls.push({ operation, ...parameters });
      const answer = server[operation](parameters);
      const { status = 200, body } = typeof answer === 'string' ? { body: answer } : answer;
      response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const server = {
    ...honest, honest, calls: [], sessions: 100,
    url: `http://127.0.0.1:${listener.address().port}`,
    /** Says the truth again. */
    behave: () => Object.assign(server, honest),
    stop: () => new Promise((done) => { listener.close(done); listener.closeAllConnections(); }),
  };
  return server;
}

/** The answer of a state call. */
export const stateIs = (state) => ({ authsessionid, secsignid }) => pairs({ authsessionid, secsignid, authsessionstate: state });

/** A refusal as the server words it, always with HTTP status 200. */
export const refusal = (error, errorcode, errormsg = 'Some words.') => () => pairs({ error, errormsg, ...(errorcode && { errorcode }) });
