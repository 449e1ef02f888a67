//! The sizes: memory limit (`-m`) and largest item (`-I`).
//!
//! Under the name larder, a size means exactly its text (`-m 2g`), or is refused. Under the name memcached, memcached's
//! rule applies: the number ends where its digits end (`-m 2g` is 2 MiB), and `-I` knows the suffixes k and m.

use super::{Check, bad_usage};
use crate::options::{BadSetting, ProgramName, number, size, status};
use log::Level;

/// Smallest and largest `-I`, in bytes.
const ITEM_MIN_BYTES: u64 = 1024;
const ITEM_MAX_BYTES: u64 = 1024 << 20;

/// Largest `-m`, in MiB; a larger number was probably meant as bytes.
const MEMORY_MAX_MIB: u64 = 1_000_000_000;

impl Check<'_> {
    /// Memory limit and largest item, in bytes.
    pub(super) fn memory(&mut self) -> Result<(u64, u64), BadSetting> {
        let memory = self.memory_limit_bytes()?;
        let item = self.item_max_bytes()?;
        if item < ITEM_MIN_BYTES {
            return bad_usage(format!("Item max size cannot be less than 1024 bytes. (-I is {item} bytes)"));
        }
        if item > memory / 2 {
            let megabytes = memory >> 20;
            return bad_usage(format!(
                "Cannot set item size limit higher than 1/2 of memory max. (-I is {item} bytes, \
                -m {megabytes} megabytes)"
            ));
        }
        if item > ITEM_MAX_BYTES {
            return bad_usage(format!(
                "Cannot set item size limit higher than a gigabyte. (-I is {item} bytes)"
            ));
        }
        Ok((memory, item))
    }

    fn memory_limit_bytes(&mut self) -> Result<u64, BadSetting> {
        let text = self.arguments.value('m').unwrap_or_else(|| "64".to_owned());
        let bytes = match self.name {
            ProgramName::Larder => size_of('m', &text, 1 << 20)?,
            ProgramName::Memcached => {
                let mib = self.number('m', status::USAGE)?.unwrap_or(64).max(0) as u64;
                mib.saturating_mul(1 << 20)
            }
        };
        match bytes >> 20 {
            0 if bytes > 0 => bad_usage(format!("The memory limit must be at least 1 megabyte (-m {text})")),
            0 => bad_usage(format!("The memory limit must be greater than 0 megabytes (-m {text})")),
            mib if mib > MEMORY_MAX_MIB => {
                bad_usage(format!("The memory limit is in megabytes, not bytes (-m {text})"))
            }
            _ => Ok(bytes),
        }
    }

    fn item_max_bytes(&mut self) -> Result<u64, BadSetting> {
        let Some(text) = self.arguments.value('I') else { return Ok(1 << 20) };
        match self.name {
            ProgramName::Larder => size_of('I', &text, 1),
            ProgramName::Memcached => self.memcached_item_max_bytes(&text),
        }
    }

    /// memcached's rule: a number of bytes, or one whose text ends in k or m.
    fn memcached_item_max_bytes(&mut self, text: &str) -> Result<u64, BadSetting> {
        let Some((number, rest)) = number::integer(text) else {
            return bad_usage(format!(
                "-I needs a number of bytes, or one with the suffix k or m, not \"{text}\""
            ));
        };
        let unit = match text.trim_end().to_ascii_lowercase().chars().next_back() {
            Some('k') => 1 << 10,
            Some('m') => 1 << 20,
            _ => 1,
        };
        let bytes = (number.max(0) as u64).saturating_mul(unit);
        if rest.trim().len() > usize::from(unit > 1) {
            self.warn(Level::Warn, format!("-I {text} is read as {bytes} bytes"));
        }
        Ok(bytes)
    }
}

fn size_of(letter: char, text: &str, default_unit: u64) -> Result<u64, BadSetting> {
    let bad = || format!("-{letter} needs a size such as 512k, 64m, 512MB or 2g, not \"{text}\"");
    size::bytes(text, default_unit).ok_or_else(|| BadSetting::new(bad(), status::USAGE))
}
