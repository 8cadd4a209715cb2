import { pino } from 'pino';
import type { Clock, Log, LogFields } from '../../../src/ports/index.ts';
import { isSecretName, redactText } from './redact.ts';

export { isSecretName, redactText } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  /** `info` when not given. */
  readonly level?: LogLevel;
  /** Of the `ts` of each line. */
  readonly clock: Pick<Clock, 'now'>;
  /** File descriptor; 2 (stderr) when not given. Written to before the call returns, so that no line is lost in a crash. */
  readonly fd?: number;
  /** Takes the lines in place of a file descriptor. */
  readonly write?: (line: string) => void;
}

/** Names that pino writes itself. */
const TAKEN = new Set(['level', 'ts', 'msg']);

function clean(fields: LogFields): Record<string, string | number | boolean | readonly string[]> {
  const out: Record<string, string | number | boolean | readonly string[]> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const key = TAKEN.has(name) ? `${name}_` : name;
    if (isSecretName(name)) out[key] = '[redacted]';
    else if (typeof value === 'string') out[key] = redactText(value);
    else out[key] = typeof value === 'object' ? value.map(redactText) : value;
  }
  return { ...fluxNames(fields), ...out };
}

/** The object that a line is about, as Flux's controllers name it: `flux logs` chooses lines by these. */
function fluxNames({ kustomization, source }: LogFields): Record<string, string> {
  const key = kustomization ?? source;
  const [controllerKind, namespace, name] = typeof key === 'string' ? key.split('/') : [];
  if (controllerKind === undefined || namespace === undefined || name === undefined) return {};
  return { controllerKind, namespace: redactText(namespace), name: redactText(name) };
}

function timestamp(clock: Pick<Clock, 'now'>): string {
  const now = clock.now();
  // A broken clock must not stop the log.
  const date = new Date(Number.isFinite(now) && Math.abs(now) < 8e15 ? now : 0);
  return `,"ts":"${date.toISOString()}"`;
}

type Sink = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error' | 'child' | 'isLevelEnabled'>;

function wrap(sink: Sink): Log {
  const put =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, fields: LogFields = {}): void => {
      // Before anything is cleaned: a first sync has a line for each object that hardly anybody reads.
      if (sink.isLevelEnabled(level)) sink[level](clean(fields), redactText(event));
    };
  return {
    debug: put('debug'),
    info: put('info'),
    warn: put('warn'),
    error: put('error'),
    with: (fields) => wrap(sink.child(clean(fields))),
  };
}

/** JSON lines `{"level","ts",...fields,"msg"}`, one an event, without secrets. */
export function createLog(options: LogOptions): Log {
  const write = options.write;
  const stream =
    write === undefined
      ? pino.destination({ dest: options.fd ?? 2, sync: true })
      : { write: (line: string) => write(line) };
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: null,
      messageKey: 'msg',
      timestamp: () => timestamp(options.clock),
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return wrap(logger);
}
