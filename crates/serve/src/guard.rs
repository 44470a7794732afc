//! The guard: rejects requests from other sites. Other pages in the same browser can reach every port of this machine,
//! even under their own names (DNS rebinding); they get nothing, and no page may embed or script this one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Server;
use super::connections::Local;
use super::reply::Refusal;

/// What the page may load: its own files, and pictures that it creates.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a report may load: its inline style and pictures, but never a script, and it leads the browser nowhere, whoever
/// wrote it.
pub const REPORT: &str = "sandbox; default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The default port, which addresses omit.
const HTTP: u16 = 80;

/// The host names that the page answers to.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Of the form `name:port`; the given name comes first.
    hosts: Vec<String>,
}

impl Guard {
    /// A guard for the given name and the names of this machine.
    pub fn new(host: &str, port: u16) -> Self {
        let given = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.to_ascii_lowercase(),
        };
        let names = [given.as_str(), "localhost", "127.0.0.1", "[::1]"];
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == HTTP {
            hosts.extend(names.map(String::from));
        }
        Self { hosts }
    }

    /// The page's address.
    pub fn url(&self) -> String {
        let host = self.hosts.first().map_or("", String::as_str);
        format!("http://{host}/")
    }

    /// Whether a host is this page. The address that a request came to is one of its names: another page cannot have it
    /// as its own, because the browser connects to what it names.
    fn knows(&self, host: &str, local: Option<SocketAddr>) -> bool {
        let mut known = self.hosts.iter();
        known.any(|known| known.eq_ignore_ascii_case(host))
            || local.is_some_and(|local| is_address(host, local))
    }

    /// Why a request is rejected; `None` if it is allowed.
    fn fault(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        local: Option<SocketAddr>,
    ) -> Option<&'static str> {
        let knows = |host: &str| self.knows(host, local);
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let named = uri.authority().map(|authority| authority.as_str());
        if !host.is_some_and(knows)
            || hosts.next().is_some()
            || named.is_some_and(|name| !knows(name))
        {
            return Some(
                "this page only answers to its own addresses, localhost and the name it was started with (--host)",
            );
        }
        let is = |name: HeaderName, value: &str| {
            headers
                .get(name)
                .is_some_and(|found| found.as_bytes() == value.as_bytes())
        };
        let site_is_own = !headers.contains_key(FETCH_SITE)
            || is(FETCH_SITE, "same-origin")
            || is(FETCH_SITE, "none");
        // A link on another page may lead here, because that page cannot see the result.
        let is_link = method == Method::GET && is(FETCH_MODE, "navigate");
        let origin_is_own = headers.get_all(ORIGIN).iter().all(|origin| {
            let origin = origin
                .to_str()
                .ok()
                .and_then(|it| it.strip_prefix("http://"));
            origin.is_some_and(knows)
        });
        if !origin_is_own || !(site_is_own || is_link) {
            return Some("requests from other sites are not allowed");
        }
        None
    }
}

/// Whether `host` is an address with its port, which may be left out if it is HTTP's.
fn is_address(host: &str, address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.parse() == Ok(SocketAddr::new(ip, address.port()))
        || address.port() == HTTP && bare.parse() == Ok(ip)
}

/// Answers a request if it is allowed, and adds security headers for the browser.
pub async fn check(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<Local>().map(|local| local.0);
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let fault = server.guard.fault(method, uri, headers, local);
    let mut response = match fault {
        Some(text) => Refusal::new(StatusCode::FORBIDDEN, text).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(PAGE));
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (RESOURCE_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(method: Method, uri: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let guard = Guard::new("Box.example", 7860);
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let headers: HeaderMap = headers.collect();
        guard
            .fault(&method, &uri.parse().unwrap(), &headers, None)
            .is_some()
    }

    #[test]
    fn only_this_machine_s_names_are_answered_to() {
        for host in [
            "localhost:7860",
            "LOCALHOST:7860",
            "127.0.0.1:7860",
            "[::1]:7860",
            "box.example:7860",
        ] {
            assert!(!fault(Method::GET, "/", &[("host", host)]), "{host}");
        }
        for host in [
            "localhost",
            "localhost:80",
            "evil.example:7860",
            "localhost:7860.evil.example",
            "127.0.0.1.evil:7860",
            "",
        ] {
            assert!(fault(Method::GET, "/", &[("host", host)]), "{host}");
        }
        assert!(fault(Method::GET, "/", &[]));
        assert!(fault(
            Method::GET,
            "http://evil.example/",
            &[("host", "localhost:7860")]
        ));
    }

    #[test]
    fn a_port_that_addresses_leave_out_may_be_left_out() {
        let guard = Guard::new("::1", 80);
        assert_eq!(guard.url(), "http://[::1]:80/");
        assert!(
            ["localhost", "[::1]", "127.0.0.1:80"]
                .iter()
                .all(|it| guard.knows(it, None))
        );
    }

    #[test]
    fn the_address_that_a_request_came_to_is_answered_to() {
        let knows = |host: &str, address: &str| {
            let address: SocketAddr = address.parse().unwrap();
            Guard::new("0.0.0.0", address.port()).knows(host, Some(address))
        };
        for (host, address) in [
            ("192.168.1.5:7860", "192.168.1.5:7860"),
            ("192.168.1.5:7860", "[::ffff:192.168.1.5]:7860"),
            ("[fd00::5]:7860", "[fd00::5]:7860"),
            ("192.168.1.5", "192.168.1.5:80"),
            ("[fd00::5]", "[fd00::5]:80"),
        ] {
            assert!(knows(host, address), "{host} {address}");
        }
        for host in [
            "192.168.1.6:7860",
            "192.168.1.5:80",
            "192.168.1.5",
            "box.lan:7860",
        ] {
            assert!(!knows(host, "192.168.1.5:7860"), "{host}");
        }
    }

    #[test]
    fn other_pages_may_link_here_and_no_more() {
        let own = ("host", "localhost:7860");
        let asked = |method: Method, more: &[(&'static str, &'static str)]| {
            let headers: Vec<_> = [own].iter().chain(more).copied().collect();
            !fault(method, "/", &headers)
        };
        for site in ["same-origin", "none"] {
            assert!(asked(Method::POST, &[("sec-fetch-site", site)]));
        }
        assert!(asked(Method::POST, &[("origin", "http://localhost:7860")]));
        assert!(asked(
            Method::GET,
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate")
            ]
        ));
        for (method, site, mode) in [
            (Method::POST, "cross-site", "navigate"),
            (Method::POST, "same-site", "cors"),
            (Method::GET, "cross-site", "no-cors"),
            (Method::GET, "same-site", "cors"),
        ] {
            assert!(
                !asked(
                    method,
                    &[("sec-fetch-site", site), ("sec-fetch-mode", mode)]
                ),
                "{site} {mode}"
            );
        }
        for origin in [
            "null",
            "http://evil.example",
            "https://localhost:7860",
            "http://localhost:1",
        ] {
            assert!(!asked(Method::POST, &[("origin", origin)]), "{origin}");
        }
    }
}
