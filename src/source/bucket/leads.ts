import { elided } from '../../model/index.ts';
/** What messages begin with while a bucket is listed; `first`: nothing is known of it yet. */
export function listLead(bucket: string, first: boolean): string {
  return first
    ? `failed to confirm existence of '${bucket}' bucket: `
    : `listing objects from bucket '${bucket}' failed: `;
}

export const objectLead = (key: string): string => `failed to get '${elided(key)}' object: `;
