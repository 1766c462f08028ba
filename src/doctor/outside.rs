//! How we are reached: at the issuer, through its proxies, and at the management listener, which is not for the public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use url::Url;

use super::{Check, Outcome};
use crate::app::certificates::examine as examine_files;
use crate::app::remedy;
use crate::config::{Config, Tls};
use crate::domain::address::{alone, route};
use crate::domain::certificate::not_after;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::keys::purpose::PurposeKeys;
use crate::outbound::{Probe, ProbeAnswer};

const SERVER: &str = "server";
const ISSUER: &str = "issuer";
const CERTIFICATE: &str = "certificate";
const FILES: &str = "certificate files";
const PROXY: &str = "proxy";
const MANAGEMENT: &str = "management";
const ANOTHER_PORT: &str = "stop the other program, or listen at another address and port";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// The header by which the server is asked how the request looked to it.
const DOCTOR: &str = "signbridge-doctor";
/// An address of the documentation (RFC 5737) that we claim to come from: a proxy must not pass it on alone.
const CLAIMED: &str = "192.0.2.99";
/// The words of Referrer Policy §3 that say something.
const REFERRER_POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];
/// A certificate that ends sooner than this should have been renewed.
const SOON: Duration = Duration::from_secs(21 * 24 * 3600);

pub(super) async fn examine(config: &Config, env: &Env, purposes: Option<&PurposeKeys>, checks: &mut Vec<Check>) {
    let probe = match Probe::new(config.outbound.ca_file.clone()) {
        Ok(probe) => probe,
        Err(error) => {
            checks.push(Check::failed(ISSUER, chain(&error), "correct outbound.ca_file, or install CA certificates"));
            return;
        }
    };
    address(config.listen.management, checks);
    if let Some(files) = &config.listen.tls() {
        checks.push(certificate_files(files, env));
    }
    let (runs, server) = server(config, &probe).await;
    checks.push(server);
    if !runs {
        taken(config, checks);
        for name in [ISSUER, CERTIFICATE, PROXY] {
            checks.push(Check::skipped(name, "the server does not run here; start it and ask again"));
        }
        return;
    }
    let Ok(base) = Url::parse(&format!("{}/", config.issuer.text())) else { return };
    let Ok(discovery) = base.join(".well-known/openid-configuration") else { return };
    let at = env.now().as_seconds();
    let question = purposes.map(|keys| format!("{at}.{}", keys.doctor_ticket(at).expose()));
    let headers = [(DOCTOR, question.as_deref().unwrap_or_default()), ("x-forwarded-for", CLAIMED)];
    match probe.get(discovery, &headers, ANSWER_TIMEOUT).await {
        Ok(answer) => {
            checks.push(issuer(config, &answer));
            checks.push(certificate(config, env, &answer));
            checks.push(proxy(config, &answer));
            checks.extend(referrer_policy(&answer));
        }
        Err(error) => {
            let found = format!("{} cannot be reached from this machine: {}", config.issuer.text(), chain(&error));
            let advice =
                "check the name's address, the proxy and its certificate; an authority of your own goes into outbound.ca_file";
            checks.push(Check::failed(ISSUER, found, advice));
            for name in [CERTIFICATE, PROXY] {
                checks.push(Check::skipped(name, "the issuer cannot be reached"));
            }
        }
    }
    exposed(&base, &probe, checks).await;
}

/// Whether the server of this configuration runs: its management listener says so.
async fn server(config: &Config, probe: &Probe) -> (bool, Check) {
    let management = config.listen.management;
    let nothing = Check::skipped(SERVER, format!("nothing answers at {management}"));
    let Ok(url) = Url::parse(&format!("http://{}/readyz", own(management))) else { return (false, nothing) };
    match probe.get(url, &[], ANSWER_TIMEOUT).await {
        Ok(answer) if answer.status == 200 && answer.body == b"ok\n" => (true, Check::ok(SERVER, "it runs and is ready")),
        Ok(answer) if answer.status != 503 => {
            (false, Check::failed(SERVER, format!("another program answers at {management}"), ANOTHER_PORT))
        }
        Ok(answer) => (true, Check::failed(SERVER, format!("it is not ready: {}", answer.gist()), "its log says why")),
        Err(_nobody_there) => (false, nothing),
    }
}

