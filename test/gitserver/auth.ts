import type { IncomingMessage } from 'node:http';

/** Who may read and write a repository. With several, all must hold. */
export interface Auth {
  readonly basic?: { readonly username: string; readonly password: string };
  readonly bearer?: string;
  /** Common name that the client certificate must have. */
  readonly certificate?: string;
}

/** Undefined when a request may pass, else the status that refuses it. */
export function refusal(auth: Auth | undefined, request: IncomingMessage, certificate: string): 401 | 403 | undefined {
  if (auth === undefined) return undefined;
  if (auth.certificate !== undefined && auth.certificate !== certificate) return 403;
  const header = request.headers.authorization ?? '';
  if (auth.basic !== undefined) {
    const pair = `${auth.basic.username}:${auth.basic.password}`;
    return header === `Basic ${Buffer.from(pair).toString('base64')}` ? undefined : 401;
  }
  if (auth.bearer !== undefined) return header === `Bearer ${auth.bearer}` ? undefined : 401;
  return undefined;
}
