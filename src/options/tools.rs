//! The command lines of the tools: `larder top --server cache:11211`.
//!
//! Only the first word makes it one, and only under larder's own name: memcached has no such words. A first word that
//! names no tool is a slip, and starts no daemon.

use super::{BadSetting, Command as OptionsCommand, ProgramName, status};
use crate::protocol::limits::KEY_MAX_BYTES;
use crate::tools::{Address, Settings, Tool};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

/// ProgramName, what it is for, and what is worth knowing besides.
const TOOLS: [(&str, &str, &str); 5] = [
    (
        "advise",
        "Tells what the hit ratio would be with less or more memory",
        "It rests on what the server has seen so far; a plain memcached cannot tell.",
    ),
    (
        "why",
        "Tells why a key is not there",
        "It was evicted, expired, deleted, or is not known: the answer says how far back the server remembers.",
    ),
    (
        "top",
        "Shows rates, memory, families of keys and hot keys live",
        "Keys: q quits, s and the arrows sort, p pauses, h helps. With --json, one line a second.",
    ),
    (
        "stats",
        "Shows figures: an overview, or one topic",
        "Topics of larder: hotkeys, families, memory, latency, advisor. Topics of every server: slabs, items, \
        settings, conns, sizes.",
    ),
    (
        "keys",
        "Lists keys, their types, sizes and ages; no value is fetched",
        "TYPE is what the clients of Python mean by the flags. VERSION and PREFIX are those of Django's keys. In \
        keys, \\xXX stands for a byte that does not print; ? stands for what the server does not tell.",
    ),
];

/// True if the first word of a command line makes it one for a tool: any but an option.
pub(super) fn is_tool(word: &OsStr) -> bool {
    !word.is_empty() && !word.as_encoded_bytes().starts_with(b"-")
}

/// Reads the command line of a tool, the program's name included.
pub(super) fn read(mut args: Vec<OsString>) -> Result<OptionsCommand, BadSetting> {
    let tool = args.get(1).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let names = TOOLS.map(|(name, ..)| name);
    if !names.contains(&tool.as_str()) {
        let line =
            format!("larder: no tool is called {tool:?}, but {} are (larder --help)", names.join(", "));
        return Err(BadSetting::new(line, status::USAGE));
    }
    // The help calls it so, wherever it was started from.
    if let Some(program) = args.first_mut() {
        *program = ProgramName::Larder.as_str().into();
    }
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(OptionsCommand::Print(error.to_string()));
        }
        Err(error) => return Err(refusal(&tool, &sentence(&error.to_string()))),
    };
    let (tool, matches) = matches.subcommand().ok_or_else(|| refusal(&tool, "no tool"))?;
    let server = match matches.get_one::<String>("server") {
        None => Address::default(),
        Some(text) => text.parse().map_err(|bad| refusal(tool, &format!("{text}: {bad}")))?,
    };
    let tool = chosen(tool, matches)?;
    Ok(OptionsCommand::RunTool(Settings { server, json: matches.get_flag("json"), tool }))
}

fn command() -> Command {
    Command::new(ProgramName::Larder.as_str())
        .term_width(80)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommands(TOOLS.map(|(name, about, more)| {
            let server =
                Arg::new("server").long("server").short('s').value_name("ADDR").help(
                    "host:port, [v6]:port, a host or the path of a unix socket [default: 127.0.0.1:11211]",
                );
            let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
            let own = tool_arguments(name);
            Command::new(name).term_width(80).about(about).after_help(more).args(own).args([server, json])
        }))
}

fn tool_arguments(tool: &str) -> Vec<Arg> {
    match tool {
        "why" => {
            vec![Arg::new("key").value_name("KEY").required(true).help("The key, as the client sends it")]
        }
        "stats" => {
            vec![Arg::new("topic").value_name("TOPIC").help("One word, as in the protocol's stats TOPIC")]
        }
        "keys" => vec![
            Arg::new("prefix")
                .value_name("PREFIX")
                .value_parser(value_parser!(OsString))
                .help("Only keys that begin so"),
            Arg::new("limit")
                .long("limit")
                .short('n')
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("At most so many"),
        ],
        _ => Vec::new(),
    }
}

