//! Credentials: the `user:password` lines of a file, compared in constant time.
//!
//! [`Credentials`] authenticates clients of all protocols (`-Y`, and SASL with `-S`). Neither result nor time of a
//! check depends on which part is wrong, on the length of the right part, or on the existence of the user. No secret is
//! printed. Invariants: a set of credentials is never empty; a failed reload keeps the old set.

mod throttle;

pub use throttle::LoginThrottle;

use nix::fcntl::OFlag;
use parking_lot::RwLock;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use subtle::{Choice, ConstantTimeEq};

/// Longest line in bytes, without its line end.
pub const LINE_MAX_BYTES: usize = 255;

/// Entries of a [`FileFormat::AuthFile`] that count; as in memcached, later ones are ignored.
pub const AUTH_FILE_ENTRIES_MAX: usize = 8;

/// Environment variable with the path of the file for SASL.
pub const PASSWORD_DATABASE: &str = "MEMCACHED_SASL_PWDB";

/// The format of the file. In both formats the first `:` ends the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileFormat {
    /// The file of `-Y`: at most [`AUTH_FILE_ENTRIES_MAX`] entries; every line must be one. The password is the rest of
    /// the line.
    AuthFile,
    /// The file of [`PASSWORD_DATABASE`]: any number of entries; other lines are ignored. The first line of a user
    /// counts; another `:` can end the password.
    PasswordDatabase,
}

/// The reason why a file contains no credentials; the messages are memcached's.
#[derive(Debug)]
pub enum CredentialsError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A line is not an entry, or the file is empty.
    Malformed(PathBuf),
    /// One of the other errors for the SASL file, or `None` if no path is set.
    NoPasswordDatabase(Option<Box<CredentialsError>>),
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialsError::Unreadable(path, error) => {
                write!(f, "Could not open authfile [{}] for reading, error {error}", path.display())
            }
            CredentialsError::Malformed(path) => {
                write!(f, "Authfile [{}] has a malformed entry. Should be 'user:password'", path.display())
            }
            CredentialsError::NoPasswordDatabase(reason) => {
                let missing = format!("{PASSWORD_DATABASE} must name a file of user:password lines");
                let reason = reason.as_ref().map_or(missing, |reason| reason.to_string());
                write!(f, "Error initializing sasl. {reason}")
            }
        }
    }
}

impl std::error::Error for CredentialsError {}

/// The users and passwords of one file.
pub struct Credentials {
    path: PathBuf,
    format: FileFormat,
    entries: RwLock<Vec<Entry>>,
}

impl Credentials {
    /// Reads the file.
    pub fn read(path: &Path, format: FileFormat) -> Result<Credentials, CredentialsError> {
        let entries = RwLock::new(read_entries(path, format, fs::read(path))?);
        Ok(Credentials { path: path.to_owned(), format, entries })
    }

    /// Reads the file that [`PASSWORD_DATABASE`] names.
    pub fn password_database() -> Result<Credentials, CredentialsError> {
        let path = std::env::var_os(PASSWORD_DATABASE).filter(|path| !path.is_empty());
        let path = path.ok_or(CredentialsError::NoPasswordDatabase(None))?;
        // Absolute, because a daemon leaves the directory it was started in.
        let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
        Credentials::read(&path, FileFormat::PasswordDatabase)
            .map_err(|reason| CredentialsError::NoPasswordDatabase(Some(Box::new(reason))))
    }

    /// Reloads the file; if that fails, keeps the old entries. A pipe is accepted at start, but not reloaded, because
    /// it would block the reader.
    pub fn reload(&self) -> Result<(), CredentialsError> {
        let entries = read_entries(&self.path, self.format, read_regular(&self.path))?;
        *self.entries.write() = entries;
        Ok(())
    }

