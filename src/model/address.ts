const HOST = /^(?:\[[0-9a-f:.%]*\]|[^:]*)(?::[0-9]*)?$/i;
const URLS = /([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s'"<>`]*)/gi;

/** Length of the user-info, with its '@', in what follows the scheme of a URL; 0 without one. */
function loginLength(rest: string): number {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  // Passwords may hold an '@', and those that are written wrongly a '/'.
  if (authority.includes('@')) return authority.lastIndexOf('@') + 1;
  return HOST.test(authority) ? 0 : rest.lastIndexOf('@') + 1;
}

/** A URL, or what is one without its scheme, for people: without user, password and query. */
export function plainAddress(address: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(address) ?? [];
  return scheme + rest.slice(loginLength(rest)).replace(/[?#].*$/s, '');
}

/** A text in which URLs have `***` in place of user and password; a mere user of SSH stays. */
export function withoutLogins(text: string): string {
  return text.replace(URLS, (all: string, scheme: string, rest: string) => {
    const length = loginLength(rest);
    const login = rest.slice(0, length);
    if (length === 0 || (/^ssh:/i.test(scheme) && /^[^:/?#]*@$/.test(login))) return all;
    return `${scheme}***@${rest.slice(length)}`;
  });
}
