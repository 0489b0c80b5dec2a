#!/usr/bin/env bash
# chain.sh FOLDER KIND : a key and a chain of certificates for mx.example.com in FOLDER, as key.pem and chain.pem.
#   ordinary   as public authorities issue them: RSA of 2048 bits, with an intermediate; the root is not sent
#   small      P-256 and signed by itself: a flight that fits into one packet
set -euo pipefail
mkdir -p "$1"
cd "$1"

cat >extensions <<'END'
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
certificatePolicies = 2.23.140.1.2.1
crlDistributionPoints = URI:http://crl.example.net/root.crl
authorityInfoAccess = caIssuers;URI:http://issuer.example.net/root.der
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:mx.example.com, DNS:mail.example.com
certificatePolicies = 2.23.140.1.2.1
crlDistributionPoints = URI:http://crl.example.net/intermediate.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example.net, caIssuers;URI:http://issuer.example.net/intermediate.der
END

# issue NAME SUBJECT EXTENSIONS [OPENSSL-X509-OPTION...] : NAME.key and NAME.pem
issue() {
    openssl req -new -newkey "${new_key[@]}" -nodes -keyout "$1.key" -subj "$2" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -days 90 -sha256 -set_serial "0x03$(openssl rand -hex 17)" -extfile extensions -extensions "$3" \
        -out "$1.pem" "${@:4}" 2>/dev/null
}

case $2 in
    ordinary)
        new_key=(rsa:2048)
        issue root '/C=XX/O=Example Research Group/CN=Example Root X1' root -signkey root.key
        issue intermediate '/C=XX/O=Example Encrypt/CN=R10' intermediate -CA root.pem -CAkey root.key
        issue leaf /CN=mx.example.com leaf -CA intermediate.pem -CAkey intermediate.key
        cat leaf.pem intermediate.pem >chain.pem
        ;;
    small)
        new_key=(ec -pkeyopt ec_paramgen_curve:P-256)
        issue leaf /CN=mx.example.com root -signkey leaf.key
        cp leaf.pem chain.pem
        ;;
    *) echo "unknown kind of chain: $2" >&2 && exit 3 ;;
esac
# OpenSMTPD takes no key that others may read.
install -m 600 leaf.key key.pem
