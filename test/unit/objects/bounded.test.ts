import { expect, it } from 'vitest';
import { dropOldest } from '../../../agent/objects/bounded.ts';

it('a bounded map forgets what was put in first', () => {
  const map = new Map([1, 2, 3, 4].map((key) => [key, `${key}`]));
  dropOldest(map, 4);
  expect(map.size).toBe(4);
  map.delete(1);
  map.set(1, 'again');
  dropOldest(map, 2);
  expect([...map.keys()]).toEqual([4, 1]);
  dropOldest(map, 0);
  expect(map.size).toBe(0);
});
