//! Another way in to a server of this machine: through TLS, or at another address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Passes connections on to a server; closes when dropped.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    certificate: Option<String>,
    connections: Arc<AtomicU64>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Door {
    /// A door at `address`, where port 0 chooses one, to the server at `url`.
    ///
    /// # Panics
    /// When the machine does not have that address, or no thread for it.
    pub fn plain(address: &str, url: &str) -> Self {
        Self::open(address, url, None)
    }

    /// A door with TLS to the server at `url`, whose certificate is signed by nobody but itself,
    /// for the host `name`; it ended long ago when it is `expired`.
    ///
    /// # Panics
    /// As [`Door::plain`], and when no certificate can be made for the name.
    pub fn tls(url: &str, name: &str, expired: bool) -> Self {
        let (acceptor, certificate) = match certificate(name, expired) {
            Ok(made) => made,
            Err(error) => panic!("no certificate for {name}: {error}"),
        };
        let mut door = Self::open("127.0.0.1:0", url, Some(acceptor));
        door.certificate = Some(certificate);
        door
    }

    fn open(address: &str, url: &str, acceptor: Option<TlsAcceptor>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("door")
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime: {error}"));
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .unwrap_or_else(|error| panic!("cannot listen at {address}: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        let target = url.trim_start_matches("http://").to_owned();
        let connections = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&connections);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pass(stream, target.clone(), acceptor.clone()));
            }
        });
        Self {
            address,
            certificate: None,
            connections,
            runtime: Some(runtime),
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate as text; empty without TLS.
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap_or_default()
    }

    /// Connections so far, whatever became of them.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn pass(mut stream: TcpStream, target: String, acceptor: Option<TlsAcceptor>) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    // Who breaks off here is told so by the end of the connection.
    match acceptor {
        None => {
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
        Some(acceptor) => {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            }
        }
    }
}

fn certificate(
    name: &str,
    expired: bool,
) -> Result<(TlsAcceptor, String), Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    if expired {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let text = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(certificate.der())
    );
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    Ok((TlsAcceptor::from(Arc::new(config)), text))
}
