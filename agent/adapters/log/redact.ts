const HIDDEN = '[redacted]';

/** Longest string that is logged; the rest is cut, so that no answer of a server fills the disk. */
export const MAX_LOG_TEXT = 8_192;

/** Ends of field names, without punctuation and case, whose value is never shown. `secretRef` and `secretName` only name. */
const SECRET_ENDINGS = [
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'secret',
  'secrets',
  'token',
  'tokens',
  'bearer',
  'apikey',
  'accesskey',
  'secretkey',
  'privatekey',
  'clientkey',
  'clientkeydata',
  'tlskey',
  'signature',
  'authorization',
  'credential',
  'credentials',
  'cookie',
] as const;

/** Whether a field of this name must not be shown. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SECRET_ENDINGS.some((ending) => plain.endsWith(ending));
}

/** Words that follow "basic" and "bearer" in sentences; anything else that follows is taken for a credential. */
const SENTENCE = /^(auth|authentication|authorization|credentials?|header|scheme|access|tokens?|realm|or|and|is|was)$/i;

const PATTERNS: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g, () => HIDDEN],
  [/\bAGE-SECRET-KEY-[A-Z0-9-]+/gi, () => HIDDEN],
  [
    // The last '@' before the path ends the user-info: passwords may hold one.
    /\b([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s/?#"'<>]*)@/gi,
    (all, scheme, user) => (/^ssh:/i.test(scheme ?? '') && !user?.includes(':') ? (all ?? '') : `${scheme}***@`),
  ],
  [/\b(authorization["']?\s*[:=]\s*["']?)[^\s"',;]+(?:[ \t]+[^\s"',;]+)?/gi, (_, key) => `${key}${HIDDEN}`],
  [
    /\b(bearer|basic)([ \t]+)([A-Za-z0-9._~+/=:-]+)/gi,
    (all, scheme, gap, word) => (SENTENCE.test(word ?? '') ? (all ?? '') : `${scheme}${gap}${HIDDEN}`),
  ],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g, () => HIDDEN],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[abpr]-)[A-Za-z0-9_-]{10,}/g, () => HIDDEN],
  [
    /\b((?:[a-z]{1,20}[_-])?(?:password|passwd|passphrase|token|secret|api[_-]?key|signature)["']?[=:]\s?["']?)([^\s&"',;)\]}]+)/gi,
    (_, key) => `${key}${HIDDEN}`,
  ],
];

/** A text without what looks like a credential, cut at MAX_LOG_TEXT. */
export function redactText(text: string): string {
  // Twice as much is looked at as is shown, so that a credential is not cut out of its pattern.
  let out = text.slice(0, 2 * MAX_LOG_TEXT);
  for (const [pattern, put] of PATTERNS) out = out.replace(pattern, (...args) => put(...args.map(String)));
  return out.length <= MAX_LOG_TEXT && text.length <= 2 * MAX_LOG_TEXT
    ? out
    : `${out.slice(0, MAX_LOG_TEXT)}... (${text.length} characters)`;
}
