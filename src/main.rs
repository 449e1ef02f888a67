//! larder
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
use larder::*;
fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let threads: usize = std::env::args().nth(2).map_or(4, |t| t.parse().unwrap());
    env_logger::Builder::new().filter_level(log::LevelFilter::Trace).init();
    log::set_max_level(log::LevelFilter::Info);
    let mut s = server::Settings {
        threads,
        max_connections: 1024,
        requests_per_event: 20,
        backlog: 1024,
        tcp: vec![server::TcpListen {
            host: Some("127.0.0.1".into()),
            port,
            text: "".into(),
            optional: false,
        }],
        unix: Some(server::UnixListen { path: format!("/tmp/larder-{port}.sock").into(), mask: 0o700 }),
        port_file: std::env::var_os("MEMCACHED_PORT_FILENAME").map(Into::into),
        inherited: vec![],
        max_connections_fast: true,
    };
    let mut l = server::bind_tcp(&mut s).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(71)
    });
    l.bind_unix(&s).unwrap();
    let store = store::Store::new(store::Settings {
        memory_limit_bytes: 64 << 20,
        threads,
        growth_factor: 1.1,
        chunk_min_bytes: 48,
        evict: true,
        cas: true,
        item_max_bytes: 1 << 20,
        hash_seed: None,
        shards: None,
    });
    let cs = commands::Settings {
        flush_enabled: true,
        shutdown_enabled: true,
        cas_enabled: true,
        evict: true,
        item_max_bytes: 1 << 20,
        max_connections: 1024,
        tcp_port: port as i32,
        listen: None,
        unix_path: None,
        unix_mask: 0o700,
        growth_factor: 1.1,
        chunk_min_bytes: 48,
        threads,
        requests_per_event: 20,
        backlog: 1024,
        max_connections_fast: true,
        verbosity: 1,
    };
    let e = commands::Engine::new(cs, store, clock::Clock::start());
    server::run(
        l,
        s,
        std::sync::Arc::new(e),
        server::Hooks { ready: Box::new(|| {}), alive: Box::new(|| {}), stopping: Box::new(|| {}) },
    )
    .unwrap();
}
