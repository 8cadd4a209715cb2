#!/bin/sh
# Makes signatures.json anew, with the machine's own git, ssh-keygen and gpg: sh test/unit/trust/testdata/make.sh > test/unit/trust/testdata/signatures.json
# The keys live in a temporary folder and are gone afterwards.
set -eu
dir=$(mktemp -d)
trap 'gpgconf --homedir "$dir/gpg" --kill all; rm -rf "$dir"' EXIT
export HOME="$dir" GNUPGHOME="$dir/gpg" GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
export GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=author@example.com GIT_AUTHOR_DATE='1700000000 +0000'
export GIT_COMMITTER_NAME=Author GIT_COMMITTER_EMAIL=author@example.com GIT_COMMITTER_DATE='1700000000 +0000'
mkdir -m 700 "$dir/gpg"
cd "$dir"
git init -q -b main repo && cd repo
git commit -q --allow-empty -m base
json() { python3 -c 'import json,sys; sys.stdout.write(json.dumps(sys.stdin.buffer.read().decode("latin1")))'; }
object() { git cat-file "$1" "$2" | json; }
sign() { # NAME KIND KEYFILE git options...
  name=$1 kind=$2 key=$3; shift 3
  printf '%s  {"name": "%s", "kind": "%s", "key": %s' "$comma" "$name" "$kind" "$(json < "$key")"
  comma=',
'
  git "$@" commit -q --allow-empty -S -m "signed by $name"
  git "$@" tag -s -f -m "tag by $name" "v-$name" >/dev/null
  printf ', "commit": %s, "tag": %s}' "$(object commit HEAD)" "$(object tag "v-$name")"
}
comma=''
printf '[\n'
for type in ed25519:0 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048 rsa:1024; do
  name=ssh-${type%:*}-${type#*:}
  bits=${type#*:}; [ "$bits" = 0 ] && bits=256
  ssh-keygen -q -t "${type%:*}" -b "$bits" -N '' -C "$name" -f "$dir/$name"
  sign "$name" ssh "$dir/$name.pub" -c gpg.format=ssh -c user.signingkey="$dir/$name"
done
gpg_key() { # NAME ALGO USAGE EXPIRY
  gpg --batch --quiet --passphrase '' --pinentry-mode loopback --faked-system-time 20231101T000000! \
    --quick-gen-key "$1 <$1@example.com>" "$2" "$3" "$4" 2>/dev/null
}
export_key() { gpg --batch --armor --export "$1@example.com" > "$dir/$1.asc"; }
for pair in pgp-ed25519:ed25519 pgp-rsa:rsa2048 pgp-nistp256:nistp256; do
  name=${pair%:*}
  gpg_key "$name" "${pair#*:}" sign never
  export_key "$name"
  sign "$name" pgp "$dir/$name.asc" -c user.signingkey="$name@example.com"
done
# A primary key that only certifies, with a subkey that signs.
gpg_key pgp-subkey ed25519 cert never
fpr=$(gpg --batch --with-colons --list-keys pgp-subkey@example.com | awk -F: '/^fpr/{print $10; exit}')
gpg --batch --quiet --passphrase '' --pinentry-mode loopback --quick-add-key "$fpr" ed25519 sign never 2>/dev/null
export_key pgp-subkey
sign pgp-subkey pgp "$dir/pgp-subkey.asc" -c user.signingkey=pgp-subkey@example.com
# Signed while it was valid, expired since.
gpg_key pgp-expired ed25519 sign 30d
export_key pgp-expired
cat > "$dir/gpg-then" <<'S'
#!/bin/sh
exec gpg --faked-system-time '20231115T000000!' "$@"
S
chmod +x "$dir/gpg-then"
sign pgp-expired pgp "$dir/pgp-expired.asc" -c user.signingkey=pgp-expired@example.com -c gpg.program="$dir/gpg-then"
# Signed, and revoked since.
gpg_key pgp-revoked ed25519 sign never
fpr=$(gpg --batch --with-colons --list-keys pgp-revoked@example.com | awk -F: '/^fpr/{print $10; exit}')
sed 's/^:-----/-----/' "$dir/gpg/openpgp-revocs.d/$fpr.rev" > "$dir/revoke"
git -c user.signingkey=pgp-revoked@example.com commit -q --allow-empty -S -m probe
printf '%s  {"name": "pgp-revoked", "kind": "pgp", "commit": %s, "tag": ""' "$comma" "$(object commit HEAD)"
gpg --batch --quiet --import "$dir/revoke" 2>/dev/null
export_key pgp-revoked
printf ', "key": %s}' "$(json < "$dir/pgp-revoked.asc")"
git commit -q --allow-empty -m unsigned
git tag -a -m unsigned v-unsigned
printf ',\n  {"name": "unsigned", "kind": "none", "key": "", "commit": %s, "tag": %s}' "$(object commit HEAD)" "$(object tag v-unsigned)"
printf '\n]\n'
