//! Connections and requests: who is let in, for how long, and what may be asked.
//!
//! A connection has one request and one answer, and is closed when its time is over, wherever it is. Connections at once
//! are limited; at the limit a new connection takes the place of the oldest one. So connections that send nothing, or
//! send or read slowly, never keep a new one from its answer. Nothing that comes behind the header of a request is read.

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

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once; one more closes the oldest.
    connections: usize,
    /// For the request to come.
    request: Duration,
    /// For the whole connection.
    connection: Duration,
}

/// Those of the daemon.
pub(super) const LIMITS: Limits =
    Limits { connections: 16, request: Duration::from_secs(5), connection: Duration::from_secs(10) };

/// Bytes of a request line with its headers, the least that hyper takes.
const REQUEST_MAX_BYTES: usize = 8192;

/// Headers of a request.
const HEADERS_MAX: usize = 64;

/// Before accepting is tried again where it failed, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long an answer is shared.
const TICK: Duration = Duration::from_secs(1);

/// For a request to a host that is not accepted.
const HOST_NOT_ACCEPTED: &str =
    "this host is not served here: ask by IP address, or name the host by --metrics-host\n";

/// The page, with everything it needs.
const PAGE: &str = include_str!("page.html");

/// The page fetches nothing but from here, and nobody frames it.
const POLICY: &str = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is served.
pub(super) struct Site {
    pub(super) responses: ResponseCache,
    /// The hosts that it may be asked as.
    pub(super) hosts: Hosts,
}

/// Serves without end.
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
                // Closes the oldest, and answers a request that is here already, before anybody else is accepted.
                yield_now().await;
            }
            Err(error) => {
                debug!("accept for --metrics: {error}");
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

/// One request and its answer.
async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    site: Arc<Site>,
    limits: Limits,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(&request, &site);
        async move { Ok::<_, Infallible>(answer) }
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
        Ok(Err(error)) => debug!("a connection of --metrics: {error}"),
        Err(_) => debug!("a connection of --metrics took too long"),
    }
}

type Answer = Response<Full<Bytes>>;

fn answer<B>(request: &Request<B>, site: &Site) -> Answer {
    let (method, path, responses) = (request.method(), request.uri().path(), &site.responses);
    if !site.hosts.accept(request.uri(), request.version(), request.headers()) {
        return plain(StatusCode::MISDIRECTED_REQUEST, HOST_NOT_ACCEPTED);
    }
    let known = matches!(path, "/" | "/metrics" | "/status.json" | "/livez" | "/readyz");
    if known && !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/" => page(),
        "/metrics" => with_content_type(prometheus::TEXT_FORMAT, responses.metrics()),
        "/status.json" => with_content_type("application/json", responses.status()),
        "/livez" if responses.is_alive() => plain(StatusCode::OK, "alive\n"),
        "/livez" => plain(StatusCode::SERVICE_UNAVAILABLE, "a thread is stuck\n"),
        "/readyz" if responses.is_serving() => plain(StatusCode::OK, "ready\n"),
        "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "not serving\n"),
        _ => plain(StatusCode::NOT_FOUND, "there are /, /metrics, /status.json, /livez and /readyz\n"),
    }
}

fn page() -> Answer {
    let mut page = with_content_type("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()));
    let headers = page.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    page
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = with_content_type("text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()));
    *answer.status_mut() = status;
    answer
}

fn with_content_type(content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
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

    /// What comes back for these bytes, over a stream that takes so many bytes at once and has so much time.
    fn response(bytes: &[u8], at_once: usize, time: Duration, reads: bool) -> String {
        let limits = Limits { connections: 1, request: time, connection: time };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut client, server) = duplex(at_once);
            let conversation = tokio::spawn(serve_connection(server, site(), limits));
            client.write_all(bytes).await.unwrap();
            if !reads {
                conversation.await.unwrap();
            }
            let mut response = Vec::new();
            client.read_to_end(&mut response).await.unwrap();
            String::from_utf8(response).unwrap()
        })
    }

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_connection_has_one_answer() {
        let twice =
            b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let response = response(twice, 65536, LONG, true);
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("connection: close\r\n"), "{response}");
        assert_eq!(response.matches("alive").count(), 1, "{response}");
    }

    #[test]
    fn who_does_not_end_the_request_is_cut_off() {
        let response = response(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n", 65536, SHORT, true);
        assert!(!response.contains("200"), "{response}");
    }

    #[test]
    fn who_does_not_read_the_answer_is_cut_off() {
        let response = response(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 64, SHORT, false);
        assert!(response.len() <= 64, "{response}");
    }

    #[test]
    fn a_new_connection_takes_the_place_of_the_oldest() {
        const PLACES: usize = 3;
        let limits = Limits { connections: PLACES, request: LONG, connection: LONG };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Buffers of the least size, so that an answer that nobody reads stays unsent.
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
            let mut held = VecDeque::new();
            for request in [&b""[..], b"GET /livez HT", b"GET / HTTP/1.0\r\n\r\n"].repeat(5) {
                held.push_back(connect(request).await);
                let mut response = String::new();
                let mut probe = connect(b"GET /livez HTTP/1.0\r\n\r\n").await;
                probe.read_to_string(&mut response).await.unwrap();
                assert!(response.ends_with("\r\n\r\nalive\n"), "{response}");
                // The probe had a place of its own, so one place less is left for the others.
                if held.len() == PLACES {
                    let mut response = Vec::new();
                    let end = held.pop_front().unwrap().read_to_end(&mut response).await;
                    assert!(end.is_err() || response.len() < PAGE.len(), "the oldest is cut off");
                }
            }
        });
    }

    #[test]
    fn a_request_just_over_its_bounds_is_refused() {
        let request = |headers: usize, bytes: usize| {
            let padding = "x".repeat(bytes);
            let lines: String = (0..headers).map(|number| format!("h{number}: {padding}\r\n")).collect();
            response(format!("GET /livez HTTP/1.0\r\n{lines}\r\n").as_bytes(), 65536, LONG, true)
        };
        assert!(request(HEADERS_MAX, 1).contains(" 200 "));
        assert!(!request(HEADERS_MAX + 1, 1).contains(" 200 "));
        assert!(request(1, REQUEST_MAX_BYTES - 200).contains(" 200 "));
        assert!(!request(1, REQUEST_MAX_BYTES + 200).contains(" 200 "));
    }
}
