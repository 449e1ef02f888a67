//! The sketch compared with exact counts, over skewed, uniform, ever new and adversarial streams.

use super::*;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Rounding errors of sums and of decay.
const ROUNDING: f64 = 1e-9;

/// Exact weights next to the sketch.
struct Model {
    sketch: HeavyHitters<()>,
    hasher: foldhash::quality::FixedState,
    exact: HashMap<Vec<u8>, f64>,
}

impl Model {
    fn new(slots: u16, cells: usize) -> Model {
        let hasher = foldhash::quality::FixedState::with_seed(7);
        Model { sketch: HeavyHitters::new(slots, cells), hasher, exact: HashMap::new() }
    }

    fn record(&mut self, key: &[u8], weight: f64) {
        self.sketch.record(key, self.hasher.hash_one(key), weight);
        *self.exact.entry(key.into()).or_default() += weight;
    }

    fn age(&mut self, secs: u32) {
        self.sketch.age(secs);
        let factor = (-f64::from(secs) / f64::from(super::super::forward_decay::HALF_LIFE_SECS)).exp2();
        self.exact.values_mut().for_each(|weight| *weight *= factor);
    }

    /// Asserts H1 to H4.
    fn check(&self) {
        self.sketch.check_invariants();
        let total: f64 = self.exact.values().sum();
        let rounding = ROUNDING * total;
        assert!((self.sketch.total() - total).abs() <= rounding);
        let mut untracked: HashMap<&[u8], f64> =
            self.exact.iter().map(|(key, weight)| (&key[..], *weight)).collect();
        for hitter in self.sketch.hitters() {
            let exact = untracked.remove(hitter.key).expect("a key that was noted, once");
            assert!(hitter.weight >= exact - rounding, "H3");
            assert!(hitter.weight - hitter.error <= exact + rounding, "H3");
        }
        for (key, weight) in untracked {
            let cell = self.sketch.cell_of(self.hasher.hash_one(key));
            let counted = self.sketch.decay.weight(self.sketch.cells[cell]);
            assert!(counted >= weight - rounding, "H4");
        }
    }

    /// The keys with the greatest exact weights.
    fn top(&self, count: usize) -> Vec<&[u8]> {
        let mut keys: Vec<_> = self.exact.iter().collect();
        keys.sort_by(|a, b| b.1.total_cmp(a.1));
        keys.iter().take(count).map(|(key, _)| &key[..]).collect()
    }

    /// The keys with the greatest weights according to the sketch.
    fn found(&self, count: usize) -> Vec<&[u8]> {
        let mut hitters: Vec<_> = self.sketch.hitters().collect();
        hitters.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        hitters.iter().take(count).map(|hitter| hitter.key).collect()
    }
}

/// Numbers below `keys`, drawn by Zipf's law: smaller ones are more frequent.
struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    fn new(keys: usize, skew: f64) -> Zipf {
        let mut sum = 0.0;
        let cumulative = (1..=keys).map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        });
        Zipf { cumulative: cumulative.collect() }
    }

    fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let point = random.f64() * self.cumulative[self.cumulative.len() - 1];
        self.cumulative.partition_point(|sum| *sum < point)
    }
}

/// The key of a number; lengths vary up to the maximum.
fn key(number: usize) -> Vec<u8> {
    let mut key = format!("key:{number}:").into_bytes();
    key.resize(key.len().max(number * 31 % 251), b'x');
    key
}

/// The key at a position of a stream.
type Stream = fn(&Zipf, usize, &mut fastrand::Rng) -> usize;

