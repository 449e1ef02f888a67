//! The daemon: options in, exit code out.

use larder::auth::{Credentials, FileFormat};
use larder::clock::Clock;
use larder::commands::{Engine, admin::log_level};
use larder::options::{self, Command, Environment, Options};
use larder::process::{self, Failure, PidFile, RequiredLimits, Role, User};
use larder::{metrics, server, store::Store, telemetry, tools};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let environment = Environment {
        port_file: std::env::var_os("MEMCACHED_PORT_FILENAME"),
        server: std::env::var_os("LARDER_SERVER").filter(|server| !server.is_empty()),
    };
    let ended = match options::read(std::env::args_os().collect(), environment) {
        Ok(Command::Print(text)) => {
            // A reader may close the pipe early.
            let _ = stdout().write_all(text.as_bytes());
            Ok(0)
        }
        Ok(Command::Serve(options)) => serve(*options),
        Ok(Command::RunTool(settings)) => {
            tools::run(&settings).map(|()| 0).map_err(|trouble| Failure::new(format!("larder: {trouble}"), 1))
        }
        Err(bad) => Err(bad.into()),
    };
    ExitCode::from(ended.unwrap_or_else(|failure| {
        let _ = writeln!(stderr(), "{failure}");
        failure.status()
    }))
}

/// Serves until the daemon is stopped; returns the exit status.
fn serve(mut options: Options) -> Result<u8, Failure> {
    let mut background = match process::launch(&options.process)? {
        Role::Launcher(status) => return Ok(status),
        Role::Server(background) => background,
    };
    telemetry::log_to_stderr(log_level(options.commands.verbosity));
    options.inherit(process::inherited_sockets()?)?;
    options.compare_with_available_memory(process::available_memory());
    let Options { store, commands, mut server, process, sasl, auth_file, startup_warnings } = options;
    let sasl = sasl.then(Credentials::password_database).transpose()?;
    let tokens = auth_file.map(|path| Credentials::read(&path, FileFormat::AuthFile)).transpose()?;

    let user = User::find(&process)?;
    process::raise_limits(RequiredLimits::new(&server, &process))?;
    let tls = server::Tls::load(&server)?;
    let mut listeners = server::bind_ports(&mut server)?;
    user.assume(process.core_files)?;
    listeners.bind_unix(&server)?;
    // Printed after the last possible refusal, because a refusal is one line.
    user.warn_if_root();
    startup_warnings.iter().for_each(|warning| log::log!(warning.level, "{}", warning.line));
    background.detach(&process)?;
    let metrics_listener = listeners.take_metrics().zip(server.metrics.take());
    process::lock_memory(&process);
    process::set_huge_page_policy(&process);

    let engine =
        Engine::new(commands, Store::new(store), Clock::start()).with_sasl(sasl).with_auth_file(tokens);
    let engine = Arc::new(engine);
    if let Some((socket, listen)) = metrics_listener {
        metrics::start(socket, listen.names, engine.clone())?;
    }
    let pid_file = PidFile::new(process.pid_file);
    let hooks = process::hooks(pid_file.clone(), background);
    server::run(listeners, tls, server, engine, hooks)?;
    pid_file.remove();
    Ok(0)
}
