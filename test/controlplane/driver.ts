import { cp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { textAt } from '../../src/model/index.ts';
import { type Leash, startLeash } from '../support/leash.ts';
import { freePorts } from '../support/ports.ts';
import { tempDir } from '../support/temp.ts';
import { accessTo, type ClusterAccess, type ClusterInfo } from './access.ts';
import { type EnsureOptions, ensure } from './ensure.ts';
import { createPart, type Part, whenReady } from './part.ts';
import { argumentsOf, inDir, type Layout, type PartName, writeFiles } from './setup.ts';
import { createUsers } from './users.ts';

export interface ControlPlaneOptions extends EnsureOptions {
  /** With kube-controller-manager, which deletes namespaces, collects garbage, runs Deployments; default true. */
  readonly controllerManager?: boolean;
  /** Write an audit log, so that `audited` works; default false. */
  readonly audit?: boolean;
  /** Further arguments of kube-apiserver. */
  readonly apiserverArgs?: readonly string[];
}

export interface ControlPlane extends ClusterAccess {
  /** SIGKILL. */
  kill(part: PartName): Promise<void>;
  /** Starts a killed part; resolves when it is ready. */
  start(part: PartName): Promise<void>;
  /** Kill and start. */
  restart(part: PartName): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers once this resolves. */
  pause(part: PartName): Promise<void>;
  resume(part: PartName): void;
  /** Empties the datastore: the same address and certificates, another cluster. */
  wipe(): Promise<void>;
  /** Keeps what the datastore has now; what is answered brings it back to that, whatever came since: as from a backup. */
  snapshot(): Promise<() => Promise<void>>;
  /** The end of a part's output. */
  log(part: PartName): string;
}

/** Starts etcd, kube-apiserver and, unless told otherwise, kube-controller-manager; about 4 s. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  return (await launch(options)).cluster;
}

/** The same, with what another process needs to use it. */
export async function launch(options: ControlPlaneOptions): Promise<{ cluster: ControlPlane; info: ClusterInfo }> {
  const names: PartName[] = ['etcd', 'kube-apiserver'];
  if (options.controllerManager !== false) names.push('kube-controller-manager');
  const binaries = await ensure(names, options);
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptLaunch(names, binaries, options);
    } catch (error) {
      // A port may be taken between finding it free and using it.
      if (attempt === 3 || !(error instanceof Error) || !error.message.includes('address already in use')) throw error;
    }
  }
}

async function attemptLaunch(
  names: readonly PartName[],
  binaries: Readonly<Record<PartName, string>>,
  options: ControlPlaneOptions,
): Promise<{ cluster: ControlPlane; info: ClusterInfo }> {
  const [etcdPort = 0, peerPort = 0, port = 0] = await freePorts(3);
  const { path: dir } = await tempDir('controlplane');
  const { audit = false, apiserverArgs = [] } = options;
  const layout: Layout = { dir, etcdPort, peerPort, port, audit, apiserverArgs };
  const leash = startLeash(dir);
  try {
    const authority = await writeFiles(layout);
    const users = createUsers(authority, `https://127.0.0.1:${port}`, inDir(layout, 'users'));
    const args = argumentsOf(layout, users.kubeconfigFile({ name: 'system:kube-controller-manager', groups: [] }));
    const parts = new Map<PartName, Part>();
    const pids = () => {
      const running = [...parts].flatMap(([name, part]) => (part.running() ? [[name, part.pid()]] : []));
      return Object.fromEntries(running) as Partial<Record<PartName, number>>;
    };
    const changed = () => leash.hold(Object.values(pids()));
    for (const name of names)
      parts.set(name, createPart({ binary: binaries[name], args: args[name], cwd: dir, changed }));
    const { certPem, keyPem } = authority;
    const base = { layout, authority: { certPem, keyPem } };
    const access = accessTo({ ...base, version: '', pids: {} }, pids);
    const cluster = { ...access, ...controls(parts, access, layout), stop: () => stopAll(parts, access, leash) };
    await cluster.startAll();
    const version = textAt((await access.api('GET', '/version')).body, 'gitVersion') ?? '';
    return { cluster: { ...cluster, version }, info: { ...base, version, pids: pids() } };
  } catch (error) {
    await leash.release();
    throw error;
  }
}

async function stopAll(parts: ReadonlyMap<PartName, Part>, access: ClusterAccess, leash: Leash): Promise<void> {
  await access.stop();
  await Promise.all([...parts.values()].map((part) => part.kill()));
  await leash.release();
}

type Controls = Omit<ControlPlane, keyof ClusterAccess> & { startAll(): Promise<void> };

function controls(parts: ReadonlyMap<PartName, Part>, access: ClusterAccess, layout: Layout): Controls {
  const find = (name: PartName): Part => {
    const part = parts.get(name);
    if (part === undefined) throw new Error(`this control plane has no ${name}`);
    return part;
  };
  const ready: Readonly<Record<PartName, () => Promise<boolean>>> = {
    etcd: () => etcdAnswers(layout.etcdPort),
    'kube-apiserver': () => serves(access),
    'kube-controller-manager': async () => true,
  };
  const start = async (name: PartName) => {
    find(name).start();
    await whenReady(find(name), name, ready[name]);
  };
  const startAll = async () => {
    for (const name of parts.keys()) await start(name);
  };
  const kill = (name: PartName) => find(name).kill();
  const data = inDir(layout, 'etcd');
  const whileDown = async (change: () => Promise<void>) => {
    await Promise.all([...parts.keys()].map(kill));
    await change();
    await startAll();
  };
  return {
    kill,
    start,
    startAll,
    restart: async (name) => {
      await kill(name);
      await start(name);
    },
    pause: (name) => find(name).pause(),
    resume: (name) => find(name).resume(),
    wipe: () => whileDown(() => rm(data, { recursive: true, force: true })),
    snapshot: async () => {
      const kept = `${data}-kept-${performance.now()}`;
      await whileDown(() => cp(data, kept, { recursive: true }));
      return () =>
        whileDown(async () => {
          await rm(data, { recursive: true, force: true });
          await cp(kept, data, { recursive: true });
        });
    },
    log: (name) => find(name).log(),
  };
}

/** Ready means: `/readyz` says so and the namespaces that every cluster has exist. */
async function serves(access: ClusterAccess): Promise<boolean> {
  const quick = { timeoutMs: 5_000 };
  const answers = await Promise.all(
    ['/readyz', '/api/v1/namespaces/default', '/api/v1/namespaces/kube-system'].map((path) =>
      access.api('GET', path, undefined, quick),
    ),
  );
  return answers.every((answer) => answer.status === 200);
}

function etcdAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/health', timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}
