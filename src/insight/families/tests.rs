//! Families compared with exact counts by shape.

use super::*;
use std::collections::BTreeMap;

fn sample(kind: OperationKind, key: &str, weight: u32) -> OperationSample<'_> {
    OperationSample { kind, key: key.as_bytes(), value_bytes: 0, weight }
}

fn shape_of(key: &str) -> String {
    let mut shape = String::new();
    write_shape(key.as_bytes(), &mut shape);
    shape
}

fn total(families: &[Family], of: impl Fn(&Family) -> u64) -> u64 {
    families.iter().map(of).sum()
}

fn find<'a>(families: &'a [Family], shape: &str) -> &'a Family {
    families.iter().find(|family| &*family.shape == shape).expect("the family is told")
}

#[test]
fn operations_are_counted_by_shape() {
    let mut sketch = FamiliesSketch::default();
    for (kind, key, weight) in [
        (OperationKind::Hit, "user:1", 16),
        (OperationKind::Hit, "user:2", 16),
        (OperationKind::Miss, "user:3", 16),
        (OperationKind::Store, "user:3", 16),
        (OperationKind::Eviction, "page:9", 1),
        (OperationKind::Delete, "gone:1", 1),
        (OperationKind::Expiry, "gone:2", 1),
    ] {
        sketch.record(&sample(kind, key, weight));
    }
    let families = sketch.report(&Census::default());
    let user = Family {
        shape: "user:*".into(),
        name: "",
        items: 0,
        bytes: 0,
        age_mean_secs: None,
        reads: 48,
        hits: 32,
        writes: 16,
        evictions: 0,
    };
    let page = Family { shape: "page:*".into(), reads: 0, hits: 0, writes: 0, evictions: 1, ..user.clone() };
    assert_eq!(families, [user, page]);
}

#[test]
fn a_census_reports_items_bytes_and_ages_scaled_to_all_items() {
    let mut census = Census::default();
    census.record(b":1:django.contrib.sessions.cacheabc", 100, Some(10));
    census.record(b":1:django.contrib.sessions.cachedef", 300, Some(30));
    census.record(b"page:7", 1000, None);
    census.scale(3, 30);
    let mut sketch = FamiliesSketch::default();
    sketch.record(&sample(OperationKind::Miss, "page:8", 1));
    sketch.record(&sample(OperationKind::Miss, "idle:8", 1));
    let rows: Vec<_> = sketch
        .report(&census)
        .iter()
        .map(|family| (family.shape.clone(), family.name, family.items, family.bytes, family.age_mean_secs))
        .collect();
    assert_eq!(
        rows,
        [
            ("page:*".into(), "", 10, 10_000, None),
            (":1:django.contrib.sessions.cache*".into(), "django_session", 20, 4000, Some(20)),
            ("idle:*".into(), "", 0, 0, None),
        ]
    );
}

/// A word of letters only, so that every number has a shape of its own.
fn word(mut number: usize) -> String {
    let mut word = String::new();
    loop {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return word;
        }
    }
}

#[test]
fn a_flood_of_shapes_displaces_no_steady_family_and_is_counted_as_other() {
    let mut sketch = FamiliesSketch::default();
    let mut census = Census::default();
    let steady: Vec<String> = (0..20).map(|number| format!("steady:{}:", word(1000 + number))).collect();
    let mut exact: BTreeMap<String, u64> = BTreeMap::new();
    for at in 0..300_000 {
        let flood = format!("flood/{}", word(20_000 + at));
        sketch.record(&sample(OperationKind::Miss, &flood, 1));
        census.record(flood.as_bytes(), 100, Some(1));
        if at % 10 == 0 {
            let key = format!("{}{at}", steady[at / 10 % steady.len()]);
            sketch.record(&sample(OperationKind::Hit, &key, 1));
            census.record(key.as_bytes(), 200, Some(5));
            *exact.entry(shape_of(&key)).or_default() += 1;
        }
    }
    let families = sketch.report(&census);
    assert!(families.len() <= FAMILIES_MAX + 1);
    assert_eq!(&*families[families.len() - 1].shape, OTHER);
    for (shape, count) in exact {
        let family = find(&families, &shape);
        assert_eq!((family.hits, family.items, family.bytes), (count, count, 200 * count), "{shape}");
        assert_eq!(family.age_mean_secs, Some(5));
    }
    assert_eq!(total(&families, |family| family.reads), 330_000);
    assert_eq!(total(&families, |family| family.items), 330_000);
    assert_eq!(total(&families, |family| family.bytes), 36_000_000);
    let other = find(&families, OTHER);
    assert!(other.items > 298_000 && other.age_mean_secs == Some(1), "{other:?}");
    assert!(sketch.memory_bytes() < 80 << 10, "{}", sketch.memory_bytes());
    assert!(census.shapes.memory_bytes() < 160 << 10, "{}", census.shapes.memory_bytes());
}

#[test]
fn families_beyond_the_limit_are_those_with_the_fewest_bytes() {
    let mut census = Census::default();
    for number in 0..400 {
        census.record(word(1000 + number).as_bytes(), 100 + number as u64, None);
    }
    let families = FamiliesSketch::default().report(&census);
    assert_eq!(families.len(), FAMILIES_MAX + 1);
    assert_eq!((&*families[0].shape, families[0].bytes), (&*word(1399), 499));
    assert!(families[..FAMILIES_MAX].is_sorted_by_key(|family| std::cmp::Reverse(family.bytes)));
    let other = find(&families, OTHER);
    assert_eq!(other.items, 400 - FAMILIES_MAX as u64);
    assert_eq!(other.bytes, (0..144).map(|number| 100 + number).sum::<u64>());
}

#[test]
fn counts_of_skewed_families_miss_at_most_what_came_before_their_slot() {
    let mut sketch = FamiliesSketch::default();
    let mut random = fastrand::Rng::with_seed(1);
    let mut exact: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..200_000 {
        // Family numbers follow a power law, up to ten thousand.
        let family = (1.0 / (random.f64() + 1e-4)) as usize;
        let key = format!("{}:{}", word(1000 + family), random.u32(..1000));
        sketch.record(&sample(OperationKind::Store, &key, 1));
        *exact.entry(shape_of(&key)).or_default() += 1;
    }
    let families = sketch.report(&Census::default());
    assert_eq!(total(&families, |family| family.writes), 200_000);
    let mut greatest: Vec<_> = exact.iter().collect();
    greatest.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (shape, count) in &greatest[..20] {
        let told = find(&families, shape).writes;
        assert!(told <= **count && told * 100 >= **count * 99, "{shape}: {told} of {count}");
    }
}

#[test]
fn older_operations_weigh_less_and_families_without_weight_are_left_out() {
    let mut sketch = FamiliesSketch::default();
    sketch.record(&sample(OperationKind::Hit, "a:1", 1000));
    sketch.age(super::super::forward_decay::HALF_LIFE_SECS);
    sketch.record(&sample(OperationKind::Miss, "a:2", 100));
    let families = sketch.report(&Census::default());
    assert_eq!((families[0].reads, families[0].hits), (600, 500));
    for _ in 0..40 {
        sketch.age(super::super::forward_decay::HALF_LIFE_SECS);
    }
    assert_eq!(sketch.report(&Census::default()), []);
    sketch.record(&sample(OperationKind::Miss, "b:2", 7));
    let families = sketch.report(&Census::default());
    assert_eq!((&*families[0].shape, families[0].reads, families.len()), ("b:*", 7, 1));
}
