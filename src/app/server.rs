//! The listeners: actix servers whose connections are [bounded](super::connections), with size limits of our own (check
//! 121). What is accepted, decrypted and parsed is put together here, so that each connection can be ended at any moment.
//! The descriptors of the process are shared out between them and everything else.

use std::fmt::Debug;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server as ActixServer, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::connections::Connections;
use super::stream::{Counted, Strict};
use super::{StartError, requests, setup};
use crate::compat;
use crate::config::{Database, DatabaseUrl};
use crate::endpoints::routes;
use crate::web::{Surface, headers, request};

/// How long the public listener may take to stop, from the moment when it was asked for; the jobs stop after it.
const STOP: Duration = Duration::from_secs(7);
/// The largest body of any request: a token request with a long assertion fits several times.
const LARGEST_BODY: usize = 64 * 1024;
/// A client whose first head takes longer is told so; one whose TLS handshake takes longer is cut off.
const HEAD: Duration = Duration::from_secs(5);
/// How long a client may go on sending what nobody reads, so that it can read the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Descriptors that are kept for calls to phone services and clients, files, and a database in a file.
const OTHERS: u64 = 192;
/// The most connections of the management listener, and the most and the fewest of the provider's, however many descriptors there
/// are: each takes memory as well.
pub(super) const MANAGEMENT: usize = 64;
const MOST: u64 = 16_384;
const LEAST: u64 = 16;

/// Raises the limit on open files to the hardest one that is allowed, and answers it. It stays as it was where that fails.
pub(super) fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
    // None: no limit.
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

pub(super) fn most_public(descriptors: u64, database: &Database) -> usize {
    let of_database = match database.url {
        DatabaseUrl::Sqlite(_) => 0,
        DatabaseUrl::Postgres(_) => u64::from(database.connections),
    };
    let kept = (OTHERS + of_database + MANAGEMENT as u64).min(descriptors / 2);
    usize::try_from((descriptors - kept).clamp(LEAST, MOST)).unwrap_or(usize::MAX)
}

pub(super) struct Server {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
    watch: JoinHandle<()>,
}

impl Server {
    pub(super) async fn stop(self) {
        self.handle.stop(true).await;
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener ended badly");
        }
        self.watch.abort();
    }
}

/// Serves the provider. A stop comes `drain` after it was asked for.
pub(super) fn serve(tcp: TcpListener, door: Door, surface: Surface, drain: Duration) -> Result<Server, StartError> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    door.serve(tcp, workers, STOP.saturating_sub(drain), move || {
        App::new()
            .app_data(web::Data::new(surface.clone()))
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .configure(compat::mount)
            .configure(routes::mount)
            .wrap(from_fn(requests::or_late))
            .wrap(from_fn(headers::guard))
            // Around the guard: it sees every answer as it is sent, those of the guard included.
            .wrap(from_fn(requests::in_time))
            .wrap(from_fn(request::observe))
    })
}

type Wire = Strict<Either<TlsStream<Counted>, Counted>>;
type Accepted = (Wire, Protocol, Option<std::net::SocketAddr>);

/// Where the connections of a listener come in.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) connections: Arc<Connections>,
    pub(super) tls: Option<TlsAcceptor>,
}

impl Door {
    /// Serves an application. actix's own limit of connections only holds accepting back while some are being ended.
    pub(super) fn serve<F, I, S, B>(
        self,
        tcp: TcpListener,
        workers: usize,
        stop: Duration,
        app: F,
    ) -> Result<Server, StartError>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        let connections = Arc::clone(&self.connections);
        let builder = ActixServer::build()
            .workers(workers)
            .max_concurrent_connections(connections.bounds.most.div_ceil(workers))
            .shutdown_timeout(stop.as_secs())
            .disable_signals();
        let stopping = builder.graceful_shutdown_signal();
        let server = builder.listen("http", tcp, move || {
            let stopping = stopping.clone();
            let app = app().into_factory().map_err(|error| error.into().error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                // `Connections` ends idle ones.
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(HEAD)
                .client_disconnect_timeout(LINGER)
                .on_connect_ext(|wire: &Wire, data| drop(data.insert(Arc::clone(&wire.connection))))
                .finish(map_config(app, |()| AppConfig::default()));
            self.clone().before(http)
        });
        let server = server.map_err(setup)?.run();
        let watch = tokio::spawn(connections.watch());
        Ok(Server { handle: server.handle(), task: tokio::spawn(server), watch })
    }

    fn before<H>(self, http: H) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>
    where
        H: ServiceFactory<Accepted, Config = (), Response = (), InitError = ()>,
        H::Future: 'static,
        H::Service: 'static,
    {
        fn_factory(move || {
            let door = self.clone();
            let http = http.new_service(());
            async move {
                let http = Rc::new(http.await?);
                Ok::<_, ()>(fn_service(move |tcp| door.clone().receive(tcp, Rc::clone(&http))))
            }
        })
    }

    async fn receive<H>(self, tcp: TcpStream, http: Rc<H>) -> Result<(), ()>
    where
        H: Service<Accepted, Response = ()>,
    {
        let Ok(peer) = tcp.peer_addr() else { return Ok(()) };
        let Some(open) = self.connections.open(peer.ip()) else { return Ok(()) };
        let connection = Arc::clone(&open.connection);
        let serving = async move {
            let tcp = Counted { tcp, connection: Arc::clone(&connection) };
            let stream = match self.tls {
                None => Either::Right(tcp),
                Some(tls) => match timeout(HEAD, tls.accept(tcp)).await {
                    Ok(Ok(stream)) => Either::Left(stream),
                    Ok(Err(_)) | Err(_) => return,
                },
            };
            // How a connection ended is nobody's business: its requests were answered, or there was nobody to answer.
            let _over = http.call((Strict::new(stream, connection), Protocol::Http1, Some(peer))).await;
        };
        tokio::select! {
            biased;
            () = open.connection.end.notified() => {}
            () = serving => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn others_are_left_enough_of_any_number() {
        for (descriptors, connections) in [(64, 32), (256, 128), (1024, 768), (20_000, 16_384), (u64::MAX, 16_384)] {
            let file = DatabaseUrl::Sqlite("signbridge.db".into());
            let file = Database { url: file, connections: 100, writes_per_commit: 64 };
            assert_eq!(most_public(descriptors, &file), connections, "{descriptors}");
        }
        let server = DatabaseUrl::Postgres(Secret::new("postgres://x"));
        let server = Database { url: server, connections: 100, writes_per_commit: 64 };
        assert_eq!((most_public(1024, &server), most_public(256, &server)), (668, 128));
    }
}
