/** What kustomize takes for remote: needed to refuse it with the right words, and to ask the hook. */

/** An http(s) URL of a file. */
export function isRemoteFile(path: string): boolean {
  return /^https?:/i.test(path) && URL.canParse(path);
}

const SCHEMES = ['ssh://', 'https://', 'http://', 'file://'];

/** True for what kustomize would clone with git: a host and a path, with or without a scheme. */
export function isRepoUrl(path: string): boolean {
  if (path.startsWith('/')) return false;
  let rest = (path.split('?', 1)[0] ?? '').replace(/^git::/i, '');
  const scheme = SCHEMES.find((one) => rest.toLowerCase().startsWith(one)) ?? '';
  rest = rest.slice(scheme.length);
  const user = /^[a-zA-Z][a-zA-Z0-9-]*@/.exec(rest)?.[0] ?? '';
  rest = rest.slice(user.length);
  const github = /^github\.com[/:]/i.test(rest);
  const scp = scheme === '' && (user !== '' || github);
  if (scheme === '' && !scp) return false;
  if (scheme === 'file://') return hasRepoPath(user + rest, true);
  const slash = rest.indexOf('/');
  const colon = scp ? rest.indexOf(':') : -1;
  const split = colon > 0 && (slash < 0 || colon < slash) ? colon : slash;
  return split >= 0 && hasRepoPath(rest.slice(split + 1), false);
}

function hasRepoPath(path: string, all: boolean): boolean {
  let repo: string;
  let inside: string;
  const marker =
    /^(.*?_git\/[^/]*)\/?(.*)$/.exec(path) ?? /^(.*?)\/\/(.*)$/.exec(path) ?? /^(.*?\.git)(.*)$/.exec(path);
  if (marker !== null) [repo, inside] = [marker[1] ?? '', marker[2] ?? ''];
  else if (all) [repo, inside] = [path, ''];
  else {
    const parts = path.split('/');
    if (parts.length < 2) return false;
    [repo, inside] = [parts.slice(0, 2).join('/'), parts.slice(2).join('/')];
  }
  return repo !== '' && !inside.replace(/^\//, '').startsWith('..');
}
