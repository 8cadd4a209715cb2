import { isObject, type Json } from '../model/index.ts';
import { refuse, shown } from './fault.ts';
import { bare, type FileTools, metadataOf, yamlText } from './file.ts';
import { readMetadata } from './metadata.ts';
import { toPlain } from './stores/json.ts';
import { readYaml, type YamlDocument } from './stores/yaml.ts';
import { type Branch, itemOf, macBytes } from './tree.ts';
import { decryptTree, type Replaced } from './walk.ts';

/** Documents that were encrypted together: they share metadata, and one MAC is over all of them. */
interface Unit {
  readonly metadata: Json;
  readonly documents: YamlDocument[];
}

/**
 * Decrypts the documents of a manifest that are encrypted; the others, and those that ask not to be decrypted, stay as they
 * are. Undefined when there is none. JSON is read as YAML, as kustomize does. Throws `decryption-failed`.
 */
export async function decryptManifest(input: string, where: string, tools: FileTools): Promise<string | undefined> {
  const text = input.replaceAll('\r\n', '\n');
  const documents = parsed(text, where, tools);
  const units = unitsOf(documents);
  if (units.length === 0) return undefined;
  let out = text;
  // From the last to the first, so that the places of those before stay where they are.
  for (const unit of units.reverse()) out = await decryptUnit(out, unit, where, tools);
  return out;
}

/** What is no YAML, or has keys that SOPS does not know, is left for kustomize, unless it is encrypted itself. */
function parsed(text: string, where: string, tools: FileTools): readonly YamlDocument[] {
  return readYaml(text, where, tools.limits, (part) => !/^["']?sops["']?\s*:|^\s*\{/m.test(part));
}

function unitsOf(documents: readonly YamlDocument[]): Unit[] {
  const units: Unit[] = [];
  for (const document of documents) {
    const metadata = metadataOf(document.branch);
    if (!isObject(metadata) || typeof metadata['mac'] !== 'string' || metadata['mac'] === '') continue;
    const last = units.at(-1);
    if (last !== undefined && isObject(last.metadata) && last.metadata['mac'] === metadata['mac'])
      last.documents.push(document);
    else units.push({ metadata, documents: [document] });
  }
  return units.filter(({ documents: all }) => !all.every(staysEncrypted));
}

async function decryptUnit(text: string, unit: Unit, where: string, tools: FileTools): Promise<string> {
  const [first] = unit.documents;
  const name = `${where}${first === undefined ? '' : nameOf(first.branch)}`;
  const metadata = readMetadata(unit.metadata, name, tools.limits.encryptedRecipients);
  const key = await tools.unlocker.dataKey(metadata, name);
  const decrypted = decryptTree(
    unit.documents.map(({ branch }) => bare(branch)),
    metadata,
    { key, where: name },
  );
  for (const { is } of decrypted.replaced) tools.heard(Buffer.from(macBytes(is)).toString('utf8'));
  const documents = unit.documents.map((document, i) => ({
    document,
    plain: decrypted.branches[i] as Branch,
    stays: staysEncrypted(document),
  }));
  const replaced: readonly Replaced[] = decrypted.replaced;
  return yamlText(text, documents, { replaced, key, where: name, limits: tools.limits });
}

/** Its kind and name, as far as they are not encrypted themselves. */
function nameOf(branch: Branch): string {
  const metadata = itemOf(branch, 'metadata');
  const kind = itemOf(branch, 'kind');
  const name = metadata?.kind === 'branch' ? itemOf(metadata, 'name') : undefined;
  const parts = [kind, name].map((value) => (value === undefined ? '' : toPlain(value)));
  const plain = parts.every((part) => typeof part === 'string' && /^[\w.:-]{1,253}$/.test(part));
  return plain ? ` (${parts.map((part) => shown(String(part))).join('/')})` : '';
}

/** `kustomize.toolkit.fluxcd.io/decrypt: disabled`. */
function staysEncrypted({ branch }: YamlDocument): boolean {
  const metadata = itemOf(branch, 'metadata');
  const annotations = metadata?.kind === 'branch' ? itemOf(metadata, 'annotations') : undefined;
  const value = annotations?.kind === 'branch' ? itemOf(annotations, 'kustomize.toolkit.fluxcd.io/decrypt') : undefined;
  const plain = value === undefined ? undefined : toPlain(value);
  return typeof plain === 'string' && plain.toLowerCase() === 'disabled';
}

/** Fails for an object that is still encrypted after the build: it was not a file's, so nothing proves that it is whole. */
export function stillEncrypted(what: string): Error {
  return refuse(
    what,
    'it is SOPS encrypted, but did not come out of one encrypted file, so its MAC cannot be checked (Flux does not check it): encrypt the whole manifest or patch as a file of its own',
  );
}