    /// True if the file contains this user and password. Takes the same time for all arguments.
    pub fn verify(&self, user: &[u8], password: &[u8]) -> bool {
        let (user, password) = (Secret::new(user), Secret::new(password));
        let entries = self.entries.read();
        let found = entries.iter().fold(Choice::from(0), |found, entry| {
            found | (entry.user.ct_eq(&user) & entry.password.ct_eq(&password))
        });
        found.into()
    }

    /// The file, for `stats settings`.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("path", &self.path).finish_non_exhaustive()
    }
}

struct Entry {
    user: Secret,
    password: Secret,
}

impl Entry {
    fn new(user: &[u8], password: &[u8]) -> Entry {
        Entry { user: Secret::new(user), password: Secret::new(password) }
    }
}

/// Bytes padded to a fixed size, so that all comparisons take the same time. A text longer than a line equals no entry,
/// because its length differs.
struct Secret {
    bytes: [u8; LINE_MAX_BYTES],
    len: u64,
}

impl Secret {
    fn new(of: &[u8]) -> Secret {
        let mut bytes = [0; LINE_MAX_BYTES];
        let kept = of.len().min(LINE_MAX_BYTES);
        bytes[..kept].copy_from_slice(&of[..kept]);
        Secret { bytes, len: of.len() as u64 }
    }

    fn ct_eq(&self, other: &Secret) -> Choice {
        self.bytes.ct_eq(&other.bytes) & self.len.ct_eq(&other.len)
    }
}

/// Reads a regular file; does not block on other kinds of files.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only a regular file can be reloaded"));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(text)
}

fn read_entries(
    path: &Path,
    format: FileFormat,
    text: io::Result<Vec<u8>>,
) -> Result<Vec<Entry>, CredentialsError> {
    let text = text.map_err(|error| CredentialsError::Unreadable(path.to_owned(), error))?;
    let entries = match format {
        FileFormat::AuthFile => parse_auth_file(&text),
        FileFormat::PasswordDatabase => Some(parse_password_database(&text)),
    };
    entries.filter(|entries| !entries.is_empty()).ok_or_else(|| CredentialsError::Malformed(path.to_owned()))
}

/// The lines, each without its LF or CR LF; the last one needs none.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn split_entry(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':').filter(|_| line.len() <= LINE_MAX_BYTES)?;
    Some((&line[..colon], &line[colon + 1..]))
}

fn parse_auth_file(text: &[u8]) -> Option<Vec<Entry>> {
    let entry = |line| split_entry(line).map(|(user, password)| Entry::new(user, password));
    lines(text).take(AUTH_FILE_ENTRIES_MAX).map(entry).collect()
}

