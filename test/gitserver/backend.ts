import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { gitEnv } from './git.ts';

export interface BackendCall {
  readonly request: IncomingMessage;
  /** Folder that holds the bare repositories. */
  readonly root: string;
  /** Path below it. */
  readonly path: string;
  readonly query: string;
  /** Value of GIT_PROTOCOL; '' for none. */
  readonly protocol: string;
  /** Body of the request as it came. */
  readonly body: AsyncIterable<Buffer>;
}

export interface BackendAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Buffer>;
  /** Ends the process, also when the body was not read to its end. */
  end(): void;
}

/** Runs `git http-backend` as a CGI program (RFC 3875), streaming both bodies. */
export async function callBackend(call: BackendCall): Promise<BackendAnswer> {
  const { headers, method = 'GET' } = call.request;
  const env: Record<string, string> = {
    GIT_PROJECT_ROOT: call.root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: call.path,
    QUERY_STRING: call.query,
    REQUEST_METHOD: method,
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_USER: 'test',
    CONTENT_TYPE: headers['content-type'] ?? '',
    SERVER_PROTOCOL: 'HTTP/1.1',
  };
  // Without a length (chunked) git reads to the end of its input.
  if (headers['content-length'] !== undefined) env['CONTENT_LENGTH'] = headers['content-length'];
  if (headers['content-encoding'] !== undefined) env['HTTP_CONTENT_ENCODING'] = headers['content-encoding'];
  if (call.protocol !== '') env['GIT_PROTOCOL'] = call.protocol;
  const child = spawn('git', ['http-backend'], { env: gitEnv(env), stdio: ['pipe', 'pipe', 'ignore'], cwd: call.root });
  child.stdin.on('error', () => undefined);
  child.on('error', () => child.stdout.destroy());
  void feed(child.stdin, call.body);
  const iterator = (child.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const end = () => void child.kill('SIGKILL');
  const { head, rest } = await readHead(iterator);
  const fields: Record<string, string> = {};
  for (const line of head.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trim();
  }
  const { Status: status = '200', ...others } = fields;
  return { status: Number.parseInt(status, 10), headers: others, body: joined(rest, iterator), end };
}

async function feed(to: NodeJS.WritableStream, body: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const chunk of body)
      if (!to.write(chunk))
        await new Promise((done) => {
          to.once('drain', done);
          to.once('close', done);
        });
  } catch {
    // The client went away: git sees the end of its input and refuses.
  }
  to.end();
}

async function readHead(from: AsyncIterator<Buffer>): Promise<{ head: string; rest: Buffer }> {
  let seen: Buffer = Buffer.alloc(0);
  for (;;) {
    const blank = /\r?\n\r?\n/.exec(seen.toString('latin1'));
    if (blank !== null) {
      const end = blank.index + blank[0].length;
      return { head: seen.subarray(0, blank.index).toString('latin1'), rest: seen.subarray(end) };
    }
    const next = await from.next();
    if (next.done === true) throw new Error('git http-backend ended without a head');
    seen = Buffer.concat([seen, next.value]);
  }
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
