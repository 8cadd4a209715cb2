import { Fault } from '../../model/index.ts';
import { allOf, bounded } from '../answers.ts';
import { dateOf, notStorage } from './answer.ts';
import type { Listed, ListPage } from './api.ts';
import { listLead } from './leads.ts';
import type { BucketAnswer } from './session.ts';
import { readXml, type XmlElement } from './xml.ts';

/** What a listing needs of each kind of storage: one page after another. */
export interface PageReader {
  /** What messages begin with now. */
  lead(): string;
  /** Reads the page behind this token, the first behind undefined, and ends its answer. Faults as of `of`. */
  read(answer: BucketAnswer, token: string | undefined, of: PageParser): Promise<ListPage>;
  /** As of BucketApi. */
  listedAt(): number | undefined;
}

/** Reads pages of listings: until the first is there, nothing is known of the bucket. */
export function pageReader(bucket: string): PageReader {
  let first = true;
  let listedAt: number | undefined;
  const lead = (): string => listLead(bucket, first);
  return {
    lead,
    listedAt: () => listedAt,
    read: async (answer, token, of) => {
      try {
        const page = of((await allOf(bounded(answer.body, 'bucketPageBytes'))).toString('utf8'), lead());
        first = false;
        if (token === undefined) listedAt = dateOf(answer);
        return page;
      } finally {
        answer.close();
      }
    },
  };
}

/** Reads the text of a page; messages begin with `lead`. Fault `wire-protocol` for one that no storage server wrote. */
export type PageParser = (text: string, lead: string) => ListPage;

/** Characters of XML per element that a page may have at most elements of. */
const CHARS_PER_ELEMENT = 16;

/** The parser of one kind of storage; `of` throws Fault `wire-protocol` for a document that is not of that kind. */
export function pageParser(of: (root: XmlElement) => Omit<ListPage, 'bytes'>): PageParser {
  return (text, lead) => {
    try {
      const root = readXml(text, { depth: 16, elements: 1_000 + text.length / CHARS_PER_ELEMENT });
      return { ...of(root), bytes: text.length };
    } catch (error) {
      if (error instanceof Fault && error.code === 'wire-protocol') throw notStorage(lead, error);
      throw error;
    }
  };
}

/** One object of a listing; Fault `wire-protocol` when it says less than it must. */
export function listed(key: string, etag: string, sizeText: string): Listed {
  const size = /^[0-9]{1,15}$/.test(sizeText) ? Number(sizeText) : -1;
  if (key === '' || size < 0 || (etag === '' && !key.endsWith('/')))
    throw new Fault('wire-protocol', 'an object without key, etag or size');
  return { key: apart(key), etag: apart(etag), size };
}

/** The same text in memory of its own: a piece of a page would keep the whole page. */
const apart = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');
