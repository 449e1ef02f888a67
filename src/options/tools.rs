//! The command lines of the tools: `larder top --server cache:11211`.
//!
//! The first word selects a tool, but only if the program is called `larder`: memcached has no tools. An unknown first
//! word is an error and does not start the daemon. The server may be named before the tool; then the words are put in
//! order (`order`).

mod order;

pub(super) use order::{check_operands, is_tool_line, misplaced_tool};

use super::{BadSetting, Command as OptionsCommand, ProgramName, size, status};
use crate::protocol::limits::KEY_MAX_BYTES;
use crate::tools::{Address, Settings, Tool};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Name, purpose, and a note, in order of use.
const TOOLS: [(&str, &str, &str); 9] = [
    (
        "stats",
        "Shows statistics: an overview, or one topic",
        "Topics of larder: hotkeys, families, memory, latency, advisor. Topics of every server: slabs, items, \
        settings, conns, sizes.",
    ),
    (
        "top",
        "Shows rates, memory, key families and hot keys live",
        "Keys: q quits, s and the arrow keys change the order, p pauses, h shows help. With --json, prints one line \
        per second.",
    ),
    (
        "keys",
        "Lists keys with types, sizes and times, without fetching values",
        "TYPE interprets the flags as Python clients set them. VERSION and PREFIX are those of Django's keys. In \
        keys, \\xXX is a byte that is not printable. A ? marks a value that the server does not report.",
    ),
    (
        "why",
        "Explains why a key is missing",
        "The key was evicted, expired or deleted, or no removal is known; then the reply says how long removals are \
        remembered.",
    ),
    (
        "advise",
        "Predicts the hit ratio with less or more memory",
        "The prediction is based on the requests so far. memcached does not support it.",
    ),
    (
        "ping",
        "Checks that a server answers",
        "Prints version and round trip. Suits as a probe: the status is 1 if no server answers.",
    ),
    (
        "get",
        "Prints a value with type, age and time left",
        "The type interprets the flags as Python clients set them. A pickle is named and never loaded. Bytes that are \
        not printable are escaped. --json prints values of any length.",
    ),
    ("delete", "Deletes a key", "The status is 1 if the key is not stored."),
    (
        "set-memory",
        "Sets the memory limit of the running server",
        "A lowered limit evicts items. After a restart, -m applies again.",
    ),
];

/// The exit statuses of every tool.
const STATUSES: &str = "Exit status: 0 for a result, 1 for a failure, 2 for a wrong command line.";

/// The names of the tools.
fn names() -> [&'static str; TOOLS.len()] {
    TOOLS.map(|(name, ..)| name)
}

/// Parses the command line of a tool, including the name of the program. `default_server` is the value of
/// `LARDER_SERVER`.
pub(super) fn read(
    args: Vec<OsString>,
    default_server: Option<OsString>,
) -> Result<OptionsCommand, BadSetting> {
    let (tool, args) = order::tool_first(args)?;
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(OptionsCommand::Print(error.to_string()));
        }
        Err(error) => return Err(refusal(&tool, &first_paragraph(&error.to_string()))),
    };
    let (tool, matches) = matches.subcommand().ok_or_else(|| refusal(&tool, "no tool"))?;
    let server = server(tool, matches, default_server)?;
    let tool = chosen(tool, matches)?;
    Ok(OptionsCommand::RunTool(Settings { server, json: matches.get_flag("json"), tool }))
}

/// The server: an argument, else `--server`, else `LARDER_SERVER`, else the default.
fn server(tool: &str, matches: &ArgMatches, default_server: Option<OsString>) -> Result<Address, BadSetting> {
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let topic = text("topic").filter(|topic| is_address(topic));
    let argument = match (topic, text("address")) {
        (Some(_), Some(second)) => {
            return Err(refusal(tool, &format!("unexpected argument '{second}' found")));
        }
        (topic, address) => topic.or(address),
    };
    let parsed = |text: &str| text.parse().map_err(|bad| refusal(tool, &format!("{text}: {bad}")));
    match (argument, text("server")) {
        (Some(argument), _) if !is_address(&argument) => {
            Err(refusal(tool, &format!("unexpected argument '{argument}' found; a server is HOST:PORT")))
        }
        (Some(argument), Some(option)) => {
            Err(refusal(tool, &format!("two servers are given: {argument} and {option}")))
        }
        (Some(text), None) | (None, Some(text)) => parsed(&text),
        (None, None) => match default_server {
            None => Ok(Address::default()),
            Some(text) => {
                let text = text.to_string_lossy();
                text.parse().map_err(|bad| refusal(tool, &format!("LARDER_SERVER={text}: {bad}")))
            }
        },
    }
}

/// True for arguments that name a server: they have a port or are a path.
fn is_address(text: &str) -> bool {
    text.contains([':', '/'])
}

