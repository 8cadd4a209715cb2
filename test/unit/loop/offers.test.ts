import { expect, it } from 'vitest';
import { createOffers } from '../../../agent/loop/source-offer.ts';

const PART = { path: '/stick/a', form: 'git', span: { start: 0, size: 1 } } as const;

it('an offer of what is dropped is refused, and so is one that comes after everything was', async () => {
  const offers = createOffers();
  const [one, two] = [offers.give('a', PART), offers.give('b', PART)];
  offers.drop('a');
  await expect(one).rejects.toMatchObject({ code: 'bundle-unclaimed' });
  offers.drop(undefined);
  await expect(two).rejects.toMatchObject({ code: 'bundle-unclaimed' });
  await expect(offers.give('c', PART)).rejects.toMatchObject({ code: 'bundle-unclaimed' });
  expect(offers.take('c')).toEqual([]);
});

it('an offer of a source that was away for a while is taken by its next run', async () => {
  const offers = createOffers();
  const early = offers.give('a', PART);
  offers.drop('a');
  await expect(early).rejects.toThrow('not declared');
  const later = offers.give('a', PART);
  for (const one of offers.take('a')) one.settle({ revision: 'main', isNew: true });
  expect(await later).toEqual({ revision: 'main', isNew: true });
});
