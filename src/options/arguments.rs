//! Parses the command line: memcached's option letters and names, by the rules of getopt.
//!
//! Short options may be bundled and long ones abbreviated, if the abbreviation is unambiguous. Operands are not
//! interpreted here. The last value of a repeated option applies, except that `-v` and `-l` add up. Only the form is
//! checked here; see the parent module.

use super::{BadSetting, ProgramName, help, status};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::{OsStr, OsString};

/// Options with a value: letter and long name; empty for none.
const VALUED: &[(&str, &str)] = &[
    ("p", "port"),
    ("U", "udp-port"),
    ("s", "unix-socket"),
    ("a", "unix-mask"),
    ("l", "listen"),
    ("u", "user"),
    ("m", "memory-limit"),
    ("c", "conn-limit"),
    ("P", "pidfile"),
    ("f", "slab-growth-factor"),
    ("n", "slab-min-size"),
    ("t", "threads"),
    ("D", ""),
    ("R", "max-reqs-per-event"),
    ("b", "listen-backlog"),
    ("B", "protocol"),
    ("I", "max-item-size"),
    ("Y", "auth-file"),
    ("e", "memory-file"),
    ("o", "extended"),
    ("N", "napi-ids"),
];

/// Options without a value.
const FLAGS: &[(&str, &str)] = &[
    ("A", "enable-shutdown"),
    ("d", "daemon"),
    ("r", "enable-coredumps"),
    ("M", "disable-evictions"),
    ("k", "lock-memory"),
    ("i", "license"),
    ("L", "enable-largepages"),
    ("C", "disable-cas"),
    ("S", "enable-sasl"),
    ("F", "disable-flush-all"),
    ("X", "disable-dumping"),
    ("W", "disable-watch"),
    ("Z", "enable-ssl"),
];

/// A switch for tests, which the help does not list.
const DEBUG_COMMANDS: &str = "debug-commands";

/// Words without an option before them.
const OPERANDS: &str = "operands";

/// The address of the metrics server. memcached does not have this option.
const METRICS: &str = "metrics";

/// An additional host name of the metrics server; may be repeated.
const METRICS_HOST: &str = "metrics-host";

/// The parsed options.
pub(super) struct Arguments(ArgMatches);

/// The result of parsing a command line.
pub(super) enum Parsed {
    /// Options of the server.
    Serve(Arguments),
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
}

impl Arguments {
    /// Parses a command line that begins with the name of the program.
    pub(super) fn read(name: ProgramName, args: Vec<OsString>) -> Result<Parsed, BadSetting> {
        match command(name).try_get_matches_from(args) {
            Ok(matches) => Ok(Parsed::Serve(Arguments(matches))),
            Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(Parsed::Help),
            Err(error) if error.kind() == ErrorKind::DisplayVersion => Ok(Parsed::Version),
            Err(error) => Err(BadSetting::new(getopt_message(name, &error), status::OPTION)),
        }
    }

    /// True if the flag was given.
    pub(super) fn flag(&self, letter: char) -> bool {
        self.0.get_flag(id(letter, &mut [0; 4]))
    }

    /// True if the commands for tests are enabled.
    pub(super) fn debug_commands(&self) -> bool {
        self.0.get_flag(DEBUG_COMMANDS)
    }

    /// The address of `--metrics`.
    pub(super) fn metrics(&self) -> Option<String> {
        let given = self.0.try_get_one::<OsString>(METRICS).ok()??;
        Some(given.to_string_lossy().into_owned())
    }