#[test]
fn bounds_hold_on_every_stream_while_time_passes() {
    let zipf = Zipf::new(3000, 1.0);
    let streams: [(&str, Stream); 5] = [
        ("skewed", |zipf, _, random| zipf.draw(random)),
        ("even", |_, _, random| random.usize(..3000)),
        ("ever new", |_, at, _| at),
        ("round and round", |_, at, _| at % 40),
        // A key loses its slot just before it comes again.
        ("just pushed out", |_, at, random| if at % 3 == 0 { at / 3 % 17 } else { 100 + random.usize(..at) }),
    ];
    for (name, stream) in streams {
        for (slots, cells) in [(16, 32), (1, 1), (256, 2048)] {
            let mut random = fastrand::Rng::with_seed(3);
            let mut model = Model::new(slots, cells);
            for at in 1..12_000 {
                let weight = random.u32(1..400);
                model.record(&key(stream(&zipf, at, &mut random)), f64::from(weight));
                if at % 500 == 0 {
                    model.check();
                    model.age(random.u32(..3000));
                    model.check();
                }
            }
            assert!(model.sketch.slots.len() <= usize::from(slots), "{name}");
        }
    }
}

#[test]
fn the_top_keys_of_a_skewed_stream_are_found_with_close_weights() {
    for (skew, off_max) in [(0.8, 0.06), (1.0, 0.02), (1.2, 0.005)] {
        let mut random = fastrand::Rng::with_seed(5);
        let zipf = Zipf::new(100_000, skew);
        let mut model = Model::new(256, 2048);
        (0..400_000).for_each(|_| model.record(&key(zipf.draw(&mut random)), 1.0));
        model.check();
        assert_eq!(model.found(10), model.top(10), "skew {skew}");
        let found = model.found(20);
        let hits = model.top(20).iter().filter(|key| found.contains(key)).count();
        assert!(hits >= 19, "skew {skew}: {hits}");
        for hitter in model.sketch.hitters().filter(|hitter| found.contains(&hitter.key)) {
            let off = hitter.weight / model.exact[hitter.key] - 1.0;
            assert!(off <= off_max, "skew {skew}: {off}");
        }
    }
}

#[test]
fn new_keys_do_not_displace_steadily_used_ones() {
    let mut model = Model::new(256, 2048);
    for at in 0..400_000 {
        model.record(format!("scan:{at}").as_bytes(), 1.0);
        if at % 200 == 0 {
            model.record(&key(at / 200 % 5), 1.0);
        }
    }
    // Each of the five keys has one operation in a thousand: little more than a cell collects.
    let found = model.found(5);
    assert!((0..5).all(|number| found.contains(&&key(number)[..])));
}

#[test]
fn a_key_that_becomes_hot_overtakes_the_former_ones() {
    let mut model = Model::new(256, 2048);
    let mut random = fastrand::Rng::with_seed(11);
    let mut second = |model: &mut Model, hot: &[u8]| {
        (0..20).for_each(|_| model.record(hot, 1.0));
        (0..80).for_each(|_| model.record(&key(random.usize(..5000)), 1.0));
        model.age(1);
    };
    (0..1800).for_each(|_| second(&mut model, b"morning"));
    (0..1800).for_each(|_| second(&mut model, b"noon"));
    assert_eq!(model.found(2), [&b"noon"[..], b"morning"]);
    model.check();
}

#[test]
fn counts_are_exact_while_every_key_has_a_slot() {
    let mut model = Model::new(64, 128);
    let mut random = fastrand::Rng::with_seed(13);
    (0..10_000).for_each(|_| model.record(&key(random.usize(..64)), 3.0));
    assert!(model.sketch.hitters().all(|hitter| hitter.error == 0.0));
    assert!(model.sketch.hitters().all(|hitter| hitter.weight == model.exact[hitter.key]));
}

#[test]
fn memory_is_bounded_with_the_longest_keys() {
    let mut sketch: HeavyHitters<()> = HeavyHitters::new(256, 2048);
    let hasher = foldhash::quality::FixedState::with_seed(1);
    for at in 0..100_000 {
        let key = format!("{at:0>250}");
        sketch.record(key.as_bytes(), hasher.hash_one(key.as_bytes()), f64::from(at));
    }
    assert!(sketch.memory_bytes() < 112 << 10, "{}", sketch.memory_bytes());
}