fn chosen(tool: &str, matches: &ArgMatches) -> Result<Tool, BadSetting> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    Ok(match tool {
        "advise" => Tool::Advise,
        "why" => Tool::Why { key: checked_key(text("key").unwrap_or_default())? },
        "stats" => Tool::Stats { topic: text("topic").map(checked_topic).transpose()? },
        "keys" => {
            let prefix = matches.get_one::<OsString>("prefix").cloned().unwrap_or_default().into_vec();
            Tool::Keys { prefix, limit: matches.get_one("limit").copied().unwrap_or(u64::MAX) }
        }
        _ => Tool::Top,
    })
}

/// A key that fits into a line of the protocol.
fn checked_key(key: String) -> Result<String, BadSetting> {
    let fits = (1..=KEY_MAX_BYTES).contains(&key.len()) && !key.contains([' ', '\r', '\n', '\0']);
    if fits {
        return Ok(key);
    }
    Err(refusal("why", &format!("a key has 1 to {KEY_MAX_BYTES} bytes, without spaces and line ends")))
}

/// A topic that is only asked about. `reset`, which may be abbreviated, changes the server.
fn checked_topic(topic: String) -> Result<String, BadSetting> {
    let plain = topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if "reset".starts_with(&topic) || !plain {
        return Err(refusal("stats", "a topic is one word, and not reset, which would change the server"));
    }
    Ok(topic)
}

fn refusal(tool: &str, sentence: &str) -> BadSetting {
    BadSetting::new(format!("larder {tool}: {sentence} (larder {tool} --help)"), status::USAGE)
}

/// What clap says before its hints, in one line.
fn sentence(text: &str) -> String {
    let getopt_message = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = getopt_message.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options;

    fn read(line: &str) -> Result<OptionsCommand, BadSetting> {
        options::read(line.split_whitespace().map(OsString::from).collect(), None)
    }

    fn asked(line: &str) -> Settings {
        match read(line) {
            Ok(OptionsCommand::RunTool(settings)) => settings,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        let bad = read(line).err().unwrap_or_else(|| panic!("{line}: accepted"));
        assert_eq!(bad.status(), 64, "{line}");
        bad.to_string()
    }

    #[test]
    fn clap_finds_no_fault_in_the_command() {
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
        assert_eq!(asked("larder keys").tool, keys(b"", u64::MAX));
        assert_eq!(asked("larder keys :1: --limit 5").tool, keys(b":1:", 5));
    }

    #[test]
    fn every_tool_takes_a_server_and_json() {
        for tool in ["advise", "why k", "top", "stats", "keys"] {
            let settings = asked(&format!("larder {tool} --server [::1]:7 --json"));
            assert_eq!((settings.server.to_string().as_str(), settings.json), ("[::1]:7", true));
            let settings = asked(&format!("larder {tool}"));
            assert_eq!((settings.server, settings.json), (Address::default(), false));
        }
    }

    #[test]
    fn help_is_printed() {
        for tool in ["advise", "why", "top", "stats", "keys"] {
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
    fn what_makes_no_sense_costs_one_line() {
        let long = format!("larder why {}", "k".repeat(251));
        for (line, part) in [
            ("larder why", "required arguments were not provided: <KEY> (larder why --help)"),
            ("larder why a b", "unexpected argument 'b' found"),
            ("larder top --nonsense", "larder top: unexpected argument '--nonsense' found"),
            ("larder top --server", "a value is required for '--server <ADDR>'"),
            ("larder top --server cache:x", "larder top: cache:x: not host:port"),
            ("larder keys --limit x", "invalid value 'x' for '--limit <N>'"),
            ("larder stats reset", "a topic is one word, and not reset"),
            ("larder stats res", "a topic is one word, and not reset"),
            (long.as_str(), "a key has 1 to 250 bytes"),
        ] {
            let message = refused(line);
            assert!(message.contains(part) && !message.contains('\n'), "{line}: {message}");
        }
        let spaced = ["larder", "stats", "detail on"].map(OsString::from).to_vec();
        assert!(options::read(spaced, None).is_err());
        let spaced = ["larder", "why", "a b"].map(OsString::from).to_vec();
        assert!(options::read(spaced, None).is_err());
    }

    #[test]
    fn only_the_first_word_of_larder_names_a_tool() {
        for line in
            ["larder -p 7 top", "larder -p 7 tops", "memcached -u nobody top", "memcached top -u nobody"]
        {
            assert!(matches!(read(line), Ok(OptionsCommand::Serve(_))), "{line}");
        }
        assert_eq!(
            refused("larder tops -p 7"),
            "larder: no tool is called \"tops\", but advise, why, top, stats, keys are (larder --help)"
        );
    }
}
