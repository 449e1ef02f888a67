//! The time scale of the cache, and the only reader of the OS clock.
//!
//! All code that depends on time takes a [`Now`] as a parameter; only `server` reads the clock.
//! The unit is the whole second, counted from [`FIRST_SECOND`] at the start of the process, as memcached does.
//! Wall-clock times of the wire are turned into this count once, by [`Clock::deadline_at_unix`].

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The count at start-up. memcached starts at 62 so that "a minute ago" is never negative; `stats` reports
/// `uptime` as this count less 60, which is never 0.
pub const FIRST_SECOND: u32 = 62;

/// Seconds since [`FIRST_SECOND`] before the process started. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Now(u32);

impl Now {
    /// A moment by its count, for tests and for stored times.
    pub const fn from_secs(secs: u32) -> Now {
        Now(secs)
    }

    /// The count.
    pub const fn secs(self) -> u32 {
        self.0
    }

    /// Whole seconds from `earlier` to `self`; 0 if `earlier` is not earlier.
    pub const fn secs_since(self, earlier: Now) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

/// When an item expires: it is gone once `now >= deadline`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Deadline(u32);

impl Deadline {
    /// No expiry (exptime 0 on the wire).
    pub const NEVER: Deadline = Deadline(0);
    /// Already over (a negative exptime, or a wall-clock time in the past).
    pub const PAST: Deadline = Deadline(1);

    /// The deadline at this count; 0 is [`Deadline::NEVER`].
    pub const fn from_secs(secs: u32) -> Deadline {
        Deadline(secs)
    }

    /// The count, 0 for never.
    pub const fn secs(self) -> u32 {
        self.0
    }

    /// True for [`Deadline::NEVER`].
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// True if it has passed at `now`.
    pub const fn is_over(self, now: Now) -> bool {
        self.0 != 0 && self.0 <= now.0
    }
}

/// The process clock: a count that [`Clock::tick`] advances once a second and that is read without a system call.
///
/// For tests (`debugtime`) the count can be shifted and paused. It never falls below [`FIRST_SECOND`].
#[derive(Debug)]
pub struct Clock {
    count: AtomicU32,
    started: Instant,
    unix_at_zero: u64,
    /// Seconds that the count is ahead of the OS clock.
    shift_secs: AtomicI64,
    /// [`RUNNING`], or the age of the process in seconds at which the count is paused.
    paused_at_secs: AtomicU64,
}

/// The clock is not paused.
const RUNNING: u64 = u64::MAX;

impl Clock {
    /// Starts the count at [`FIRST_SECOND`].
    #[expect(clippy::disallowed_methods, reason = "this module is the one reader of the OS clock")]
    pub fn start() -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Clock {
            count: AtomicU32::new(FIRST_SECOND),
            started: Instant::now(),
            unix_at_zero: unix.saturating_sub(u64::from(FIRST_SECOND)),
            shift_secs: AtomicI64::new(0),
            paused_at_secs: AtomicU64::new(RUNNING),
        }
    }

    /// The current count, as of the last tick.
    pub fn now(&self) -> Now {
        Now(self.count.load(Ordering::Relaxed))
    }

    /// Reads the monotonic clock of the OS and advances the count. Called once a second by the server.
    pub fn tick(&self) -> Now {
        loop {
            // A concurrent shift changes the count, so that an outdated value is not stored over a newer one.
            let before = self.count.load(Ordering::SeqCst);
            let secs = self.compute();
            if self.count.compare_exchange(before, secs, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                return Now(secs);
            }
        }
    }

    fn compute(&self) -> u32 {
        let age = match self.paused_at_secs.load(Ordering::SeqCst) {
            RUNNING => self.started.elapsed().as_secs(),
            paused => paused,
        };
        let age = i64::try_from(age).unwrap_or(i64::MAX);
        let secs = age.saturating_add(self.shift_secs.load(Ordering::SeqCst));
        secs.clamp(0, i64::from(u32::MAX - FIRST_SECOND)) as u32 + FIRST_SECOND
    }

