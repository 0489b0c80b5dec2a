/* Debian 12's OpenSMTPD 6.8 cannot speak TLS with OpenSSL 3: it marks the key that EVP_PKEY_get1_RSA returns, which is a copy there, and
 * the mark is lost. Its authors' repair is to set the marked key again; this library, loaded before others, sets it first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

typedef struct evp_pkey_st EVP_PKEY;
typedef struct rsa_st RSA;
int EVP_PKEY_set1_RSA(EVP_PKEY *pkey, RSA *key);

RSA *EVP_PKEY_get1_RSA(EVP_PKEY *pkey) {
    RSA *(*original)(EVP_PKEY *) = (RSA * (*)(EVP_PKEY *)) dlsym(RTLD_NEXT, "EVP_PKEY_get1_RSA");
    RSA *key = original(pkey);
    if (key != NULL) EVP_PKEY_set1_RSA(pkey, key);
    return key;
}