    /// The values of `--metrics-host`.
    pub(super) fn metrics_hosts(&self) -> Vec<String> {
        let given = self.0.try_get_many::<OsString>(METRICS_HOST).ok().flatten();
        given.into_iter().flatten().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// The last value, without leading white space.
    pub(super) fn value(&self, letter: char) -> Option<String> {
        self.values(letter).pop()
    }

    /// All values given.
    pub(super) fn values(&self, letter: char) -> Vec<String> {
        let values = self.0.get_many::<OsString>(id(letter, &mut [0; 4])).into_iter().flatten();
        values.map(|value| value.to_string_lossy().trim_start().to_owned()).collect()
    }

    /// The last value, byte for byte; `None` if it is empty.
    pub(super) fn path(&self, letter: char) -> Option<&OsStr> {
        let last = self.0.get_many::<OsString>(id(letter, &mut [0; 4]))?.next_back()?;
        (!last.is_empty()).then_some(last)
    }

    /// The words that are neither options nor their values.
    pub(super) fn operands(&self) -> impl Iterator<Item = &OsString> {
        self.0.get_many::<OsString>(OPERANDS).into_iter().flatten()
    }

    /// Number of `-v` options.
    pub(super) fn verbosity(&self) -> u32 {
        self.0.get_occurrences::<OsString>("v").map_or(0, |given| given.count() as u32)
    }
}

fn command(name: ProgramName) -> Command {
    let help = Arg::new("h").short('h').long("help").action(ArgAction::Help);
    let version = Arg::new("V").short('V').long("version").action(ArgAction::Version);
    // memcached's long form takes a value and ignores it.
    let verbose = valued("v", "verbose").num_args(0..=1).require_equals(true).action(ArgAction::Append);
    let debug = Arg::new(DEBUG_COMMANDS).long(DEBUG_COMMANDS).action(ArgAction::SetTrue).hide(true);
    let operands = Arg::new(OPERANDS).num_args(0..).value_parser(value_parser!(OsString)).hide(true);
    let larder_only = [(METRICS, ArgAction::Set), (METRICS_HOST, ArgAction::Append)].map(|(long, action)| {
        let arg = Arg::new(long).long(long).action(action).allow_hyphen_values(true);
        arg.value_parser(value_parser!(OsString))
    });
    Command::new(name.as_str())
        .version(name.version())
        .override_help(help::text(name))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .infer_long_args(true)
        .args_override_self(true)
        .args([help, version, verbose, operands, debug])
        .args(VALUED.iter().map(|(letter, long)| valued(letter, long)))
        .args(larder_only.into_iter().filter(|_| name == ProgramName::Larder))
        .args(FLAGS.iter().map(|(letter, long)| arg(letter, long).action(ArgAction::SetTrue)))
}

/// An option; its letter is its id.
fn arg(letter: &'static str, long: &'static str) -> Arg {
    let arg = Arg::new(letter).short(letter.chars().next());
    if long.is_empty() { arg } else { arg.long(long) }
}

fn valued(letter: &'static str, long: &'static str) -> Arg {
    let adds_up = matches!(letter, "l" | "o");
    arg(letter, long)
        .action(if adds_up { ArgAction::Append } else { ArgAction::Set })
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
}

fn id(letter: char, buffer: &mut [u8; 4]) -> &str {
    letter.encode_utf8(buffer)
}

/// The message of getopt for an error of clap.
fn getopt_message(name: ProgramName, error: &clap::Error) -> String {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.split([' ', '=', '[']).next().unwrap_or_default(),
        Some(ContextValue::Strings(arguments)) => arguments.first().map_or("", String::as_str),
        _ => "",
    };
    let word = name.as_str();
    let message = match error.kind() {
        ErrorKind::UnknownArgument => match possibilities(name, argument).as_slice() {
            [] if argument.starts_with("--") => format!("unrecognized option '{argument}'"),
            [] => format!("invalid option -- '{}'", argument.trim_start_matches('-')),
            many => format!("option '{argument}' is ambiguous; possibilities: {}", many.join(" ")),
        },
        ErrorKind::TooManyValues => format!("option '{argument}' doesn't allow an argument"),
        ErrorKind::InvalidValue | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("option '{argument}' requires an argument")
        }
        _ => error.kind().to_string(),
    };
    format!("{word}: {message} (all options: {word} -h)")
}

