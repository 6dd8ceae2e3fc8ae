//! A chain of certificates and its key: read, and held against each other.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustls::{
    Error, InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode};
use zeroize::Zeroizing;

/// The most bytes of a file; a chain has a few thousand.
const LIMIT: u64 = 1 << 20;

const FOREIGN: &str = "TLS_KEY does not belong to the first certificate of TLS_CERT. Name files of one pair; the server's \
                       own certificate comes first";

/// Where the pair is.
pub(super) struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
pub(super) struct Pair {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Files {
    /// Reads both; in words that name the setting when one cannot be read.
    pub(super) fn read(&self) -> Result<Pair, String> {
        let read = |setting: &str, path: &Path| {
            contents(path).map_err(|e| {
                format!(
                    "{setting} is {}, which cannot be read: {e}. Name a file in PEM that this user may read",
                    path.display()
                )
            })
        };
        Ok(Pair { cert: read("TLS_CERT", &self.cert)?, key: Zeroizing::new(read("TLS_KEY", &self.key)?) })
    }
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for whoever writes into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Pair {
    /// What a handshake needs; in words that name the setting and the cure when they do not make it.
    pub(super) fn certify(&self) -> Result<CertifiedKey, String> {
        let chain = CertificateDer::pem_slice_iter(&self.cert).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|e| format!("TLS_CERT is not whole: {e}. Write the chain in PEM again"))?;
        if chain.is_empty() {
            return Err(
                "TLS_CERT holds no certificate in PEM, which begins with BEGIN CERTIFICATE. Name the file with \
                        the full chain"
                    .to_owned(),
            );
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| self.no_key())?;
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).map_err(|e| {
            format!("TLS_KEY holds a key that cannot be used: {e}. Take ECDSA on P-256, Ed25519, or RSA of 2048 bits or more")
        })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
            Err(Error::InconsistentKeys(_)) => Err(FOREIGN.to_owned()),
            Err(e) => Err(format!("TLS_CERT begins with a certificate that cannot be read: {e}. Name another file")),
        }
    }

    /// When the first certificate ends, in seconds since 1970.
    pub(super) fn end(&self) -> Option<i64> {
        let first = CertificateDer::from_pem_slice(&self.cert).ok()?;
        let validity = Certificate::from_der(&first).ok()?.tbs_certificate.validity;
        i64::try_from(validity.not_after.to_unix_duration().as_secs()).ok()
    }

    fn no_key(&self) -> String {
        if String::from_utf8_lossy(&self.key).contains("ENCRYPTED") {
            "TLS_KEY holds an encrypted key, and nobody is there to type its password at a start. Write it without \
             one: openssl pkey -in OLD -out NEW"
        } else {
            "TLS_KEY holds no private key in PEM, which begins with BEGIN PRIVATE KEY. Name the file with the key"
        }
        .to_owned()
    }
}
