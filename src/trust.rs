//! Whom this process believes when it is the client of a TLS connection.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};

/// Certificates are always verified, against the system's roots: a connection that is only encrypted protects against
/// nobody who can redirect it.
///
/// # Errors
/// `internal` when the cryptographic library has no common version of TLS.
pub fn client() -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