/// The long names that an abbreviation matches.
fn possibilities(name: ProgramName, argument: &str) -> Vec<String> {
    let Some(start) = argument.strip_prefix("--").filter(|start| !start.is_empty()) else {
        return Vec::new();
    };
    let command = command(name);
    let longs = command.get_arguments().filter_map(Arg::get_long);
    longs.filter(|long| long.starts_with(start)).map(|long| format!("'--{long}'")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Parsed, BadSetting> {
        let args = std::iter::once("larder").chain(line.split_whitespace()).map(OsString::from).collect();
        Arguments::read(ProgramName::Larder, args)
    }

    fn served(line: &str) -> Arguments {
        match read(line) {
            Ok(Parsed::Serve(arguments)) => arguments,
            Ok(_) => panic!("{line}: not to serve"),
            Err(bad) => panic!("{line}: {bad}"),
        }
    }

    fn refused(line: &str) -> String {
        read(line).err().map(|bad| bad.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_clap_command_is_consistent() {
        command(ProgramName::Larder).debug_assert();
    }

    #[test]
    fn every_option_is_in_the_help_text() {
        let text = help::text(ProgramName::Larder);
        for arg in command(ProgramName::Larder).get_arguments().filter(|arg| !arg.is_hide_set()) {
            let letter = arg.get_short().map(|letter| format!("-{letter}")).unwrap_or_default();
            assert!(text.contains(&letter), "{letter} is missing");
            let long = arg.get_long().map(|long| format!("--{long}")).unwrap_or_default();
            assert!(text.contains(&long), "{long} is missing");
        }
    }

    #[test]
    fn metrics_options_need_the_name_larder() {
        assert_eq!(served("--metrics=9150 --metrics :7").metrics().as_deref(), Some(":7"));
        assert_eq!(served("").metrics(), None);
        assert_eq!(served("--metrics-host=a --metrics-h b --metrics 7").metrics_hosts(), ["a", "b"]);
        assert_eq!(served("--metrics 7").metrics_hosts(), [""; 0]);
        let line = ["memcached", "--metrics=9150"].map(OsString::from).to_vec();
        let refused = Arguments::read(ProgramName::Memcached, line).err().unwrap().to_string();
        assert!(refused.contains("unrecognized option '--metrics"), "{refused}");
        assert!(!help::text(ProgramName::Memcached).contains("--metrics"));
        let without = Arguments::read(ProgramName::Memcached, vec!["memcached".into()]);
        assert!(matches!(without, Ok(Parsed::Serve(arguments))
            if arguments.metrics().is_none() && arguments.metrics_hosts().is_empty()));
    }

    #[test]
    fn short_options_are_bundled() {
        let arguments = served("-vvdu daemon -p11299");
        assert_eq!(arguments.verbosity(), 2);
        assert!(arguments.flag('d'));
        assert_eq!(arguments.value('u').as_deref(), Some("daemon"));
        assert_eq!(arguments.value('p').as_deref(), Some("11299"));
    }

    #[test]
    fn long_options_take_their_value_either_way() {
        assert_eq!(served("--port=7").value('p').as_deref(), Some("7"));
        assert_eq!(served("--port 7").value('p').as_deref(), Some("7"));
        assert_eq!(served("--port -1").value('p').as_deref(), Some("-1"));
    }

    #[test]
    fn unambiguous_abbreviations_are_accepted() {
        assert_eq!(served("--thr=7").value('t').as_deref(), Some("7"));
        let line = refused("--mem=7");
        assert!(line.contains("'--mem' is ambiguous"), "{line}");
        assert!(line.contains("'--memory-limit' '--memory-file'"), "{line}");
    }

    #[test]
    fn verbose_counts_and_ignores_its_value() {
        assert_eq!(served("-v -v --verbose").verbosity(), 3);
        assert_eq!(served("--verbose=7 -v").verbosity(), 2);
        assert_eq!(served("-vvv").verbosity(), 3);
        assert_eq!(served("-m 7").verbosity(), 0);
    }

    #[test]
    fn operands_are_ignored_at_any_position() {
        let arguments = served("one -p 7 two -F three");
        assert_eq!(arguments.value('p').as_deref(), Some("7"));
        assert!(arguments.flag('F'));
        assert_eq!(served("-p 7 -- -p 8").value('p').as_deref(), Some("7"));
    }

    #[test]
    fn the_last_value_applies_but_addresses_add_up() {
        assert_eq!(served("-p 7 -p 8").value('p').as_deref(), Some("8"));
        assert_eq!(served("-l a -l b").values('l'), ["a", "b"]);
        assert!(served("-F -F").flag('F'));
    }

    #[test]
    fn help_and_version_take_precedence_over_later_options() {
        assert!(matches!(read("-h --nonsense"), Ok(Parsed::Help)));
        assert!(matches!(read("-V -q"), Ok(Parsed::Version)));
        assert!(read("-q -h").is_err());
    }

    #[test]
    fn unknown_options_are_named() {
        assert!(refused("-q").contains("invalid option -- 'q'"), "{}", refused("-q"));
        assert!(refused("-Fq").contains("invalid option -- 'q'"), "{}", refused("-Fq"));
        assert!(refused("--foo=3").contains("unrecognized option '--foo'"), "{}", refused("--foo=3"));
        assert!(refused("-p").contains("option '--port' requires an argument"), "{}", refused("-p"));
        assert!(refused("-D").contains("option '-D' requires an argument"), "{}", refused("-D"));
        assert!(refused("--daemon=3").contains("doesn't allow an argument"), "{}", refused("--daemon=3"));
    }
}