fn command() -> Command {
    Command::new(ProgramName::Larder.as_str())
        .term_width(80)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommands(TOOLS.map(|(name, about, more)| {
            let server = Arg::new("server").long("server").value_name("ADDR").help(
                "host:port, [v6]:port, a host or the path of a unix socket [default: LARDER_SERVER of the \
                    environment, else 127.0.0.1:11211]",
            );
            let address = Arg::new("address").value_name("HOST:PORT").help("The same as --server");
            let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
            let arguments = tool_arguments(name);
            Command::new(name)
                .term_width(80)
                .about(about)
                .after_help(format!("{more}\n\n{STATUSES}"))
                .args(arguments)
                .args([address, server, json])
        }))
}

fn tool_arguments(tool: &str) -> Vec<Arg> {
    match tool {
        "why" | "get" | "delete" => {
            vec![Arg::new("key").value_name("KEY").required(true).help("The key, as the client sends it")]
        }
        "set-memory" => {
            vec![
                Arg::new("size")
                    .value_name("SIZE")
                    .required(true)
                    .help("Megabytes, or a size such as 2g, 512MB"),
            ]
        }
        "stats" => {
            vec![Arg::new("topic").value_name("TOPIC").help("One word, as in the protocol's stats TOPIC")]
        }
        "keys" => vec![
            Arg::new("prefix")
                .value_name("PREFIX")
                .value_parser(value_parser!(OsString))
                .help("Only keys with this prefix"),
            Arg::new("limit")
                .long("limit")
                .short('n')
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("Largest number of keys"),
        ],
        _ => Vec::new(),
    }
}

fn chosen(tool: &str, matches: &ArgMatches) -> Result<Tool, BadSetting> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let key = || checked_key(tool, text("key").unwrap_or_default());
    Ok(match tool {
        "ping" => Tool::Ping,
        "get" => Tool::Get { key: key()? },
        "delete" => Tool::Delete { key: key()? },
        "set-memory" => Tool::SetMemory { megabytes: checked_size(&text("size").unwrap_or_default())? },
        "advise" => Tool::Advise,
        "why" => Tool::Why { key: key()? },
        "stats" => Tool::Stats {
            topic: text("topic").filter(|topic| !is_address(topic)).map(checked_topic).transpose()?,
        },
        "keys" => {
            let prefix = matches.get_one::<OsString>("prefix").cloned().unwrap_or_default().into_vec();
            Tool::Keys { prefix, limit: matches.get_one("limit").copied().unwrap_or(u64::MAX) }
        }
        _ => Tool::Top,
    })
}

/// Checks that a key fits into a line of the protocol.
fn checked_key(tool: &str, key: String) -> Result<String, BadSetting> {
    let fits = (1..=KEY_MAX_BYTES).contains(&key.len()) && !key.contains([' ', '\r', '\n', '\0']);
    if fits {
        return Ok(key);
    }
    Err(refusal(tool, &format!("a key has 1 to {KEY_MAX_BYTES} bytes, without spaces and line ends")))
}

/// The size in whole megabytes, in which the protocol counts.
fn checked_size(text: &str) -> Result<u64, BadSetting> {
    let megabyte = 1 << 20;
    match size::bytes(text, megabyte) {
        Some(bytes) if bytes >= megabyte && bytes % megabyte == 0 => Ok(bytes / megabyte),
        _ => Err(refusal(
            "set-memory",
            &format!("{text} is not a size in whole megabytes, such as 64, 512MB or 2g"),
        )),
    }
}

/// Checks a topic. `reset`, which may be abbreviated, changes the server and is refused.
fn checked_topic(topic: String) -> Result<String, BadSetting> {
    let plain = topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if "reset".starts_with(&topic) || !plain {
        return Err(refusal("stats", "a topic is one word, but not reset, which would change the server"));
    }
    Ok(topic)
}

fn refusal(tool: &str, message: &str) -> BadSetting {
    BadSetting::new(format!("larder {tool}: {message} (larder {tool} --help)"), status::TOOL_USAGE)
}

