//! Starting and stopping: listeners, the addresses that callers are told, the routes.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::{KeepAlive, header};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::task::JoinHandle;

use crate::call::{self, Call, Provider};
use crate::endpoints::{secsign_form, secsign_rest, thumbsignin};
use crate::faults::wire;
use crate::options::Options;
use crate::phone;
use crate::simulation::{Settings, Simulation};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen at {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("a page of the virtual phone is broken: {0}")]
    Page(#[from] minijinja::Error),
    #[error("the simulator's web server failed: {0}")]
    Server(#[from] std::io::Error),
}

/// A running simulator. It runs until it is stopped or its runtime ends.
pub struct Simulator {
    /// Origins: `http://127.0.0.1:8081`.
    pub upstream_url: String,
    pub phone_url: String,
    pub options: Options,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Simulator {
    /// Stops at once: open connections are dropped. Fails only if the web server had failed before.
    pub async fn stop(self) -> Result<(), Error> {
        self.handle.stop(false).await;
        self.task.await.map_err(std::io::Error::other)?.map_err(Error::from)
    }
}

/// Starts a simulator. Call it inside a tokio runtime; when it returns, all listeners answer.
pub async fn start(options: Options) -> Result<Simulator, Error> {
    let listeners = listen(&options)?;
    let addresses: Vec<SocketAddr> = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    let settings = settings(options, &addresses);
    let server = serve(listeners, Data::new(Simulation::new(settings.clone(), phone::templates()?)))?;
    let Settings { options, upstream_url, phone_url } = settings;
    tracing::debug!(upstream = %upstream_url, phone = %phone_url, "the phone services are simulated");
    Ok(Simulator { upstream_url, phone_url, options, handle: server.handle(), task: tokio::spawn(server) })
}

/// One listener for everything, and another for the phone where it has its own address. An unspecified address covers
/// the loopback one, so that with the same port it takes its place.
fn listen(options: &Options) -> Result<Vec<TcpListener>, Error> {
    let bind = |address: SocketAddr| TcpListener::bind(address).map_err(|source| Error::Listen { address, source });
    let Some(mut phone) = options.phone_listen else { return Ok(vec![bind(options.listen)?]) };
    if phone.port() == 0 {
        phone.set_port(options.listen.port());
    }
    if phone.ip().is_unspecified() && phone.port() == options.listen.port() {
        return Ok(vec![bind(phone)?]);
    }
    let main = bind(options.listen)?;
    if phone.port() == 0 {
        phone.set_port(main.local_addr()?.port());
    }
    if phone == main.local_addr()? { Ok(vec![main]) } else { Ok(vec![main, bind(phone)?]) }
}

fn settings(options: Options, addresses: &[SocketAddr]) -> Settings {
    let origin = |ip: IpAddr, port: u16| format!("http://{}", SocketAddr::new(ip, port));
    let main = addresses.first().copied().unwrap_or(options.listen);
    let phone = addresses.last().copied().unwrap_or(main);
    let reachable = match phone.ip() {
        ip if ip.is_unspecified() => network_address().unwrap_or(options.listen.ip()),
        ip => ip,
    };
    let upstream = match options.listen.ip() {
        ip if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    let phone_url = options.phone_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    Settings {
        upstream_url: origin(upstream, main.port()),
        phone_url: phone_url.unwrap_or_else(|| origin(reachable, phone.port())),
        options,
    }
}

/// The address used towards the documentation network of RFC 5737. Connecting a datagram socket sends nothing.
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// One worker: the state is behind one lock anyway. Idle connections are kept, because a client whose pooled connection
/// is closed under its hands cannot tell whether its create call was heard.
fn serve(listeners: Vec<TcpListener>, simulation: Data<Simulation>) -> Result<Server, Error> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(simulation.clone())
            .service(web::resource(["/phone", "/phone/{tail:.*}"]).to(phone::handle))
            .service(web::resource("/redirected").to(redirected))
            .default_service(web::to(upstreams))
    });
    let server = server.workers(1).disable_signals().keep_alive(KeepAlive::Os).on_connect(wire::keep_socket);
    let server = listeners.into_iter().try_fold(server, |server, listener| {
        listener.set_nonblocking(true)?;
        server.listen(listener)
    })?;
    Ok(server.run())
}

/// At a loopback listener only callers of this machine get here, even if the phone's listener is wider.
async fn upstreams(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if simulation.settings.options.listen.ip().is_loopback() && !phone::is_local(&request) {
        return HttpResponse::Forbidden().json(serde_json::json!({"error": "forbidden"}));
    }
    let path = request.uri().path();
    if path.starts_with("/ts/secure/") {
        thumbsignin::handle(simulation, request, body).await
    } else if path.starts_with("/rest/") {
        secsign_rest::handle(simulation, request, body).await
    } else if path == "/" && request.method() == actix_web::http::Method::POST {
        secsign_form::handle(simulation, request, body).await
    } else if path == "/" {
        HttpResponse::SeeOther().insert_header((header::LOCATION, "/phone")).finish()
    } else {
        HttpResponse::NotFound().json(serde_json::json!({"error": "not_found", "message": "There is nothing at this address"}))
    }
}

/// Where the fault `redirect` leads: whoever follows is noted, and told what would tempt him.
async fn redirected(simulation: Data<Simulation>, request: HttpRequest) -> HttpResponse {
    let mut world = simulation.world();
    let seq = world.log.begin(&Call::new(Provider::SecSign, "redirected", call::target(&request)));
    world.log.finish(seq, 200);
    HttpResponse::Ok().body("authsessionstate=3")
}
