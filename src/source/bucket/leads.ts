/** What messages begin with while a bucket is listed; `first`: nothing is known of it yet. */
export function listLead(bucket: string, first: boolean): string {
  return first
    ? `failed to confirm existence of '${bucket}' bucket: `
    : `listing objects from bucket '${bucket}' failed: `;
}

export const objectLead = (key: string): string => `failed to get '${printable(key)}' object: `;

/** A key for messages. */
export function printable(key: string): string {
  const text = key.slice(0, 300).replace(/[^\x20-\x7e]/g, '?');
  return key.length > 200 ? `${text.slice(0, 197)}...` : text;
}
