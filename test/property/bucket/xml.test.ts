import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { readXml, type XmlElement } from '../../../src/source/bucket/xml.ts';

const BOUNDS = { depth: 32, elements: 10_000 };

interface Sample {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Sample[];
}

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,8}$/);
// XML has no place for other control characters, nor for halves of surrogate pairs.
const text = fc
  .string({ unit: 'binary' })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is left out
  .map((s) => s.replace(/[\u0000-\u001f\ud800-\udfff\ufffe\uffff]/g, ''));

const sampleOf = (depth: number): fc.Arbitrary<Sample> =>
  fc.record({ name, text, children: depth === 0 ? fc.constant([]) : fc.array(sampleOf(depth - 1), { maxLength: 3 }) });
const sample = sampleOf(4);

/** Writes text as `style` wants: with entities, with numbers, or as CDATA. */
function written(value: string, style: number): string {
  if (style === 0) return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  if (style === 1) return [...value].map((c) => `&#x${(c.codePointAt(0) ?? 0).toString(16)};`).join('');
  return `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

function print(node: Sample, style: number): string {
  const inner = written(node.text, style) + node.children.map((child) => print(child, style)).join('<!-- - -->');
  return inner === '' && style === 0 ? `<${node.name}/>` : `<${node.name} a="1">${inner}</${node.name} >`;
}

const plain = (element: XmlElement): Sample => ({
  name: element.name,
  text: element.text,
  children: element.children.map(plain),
});

describe('the XML reader', () => {
  it('gives back whatever was written, however it was written', () => {
    fc.assert(
      fc.property(sample, fc.nat(2), (node, style) => {
        expect(plain(readXml(`<?xml version="1.0"?>\n${print(node, style)}\n`, BOUNDS))).toEqual(node);
      }),
      { numRuns: 500 },
    );
  });

  it('answers any text with a document or a Fault', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '<a>',
      '</a>',
      '<a ',
      'b="',
      '"',
      '&',
      ';',
      '&lt;',
      '<![CDATA[',
      ']]>',
    );
    const more = fc.constantFrom('<!--', '-->', '<?', '?>', '<!DOCTYPE a>', '&#x', '41;', ' ', 'a', '\n', '=', "'");
    const any = fc.oneof(
      fc.array(fc.oneof(piece, more)).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(any, (input) => {
        try {
          readXml(input, BOUNDS);
        } catch (error) {
          expect(error).toBeInstanceOf(Fault);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
