import { Fault } from '../../model/index.ts';

/** An element: its name without a prefix, its attributes, its own text, the elements in it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

export interface XmlBounds {
  /** Elements inside each other. */
  readonly depth: number;
  readonly elements: number;
}

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);
const SPACE = /^[ \t\r\n]*$/;
const TAG =
  /([A-Za-z_:][\w:.-]*)((?:[ \t\r\n]+[A-Za-z_:][\w:.-]*[ \t\r\n]*=[ \t\r\n]*(?:"[^"<]*"|'[^'<]*'))*)[ \t\r\n]*(\/?)>/y;
const ATTRIBUTE = /([A-Za-z_:][\w:.-]*)[ \t\r\n]*=[ \t\r\n]*(?:"([^"]*)"|'([^']*)')/g;
const END = /([A-Za-z_:][\w:.-]*)[ \t\r\n]*>/y;

interface Open {
  readonly name: string;
  readonly written: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

/**
 * Reads the XML that storage servers answer with: elements, attributes, text, CDATA, comments, the five entities of XML
 * and numbers. A document type and every other entity are refused, so nothing can grow while it is read. Throws Fault
 * `wire-protocol`; time and memory are linear in the text.
 */
export function readXml(text: string, bounds: XmlBounds): XmlElement {
  const open: Open[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  const close = (): void => {
    const { name, attributes, text: own, children } = open.pop() as Open;
    const element: XmlElement = { name, attributes, text: own, children };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
  };
  while (at < text.length) {
    const next = text.indexOf('<', at);
    const end = next < 0 ? text.length : next;
    addText(open, text.slice(at, end), at);
    if (next < 0) break;
    at = next;
    const skipped = skipMarkup(text, at, open);
    if (skipped > at) {
      at = skipped;
      continue;
    }
    if (text[at + 1] === '/') {
      END.lastIndex = at + 2;
      const match = END.exec(text);
      if (match === null || open.at(-1)?.written !== match[1]) throw broken('an end tag that does not fit', at);
      close();
      at = END.lastIndex;
      continue;
    }
    const tag = startTag(text, at);
    if (root !== undefined) throw broken('a second document', at);
    if (++elements > bounds.elements) throw broken(`more than ${bounds.elements} elements`, at);
    if (open.length >= bounds.depth) throw broken(`elements nested deeper than ${bounds.depth}`, at);
    open.push(tag.open);
    if (tag.empty) close();
    at = tag.end;
  }
  if (root === undefined || open.length > 0) throw broken('the end is missing', text.length);
  return root;
}

function startTag(text: string, at: number): { readonly open: Open; readonly empty: boolean; readonly end: number } {
  TAG.lastIndex = at + 1;
  const match = TAG.exec(text);
  if (match === null) throw broken('no tag', at);
  const [, written = '', list = '', slash = ''] = match;
  const attributes = list === '' ? NO_ATTRIBUTES : attributesOf(list, at);
  const open: Open = { name: local(written), written, attributes, children: [], text: '' };
  return { open, empty: slash !== '', end: TAG.lastIndex };
}

function attributesOf(list: string, at: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', double, single] of list.matchAll(ATTRIBUTE)) {
    if (found.has(name)) throw broken('an attribute twice', at);
    found.set(name, plain(double ?? single ?? '', at));
  }
  return found;
}

/** Where a comment, CDATA or processing instruction at `at` ends; `at` when there is none. */
function skipMarkup(text: string, at: number, open: readonly Open[]): number {
  if (text.startsWith('<?', at)) return after(text, at, '?>');
  if (text.startsWith('<!--', at)) return after(text, at, '-->', 4);
  if (text.startsWith('<![CDATA[', at)) {
    const here = open.at(-1);
    if (here === undefined) throw broken('text outside of the document', at);
    const end = after(text, at, ']]>', 9);
    here.text += text.slice(at + 9, end - 3);
    return end;
  }
  if (text.startsWith('<!', at)) throw broken('a document type', at);
  return at;
}

function after(text: string, at: number, mark: string, lead = 2): number {
  const end = text.indexOf(mark, at + lead);
  if (end < 0) throw broken('the end is missing', at);
  return end + mark.length;
}

function addText(open: readonly Open[], raw: string, at: number): void {
  if (raw === '') return;
  const here = open.at(-1);
  if (here === undefined) {
    if (!SPACE.test(raw)) throw broken('text outside of the document', at);
  } else here.text += plain(raw, at);
}

/** Text with its entities replaced. */
function plain(raw: string, at: number): string {
  let out = '';
  let from = 0;
  for (let mark = raw.indexOf('&'); mark >= 0; mark = raw.indexOf('&', from)) {
    const end = raw.indexOf(';', mark);
    if (end < 0 || end - mark > ENTITY_CHARS) throw broken('an unknown entity', at + mark);
    out += raw.slice(from, mark) + character(raw.slice(mark + 1, end), at + mark);
    from = end + 1;
  }
  return from === 0 ? raw : out + raw.slice(from);
}

const ENTITY_CHARS = 10;

function character(name: string, at: number): string {
  const known = ENTITIES.get(name);
  if (known !== undefined) return known;
  const number = /^#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}))$/.exec(name);
  const code = number === null ? 0 : Number.parseInt(number[1] ?? number[2] ?? '', number[1] === undefined ? 16 : 10);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw broken('an unknown entity', at);
  return String.fromCodePoint(code);
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

function broken(what: string, at: number): Fault {
  return new Fault('wire-protocol', `not the XML of a storage server: ${what} at character ${at}`);
}

/** The text of the first element of a name; '' without one. */
export function textOf(element: XmlElement | undefined, name: string): string {
  return childOf(element, name)?.text ?? '';
}

/** The first element of a name inside another. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

/** The only element of a name inside another; undefined without one. Throws Fault `wire-protocol` where there are two. */
export function onlyChild(element: XmlElement, name: string): XmlElement | undefined {
  const found = element.children.filter((one) => one.name === name);
  if (found.length > 1) throw new Fault('wire-protocol', `more than one <${name}>`);
  return found[0];
}
