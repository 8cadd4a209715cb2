import { join } from 'node:path';
import { goTool, type PartOptions } from '../parts/index.ts';

/** Pinned here and in versitygw/go.mod. */
export const VERSITYGW_VERSION = 'v1.8.0';

/** Path of the S3 server, built with Go when it is not in the cache. */
export async function ensureS3Server(options: PartOptions = {}): Promise<string> {
  const { versitygw } = await goTool(
    {
      kept: 's3server/versitygw-',
      name: 'versitygw',
      version: VERSITYGW_VERSION,
      module: join(import.meta.dirname, 'versitygw'),
      packages: { versitygw: 'github.com/versity/versitygw/cmd/versitygw' },
      minutes: 2,
    },
    options,
  );
  return versitygw;
}
