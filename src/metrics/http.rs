//! The HTTP server: connections, their time limits, and the responses.
//!
//! A connection carries one request and one response, and is closed when its time is over. The number of connections is
//! limited; at the limit, a new connection replaces the oldest one. So connections that send nothing, or that send or
//! read slowly, never prevent a new connection from getting its response. Request bodies are not read.

use super::hosts::Hosts;
use super::response_cache::ResponseCache;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use log::debug;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once; one more closes the oldest.
    connections: usize,
    /// Time to receive the request.
    request: Duration,
    /// Time of the whole connection.
    connection: Duration,
}

/// The limits of the daemon.
pub(super) const LIMITS: Limits =
    Limits { connections: 16, request: Duration::from_secs(5), connection: Duration::from_secs(10) };

/// Bytes of a request line with its headers; hyper takes no smaller limit.
const REQUEST_MAX_BYTES: usize = 8192;

/// Headers of a request.
const HEADERS_MAX: usize = 64;

/// Pause after a failed accept, for example because of a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a response is shared.
const TICK: Duration = Duration::from_secs(1);

/// Response for a host name that is not accepted.
const HOST_NOT_ACCEPTED: &str =
    "unknown host name: use an IP address, or accept the name with --metrics-host\n";

/// The status page, with style and script.
const PAGE: &str = include_str!("status_page.html");

/// The page loads data from this server only and cannot be framed.
const POLICY: &str = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The resources that are served.
pub(super) struct Site {
    pub(super) responses: ResponseCache,
    /// The host names that requests may use.
    pub(super) hosts: Hosts,
}

/// Serves forever.
pub(super) async fn serve(socket: TcpListener, site: Arc<Site>, limits: Limits) {
    tokio::spawn(tick_every_second(site.clone()));
    // Oldest first.
    let mut connections: VecDeque<AbortHandle> = VecDeque::with_capacity(limits.connections);
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() == limits.connections
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections
                    .push_back(tokio::spawn(serve_connection(stream, site.clone(), limits)).abort_handle());
                // Lets the oldest connection close, and requests that have arrived be answered, before the next accept.
                yield_now().await;
            }
            Err(error) => {
                debug!("--metrics accept: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn tick_every_second(site: Arc<Site>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        site.responses.tick();
    }
}

/// Serves one request.
async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    site: Arc<Site>,
    limits: Limits,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = respond(&request, &site);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_buf_size(REQUEST_MAX_BYTES)
        .max_headers(HEADERS_MAX)
        .half_close(true)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(limits.connection, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("--metrics connection: {error}"),
        Err(_) => debug!("--metrics connection: time limit exceeded"),
    }
}

type HttpResponse = Response<Full<Bytes>>;

fn respond<B>(request: &Request<B>, site: &Site) -> HttpResponse {
    let (method, path, responses) = (request.method(), request.uri().path(), &site.responses);
    if !site.hosts.accept(request.uri(), request.version(), request.headers()) {
        return plain_text(StatusCode::MISDIRECTED_REQUEST, HOST_NOT_ACCEPTED);
    }
    let known = matches!(path, "/" | "/metrics" | "/status.json" | "/livez" | "/readyz");
    if known && !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain_text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/" => status_page(),
        "/metrics" => with_content_type(prometheus::TEXT_FORMAT, responses.metrics()),
        "/status.json" => with_content_type("application/json", responses.status()),
        "/livez" if responses.is_alive() => plain_text(StatusCode::OK, "alive\n"),
        "/livez" => plain_text(StatusCode::SERVICE_UNAVAILABLE, "a thread makes no progress\n"),
        "/readyz" if responses.is_serving() => plain_text(StatusCode::OK, "ready\n"),
        "/readyz" => plain_text(StatusCode::SERVICE_UNAVAILABLE, "not serving\n"),
        _ => plain_text(
            StatusCode::NOT_FOUND,
            "not found; the paths are /, /metrics, /status.json, /livez and /readyz\n",
        ),
    }
}

