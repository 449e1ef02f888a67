//! Rules of the source that a compiler does not check. Each file holds one kind of rule.

mod circles;
mod crate_contents;
mod documents;
mod files;
mod layers;
mod licences;
mod sizes;
mod source;
mod words;