/// Whether another program, or another user's rights, keeps us from listening. A port where something of HTTP answered has its
/// check already.
fn taken(config: &Config, checks: &mut Vec<Check>) {
    for (key, address) in [("listen.address", config.listen.address), ("listen.management", config.listen.management)] {
        let failed = |check: &Check| check.name == SERVER && check.outcome == Outcome::Failed;
        let told = key == "listen.management" && checks.iter().any(failed);
        if let (Err(error), false) = (TcpListener::bind(address), told) {
            checks.push(Check::failed(SERVER, format!("cannot listen on {address} ({key}): {error}"), remedy(&error)));
        }
    }
}

/// Where this machine reaches a listener: one that listens everywhere also does at loopback.
pub(crate) fn own(address: SocketAddr) -> SocketAddr {
    let loopback = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    SocketAddr::new(if address.ip().is_unspecified() { loopback } else { address.ip() }, address.port())
}

fn issuer(config: &Config, answer: &ProbeAnswer) -> Check {
    let ours = config.issuer.text();
    if answer.status == 421 {
        let found = format!("what stands in front of this server replaces the Host header of requests to {ours}");
        let advice = "let the proxy keep it: nginx `proxy_set_header Host $host`, Apache `ProxyPreserveHost On`";
        return Check::failed(ISSUER, found, advice);
    }
    let document: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let named = document.as_ref().and_then(|document| document.get("issuer")?.as_str());
    match named {
        Some(named) if answer.status == 200 && named == ours => {
            Check::ok(ISSUER, format!("{ours} answers, and discovery names it"))
        }
        Some(_other) if answer.status == 200 => {
            Check::failed(ISSUER, format!("discovery at {ours} names another issuer"), "let the name lead to this server")
        }
        _something_else => {
            let found = format!("something else answers at {ours} (HTTP {})", answer.status);
            Check::failed(ISSUER, found, "let the name, and the proxy behind it, lead to this server's listen.address")
        }
    }
}

fn certificate_files(files: &Tls, env: &Env) -> Check {
    match examine_files(files) {
        Err(error) => {
            let advice =
                "put a certificate chain at listen.tls_cert and the key that belongs to it at listen.tls_key, both PEM";
            Check::failed(FILES, error, advice)
        }
        Ok(Some(end)) if end.since(env.now()) < SOON => {
            let days = end.since(env.now()).as_secs() / 86_400;
            Check::warning(FILES, format!("they belong together; the certificate ends in {days} days"), "renew it")
        }
        Ok(_) => Check::ok(FILES, "they belong together"),
    }
}

fn certificate(config: &Config, env: &Env, answer: &ProbeAnswer) -> Check {
    if !config.issuer.is_https() {
        return Check::skipped(CERTIFICATE, "the issuer is plain http on loopback");
    }
    let Some(end) = answer.certificate.as_deref().and_then(not_after) else {
        return Check::warning(CERTIFICATE, "it is trusted, but its end cannot be read", "look at it with a browser");
    };
    let days = end.since(env.now()).as_secs() / 86_400;
    if end.since(env.now()) < SOON {
        return Check::warning(CERTIFICATE, format!("it is trusted, and ends in {days} days"), "renew it");
    }
    Check::ok(CERTIFICATE, format!("it is trusted, and good for {days} days"))
}

