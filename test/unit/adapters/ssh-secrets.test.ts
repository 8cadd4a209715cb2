import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { readKnownHosts } from '../../../agent/adapters/ssh/host-keys.ts';
import { readIdentity } from '../../../agent/adapters/ssh/identity.ts';
import { Fault } from '../../../src/model/index.ts';

const encrypted = generateKeyPairSync('ed25519')
  .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' })
  .toString();
const dsa = generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const identity = (text: string, passphrase: string) => () => readIdentity({ identity: text, passphrase });

it.each([
  ['decryption password incorrect', 'GitOperationFailed', identity(encrypted, 'wrong')],
  ["no 'password' field", 'AuthenticationFailed', identity(encrypted, '')],
  ['cannot be used', 'GitOperationFailed', identity(dsa, '')],
  ['known_hosts', 'GitOperationFailed', () => readKnownHosts('rubbish')],
])('what cannot be read of the Secret for ssh (%s) has the reason of Flux', (words, reason, act) => {
  expect(act).toThrow(words);
  try {
    act();
  } catch (error) {
    expect(error instanceof Fault ? [error.code, error.reason] : error).toEqual(['secret-invalid', reason]);
  }
});
