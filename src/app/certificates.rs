//! The certificate of our own TLS. Its files are followed: a renewed pair is shown to new connections without a restart, however
//! it was put there (written over, renamed into place, behind a symbolic link). A pair that cannot be used, because it was half
//! written or does not belong together, changes nothing; it is told of once, and read again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

use super::StartError;
use crate::config::Tls;
use crate::domain::certificate::not_after;
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::metrics;

const LOOK: Duration = Duration::from_secs(10);
/// From when on before its end a certificate should have been renewed.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);
const REMIND: Duration = Duration::from_secs(24 * 3600);

pub(super) struct Certificates {
    files: Tls,
    env: Env,
    shown: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

struct Seen {
    /// What the files held, good or not.
    digest: [u8; 32],
    refused: bool,
    end: Option<Timestamp>,
    reminded: Option<Timestamp>,
}

impl Certificates {
    pub(super) fn load(files: &Tls, env: &Env) -> Result<Arc<Self>, StartError> {
        let (digest, pair) = read(files);
        let pair = pair.map_err(StartError::Setup)?;
        let end = end_of(&pair);
        let seen = Mutex::new(Seen { digest, refused: false, end, reminded: None });
        let loaded = Arc::new(Self { files: files.clone(), env: env.clone(), shown: RwLock::new(Arc::new(pair)), seen });
        metrics::TLS_CERTIFICATE_REFUSED.set([], 0.0);
        loaded.tell();
        Ok(loaded)
    }

    /// TLS as it has to be, with the certificate that is shown at the moment of each handshake.
    pub(super) fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let mut config =
            ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            Arc::clone(&self).look_aside().await;
        }
    }

    /// Looks at the files now, where a slow file system holds nobody up. Answers what came of it, as a word for the log.
    pub(super) async fn look_aside(self: Arc<Self>) -> &'static str {
        tokio::task::spawn_blocking(move || self.look()).await.unwrap_or("refused")
    }

    fn look(&self) -> &'static str {
        let mut seen = self.seen.lock();
        let (digest, pair) = read(&self.files);
        let look = match pair {
            _same if digest == seen.digest && seen.refused => "refused",
            _same if digest == seen.digest => "same",
            Ok(pair) => {
                seen.end = end_of(&pair);
                seen.reminded = None;
                *self.shown.write() = Arc::new(pair);
                metrics::TLS_CERTIFICATE_REFUSED.set([], 0.0);
                tracing::info!(ends = seen.end.map(|end| end.to_string()), "a renewed certificate is shown from now on");
                "renewed"
            }
            Err(error) => {
                metrics::TLS_CERTIFICATE_REFUSED.set([], 1.0);
                tracing::warn!(error, "the files of the certificate cannot be used; the one from before stays in use");
                "refused"
            }
        };
        (seen.digest, seen.refused) = (digest, look == "refused");
        drop(seen);
        self.tell();
        look
    }

    fn tell(&self) {
        let mut seen = self.seen.lock();
        let Some(end) = seen.end else { return metrics::TLS_CERTIFICATE_EXPIRY.clear() };
        #[expect(clippy::cast_precision_loss, reason = "a moment in seconds has far less than 52 bits")]
        metrics::TLS_CERTIFICATE_EXPIRY.set([], end.as_seconds() as f64);
        let now = self.env.now();
        if end.since(now) < SOON && seen.reminded.is_none_or(|at| now.since(at) >= REMIND) {
            seen.reminded = Some(now);
            let days = end.since(now).as_secs() / 86_400;
            tracing::warn!(days, ends = end.to_string(), "the certificate ends soon, or has ended: renew it");
        }
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read()))
    }
}

pub(crate) fn examine(files: &Tls) -> Result<Option<Timestamp>, String> {
    read(files).1.map(|pair| end_of(&pair))
}

fn end_of(pair: &CertifiedKey) -> Option<Timestamp> {
    pair.cert.iter().filter_map(|certificate| not_after(certificate)).min()
}

/// What the files hold, whatever it is, and the pair that it makes.
fn read(files: &Tls) -> ([u8; 32], Result<CertifiedKey, String>) {
    let mut digest = Sha256::new();
    let mut bytes = |path: &Path| {
        let read = std::fs::read(path);
        match &read {
            Ok(bytes) => digest.update(Sha256::digest(bytes)),
            Err(error) => digest.update(error.to_string()),
        }
        read.map_err(|error| unusable(path, &error))
    };
    let (cert, key) = (bytes(&files.cert), bytes(&files.key));
    let pair = cert.and_then(|cert| pair(files, &cert, &key?));
    (digest.finalize().into(), pair)
}

fn pair(files: &Tls, cert: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.map_err(|error| unusable(&files.cert, &error))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable(&files.key, &error))?;
    let provider = aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| unusable(&files.cert, &error))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{} cannot be used: {error}", path.display())
}
