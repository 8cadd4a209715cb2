/** A string, or what opens, closes and parts things. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * The first name that one object of a JSON text has twice, or undefined. The text must be valid JSON. With `looks` only
 * objects below a path of names are looked at for which it says so. Go's reader of OpenAPI documents takes no such name.
 */
export function duplicateName(
  json: string,
  looks: (path: readonly string[]) => boolean = (): boolean => true,
): string | undefined {
  const open: { readonly names: Set<string> | undefined }[] = [];
  const path: string[] = [];
  let last = '';
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push({ names: token === '{' && looks(path) ? new Set() : undefined });
    else if (token === '}' || token === ']') {
      open.pop();
      path.length = Math.min(path.length, open.length);
    } else if (token === ':') {
      const names = open.at(-1)?.names;
      const name = last.includes('\\') ? (JSON.parse(last) as string) : last.slice(1, -1);
      if (names?.has(name) === true) return name;
      names?.add(name);
      path[open.length - 1] = name;
    }
    last = token;
  }
  return undefined;
}