fn parse_password_database(text: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut seen: Vec<&[u8]> = Vec::new();
    for (user, rest) in lines(text).filter_map(split_entry) {
        if seen.contains(&user) {
            continue;
        }
        seen.push(user);
        let colons = rest.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
        entries.extend(colons.chain([rest.len()]).map(|end| Entry::new(user, &rest[..end])));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(entries: Option<Vec<Entry>>, user: &str, password: &str) -> bool {
        let entries = RwLock::new(entries.expect("well formed"));
        let credentials = Credentials { path: PathBuf::new(), format: FileFormat::AuthFile, entries };
        credentials.verify(user.as_bytes(), password.as_bytes())
    }

    fn auth_file_accepts(text: &str, user: &str, password: &str) -> bool {
        accepts(parse_auth_file(text.as_bytes()), user, password)
    }

    fn database_accepts(text: &str, user: &str, password: &str) -> bool {
        accepts(Some(parse_password_database(text.as_bytes())), user, password)
    }

    #[test]
    fn only_complete_pairs_are_accepted() {
        let text = "ann:secret\nbob:hunter2\n";
        assert!(auth_file_accepts(text, "ann", "secret") && auth_file_accepts(text, "bob", "hunter2"));
        for (user, password) in [
            ("ann", "hunter2"),
            ("bob", "secret"),
            ("ann", "secre"),
            ("ann", "secrett"),
            ("ann", "secret\0"),
            ("ann", "Secret"),
            ("an", "secret"),
            ("ann\0", "secret"),
            ("", ""),
            ("ann", ""),
            ("ann:secret", ""),
        ] {
            assert!(!auth_file_accepts(text, user, password), "{user:?} {password:?}");
            assert!(!database_accepts(text, user, password), "{user:?} {password:?}");
        }
    }

    #[test]
    fn the_first_colon_splits_and_the_rest_is_the_password() {
        assert!(auth_file_accepts("ann:a b:c ", "ann", "a b:c "));
        assert!(!auth_file_accepts("ann:a b:c ", "ann", "a b"));
        assert!(
            auth_file_accepts(":p\nu:\n", "", "p") && auth_file_accepts(":p\nu:\n", "u", ""),
            "either part may be empty"
        );
    }

    #[test]
    fn line_ends_are_lf_or_cr_lf_and_the_last_one_is_optional() {
        let text = "a:1\r\nb:2\nc:3";
        assert!(
            auth_file_accepts(text, "a", "1")
                && auth_file_accepts(text, "b", "2")
                && auth_file_accepts(text, "c", "3")
        );
    }

    #[test]
    fn an_auth_file_with_a_malformed_line_is_refused() {
        for text in ["", "\n", "a:1\n\nb:2\n", "# users\na:1\n", "a:1\nbob\n"] {
            assert!(parse_auth_file(text.as_bytes()).is_none_or(|entries| entries.is_empty()), "{text:?}");
        }
    }

    #[test]
    fn overlong_lines_are_refused() {
        let most = format!("a:{}", "p".repeat(LINE_MAX_BYTES - 2));
        assert!(auth_file_accepts(&most, "a", &most[2..]));
        assert!(!auth_file_accepts(&most, "a", &format!("{}p", &most[2..])), "longer than any line");
        assert!(parse_auth_file(format!("{most}p").as_bytes()).is_none(), "one byte too many");
        assert!(parse_password_database(format!("{most}p").as_bytes()).is_empty());
    }

    #[test]
    fn entries_over_the_limit_are_ignored() {
        let text = "a:1\nb:2\nc:3\nd:4\ne:5\nf:6\ng:7\nh:8\ni:9\nnone\n";
        assert!(auth_file_accepts(text, "h", "8"));
        assert!(!auth_file_accepts(text, "i", "9"));
        assert!(database_accepts(text, "i", "9"));
    }

    #[test]
    fn other_lines_of_a_password_database_are_ignored() {
        let text = "# users\n\nann:secret:more\nann:other\nbob:b\n";
        assert!(database_accepts(text, "ann", "secret") && database_accepts(text, "ann", "secret:more"));
        assert!(!database_accepts(text, "ann", "other"), "the first line of a user counts");
        assert!(database_accepts(text, "bob", "b"));
    }

    #[test]
    fn a_failed_reload_keeps_the_old_entries() {
        let folder = std::env::temp_dir().join(format!("larder-auth-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("users");
        fs::write(&path, "ann:1\n").unwrap();
        let credentials = Credentials::read(&path, FileFormat::AuthFile).unwrap();
        fs::write(&path, "ann:hidden\n").unwrap();
        assert!(credentials.verify(b"ann", b"1"), "no reload yet");
        credentials.reload().unwrap();
        assert!(credentials.verify(b"ann", b"hidden") && !credentials.verify(b"ann", b"1"));
        fs::write(&path, "nonsense\n").unwrap();
        let malformed =
            format!("Authfile [{}] has a malformed entry. Should be 'user:password'", path.display());
        assert_eq!(credentials.reload().unwrap_err().to_string(), malformed);
        fs::remove_dir_all(&folder).unwrap();
        let error = credentials.reload().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("Could not open authfile [{}] for reading", path.display())),
            "{error}"
        );
        assert!(credentials.verify(b"ann", b"hidden"));
        assert!(!format!("{credentials:?}").contains("hidden"), "no secret is printed");
    }
}
