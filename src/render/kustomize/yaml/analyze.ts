import { resolve11, resolve12 } from './resolve.ts';

/** What the characters of a scalar allow (libyaml's analysis). */
export interface Analysis {
  readonly multiline: boolean;
  readonly plain: boolean;
  readonly flowPlain: boolean;
  readonly single: boolean;
  readonly block: boolean;
  /** The same to go-yaml v3, which writes tabs in block scalars. */
  readonly block12: boolean;
}

const EMPTY: Analysis = { multiline: false, plain: true, flowPlain: false, single: true, block: false, block12: false };
const SIMPLE: Analysis = { multiline: false, plain: true, flowPlain: true, single: true, block: true, block12: true };

/** Text in which nothing can be an indicator. */
const HARMLESS = /^[A-Za-z0-9_/$(=~^;+.][A-Za-z0-9_./=$()@~^;+*<>|!&%-]*$/;

/** Printable in YAML 1.1 as go-yaml sees it: no tab, no carriage return, nothing above U+FFFF, no byte order mark. */
export function isPrintable(c: number): boolean {
  return (
    c === 10 || (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd && c !== 0xfeff)
  );
}

function isBreak(c: number): boolean {
  return c === 10 || c === 13 || c === 0x85 || c === 0x2028 || c === 0x2029;
}

const SPACE = 1;
const TAB = 2;
const BREAK = 3;

/** Which sort of blank a character is; 0 for none. */
function sortOf(c: number): number {
  if (c === 32) return SPACE;
  if (c === 9) return TAB;
  return isBreak(c) ? BREAK : 0;
}

function isBlankOrEnd(text: string, i: number): boolean {
  const c = text.charCodeAt(i);
  return i >= text.length || c === 32 || c === 9;
}

const FIRST_BOTH = '#,[]{}&*!|>\'"%@`';

/** Indicators: bit 1 forbids plain in block context, bit 2 in flow context. */
function indicator(text: string, i: number, c: number, afterSpace: boolean): number {
  if (i === 0) {
    if (FIRST_BOTH.includes(text.charAt(0))) return 3;
    if (c === 63 || c === 58) return isBlankOrEnd(text, 1) ? 3 : 2;
    return c === 45 && isBlankOrEnd(text, 1) ? 3 : 0;
  }
  switch (c) {
    case 44:
    case 63:
    case 91:
    case 93:
    case 123:
    case 125:
      return 2;
    case 58:
      return isBlankOrEnd(text, i + 1) ? 3 : 2;
    case 35:
      return afterSpace ? 3 : 0;
    default:
      return 0;
  }
}

/** Looks at every character once. */
export function analyze(text: string): Analysis {
  if (text === '') return EMPTY;
  if (HARMLESS.test(text) && !text.startsWith('...')) return SIMPLE;
  let marks = text.startsWith('---') || text.startsWith('...') ? 3 : 0;
  let breaks = false;
  let others = 0;
  let breakSpace = false;
  let spaceBreak = false;
  let last = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    marks |= indicator(text, i, c, i === 0 || last !== 0);
    const sort = sortOf(c);
    if (sort === SPACE) breakSpace ||= last === BREAK;
    else if (sort === BREAK) {
      breaks = true;
      spaceBreak ||= last === SPACE;
    }
    if (!isPrintable(c)) others |= sort === TAB ? 1 : 2;
    last = sort;
  }
  const wasSpace = last === SPACE;
  const first = text.charCodeAt(0);
  const edge = first === 32 || isBreak(first) || wasSpace || last === BREAK;
  const broken = spaceBreak || others !== 0;
  const plain = !(edge || breakSpace || broken || breaks);
  return {
    multiline: breaks,
    plain: plain && (marks & 1) === 0,
    flowPlain: plain && (marks & 2) === 0,
    single: !(breakSpace || broken),
    block: !(wasSpace || broken),
    block12: !(wasSpace || spaceBreak || others > 1),
  };
}

const BASE60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

function isBase60(text: string): boolean {
  const c = text.charCodeAt(0);
  return (c === 43 || c === 45 || (c >= 48 && c <= 57)) && text.includes(':') && BASE60.test(text);
}

/** True when a plain scalar of this text reads back as this text under YAML 1.1 (the output's rules). */
export function plainIsString11(text: string): boolean {
  const c = text.charCodeAt(0);
  if (c >= 97 && c <= 122 && text.length > 5) return true;
  return resolve11(text).tag === '!!str' && !isBase60(text);
}

const OLD_BOOL = /^(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/;

/** The same where go-yaml v3 writes (nodes that were made from JSON). */
export function plainIsString12(text: string): boolean {
  return resolve12(text).tag === '!!str' && !isBase60(text) && !OLD_BOOL.test(text);
}
