import { isObject } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { type Loader, loadText } from '../load/loader.ts';
import { decodeStruct, listOf, wholeFloat } from '../load/struct.ts';
import { REPLACEMENT, type Replacement } from '../load/types.ts';
import { yamlToJson } from '../yaml/legacy.ts';

/** Replacements with those that stand in files put in their place. */
export function loadReplacements(list: readonly Replacement[], loader: Loader): Replacement[] {
  const out: Replacement[] = [];
  for (const one of list) {
    const path = one.path ?? '';
    if (path === '') {
      out.push(one);
      continue;
    }
    if (one.source !== undefined || (one.targets ?? []).length > 0)
      fail('cannot specify both path and inline replacement');
    const json = yamlToJson(loadText(loader, path), loader.build.limits, { wholeFloat });
    const mode = { strict: false, coerce: true };
    if (Array.isArray(json)) out.push(...(decodeStruct(json, listOf(REPLACEMENT), mode) as Replacement[]));
    else if (isObject(json)) out.push(decodeStruct(json, REPLACEMENT, mode) as Replacement);
    else
      fail(
        `unsupported replacement type encountered within replacement path: ${json === null ? 'invalid' : typeof json}`,
      );
  }
  return out;
}
