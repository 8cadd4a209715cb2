import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { platform } from './cache.ts';
import { cachedPart, type PartOptions } from './part.ts';
import { GO_ENV, goVersion, type Run, run, toStderr } from './run.ts';

/** Programs of one pinned Go module, in a folder with a go.mod of its own. */
export interface GoTool<N extends string> {
  /** Beginning of its folder in the cache; version and platform follow. */
  readonly kept: string;
  readonly name: string;
  /** As the go.mod pins it. */
  readonly version: string;
  /** Folder of the go.mod. */
  readonly module: string;
  /** Go packages by the name of the program. */
  readonly packages: Readonly<Record<N, string>>;
  /** Minutes that building takes on 2 cores. */
  readonly minutes: number;
  /** More for the linker. */
  readonly link?: string;
  /** Makes the module as it is built: its folder. Default: `module`. */
  readonly prepare?: (draft: string, go: Run) => Promise<string>;
}

/** Paths of the programs of a Go tool, built when they are not in the cache. An Error where there is no Go. */
export function goTool<N extends string>(tool: GoTool<N>, options: PartOptions = {}): Promise<Record<N, string>> {
  const { name, version, minutes } = tool;
  const makes = Object.keys(tool.packages) as N[];
  return cachedPart(
    {
      label: `${name} ${version}`,
      folder: `${tool.kept}${version}_${platform()}`,
      makes,
      cost: `about ${minutes} minute${minutes === 1 ? '' : 's'} on 2 cores`,
      make: async (draft, { env, hold }) => {
        if (goVersion(env) === undefined) throw new Error(`no Go found in PATH (1.26 is needed to build ${name})`);
        const go: Run = { cwd: tool.module, env: { ...env, ...GO_ENV, GOTMPDIR: draft }, hold };
        const cwd = (await tool.prepare?.(draft, go)) ?? tool.module;
        const flags = ['-trimpath', `-ldflags=${['-s -w', tool.link ?? ''].join(' ').trim()}`];
        for (const one of makes)
          await run('go', ['build', ...flags, '-o', join(draft, one), tool.packages[one]], { ...go, cwd });
      },
    },
    options,
  );
}

/** The same; undefined where they are not in the cache and there is no Go. What cannot be built is an error, and no reason to skip. */
export async function foundGoTool<N extends string>(tool: GoTool<N>): Promise<Record<N, string> | undefined> {
  try {
    return await goTool(tool);
  } catch (error) {
    if (goVersion(process.env) !== undefined) throw error;
    toStderr(`${tool.name}: there is no Go to build it with: its tests do not run`);
    return undefined;
  }
}

/** Runs a program in a folder, which is also its home; resolves with what it prints, rejects with what it complains of. */
export type Command = (...args: readonly string[]) => Promise<Buffer>;

/** A program as a command with these variables and no others of this process but `PATH`. */
export function commandOf(program: string, dir: string, more: Readonly<Record<string, string>>): Command {
  const env = { PATH: process.env['PATH'], HOME: dir, ...more };
  const options = { cwd: dir, env, encoding: 'buffer', timeout: 60_000, maxBuffer: 64 << 20 } as const;
  return (...args) =>
    new Promise((resolve, reject) => {
      execFile(program, [...args], options, (error, stdout, stderr) => {
        const said = stderr.toString('utf8').trim().slice(-2_000);
        if (error === null) resolve(stdout);
        else reject(new Error(`${basename(program)} ${args.join(' ')}: ${said}`, { cause: error }));
      });
    });
}

/** A command whose output is text. */
export type TextCommand = (...args: readonly string[]) => Promise<string>;

export const asText =
  (command: Command): TextCommand =>
  async (...args) =>
    (await command(...args)).toString('utf8');