    /// Shifts the count by so many seconds, immediately and permanently.
    pub fn shift(&self, secs: i64) {
        let shift = |shift: i64| Some(shift.saturating_add(secs));
        // The closure always returns a value, so the update succeeds.
        let _ = self.shift_secs.fetch_update(Ordering::SeqCst, Ordering::SeqCst, shift);
        self.tick();
    }

    /// Pauses the count. It can still be shifted.
    pub fn pause(&self) {
        let age = self.started.elapsed().as_secs();
        // If it is paused already, it stays paused at the same count.
        let _ = self.paused_at_secs.compare_exchange(RUNNING, age, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Resumes the count at the value that it would have without the pause.
    pub fn resume(&self) {
        self.paused_at_secs.store(RUNNING, Ordering::SeqCst);
        self.tick();
    }

    /// Unix time in microseconds for the log, read from the OS: neither shifted nor paused.
    #[expect(clippy::disallowed_methods, reason = "this module is the one reader of the OS clock")]
    pub fn unix_micros() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Unix time of a moment, in seconds.
    pub fn unix(&self, now: Now) -> u64 {
        self.unix_at_zero + u64::from(now.0)
    }

    /// The deadline at a Unix time; [`Deadline::PAST`] if that is before the start of the count.
    pub fn deadline_at_unix(&self, unix: u64) -> Deadline {
        match unix.checked_sub(self.unix_at_zero) {
            None | Some(0) => Deadline::PAST,
            Some(secs) => Deadline(secs.min(u64::from(u32::MAX)) as u32),
        }
    }
}

/// The year of a Unix time in seconds.
pub fn unix_year(secs: u32) -> u32 {
    let (mut year, mut days) = (1970, secs / (24 * 60 * 60));
    loop {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if is_leap { 366 } else { 365 };
        if days < length {
            return year;
        }
        days -= length;
        year += 1;
    }
}

/// A stopwatch, for durations below a second.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts at 0.
    #[expect(clippy::disallowed_methods, reason = "this module is the one reader of the OS clock")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in nanoseconds.
    pub fn nanos(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_the_count_immediately_and_permanently() {
        let clock = Clock::start();
        clock.pause();
        let before = clock.tick();
        clock.shift(100);
        assert_eq!(clock.now().secs(), before.secs() + 100);
        assert_eq!(clock.tick(), clock.now());
        clock.shift(-40);
        assert_eq!(clock.now().secs(), before.secs() + 60);
    }

    #[test]
    fn the_year_of_a_unix_time_is_exact_to_the_second() {
        for (secs, year) in [
            (0, 1970),
            (2_592_001, 1970),
            (31_535_999, 1970),
            (31_536_000, 1971),
            (951_868_800, 2000),
            (978_307_199, 2000),
            (978_307_200, 2001),
            (4_102_444_799, 2099),
            (4_133_980_799, 2100),
            (4_133_980_800, 2101),
            (u32::MAX, 2106),
        ] {
            assert_eq!(unix_year(secs), year, "{secs}");
        }
    }

    #[test]
    fn a_shift_saturates_at_the_range_of_the_count() {
        let clock = Clock::start();
        clock.shift(i64::MIN);
        assert_eq!(clock.now().secs(), FIRST_SECOND);
        let clock = Clock::start();
        clock.shift(i64::MAX);
        clock.shift(i64::MAX);
        assert_eq!(clock.now().secs(), u32::MAX);
    }

    #[test]
    fn concurrent_shifts_and_ticks_lose_no_second() {
        let clock = Clock::start();
        clock.pause();
        let before = clock.tick().secs();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..10_000).for_each(|_| assert!(clock.tick().secs() >= before)));
            (1..=1000).for_each(|shifted| {
                clock.shift(1);
                assert_eq!(clock.now().secs(), before + shifted);
            });
        });
    }
}
