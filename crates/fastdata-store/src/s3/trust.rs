//! Whom to trust: what the system trusts, or the certificates of a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};

type Made = Result<Arc<ClientConfig>, String>;

/// How connections are made secure. Certificates are read once a process.
pub(super) fn tls_config(bundle: Option<&Path>) -> Made {
    static MADE: Mutex<Option<HashMap<Option<PathBuf>, Made>>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    let bundle = bundle.map(Path::to_path_buf);
    let entry = made.entry(bundle);
    let make = |bundle: &Option<PathBuf>| make(bundle.as_deref());
    entry.or_insert_with_key(make).clone()
}

fn make(bundle: Option<&Path>) -> Made {
    let mut roots = rustls::RootCertStore::empty();
    let found = match bundle {
        Some(_) => load_certs_from_paths(bundle, None),
        None => load_native_certs(),
    };
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(match bundle {
            Some(path) => format!("{} has no certificates", path.display()),
            None => "this machine has no certificates that it trusts".to_owned(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