fn proxy(config: &Config, answer: &ProbeAnswer) -> Check {
    let behind_one = !config.trusted_proxies.is_empty() || (config.issuer.is_https() && config.listen.tls().is_none());
    if !behind_one {
        return Check::skipped(PROXY, "no proxy is configured");
    }
    let Some((at, client, forwarded)) = answer.headers.get(DOCTOR).and_then(|echo| seen(echo)) else {
        let why = "the server did not say how the request came to it (another master key, or an older program)";
        return Check::skipped(PROXY, why);
    };
    if forwarded.is_empty() {
        let found = format!("the proxy at {at} does not say where visitors come from: all seem to come from it");
        return Check::failed(PROXY, found, "let it set X-Forwarded-For");
    }
    if forwarded.trim() == CLAIMED {
        let found = format!("the proxy at {at} passes X-Forwarded-For on as visitors send it: anybody can claim any address");
        return Check::failed(PROXY, found, "let it append the visitor's address, or replace the header by it");
    }
    if !config.trusted_proxies.iter().any(|network| network.contains(&at)) {
        let found = format!("the proxy at {at} is not in trusted_proxies: all visitors seem to come from it");
        return Check::failed(PROXY, found, format!("add \"{}\" (or its network) to trusted_proxies", alone(at)));
    }
    let route = route(at, &[forwarded.as_bytes()], &config.trusted_proxies);
    if route.unreadable {
        let found = format!(
            "the X-Forwarded-For that comes from {at} cannot be read (\"{forwarded}\"): all visitors seem to come from {}",
            route.client
        );
        let advice = "let the proxy write addresses alone, or with a port: 203.0.113.9, [2001:db8::7]:443";
        return Check::failed(PROXY, found, advice);
    }
    if client != route.client {
        let found =
            format!("the server takes this visit to come from {client}, and by the configuration it is {}", route.client);
        return Check::failed(PROXY, found, "let the server read the configuration: start it again");
    }
    Check::ok(PROXY, format!("the proxy at {at} keeps Host and says where visitors come from"))
}

/// What the server saw: `peer=…; client=…; forwarded=…`, of which the last is what proxies wrote, whatever it is.
fn seen(echo: &str) -> Option<(IpAddr, IpAddr, &str)> {
    let (peer, rest) = echo.strip_prefix("peer=")?.split_once("; client=")?;
    let (client, forwarded) = rest.split_once("; forwarded=")?;
    Some((peer.parse::<IpAddr>().ok()?.to_canonical(), client.parse::<IpAddr>().ok()?.to_canonical(), forwarded))
}

/// Whether something in front has browsers hide where our own forms come from; of several words the last that they know counts
/// (Referrer Policy §8.1).
fn referrer_policy(answer: &ProbeAnswer) -> Option<Check> {
    let words = answer.headers.get("referrer-policy")?.rsplit(',').map(|word| word.trim().to_ascii_lowercase());
    let policy = words.into_iter().find(|word| REFERRER_POLICIES.contains(&word.as_str()))?;
    (policy == "no-referrer").then(|| {
        let found = "something in front of this server sets Referrer-Policy: no-referrer: browsers then send our own forms with \
                     Origin: null, and those that do not say where a form comes from by other means (Safari before 16.4) are refused";
        Check::warning(PROXY, found, "let the proxy leave Referrer-Policy as this server sets it (same-origin)")
    })
}

fn address(management: SocketAddr, checks: &mut Vec<Check>) {
    let ip = management.ip().to_canonical();
    let private = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    let advice = "listen on 127.0.0.1, or let a firewall keep everybody but the monitoring out";
    checks.push(if ip.is_loopback() {
        Check::ok(MANAGEMENT, format!("{management} is for this machine alone"))
    } else if private || ip.is_unspecified() {
        Check::warning(MANAGEMENT, format!("{management} can be reached from other machines"), advice)
    } else {
        Check::failed(MANAGEMENT, format!("{management} is a public address"), advice)
    });
}

async fn exposed(base: &Url, probe: &Probe, checks: &mut Vec<Check>) {
    let Ok(url) = base.join("metrics") else { return };
    if let Ok(answer) = probe.get(url, &[], ANSWER_TIMEOUT).await
        && answer.status == 200
        && String::from_utf8_lossy(&answer.body).contains("signbridge_build_info")
    {
        let found = "the metrics can be read by everybody at the issuer";
        checks.push(Check::failed(MANAGEMENT, found, "do not let the proxy forward to listen.management"));
    }
}

#[cfg(test)]
mod tests;
