import { parseArgs } from 'node:util';
import type { Compression } from '../../../src/source/bundle/index.ts';
import { type CliIo, usageError } from '../io.ts';

/** Flags and words of `holdfast bundle ...`. */
export interface BundleFlags {
  readonly words: readonly string[];
  readonly config: string | undefined;
  readonly from: string | undefined;
  readonly output: string | undefined;
  readonly sources: readonly string[];
  readonly bases: readonly string[];
  readonly cluster: string;
  readonly labels: readonly string[];
  readonly sequence: string | undefined;
  /** How the objects of Buckets are packed. */
  readonly compress: Compression;
}

/** Reads them; prints what is wrong and answers the exit code then. */
export function flagsOf(command: string, argv: readonly string[], io: CliIo): BundleFlags | number {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        from: { type: 'string' },
        output: { type: 'string', short: 'o' },
        source: { type: 'string', multiple: true },
        base: { type: 'string', multiple: true },
        cluster: { type: 'string' },
        label: { type: 'string', multiple: true },
        sequence: { type: 'string' },
        compress: { type: 'string' },
      },
    });
    const { compress = 'none' } = values;
    if (compress !== 'none' && compress !== 'zstd')
      return usageError(io, command, `--compress ${compress}: there are none and zstd`);
    return {
      compress,
      words: positionals,
      config: values.config,
      from: values.from,
      output: values.output,
      sources: values.source ?? [],
      bases: values.base ?? [],
      cluster: values.cluster ?? '',
      labels: values.label ?? [],
      sequence: values.sequence,
    };
  } catch (error) {
    return usageError(io, command, error instanceof Error ? error.message : String(error));
  }
}
