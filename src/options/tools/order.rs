//! The order of the words: the tool comes first, then its options.
//!
//! A server before the tool is accepted (`larder --server cache:11211 stats`). A tool after options of the daemon is
//! refused with the right order, because the options would start a daemon.

use super::{is_address, names};
use crate::options::arguments::Arguments;
use crate::options::suggestion::nearest;
use crate::options::{BadSetting, ProgramName, status};
use std::ffi::{OsStr, OsString};

/// The options of tools that may precede the tool.
const SERVER: &str = "--server";
const JSON: &str = "--json";

/// True if the first argument selects a tool: any word but an option of the daemon.
pub(in crate::options) fn is_tool_line(args: &[OsString]) -> bool {
    args.get(1).is_some_and(|word| {
        let is_option = word.as_encoded_bytes().starts_with(b"-");
        !word.is_empty() && (!is_option || is_tool_option(word))
    })
}

fn is_tool_option(word: &OsStr) -> bool {
    word == JSON || word == SERVER || word.as_encoded_bytes().starts_with(b"--server=")
}

/// The name of the tool, and the command line with the tool as its first argument.
pub(super) fn tool_first(args: Vec<OsString>) -> Result<(String, Vec<OsString>), BadSetting> {
    let mut words = args.into_iter().skip(1);
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        if names().contains(&text.as_str()) {
            // The help uses this name, whatever path the program was started with.
            let first = [ProgramName::Larder.as_str().into(), word];
            return Ok((text, first.into_iter().chain(options).chain(words).collect()));
        }
        if word == SERVER {
            options.push(word);
            options.extend(words.next());
        } else if is_tool_option(&word) {
            options.push(word);
        } else if is_address(&text) && options.is_empty() && words.len() > 0 {
            options.extend([SERVER.into(), word]);
        } else {
            return Err(unknown(&text));
        }
    }
    Err(BadSetting::new(
        "larder: no tool is named: larder stats --server HOST:PORT (larder --help)",
        status::TOOL_USAGE,
    ))
}

fn unknown(word: &str) -> BadSetting {
    let hint = match nearest(word, &names()) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("the tools are {}", names().join(", ")),
    };
    BadSetting::new(format!("larder: unknown tool {word:?}; {hint} (larder --help)"), status::TOOL_USAGE)
}

/// Refuses a tool after valid options of the daemon.
pub(in crate::options) fn check_operands(arguments: &Arguments, args: &[OsString]) -> Result<(), BadSetting> {
    match arguments.operands().find_map(tool_name) {
        Some(tool) => Err(wrong_order(tool, args)),
        None => Ok(()),
    }
}

/// The error for a command line with invalid options of the daemon, if it contains a tool or options of tools.
pub(in crate::options) fn misplaced_tool(args: &[OsString]) -> Option<BadSetting> {
    if let Some(tool) = args.iter().skip(1).find_map(tool_name) {
        return Some(wrong_order(tool, args));
    }
    let option = args.iter().skip(1).find(|word| is_tool_option(word))?;
    let option = option.to_string_lossy();
    let line = format!("larder: {option} is an option of tools: larder stats {option} (larder --help)");
    Some(BadSetting::new(line, status::TOOL_USAGE))
}

fn tool_name(word: &OsString) -> Option<&'static str> {
    names().into_iter().find(|name| word == name)
}

fn wrong_order(tool: &str, args: &[OsString]) -> BadSetting {
    let server = given_server(args).map(|server| format!(" --server {server}")).unwrap_or_default();
    let line = format!(
        "larder: a tool comes before its options and takes no options of the daemon: larder {tool}{server} \
        (larder {tool} --help)"
    );
    BadSetting::new(line, status::TOOL_USAGE)
}

/// The server that the command line probably means: the value of `-s` or `--server`.
fn given_server(args: &[OsString]) -> Option<String> {
    let texts: Vec<_> = args.iter().map(|word| word.to_string_lossy()).collect();
    let next = texts.windows(2).find(|pair| pair[0] == "-s" || pair[0] == SERVER);
    let joined = || texts.iter().find_map(|text| text.strip_prefix("--server="));
    next.map(|pair| pair[1].to_string()).or_else(|| joined().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use crate::options::{Command, Environment, read};

    fn refused(line: &str) -> String {
        let bad =
            read(line.split_whitespace().map(Into::into).collect(), Environment::default()).unwrap_err();
        assert_eq!(bad.status(), 2, "{line}: {bad}");
        bad.to_string()
    }

    #[test]
    fn a_tool_after_options_of_the_daemon_is_refused_with_the_right_order() {
        for (line, right) in [
            ("larder -s 127.0.0.1:33000 stats", ": larder stats --server 127.0.0.1:33000 ("),
            ("larder -s 127.0.0.1:33000 keys --limit 5", ": larder keys --server 127.0.0.1:33000 ("),
            ("larder -p 7 top", ": larder top ("),
            ("larder -m 64 stats --server=a:7 --json", ": larder stats --server a:7 ("),
            ("larder -vv --server a:7", ": larder stats --server ("),
        ] {
            assert!(refused(line).contains(right), "{line}: {}", refused(line));
        }
    }

    #[test]
    fn values_and_other_operands_are_not_tools() {
        for line in ["larder -u top", "larder -s stats", "larder -p 7 tops"] {
            let args = line.split_whitespace().map(Into::into).collect();
            assert!(matches!(read(args, Environment::default()), Ok(Command::Serve(_))), "{line}");
        }
    }

    #[test]
    fn a_misspelt_tool_is_corrected() {
        assert_eq!(
            refused("larder stat"),
            "larder: unknown tool \"stat\"; did you mean stats? (larder --help)"
        );
        assert!(refused("larder tops -p 7").contains("did you mean top?"));
        assert!(
            refused("larder monitoring")
                .contains("the tools are stats, top, keys, why, advise, ping, get, delete, set-memory")
        );
        assert!(refused("larder --server a:7").contains("no tool is named"));
        assert!(refused("larder --server a:7 -m 64").contains("unknown tool \"-m\""));
        assert!(refused("larder 127.0.0.1:11211").contains("unknown tool \"127.0.0.1:11211\""));
    }
}