fn status_page() -> HttpResponse {
    let mut status_page = with_content_type("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()));
    let headers = status_page.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    status_page
}

fn plain_text(status: StatusCode, text: &'static str) -> HttpResponse {
    let mut response = with_content_type("text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response
}

fn with_content_type(content_type: &'static str, body: Bytes) -> HttpResponse {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::engine;
    use super::*;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::net::TcpSocket;

    fn site() -> Arc<Site> {
        let responses = ResponseCache::new(Arc::new(engine("")));
        Arc::new(Site { responses, hosts: Hosts::new(Vec::new()) })
    }

    /// The response to these bytes, over a stream with a buffer of this size and with this time limit.
    fn response_to(bytes: &[u8], at_once: usize, time: Duration, reads: bool) -> String {
        let limits = Limits { connections: 1, request: time, connection: time };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut client, server) = duplex(at_once);
            let connection_task = tokio::spawn(serve_connection(server, site(), limits));
            client.write_all(bytes).await.unwrap();
            if !reads {
                connection_task.await.unwrap();
            }
            let mut response = Vec::new();
            client.read_to_end(&mut response).await.unwrap();
            String::from_utf8(response).unwrap()
        })
    }

    const LONG_TIME: Duration = Duration::from_secs(20);
    const SHORT_TIME: Duration = Duration::from_millis(20);

    #[test]
    fn a_connection_gets_one_response() {
        let two_requests =
            b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let response = response_to(two_requests, 65536, LONG_TIME, true);
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("connection: close\r\n"), "{response}");
        assert_eq!(response.matches("alive").count(), 1, "{response}");
    }

    #[test]
    fn an_incomplete_request_is_cut_off() {
        let response = response_to(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n", 65536, SHORT_TIME, true);
        assert!(!response.contains("200"), "{response}");
    }

    #[test]
    fn a_client_that_does_not_read_is_cut_off() {
        let response =
            response_to(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 64, SHORT_TIME, false);
        assert!(response.len() <= 64, "{response}");
    }

    #[test]
    fn a_new_connection_replaces_the_oldest() {
        const PLACES: usize = 3;
        let limits = Limits { connections: PLACES, request: LONG_TIME, connection: LONG_TIME };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // The smallest buffers, so that a response without a reader remains unsent.
            let buffers = |socket: &TcpSocket| {
                socket.set_send_buffer_size(1).unwrap();
                socket.set_recv_buffer_size(1).unwrap();
            };
            let socket = TcpSocket::new_v4().unwrap();
            buffers(&socket);
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            let address = socket.local_addr().unwrap();
            tokio::spawn(serve(socket.listen(16).unwrap(), site(), limits));
            let connect = async |request: &[u8]| {
                let socket = TcpSocket::new_v4().unwrap();
                buffers(&socket);
                let mut client = socket.connect(address).await.unwrap();
                client.write_all(request).await.unwrap();
                client
            };
            let mut connections = VecDeque::new();
            for request in [&b""[..], b"GET /livez HT", b"GET / HTTP/1.0\r\n\r\n"].repeat(5) {
                connections.push_back(connect(request).await);
                let mut response = String::new();
                let mut probe = connect(b"GET /livez HTTP/1.0\r\n\r\n").await;
                probe.read_to_string(&mut response).await.unwrap();
                assert!(response.ends_with("\r\n\r\nalive\n"), "{response}");
                // The probe took a place, so one place less remains for the others.
                if connections.len() == PLACES {
                    let mut response = Vec::new();
                    let end = connections.pop_front().unwrap().read_to_end(&mut response).await;
                    assert!(end.is_err() || response.len() < PAGE.len(), "the oldest is cut off");
                }
            }
        });
    }

    #[test]
    fn a_request_just_over_its_limits_is_refused() {
        let request = |headers: usize, bytes: usize| {
            let padding = "x".repeat(bytes);
            let lines: String = (0..headers).map(|number| format!("h{number}: {padding}\r\n")).collect();
            response_to(format!("GET /livez HTTP/1.0\r\n{lines}\r\n").as_bytes(), 65536, LONG_TIME, true)
        };
        assert!(request(HEADERS_MAX, 1).contains(" 200 "));
        assert!(!request(HEADERS_MAX + 1, 1).contains(" 200 "));
        assert!(request(1, REQUEST_MAX_BYTES - 200).contains(" 200 "));
        assert!(!request(1, REQUEST_MAX_BYTES + 200).contains(" 200 "));
    }
}