/// The first paragraph of a message of clap, as one line.
fn first_paragraph(text: &str) -> String {
    let getopt_message = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = getopt_message.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{self, Environment};

    fn read(line: &str) -> Result<OptionsCommand, BadSetting> {
        read_with(line, None)
    }

    fn read_with(line: &str, server: Option<&str>) -> Result<OptionsCommand, BadSetting> {
        let environment = Environment { server: server.map(OsString::from), ..Environment::default() };
        options::read(line.split_whitespace().map(OsString::from).collect(), environment)
    }

    fn asked(line: &str) -> Settings {
        match read(line) {
            Ok(OptionsCommand::RunTool(settings)) => settings,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        let bad = read(line).err().unwrap_or_else(|| panic!("{line}: accepted"));
        assert_eq!(bad.status(), 2, "{line}");
        bad.to_string()
    }

    #[test]
    fn the_clap_command_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn each_tool_has_its_arguments() {
        assert_eq!(asked("larder advise").tool, Tool::Advise);
        assert_eq!(asked("larder why :1:news").tool, Tool::Why { key: ":1:news".into() });
        assert_eq!(asked("larder top --json").tool, Tool::Top);
        assert_eq!(asked("larder stats").tool, Tool::Stats { topic: None });
        assert_eq!(asked("larder stats slabs").tool, Tool::Stats { topic: Some("slabs".into()) });
        let keys = |prefix: &[u8], limit| Tool::Keys { prefix: prefix.to_vec(), limit };
        assert_eq!(asked("larder ping").tool, Tool::Ping);
        assert_eq!(asked("larder get k a:7").tool, Tool::Get { key: "k".into() });
        assert_eq!(asked("larder delete k").tool, Tool::Delete { key: "k".into() });
        for (size, megabytes) in [("64", 64), ("2g", 2048), ("512MB", 512), ("2048k", 2)] {
            assert_eq!(asked(&format!("larder set-memory {size}")).tool, Tool::SetMemory { megabytes });
        }
        for size in ["0", "1k", "1.0001g", "2x", "lots"] {
            assert!(refused(&format!("larder set-memory {size}")).contains("whole megabytes"), "{size}");
        }
        assert_eq!(asked("larder keys").tool, keys(b"", u64::MAX));
        assert_eq!(asked("larder keys :1: --limit 5").tool, keys(b":1:", 5));
    }

    #[test]
    fn every_tool_takes_a_server_and_json() {
        for tool in ["advise", "why k", "top", "stats", "keys", "ping", "get k", "delete k", "set-memory 64"]
        {
            let settings = asked(&format!("larder {tool} --server [::1]:7 --json"));
            assert_eq!((settings.server.to_string().as_str(), settings.json), ("[::1]:7", true));
            let settings = asked(&format!("larder {tool}"));
            assert_eq!((settings.server, settings.json), (Address::default(), false));
        }
    }

    #[test]
    fn help_is_printed() {
        for tool in super::names() {
            let Ok(OptionsCommand::Print(text)) = read(&format!("/usr/bin/larder {tool} --help")) else {
                panic!("{tool}")
            };
            assert!(
                text.contains(&format!("Usage: larder {tool} ")) && text.contains("--server <ADDR>"),
                "{text}"
            );
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        }
    }

    #[test]
    fn invalid_command_lines_cause_a_one_line_error() {
        let long = format!("larder why {}", "k".repeat(251));
        for (line, part) in [
            ("larder why", "required arguments were not provided: <KEY> (larder why --help)"),
            ("larder why a b", "unexpected argument 'b' found"),
            ("larder top --nonsense", "larder top: unexpected argument '--nonsense' found"),
            ("larder top --server", "a value is required for '--server <ADDR>'"),
            ("larder top --server cache:x", "larder top: cache:x: not host:port"),
            ("larder keys --limit x", "invalid value 'x' for '--limit <N>'"),
            ("larder stats reset", "a topic is one word, but not reset"),
            ("larder stats res", "a topic is one word, but not reset"),
            (long.as_str(), "a key has 1 to 250 bytes"),
        ] {
            let message = refused(line);
            assert!(message.contains(part) && !message.contains('\n'), "{line}: {message}");
        }
        let spaced = ["larder", "stats", "detail on"].map(OsString::from).to_vec();
        assert!(options::read(spaced, Environment::default()).is_err());
        let spaced = ["larder", "why", "a b"].map(OsString::from).to_vec();
        assert!(options::read(spaced, Environment::default()).is_err());
    }

    #[test]
    fn the_server_is_an_argument_an_option_or_a_variable() {
        let server = |line: &str| asked(line).server.to_string();
        for line in [
            "larder stats cache:7",
            "larder stats slabs cache:7",
            "larder top cache:7",
            "larder why :1:k cache:7",
            "larder keys :1: cache:7",
            "larder advise --server cache:7",
            "larder --server cache:7 stats slabs",
            "larder --json --server=cache:7 why k",
            "larder cache:7 stats",
        ] {
            assert_eq!(server(line), "cache:7", "{line}");
        }
        assert_eq!(asked("larder stats cache:7").tool, Tool::Stats { topic: None });
        assert_eq!(asked("larder stats slabs cache:7").tool, Tool::Stats { topic: Some("slabs".into()) });
        assert!(asked("larder --json stats").json);
        let Ok(OptionsCommand::RunTool(settings)) = read_with("larder stats", Some("cache:8")) else {
            panic!()
        };
        assert_eq!(settings.server.to_string(), "cache:8");
        let Ok(OptionsCommand::RunTool(settings)) = read_with("larder top a:7", Some("cache:8")) else {
            panic!()
        };
        assert_eq!(settings.server.to_string(), "a:7");
        let bad = read_with("larder stats", Some("cache:x")).unwrap_err().to_string();
        assert!(bad.starts_with("larder stats: LARDER_SERVER=cache:x: not host:port"), "{bad}");
        assert!(refused("larder top a:7 --server b:7").contains("two servers are given: a:7 and b:7"));
        assert!(refused("larder stats a:7 b:7").contains("unexpected argument 'b:7'"));
    }

    #[test]
    fn the_name_memcached_has_no_tools() {
        for line in ["memcached -u nobody top", "memcached top -u nobody", "memcached -s /a:1 stats"] {
            assert!(matches!(read(line), Ok(OptionsCommand::Serve(_))), "{line}");
        }
    }
}
