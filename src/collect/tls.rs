//! Connections to a component of this host by URL, plain or with TLS and a client's certificate.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::endpoint::Endpoint;
use super::http::{self, End, HttpError};

/// The PEM files that a connection needs: whom to trust, and who asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    /// Certificates of authorities.
    pub(crate) authority: Vec<u8>,
    /// The client's certificate.
    pub(crate) certificate: Vec<u8>,
    /// Its key.
    pub(crate) key: Vec<u8>,
}

/// A whole answer.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) enum Ask {
    /// `GET`.
    Get(&'static str),
    /// `HEAD`.
    Head(&'static str),
    /// `POST` with a JSON document.
    Post(&'static str, &'static str),
}

/// One request and its whole answer, of at most `most` bytes; or why there is none, in words.
pub(crate) async fn ask(
    endpoint: &Endpoint,
    identity: Option<&Identity>,
    ask: Ask,
    most: usize,
    deadline: Instant,
) -> Result<Answer, String> {
    let connect = async {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
        stream.map_err(|error| format!("cannot connect to {}: {error}", endpoint.url()))
    };
    let late = || format!("{}: no answer in time", endpoint.url());
    let stream = timeout_at(deadline, connect).await.map_err(|_| late())??;
    let authority = endpoint.authority();
    let request = match ask {
        Ask::Get(target) => http::get(target, &authority),
        Ask::Head(target) => http::head(target, &authority),
        Ask::Post(target, document) => http::post(target, &authority, document),
    }?;
    let mut body = Vec::new();
    let mut take = |_: u16, part: &[u8]| {
        let room = most.saturating_sub(body.len());
        body.extend_from_slice(part.get(..room).unwrap_or(part));
        body.len() < most
    };
    let answered = if endpoint.is_tls {
        let config = config(identity.unwrap_or(&Identity::default()))?;
        let name =
            ServerName::try_from(endpoint.host.clone()).map_err(|error| format!("{}: {error}", endpoint.host))?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let stream = timeout_at(deadline, handshake).await.map_err(|_| late())?;
        let stream = stream.map_err(|error| format!("{}: {error}", endpoint.url()))?;
        http::exchange(stream, request, deadline, &mut take).await
    } else {
        http::exchange(stream, request, deadline, &mut take).await
    };
    match answered {
        Ok((status, End::Complete)) => Ok(Answer { status, body }),
        Ok((_, End::Enough)) => Err(format!("{}: the answer is larger than the limit", endpoint.url())),
        Ok((_, End::TimedOut)) | Err(HttpError::TimedOut) => Err(late()),
        Ok((_, End::Broken)) => Err(format!("{}: the connection broke within the answer", endpoint.url())),
        Err(HttpError::Protocol(words)) => Err(format!("{}: {words}", endpoint.url())),
    }
}

fn config(identity: &Identity) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&identity.authority).flatten() {
        // One certificate that cannot be read must not hide the others.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() && !identity.authority.is_empty() {
        return Err("the authority's file holds no certificate in PEM that can be read".into());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    if identity.certificate.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let chain = CertificateDer::pem_slice_iter(&identity.certificate)
        .flatten()
        .collect();
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| format!("the client's key: {error}"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the client's certificate: {error}"))
}
