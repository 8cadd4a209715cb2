import { check, type Engine } from './tools.ts';

interface Config {
  readonly User?: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  readonly Healthcheck?: unknown;
}

const LABELS = ['title', 'description', 'licenses', 'version', 'revision'].map(
  (name) => `org.opencontainers.image.${name}`,
);

/** The settings of an image: its program without a shell before it, its user, its labels. */
export async function checkConfig(engine: Engine, tag: string): Promise<string> {
  const config = JSON.parse(await engine.podman('inspect', '--format', '{{json .Config}}', tag)) as Config;
  const program = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  check(program[0] === '/opt/holdfast/holdfast', `it starts ${program.join(' ')}, not the program itself`);
  check(config.User === '65532:65532', `its user is ${config.User}`);
  check(Object.keys(config.Volumes ?? {}).join() === '/var/lib/holdfast', 'its volume is not the state folder');
  check(config.Healthcheck === undefined, 'it has a HEALTHCHECK, which starts a Node each time');
  const empty = LABELS.filter((name) => (config.Labels?.[name] ?? '') === '');
  check(empty.length === 0, `without labels ${empty.join(', ')}`);
  const [version = '', revision = ''] = LABELS.slice(3).map((name) => config.Labels?.[name]);
  const ports = Object.keys(config.ExposedPorts ?? {}).join(', ');
  return `${JSON.stringify(program)}, user ${config.User}, port ${ports}, version ${version}, revision ${revision.slice(0, 12)}`;
}
