import { BlockList, isIP } from 'node:net';
import type { WireProxy } from '../../src/ports/index.ts';

interface Addresses {
  readonly http: string;
  readonly https: string;
  /** Hosts (with a leading dot or without: subdomains too), `host:port`, IP addresses, CIDRs, or `*`. */
  readonly no: readonly string[];
}

/** Which proxy a URL goes through, by the rules of curl and Go for HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export function proxyFor(addresses: Addresses): (url: URL) => WireProxy | undefined {
  const skips = addresses.no.map(ruleOf);
  return (url) => {
    const address = url.protocol === 'https:' ? addresses.https : addresses.http;
    if (address === '' || skips.some((skip) => skip(url))) return undefined;
    return toProxy(address);
  };
}

function toProxy(address: string): WireProxy {
  const url = new URL(/^[a-z0-9]+:\/\//i.test(address) ? address : `http://${address}`);
  let username: string;
  let password: string;
  try {
    [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  } catch {
    // Who connects says what is wrong with it.
    return { address: url.href };
  }
  url.username = '';
  url.password = '';
  return { address: url.href, ...(username === '' ? {} : { username, password }) };
}

function ruleOf(text: string): (url: URL) => boolean {
  const rule = text.trim().toLowerCase();
  if (rule === '') return () => false;
  if (rule === '*') return () => true;
  if (isIP(rule) > 0) return (url) => bare(url.hostname) === rule;
  const slash = rule.indexOf('/');
  if (slash > 0 && isIP(rule.slice(0, slash)) > 0)
    return inNetwork(rule.slice(0, slash), Number(rule.slice(slash + 1)));
  const [, host = rule, port = ''] = /^(.*?)(?::(\d+))?$/.exec(rule) ?? [];
  const name = host.replace(/^\*?\./, '');
  return (url) => {
    const asked = bare(url.hostname);
    const matches = asked === name || asked.endsWith(`.${name}`);
    return matches && (port === '' || port === portOf(url));
  };
}

function inNetwork(address: string, bits: number): (url: URL) => boolean {
  const list = new BlockList();
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv6' ? 128 : 32)) return () => false;
  list.addSubnet(address, bits, family);
  return (url) => {
    const asked = bare(url.hostname);
    return isIP(asked) > 0 && list.check(asked, isIP(asked) === 6 ? 'ipv6' : 'ipv4');
  };
}

const bare = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '');
const portOf = (url: URL): string => (url.port !== '' ? url.port : url.protocol === 'https:' ? '443' : '80');
