import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { childOf, readXml, textOf } from '../../../src/source/bucket/xml.ts';

const BOUNDS = { depth: 8, elements: 100 };
const read = (text: string): ReturnType<typeof readXml> => readXml(text, BOUNDS);

describe('XML of storage servers', () => {
  it('is read: elements, attributes, text, entities, CDATA, comments', () => {
    const root = read(
      '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- c --><s:List xmlns:s="u" a=\'1 &lt; 2\'>\n <Key>a&amp;b &#34;&#x20AC;&quot;</Key>' +
        '<E/><K2 ><![CDATA[<x>&amp;]]> more</K2 >\n</s:List>\n',
    );
    expect(root.name).toBe('List');
    expect(root.attributes.get('a')).toBe('1 < 2');
    expect(textOf(root, 'Key')).toBe('a&b "€"');
    expect(textOf(root, 'K2')).toBe('<x>&amp; more');
    expect(childOf(root, 'E')).toMatchObject({ name: 'E', text: '', children: [] });
    expect(textOf(root, 'None')).toBe('');
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['a login page', '<!DOCTYPE html><html><body>log in</body></html>'],
    ['a bomb', '<!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><b>&b;</b>'],
    ['an outer entity', '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><b>&a;</b>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['an entity without an end', '<a>&amp</a>'],
    ['a character that is none', '<a>&#0;</a>'],
    ['half a character', '<a>&#xD800;</a>'],
    ['too large a character', '<a>&#x110000;</a>'],
    ['no end', '<a><b></b>'],
    ['another end', '<a></b>'],
    ['ends crossed', '<a><b></a></b>'],
    ['two documents', '<a/><b/>'],
    ['text after the end', '<a/>x'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['a comment without an end', '<a><!-- </a>'],
    ['CDATA outside', '<![CDATA[x]]>'],
    ['half a tag', '<a'],
  ])('%s is refused', (_, text) => {
    expect(() => read(text)).toThrow(Fault);
  });

  it('is bounded', () => {
    expect(() => read('<a>'.repeat(9) + '</a>'.repeat(9))).toThrow('nested deeper than 8');
    expect(() => read(`<a>${'<b/>'.repeat(100)}</a>`)).toThrow('more than 100 elements');
    expect(read(`<a>${'<b/>'.repeat(99)}</a>`).children).toHaveLength(99);
  });

  it.each([
    ['spaces in a tag', `<a${' '.repeat(1_000_000)}`],
    ['a name without an end', `<${'a'.repeat(1_000_000)}`],
    ['an attribute without an end', `<a b="${'x'.repeat(1_000_000)}`],
    ['names of attributes', `<a ${'b '.repeat(500_000)}>`],
    ['ampersands', `<a>${'&'.repeat(1_000_000)}</a>`],
    ['brackets', '<'.repeat(1_000_000)],
    ['comments begun', '<!--'.repeat(250_000)],
  ])('takes no longer for a million %s', (_, text) => {
    const start = performance.now();
    expect(() => read(text)).toThrow(Fault);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
